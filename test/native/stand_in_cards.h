// Cards for the card cache that need no PC/SC: a world of readers, each with a card that is in one
// transaction at a time and has a PIN state, and stand-ins for the handles on them.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/cached_card.h"
#include "card/card_users.h"
#include "session/session_identity.h"

namespace pcsc_bridge::test {

class StandInCard;

// On the loop of its cache; lives until the last card is destroyed. A card in another transaction makes the
// others wait, in order. Requests to a card are carried out at once or, with tasks put off, when RunTask is
// called, in any order.
class StandInWorld : public std::enable_shared_from_this<StandInWorld> {
 public:
  CachedCardFactory Factory();
  // Receives the resets of the cards, as from Connection.
  const std::shared_ptr<CardUsers>& users() const { return users_; }

  void PutTasksOff() { put_off_ = true; }
  bool RunTask(std::size_t which);  // false if there is none

  // Another process holds the card, and frees it.
  void Hold(const std::string& reader);
  void Free(const std::string& reader);
  void ExchangeCard(const std::string& reader);  // every open handle becomes invalid
  // Another program resets the card: every open handle has to be reopened. Without effect during a
  // transaction.
  void ResetOutside(const std::string& reader);
  void FailOpens(int times) { failing_opens_ = times; }
  void FailEnds(int times) { failing_ends_ = times; }

  // The identity whose PIN the card has verified.
  void VerifyPin(const std::string& reader, const SessionIdentity& identity);
  std::optional<SessionIdentity> PinOf(const std::string& reader);

  // The events, in order: "open A, reset A, end A leave, evaluate A, close A leave".
  std::string log() const;
  void ForgetLog() { log_.clear(); }
  std::size_t open_handles() const { return open_handles_; }
  int max_depth() const { return max_depth_; }  // of tasks executed within tasks
  // The cache's violations of the contract of CachedCard.
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  friend class StandInCard;
  using Task = std::function<void()>;

  struct Reader {
    const StandInCard* holder = nullptr;
    bool held_outside = false;
    int exchanged = 0;
    int resets = 0;
    std::optional<SessionIdentity> pin_of;
    std::deque<Task> waiting;  // each tries again
  };

  void Post(Task task);
  void PostAll(std::vector<Task>& tasks);
  void Release(Reader& reader, std::vector<Task>& retry);
  void Reset(const std::string& reader);

  const std::shared_ptr<CardUsers> users_ = std::make_shared<CardUsers>();
  std::map<std::string, Reader> readers_;
  std::deque<Task> tasks_;
  std::vector<std::string> log_;
  std::vector<std::string> violations_;
  std::size_t open_handles_ = 0;
  int failing_opens_ = 0;
  int failing_ends_ = 0;
  bool put_off_ = false;
  int depth_ = 0;
  int max_depth_ = 0;
};

}  // namespace pcsc_bridge::test
