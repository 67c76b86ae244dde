#include <doctest/doctest.h>

#include "cache/card_users.h"

namespace pcsc_bridge {
namespace {

const SessionIdentity kAnna{1, 100};
const SessionIdentity kAnnaAgain{1, 200};
const SessionIdentity kBert{2, 100};

TEST_CASE("a card that nobody used need not be reset") {
  CHECK_FALSE(CardUsers().MustReset("A", kAnna));
}

TEST_CASE("a card is reset for everybody but the one who had it last") {
  CardUsers users;
  users.Note("A", kAnna);
  CHECK_FALSE(users.MustReset("A", kAnna));
  CHECK(users.MustReset("A", kBert));
  CHECK(users.MustReset("A", kAnnaAgain));
  CHECK_FALSE(users.MustReset("B", kBert));
}

TEST_CASE("a use that ended with a reset leaves nothing behind, unless another has begun since") {
  CardUsers users;
  const auto first = users.Note("A", kAnna);
  const auto second = users.Note("A", kBert);
  users.Forget("A", first);
  CHECK(users.MustReset("A", kAnna));
  users.Forget("A", second);
  CHECK_FALSE(users.MustReset("A", kAnna));
}

}  // namespace
}  // namespace pcsc_bridge
