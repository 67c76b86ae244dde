// What both roles do with a card that they have a transaction on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "agent/parameters.h"
#include "agent/refusal.h"
#include "agent/requests.h"
#include "card/connection.h"

namespace pcsc_bridge::agent {

// Cards in a transaction, by the numbers that requests call them by. A number is never used again. On the
// loop.
template <class Held>
class HeldCards {
 public:
  using HeldPtr = std::shared_ptr<Held>;

  std::uint64_t Add(HeldPtr held) {
    cards_.emplace(++last_, std::move(held));
    return last_;
  }

  // Throws Refusal (AGENT_E_PARAMETER) if there is no such card.
  HeldPtr Find(std::uint64_t number, const char* what) {
    const auto found = cards_.find(number);
    if (found == cards_.end()) {
      throw Refusal(kParameter, std::string("There is no ") + what + " " + std::to_string(number));
    }
    return found->second;
  }

  // The same; from here on it is not found any more.
  HeldPtr Take(std::uint64_t number, const char* what) {
    HeldPtr held = Find(number, what);
    cards_.erase(number);
    return held;
  }

  // Null if it is gone already.
  HeldPtr TakeIfThere(std::uint64_t number) {
    const auto found = cards_.find(number);
    if (found == cards_.end()) return nullptr;
    HeldPtr held = std::move(found->second);
    cards_.erase(found);
    return held;
  }

  std::map<std::uint64_t, HeldPtr> TakeAll() { return std::exchange(cards_, {}); }

 private:
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, HeldPtr> cards_;
};

// A command and its whole response on the connection. `given_up` is called before the answer if the command
// was given up: what the card made of it is unknown.
void ExchangeOn(Connection& connection, const std::string& reader, const Parameters& parameters,
                const std::shared_ptr<Request>& request, std::function<void()> given_up);

}  // namespace pcsc_bridge::agent
