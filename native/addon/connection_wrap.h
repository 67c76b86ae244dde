// Connection in JavaScript. One thin method per operation; see NativeConnection and NativeLease in
// src/native/types.ts.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "addon/promise.h"
#include "cache/card_cache.h"
#include "card/connection.h"

namespace pcsc_bridge::addon {

class ConnectionWrap : public Napi::ObjectWrap<ConnectionWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  // A leased card of the cache: a connection that is given back instead of closed. If it is
  // garbage-collected without that, its card is reset.
  static Napi::Object Lend(Napi::Env env, std::shared_ptr<Lease> lease);

  explicit ConnectionWrap(const Napi::CallbackInfo& info);
  ~ConnectionWrap() override;

 private:
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value Reconnect(const Napi::CallbackInfo& info);
  Napi::Value Disconnect(const Napi::CallbackInfo& info);
  Napi::Value Begin(const Napi::CallbackInfo& info);
  Napi::Value End(const Napi::CallbackInfo& info);
  Napi::Value Status(const Napi::CallbackInfo& info);
  Napi::Value Transmit(const Napi::CallbackInfo& info);
  Napi::Value Exchange(const Napi::CallbackInfo& info);
  Napi::Value Control(const Napi::CallbackInfo& info);
  Napi::Value GetAttribute(const Napi::CallbackInfo& info);
  Napi::Value SetAttribute(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Ended(const Napi::CallbackInfo& info);
  Napi::Value GiveBack(const Napi::CallbackInfo& info);
  Napi::Value LookedUp(const Napi::CallbackInfo& info);
  Napi::Value CardWasReset(const Napi::CallbackInfo& info);
  Napi::Value Waited(const Napi::CallbackInfo& info);

  // Starts an operation on the core's loop; the Cancel object, if any, is the argument after `arguments` of
  // them.
  // start(Connection&, Connection::Answer<T>) -> Connection::Handle.
  template <class T, class Operation>
  Napi::Value Start(const Napi::CallbackInfo& info, std::size_t arguments, Convert<T> convert,
                    Operation start);

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Lease> lease_;  // null unless the connection is leased from the cache
  bool given_back_ = false;
};

}  // namespace pcsc_bridge::addon
