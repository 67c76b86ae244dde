// What both roles do with a card that they have a transaction on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "agent/parameters.h"
#include "agent/requests.h"
#include "channel/channel.h"

namespace pcsc_bridge::agent {

// Cards in a transaction, by the numbers that requests call them by. A number is never used again.
// Thread safe.
template <class Held>
class HeldCards {
 public:
  using HeldPtr = std::shared_ptr<Held>;

  // 0 when the role has closed meanwhile: the card is to be let go.
  std::uint64_t Add(HeldPtr held) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return 0;
    cards_.emplace(++last_, std::move(held));
    return last_;
  }

  // Throws Refusal (AGENT_E_PARAMETER) where there is no such card.
  HeldPtr Find(std::uint64_t number, const char* what) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = cards_.find(number);
    if (found == cards_.end()) throw Unknown(number, what);
    return found->second;
  }

  // The same; from here on nobody finds it.
  HeldPtr Take(std::uint64_t number, const char* what) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = cards_.find(number);
    if (found == cards_.end()) throw Unknown(number, what);
    HeldPtr held = std::move(found->second);
    cards_.erase(found);
    return held;
  }

  // Null where it is gone already.
  HeldPtr TakeIfThere(std::uint64_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = cards_.find(number);
    if (found == cards_.end()) return nullptr;
    HeldPtr held = std::move(found->second);
    cards_.erase(found);
    return held;
  }

  // All there are; with `close` none are added any more.
  std::map<std::uint64_t, HeldPtr> TakeAll(bool close) {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = closed_ || close;
    return std::exchange(cards_, {});
  }

 private:
  static Refusal Unknown(std::uint64_t number, const char* what) {
    return Refusal(kParameter, std::string("There is no ") + what + " " + std::to_string(number));
  }

  std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, HeldPtr> cards_;
};

// A command and its whole response on the channel. `given_up` is called before the answer when the command
// was given up: nobody knows what the card made of it.
void ExchangeOn(Channel& channel, const std::string& reader, const Parameters& parameters,
                const std::shared_ptr<Request>& request, std::function<void()> given_up);

}  // namespace pcsc_bridge::agent
