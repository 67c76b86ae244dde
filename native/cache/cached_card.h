// A connected card as the card cache sees it; ChannelCard is the real one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "channel/connection.h"
#include "channel/operation.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

class Channel;

// The cache gives it one thing to do at a time, Close excepted. Answers come once, from any thread, possibly
// before the call returns. No call waits.
class CachedCard {
 public:
  struct Claim {
    BeginOutcome begun;
    Bytes atr;
  };

  // Whether the card is to be reset before it is handed over. Asked on any thread once the transaction has
  // begun and not before: until then somebody else may still have the card.
  using MustReset = std::function<bool()>;

  virtual ~CachedCard() = default;

  // Connects the card and begins a transaction on it; if it must be reset, resets it in that transaction.
  virtual std::shared_ptr<Cancellable> Open(MustReset must_reset,
                                            std::function<void(Result<Claim>)> answer) = 0;

  // Evaluates the handle: begins a transaction and asks for the card's status. An error means that the handle
  // no longer works, SCARD_E_CANCELLED that the asker gave up.
  virtual std::shared_ptr<Cancellable> Evaluate(MustReset must_reset,
                                                std::function<void(Result<Claim>)> answer) = 0;

  // Ends the transaction that Open or Evaluate began.
  virtual void End(Disposition disposition, std::function<void(Result<Done>)> answer) = 0;

  // Lets the handle go, whatever is under way; `closed`, if given, is called when it has gone or cannot be
  // waited for.
  virtual void Close(Disposition disposition, std::function<void()> closed = nullptr) = 0;

  // False once the handle was given up in mid-call.
  virtual bool usable() const = 0;

  // What the holder of a lease works with; null for a stand-in.
  virtual std::shared_ptr<Channel> channel() const = 0;
};

// Makes the card for a reader, not yet connected.
using CachedCardFactory = std::function<std::shared_ptr<CachedCard>(const std::string& reader)>;

}  // namespace pcsc_bridge
