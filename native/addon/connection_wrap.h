// Connection in JavaScript. One thin method per operation; see NativeConnection in src/native.ts.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "addon/promise.h"
#include "card/connection.h"

namespace pcsc_bridge::addon {

class ConnectionWrap : public Napi::ObjectWrap<ConnectionWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  // A JavaScript object for a connection of the core's (a lease's).
  static Napi::Object Wrap(Napi::Env env, std::shared_ptr<Connection> connection);

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

  // Starts an operation on the core's loop; the Cancel object, if any, is the argument after `arguments` of
  // them.
  template <class T>
  Napi::Value Start(const Napi::CallbackInfo& info, std::size_t arguments, Convert<T> convert,
                    std::function<Connection::Handle(Connection&, Connection::Answer<T>)> start);

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<Connection> connection_;
  bool owned_ = true;  // a lease's connection belongs to the cache
};

}  // namespace pcsc_bridge::addon
