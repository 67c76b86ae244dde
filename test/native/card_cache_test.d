test/native/card_cache_test.o: test/native/card_cache_test.cc \
 native/cache/card_cache.h native/cache/cache_index.h \
 native/cache/cache_types.h native/pcsc/types.h \
 native/session/session_identity.h native/cache/cached_card.h \
 native/card/connection.h native/backend/backend.h native/loop/loop.h \
 native/pcsc/result.h native/pcsc/status.h native/pcsc/secret.h \
 native/card/card_users.h native/card/exchange.h native/card/operation.h \
 native/loop/cancellable.h native/card/reader_queue.h native/loop/scope.h \
 native/readers/monitor.h test/native/card_cache_fixture.h \
 test/native/answer.h test/native/stand_in_cards.h
native/cache/card_cache.h:
native/cache/cache_index.h:
native/cache/cache_types.h:
native/pcsc/types.h:
native/session/session_identity.h:
native/cache/cached_card.h:
native/card/connection.h:
native/backend/backend.h:
native/loop/loop.h:
native/pcsc/result.h:
native/pcsc/status.h:
native/pcsc/secret.h:
native/card/card_users.h:
native/card/exchange.h:
native/card/operation.h:
native/loop/cancellable.h:
native/card/reader_queue.h:
native/loop/scope.h:
native/readers/monitor.h:
test/native/card_cache_fixture.h:
test/native/answer.h:
test/native/stand_in_cards.h:
