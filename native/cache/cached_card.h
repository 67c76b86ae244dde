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

// The cache requests one operation at a time, except Close. All on the cache's loop. Answers come once,
// possibly before the call returns. No call waits.
class CachedCard {
 public:
  using Claimed = Connection::Claimed;

  // Whether the card must be reset before the session gets it. Called only after the transaction has begun:
  // until then another session may still have the card.
  using MustReset = std::function<bool()>;

  virtual ~CachedCard() = default;

  // Connects the card, or reconnects it if Evaluate has found it reset, and begins a transaction on it; if it
  // must be reset, or none of the wanted protocols is active, resets it in that transaction.
  virtual std::shared_ptr<Cancellable> Open(Protocols wanted, MustReset must_reset,
                                            std::function<void(Result<Claimed>)> answer) = 0;

  // Evaluates the handle: begins a transaction and asks for the card's status. An error means that the handle
  // no longer works, SCARD_E_CANCELLED that the caller gave up. Resets the card for the same reasons as Open.
  virtual std::shared_ptr<Cancellable> Evaluate(Protocols wanted, MustReset must_reset,
                                                std::function<void(Result<Claimed>)> answer) = 0;

  // Ends the transaction that Open or Evaluate began.
  virtual void End(Disposition disposition, std::function<void(Result<Done>)> answer) = 0;

  // Closes the handle, whatever runs on it. `closed`, if given, is called when the handle is closed or
  // cannot be waited for.
  virtual void Close(Disposition disposition, std::function<void()> closed = nullptr) = 0;

  // The wait of the last Open or Evaluate, even if it failed; read it within its answer.
  virtual Waits waited() const = 0;

  // False after the handle was abandoned during a call.
  virtual bool usable() const = 0;

  // The connection for the holder of a lease; null for a test double.
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
