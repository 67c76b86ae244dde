// A library client's context and card, and its calls, where they may block.
#pragma once

#include <optional>

#include "backend/library/card.h"
#include "backend/library/context.h"
#include "backend/library/pending_call.h"

namespace pcsc_bridge::backend {

// One thread at a time: one after another is fine.
//
// Against other processes: if the library waits by sleeping (Library::probe_before_begin), a question that is
// answered at once says whether the card is free, and the waiting is done here, where it can be ended.
// Between that answer and the call another process may take the card; the call then waits inside the library.
// Other libraries wake their caller: Begin, Status, Reconnect and Disconnect wait inside them. A command
// outside a transaction then goes in a short transaction of its own (two calls more), so that one that is
// given up while another process holds the card is not sent.
class ClientCalls {
 public:
  explicit ClientCalls(const Library& library) : library_(library) {}

  Outcome Make(const Call& call, PendingCall& pending);

  // Ends the transaction, disconnects with `disposition`, releases the context. If something was sent in the
  // transaction, it ends with a reset at least. May wait for other processes.
  void Finish(Disposition disposition);
  bool has_context() const { return context_.has_value(); }

 private:
  // Of this client, on the card.
  enum class Transaction { kNone, kUnused, kUsed };

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

  Result<Done> EnsureContext();
  // False if the call was given up meanwhile.
  bool WaitUntilFree(PendingCall& pending, bool& waited);
  Outcome TransmitInTransaction(const Bytes& apdu, PendingCall& pending);
  Result<Done> EndTransaction(Disposition disposition);
  // Ends the transaction that is open, if any, and disconnects, leaving the card.
  void LetGoOfCard();

  const Library& library_;
  std::optional<Context> context_;
  std::optional<Card> card_;  // goes before its context
  ShareMode share_mode_ = ShareMode::kShared;
  Transaction transaction_ = Transaction::kNone;
};

}  // namespace pcsc_bridge::backend
