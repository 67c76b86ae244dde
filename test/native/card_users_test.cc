// Whose PIN may be verified on a reader's card.
#include <doctest/doctest.h>

#include "card/card_users.h"

using namespace pcsc_bridge;

namespace {

CardOwner Guarded(const SessionIdentity& identity, bool trusts_unknown = false) {
  return CardOwner{identity, true, trusts_unknown};
}
const SessionIdentity kAnna{1, 100};
const SessionIdentity kBert{2, 200};

}  // namespace

TEST_SUITE("card users") {
  TEST_CASE("a card that this process has not used yet is reset, unless its owner trusts it") {
    CardUsers users;
    CHECK(users.MustReset("R", Guarded(kAnna)));
    CHECK_FALSE(users.MustReset("R", Guarded(kAnna, true)));
    users.NoteReset("R");
    CHECK_FALSE(users.MustReset("R", Guarded(kAnna)));
    CHECK(users.MustReset("other", Guarded(kAnna)));
  }

  TEST_CASE(
      "a card that another identity used since the last reset is reset, also after its owner used it again") {
    CardUsers users;
    users.NoteReset("R");
    users.Note("R", kAnna);
    CHECK_FALSE(users.MustReset("R", Guarded(kAnna)));
    CHECK(users.MustReset("R", Guarded(kBert)));
    users.Note("R", kBert);  // without a reset: it is not guarded
    CHECK(users.MustReset("R", Guarded(kAnna)));
    CHECK(users.MustReset("R", Guarded(kBert)));
    users.NoteReset("R");
    CHECK_FALSE(users.MustReset("R", Guarded(kBert)));
  }

  TEST_CASE("after a failed reset the card is reset before its next use, also by the same identity") {
    CardUsers users;
    users.NoteReset("R");
    users.Note("R", kAnna);
    users.NoteFailedReset("R");
    CHECK(users.MustReset("R", Guarded(kAnna)));
    CHECK(users.MustReset("R", Guarded(kAnna, true)));
    users.NoteReset("R");
    CHECK_FALSE(users.MustReset("R", Guarded(kAnna)));
  }

  TEST_CASE("two users of one session are two owners, and an unknown user is a third") {
    const SessionIdentity alice{1, 100, 0, "1000"};
    const SessionIdentity bob{1, 100, 0, "1001"};
    CardUsers users;
    users.NoteReset("R");
    users.Note("R", alice);
    CHECK_FALSE(users.MustReset("R", Guarded(alice)));
    CHECK(users.MustReset("R", Guarded(bob)));
    CHECK(users.MustReset("R", Guarded(kAnna)));
  }

  TEST_CASE("an owner that trusts an unknown card keeps it; another owner gets it after a reset") {
    CardUsers users;
    users.Note("R", kAnna);
    CHECK_FALSE(users.MustReset("R", Guarded(kAnna, true)));
    CHECK(users.MustReset("R", Guarded(kAnna)));
    CHECK(users.MustReset("R", Guarded(kBert, true)));
  }

  TEST_CASE("an owner that is not guarded gets every card without a reset") {
    CardUsers users;
    users.Note("R", kAnna);
    CHECK_FALSE(users.MustReset("R", CardOwner{kBert, false, false}));
    CHECK_FALSE(users.MustReset("other", CardOwner{kBert, false, false}));
  }

  TEST_CASE("a use requires a reset until one is done, even if another identity uses the card meanwhile") {
    CardUsers users;
    CHECK_FALSE(users.OwesReset("R", 0));
    const std::uint64_t first = users.Note("R", kAnna);
    CHECK(users.OwesReset("R", first));
    const std::uint64_t second = users.Note("R", kBert);
    CHECK(users.OwesReset("R", first));
    users.NoteReset("R");
    CHECK_FALSE(users.OwesReset("R", first));
    CHECK_FALSE(users.OwesReset("R", second));
    CHECK_FALSE(users.OwesReset("R", 0));
  }

  TEST_CASE("sessions with unknown connect times are equal only if they are the same session") {
    const SessionIdentity one{5, 0, NewSessionInstance()};
    const SessionIdentity other{5, 0, NewSessionInstance()};
    CHECK(one != other);
    CardUsers users;
    users.NoteReset("R");
    users.Note("R", one);
    CHECK_FALSE(users.MustReset("R", Guarded(one)));
    CHECK(users.MustReset("R", Guarded(other)));
  }
}
