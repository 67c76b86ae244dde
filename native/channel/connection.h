// What a channel owns on its thread: one PC/SC context, at most one card, and the turn on its reader.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "channel/operation.h"
#include "channel/reader_gate.h"
#include "backend/library/card.h"
#include "backend/library/context.h"

namespace pcsc_bridge {

// What a Begin does when somebody has reset the card since this handle last used it.
enum class OnReset {
  kFail,       // SCARD_W_RESET_CARD
  kReconnect,  // reconnects, leaving the card as it is, and begins; BeginOutcome tells
};

struct BeginOutcome {
  bool handle_works = false;    // so the begin says; elsewhere SCardStatus has to
  bool card_was_reset = false;  // by somebody else, before we got the card
  bool waited = false;          // the card was in somebody's transaction; on Windows: for 100 ms or longer
  std::chrono::microseconds waited_for{0};
};

// Touched by the channel's owner thread alone, YieldTurn excepted. Everything that can meet another's
// transaction takes its turn at the reader first; waiting there, or for another process, can be cancelled.
class Connection {
 public:
  explicit Connection(const Library& library) : library_(library) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // Ends what is open: a transaction in which the card was used resets the card, any other leaves it.
  ~Connection();

  // About the service; each establishes the context when there is none yet.
  Result<std::vector<std::string>> ListReaders(const std::vector<std::string>& groups = {});
  Result<std::vector<std::string>> ListReaderGroups();
  // Whether the context still works. A context does not outlive its service, and stays invalid.
  Result<bool> IsValid();

  // Establishes the context when there is none yet. What was open before is ended as by the destructor.
  Result<Protocols> Connect(const std::string& reader, ShareMode share_mode, Protocols protocols,
                            Operation& operation);
  Result<Protocols> Reconnect(ShareMode share_mode, Protocols protocols, Disposition initialization,
                              Operation& operation);
  // A disconnect that resets the card waits for whoever has it; `waits`, if given, is called before that.
  Result<Done> Disconnect(Disposition disposition, Operation& operation,
                          const std::function<void()>& waits = nullptr);

  // `place` is the operation's place in line for the card's reader, where it has one already.
  Result<BeginOutcome> Begin(OnReset on_reset, Operation& operation, ReaderGate::Place place = {});
  Result<Done> End(Disposition disposition);
  bool in_transaction() const { return in_transaction_; }
  // The card's, as the last status said; nothing where the card may be another one since.
  const std::optional<Bytes>& known_atr() const { return known_atr_; }

  Result<CardStatus> GetStatus(Operation& operation);
  Result<Bytes> Transmit(const Bytes& apdu, Operation& operation);
  // The same in two halves, for whoever waits for descriptors. False, and nothing sent, where that cannot be
  // done, the card is somebody else's, or something is to be put right first: Transmit does what it takes.
  bool SendTransmit(const Bytes& apdu);
  // Nothing while there is more to come. Where WasRefused, the command was not sent: Transmit does it.
  std::optional<Result<Bytes>> ReceiveTransmit();
  // Another process has the card, or its protocol is to be agreed on anew.
  static bool WasRefused(Status code) {
    return code == status::kSharingViolation || code == status::kProtoMismatch;
  }
  // A descriptor that is readable then; the caller closes it. Negative where there is none.
  int TransmitDescriptor() const;
  // A command and its whole response (see channel/exchange.h), nobody of this process in between.
  Result<Bytes> Exchange(const std::vector<Bytes>& commands, std::uint8_t get_response_class,
                         Operation& operation);
  Result<Bytes> Control(std::uint32_t code, const Bytes& input, Operation& operation);
  Result<Bytes> GetAttribute(std::uint32_t id, Operation& operation);
  Result<Done> SetAttribute(std::uint32_t id, const Bytes& value, Operation& operation);

  // Any thread: gives up the turn, so that an abandoned connection does not hold the others of the process.
  void YieldTurn();

 private:
  Result<Done> EnsureContext();
  // What the context is one of: the library, or the daemon asked without it.
  const Library& in_use() const { return context_ ? context_->library() : library_; }
  Error NotConnected(const char* operation) const;
  void LetGo();
  // False when cancelled. An operation cancelled inside the library gets no turn, or loses it to YieldTurn.
  bool TakeTurn(const std::string& reader, Operation& operation, bool* waited = nullptr,
                ReaderGate::Place place = {});
  // Waits until no other process holds the card, where that can be asked. False when cancelled. `waits`, if
  // given, is called before it waits.
  bool WaitForOthers(Operation& operation, const std::function<void()>& waits = nullptr);
  // Whether a call that would wait inside the library for another process's transaction is to be preceded by
  // WaitForOthers: one that is given up in there is still made when its turn comes, and an APDU sent then
  // reaches the card behind its asker's back.
  bool MustLookFirst(const Operation& operation) const;
  // SCardBeginTransaction where it is refused while another process has the card, in no more than 100 ms: a
  // cancel meanwhile leaves the connection good.
  Result<Done> BeginAtOnce(Operation& operation);
  Result<Done> BeginOnce(Operation& operation, bool* waited = nullptr);
  // On pcsc-lite a reset by another process, such as the one that follows its death in a transaction, comes
  // in two steps: every handle is told of it, and once the card has been reset its protocol is open again.
  // Who has put their handle right in between meets the second one here: the command is refused, and sent
  // when the handle has been connected anew. SCARD_W_RESET_CARD where the card has done something for us
  // before it was reset, which it may have forgotten.
  Result<Bytes> TransmitInProtocol(Card& card, const Bytes& apdu, Operation& operation);
  // How the library makes a call while another process has the card.
  enum class Waits {
    kNever,        // it answers at once
    kForOthers,    // it waits
    kAndThenSends  // it waits, and a command reaches the card then, whether or not anybody still wants that
  };
  // Makes a call, anew while it is refused because others have the card, where it does not wait for that
  // itself; sets `waited` then.
  template <class T, class Call>
  Result<T> Patiently(Operation& operation, Call call, bool* waited = nullptr);
  // Reconnects as before, leaving the card as it is.
  Result<Protocols> PutRight(Operation& operation, bool* waited = nullptr);
  // Runs a call on the card, with the turn unless a transaction holds it already. A reset of our own is
  // answered by reconnecting, silently.
  template <class T, class Call>
  Result<T> OnCard(const char* name, Waits waits, Operation& operation, Call call);

  const Library& library_;
  // Destruction order: the card goes before its context, the turn last of all.
  std::mutex turn_mutex_;
  std::optional<ReaderGate::Turn> turn_;
  std::optional<Context> context_;
  std::optional<Card> card_;
  ShareMode share_mode_ = ShareMode::kShared;
  Protocols protocols_ = 0;
  bool in_transaction_ = false;
  bool used_in_transaction_ = false;  // something was transmitted in it
  bool reached_card_ = false;         // and answered; outside a transaction: by this very exchange
  std::optional<Bytes> known_atr_;
  bool reset_by_us_ = false;  // our own EndTransaction(reset) marks our own handle too
  std::chrono::steady_clock::time_point answered_{};  // when the card was last free for us, as far as we know
};

}  // namespace pcsc_bridge
