// A PC/SC context of pcscd, with at most one card on it, as a state machine over one link.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "backend/daemon/link.h"

namespace pcsc_bridge::daemon {

class Client final : public backend::Client {
 public:
  Client(std::shared_ptr<Loop> loop, std::string socket);
  ~Client() override;

  void Start(backend::Call call, backend::Answer done) override;
  [[nodiscard]] After GiveUp() override;
  void Retire(Disposition disposition, std::function<void()> released) override;

 private:
  // What is under way. A call that is given up may leave a question to the daemon behind; the next call
  // starts when that has been answered.
  enum class Phase {
    kIdle,
    kOpening,        // the link
    kEstablishing,   // the context
    kAnswering,      // an answer that needs no daemon is on its way
    kPausing,        // another process has the card
    kProbing,        // the question whether another process has the card
    kLooking,        // a question that changes nothing: readers, status
    kConnecting,     // SCardConnect
    kDisconnecting,  // SCardDisconnect
    kBeginning,      // SCardBeginTransaction
    kEnding,         // SCardEndTransaction
    kCalling,        // any other call that reaches the card or its reader
    kDraining,       // given up: a question that changes nothing
    kDrainingBegin,  // given up: SCardBeginTransaction
    kDrainingEnd,    // SCardEndTransaction after a begin that was given up
  };
  struct Current {
    backend::Call call;
    backend::Answer done;
    Loop::Duration pause{};  // the last one; zero if the call did not wait
    int mismatches = 0;      // how often a connect was refused for its protocol
  };
  struct Card {
    std::int32_t handle = 0;
    std::string reader;
    ShareMode share_mode = ShareMode::kShared;
    std::uint32_t protocol = 0;  // the daemon's number of the active one
    bool in_transaction = false;
  };

  // Makes the current call as soon as there are a link, a context and a card for it.
  void Proceed();
  void Open();
  void Establish();

  // Whether the current call waits for other processes, and how.
  enum class Waiting {
    kNever,
    kAsRefused,   // when the daemon has refused it
    kBeforehand,  // because the daemon would hold it back
  };
  struct Traits {
    const char* function;
    Waiting waiting = Waiting::kNever;
  };
  static const Traits& TraitsOf(const backend::Call& call);
  Waiting HowToWait() const;
  void Probe();
  void PauseAndProbe();

  void Make();
  void Make(const backend::ListReaders& call);
  void Make(const backend::ListReaderGroups& call);
  void Make(const backend::CheckContext& call);
  void Make(const backend::Connect& call);
  void Make(const backend::Reconnect& call);
  void Make(const backend::Disconnect& call);
  void Make(const backend::Begin& call);
  void Make(const backend::End& call);
  void Make(const backend::Status& call);
  void Make(const backend::Transmit& call);
  void Make(const backend::Control& call);
  void Make(const backend::GetAttribute& call);
  void Make(const backend::SetAttribute& call);
  void AnswerProtocol();
  void AnswerBytes(Bytes bytes);
  void AnswerStatus(const ReaderTable& table);

  // A callback for the link: continues with `then` if the daemon did what was asked for in `phase`.
  template <class Then>
  auto During(Phase phase, Then then);
  // Ends the phase. False if there is nothing to continue with: then the call waits, has failed, or has been
  // given up.
  bool Settle(const Result<Link::Answer>& answer);
  void Refused(Status code);
  template <class Message>
  void Ask(Phase phase, Command command, const Message& message);  // and answers without a value

  void Answer(backend::Outcome outcome);
  void AnswerLater(backend::Outcome outcome);
  Error ErrorOf(Error error) const;
  Error ErrorOf(Status code, std::string detail = "") const;

  const std::shared_ptr<Loop> loop_;
  const std::string socket_;
  std::shared_ptr<Link> link_;  // null before the first call and after an opening that failed
  Phase phase_ = Phase::kIdle;
  std::optional<Current> current_;
  Loop::Timer timer_;
  std::optional<std::uint32_t> context_;
  std::optional<Card> card_;
  Card connecting_;  // while SCardConnect is under way
  bool retired_ = false;
};

}  // namespace pcsc_bridge::daemon
