// Commands of both roles on a card in a transaction.
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

// Cards in a transaction, by the numbers that requests use for them. A number is never used again. On the
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

  // The same, and removes the card from this list.
  HeldPtr Take(std::uint64_t number, const char* what) {
    HeldPtr held = Find(number, what);
    cards_.erase(number);
    return held;
  }

  // Null if it has been removed.
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

// Sends a command and reads its whole response. `given_up` is called before the answer if the command was
// given up: it is unknown whether the card executed it.
void ExchangeOn(Connection& connection, const std::string& reader, const Parameters& parameters,
                const std::shared_ptr<Request>& request, std::function<void()> given_up);

}  // namespace pcsc_bridge::agent
