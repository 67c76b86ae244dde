// A library client's context and card, and its blocking calls.
#pragma once

#include <optional>
#include <string>

#include "backend/library/context.h"
#include "backend/library/pending_call.h"

namespace pcsc_bridge::backend {

// One thread at a time; the thread may change.
//
// Waiting for other processes: if the library waits by sleeping (Library::probe_before_begin), a probe that
// is answered at once reports whether the card is free, and the wait happens here, where it can be ended.
// Between the probe and the call another process may take the card; the call then waits inside the library.
// Other libraries wake their caller: Begin, Status, Reconnect and Disconnect wait inside them. A command
// outside a transaction is then sent in a short transaction of its own (two more calls), so that a command
// that is given up while another process holds the card is not sent.
class ClientCalls {
 public:
  explicit ClientCalls(const Library& library) : library_(library) {}
  ~ClientCalls() { Finish(Disposition::kLeave); }
  ClientCalls(const ClientCalls&) = delete;
  ClientCalls& operator=(const ClientCalls&) = delete;

  Outcome Make(const Call& call, PendingCall& pending);
  // A call that cannot be given up.
  Outcome Make(Call call);

  // Ends the transaction, disconnects with `disposition`, and releases the context. If a command was sent
  // in the transaction, it ends with a reset at least. May wait for other processes.
  void Finish(Disposition disposition);
  bool has_context() const { return context_.has_value(); }

 private:
  // Of this client, on the card.
  enum class Transaction { kNone, kUnused, kUsed };

  struct Card {
    abi::CardHandle handle{};
    std::string reader;
    ShareMode share_mode = ShareMode::kShared;
    Protocols protocol = 0;
    Transaction transaction = Transaction::kNone;
    Bytes receive_buffer;  // kept between transmits: it is large
  };

  Outcome Do(const ListReaders& call, PendingCall& pending);
  Outcome Do(const ListReaderGroups& call, PendingCall& pending);
  Outcome Do(const CheckContext& call, PendingCall& pending);
  Outcome Do(const Connect& call, PendingCall& pending);
  Outcome Do(const Reconnect& call, PendingCall& pending);
  Outcome Do(const Disconnect& call, PendingCall& pending);
  Outcome Do(const Begin& call, PendingCall& pending);
  Outcome Do(const End& call, PendingCall& pending);
  Outcome Do(const Status& call, PendingCall& pending);
  Outcome Do(const Transmit& call, PendingCall& pending);
  Outcome Do(const Control& call, PendingCall& pending);
  Outcome Do(const GetAttribute& call, PendingCall& pending);
  Outcome Do(const SetAttribute& call, PendingCall& pending);

  // Establishes the context if there is none. CancelledError if the call was given up meanwhile.
  Result<Done> EnsureContext(PendingCall& pending);
  // False if the call was given up meanwhile.
  bool WaitUntilFree(PendingCall& pending);
  // SCardBeginTransaction. Detects a wait by its duration.
  Result<Done> BeginTransaction(PendingCall& pending);
  Result<Done> EndTransaction(Disposition disposition);
  Result<CardStatus> GetStatus();
  Result<Bytes> Send(const Transmit& call);
  // SCardDisconnect: there is no card afterwards, also if it fails.
  Result<Done> DisconnectCard(Disposition disposition);
  // The error, if this code of a call on the card is one.
  Result<Done> Checked(abi::Long code, const char* operation) const;
  // The same for a call that filled `buffer` with `length` bytes: these.
  Result<Bytes> Received(abi::Long code, Bytes buffer, abi::Dword length, const char* operation) const;
  // Checks the length that the library reports: it cannot exceed the buffer.
  Error TooLong(abi::Dword length, std::size_t room, const char* operation) const;

  const Library& library_;
  std::optional<Context> context_;
  std::optional<Card> card_;
};

}  // namespace pcsc_bridge::backend
