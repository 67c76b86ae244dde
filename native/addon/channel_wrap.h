// Channel in JavaScript. One thin method per operation; see NativeChannel in src/native.ts.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "addon/promise.h"
#include "addon/readable.h"
#include "channel/channel.h"

namespace pcsc_bridge::addon {

class ChannelWrap : public Napi::ObjectWrap<ChannelWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  // A JavaScript object for a channel of the core's (a lease's).
  static Napi::Object Wrap(Napi::Env env, std::shared_ptr<Channel> channel);

  explicit ChannelWrap(const Napi::CallbackInfo& info);
  ~ChannelWrap() override;

 private:
  Napi::Value ListReaders(const Napi::CallbackInfo& info);
  Napi::Value ListReaderGroups(const Napi::CallbackInfo& info);
  Napi::Value IsValid(const Napi::CallbackInfo& info);
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

  // Submits the work; the Cancel object, if any, is the argument after `arguments` of them.
  template <class T>
  Napi::Value Submit(const Napi::CallbackInfo& info, std::size_t arguments,
                     typename OperationOf<T>::Work work, Convert<T> convert);

  // What watches the channel's descriptor, so that transmits can do without its thread; null where they
  // cannot.
  std::shared_ptr<Readable> Watcher(Napi::Env env);

  std::shared_ptr<Channel> channel_;
  std::weak_ptr<Readable> readable_;  // the channel's
  std::string reader_;                // of the last connect
  bool owned_ = true;                 // a lease's channel belongs to the cache
};

}  // namespace pcsc_bridge::addon
