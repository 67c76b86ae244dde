// A connected card as the card cache sees it; ConnectionCard is the real one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "card/connection.h"
#include "loop/cancellable.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// The cache gives it one thing to do at a time, Close excepted. All on the cache's loop. Answers come once,
// possibly before the call returns. No call waits.
class CachedCard {
 public:
  using Claim = Connection::Claimed;

  // Whether the card is to be reset before it is handed over. Asked once the transaction has begun and not
  // before: until then another session may still have the card.
  using MustReset = std::function<bool()>;

  virtual ~CachedCard() = default;

  // Connects the card, or reconnects it if Evaluate has found it reset, and begins a transaction on it; if it
  // must be reset, resets it in that transaction.
  virtual std::shared_ptr<Cancellable> Open(MustReset must_reset,
                                            std::function<void(Result<Claim>)> answer) = 0;

  // Evaluates the handle: begins a transaction and asks for the card's status. An error means that the handle
  // no longer works, SCARD_E_CANCELLED that the caller gave up.
  virtual std::shared_ptr<Cancellable> Evaluate(MustReset must_reset,
                                                std::function<void(Result<Claim>)> answer) = 0;

  // Ends the transaction that Open or Evaluate began.
  virtual void End(Disposition disposition, std::function<void(Result<Done>)> answer) = 0;

  // Lets the handle go, whatever is under way; `closed`, if given, is called when it has gone or cannot be
  // waited for.
  virtual void Close(Disposition disposition, std::function<void()> closed = nullptr) = 0;

  // What the last Open or Evaluate has waited for, also if it failed; to be asked within its answer.
  virtual Waits waited() const = 0;

  // False once the handle was given up in mid-call.
  virtual bool usable() const = 0;

  // What the holder of a lease works with; null for a stand-in.
  virtual std::shared_ptr<Connection> connection() const = 0;
};

// Makes a card, not yet connected. `owed_when_dropped`: see Connection::Parts.
struct CachedCardRequest {
  std::string reader;
  bool waits_for_exclusive = false;
  std::function<Disposition()> owed_when_dropped;
  std::function<void()> about_to_connect;  // see ConnectParameters
};
using CachedCardFactory = std::function<std::shared_ptr<CachedCard>(CachedCardRequest request)>;

}  // namespace pcsc_bridge
