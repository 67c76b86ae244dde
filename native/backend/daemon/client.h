// A PC/SC context of pcscd, with at most one card on it, as a state machine over one link.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "backend/back_off.h"
#include "backend/backend.h"
#include "backend/daemon/calls.h"
#include "backend/daemon/link.h"

namespace pcsc_bridge::daemon {

// Tracks whether other processes use cards at the same time. The probe before a begin, which asks whether
// the card is free, costs every transaction a round trip. A begin without it that meets a holder waits 100
// ms for the daemon's refusal. So the probe is omitted while this process begins one transaction after
// another and has met no holder for a minute: the cost is at most one refusal per minute. Thread safe.
class Contention {
 public:
  using Clock = Loop::Clock;

  // A begin found its card free.
  void NoteFree(Clock::time_point now = Clock::now());
  // Another process was found to hold a card.
  void NoteHeld(Clock::time_point now = Clock::now());
  bool IsUnlikely(Clock::time_point now = Clock::now()) const;

 private:
  mutable std::mutex mutex_;
  int free_in_a_row_ = 0;
  Clock::time_point last_free_;
  std::optional<Clock::time_point> last_held_;
};

class Client final : public backend::Client {
 public:
  Client(std::shared_ptr<Loop> loop, std::string socket, std::shared_ptr<Contention> contention);
  ~Client() override;

  void Start(backend::Call call, backend::Answer done) override;
  [[nodiscard]] After GiveUp() override;
  void Retire(Disposition disposition, std::function<void()> released) override;

 private:
  // The running phase. A call that is given up may leave a request to the daemon behind; the next call
  // starts when that has been answered.
  enum class Phase {
    kIdle,
    kOpening,        // the link
    kEstablishing,   // the context
    kAnswering,      // an answer that needs no daemon is on its way
    kPausing,        // another process has the card
    kProbing,        // the question whether another process has the card
    kChecking,       // the question whether the card's handle works, before its status is looked up
    kLooking,        // any other question that changes nothing
    kConnecting,     // SCardConnect
    kDisconnecting,  // SCardDisconnect
    kBeginning,      // SCardBeginTransaction
    kEnding,         // SCardEndTransaction
    kCalling,        // any other call that reaches the card or its reader
    kDraining,       // given up: a question that changes nothing
    kDrainingBegin,  // given up: SCardBeginTransaction
    kDrainingEnd,    // SCardEndTransaction after a begin that was given up
  };
  // Whether a call waits for other processes.
  enum class Waiting {
    kNever,
    kRefused,     // when the daemon has refused it
    kBeforehand,  // before it is made, because the daemon would hold it back
    kContended,   // before it is made unless contention is unlikely, then when it was refused
  };
  // The members that each kind of call needs.
  struct Kind {
    const char* function;
    Phase phase;
    Command command{};
    Waiting waiting = Waiting::kNever;
  };
  struct Current {
    backend::Call call;
    backend::Answer done;
    backend::BackOff back_off{};  // used if the call has waited for another program
    int mismatches = 0;           // how often a connect was refused for its protocol
  };

  static const Kind& KindOf(const backend::Call& call);
  Waiting HowToWait() const;
  bool WaitsBeforehand() const;

  // Makes the current call as soon as it has a link, a context and a card.
  void Proceed();
  void Probe();
  void PauseAndProbe();
  void Make();

  // The callback for the link; it ends this phase.
  Link::Then During(Phase phase);
  void Settle(Result<Link::Answer>&& answer);
  // Applies what an answer changes even if its call was given up.
  void Apply(Phase phase, const Result<Link::Answer>& answer);
  void Refused(Phase phase, Status code);

  // An error gets the call's function and reader.
  void Answer(backend::Outcome outcome);
  void AnswerLater(backend::Outcome outcome);
  // The error of a request that precedes the one of the call names its own function.
  static Error InPhase(Phase phase, Error error);
  Error OfCurrent(Error error) const;

  const std::shared_ptr<Loop> loop_;
  const std::string socket_;
  const std::shared_ptr<Contention> contention_;
  std::shared_ptr<Link> link_;  // null before the first call and after an opening that failed
  Phase phase_ = Phase::kIdle;
  std::optional<Current> current_;
  Loop::Timer timer_;
  ClientHandles handles_;
  bool retired_ = false;
};

}  // namespace pcsc_bridge::daemon
