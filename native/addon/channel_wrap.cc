#include "addon/channel_wrap.h"

#include <utility>

#include "addon/convert.h"
#include "addon/promise.h"
#include "pcsc/secret.h"

namespace pcsc_bridge::addon {
namespace {

Napi::Value Undefined(Napi::Env env, Done&) {
  return env.Undefined();
}
Napi::Value FromProtocols(Napi::Env env, Protocols& protocols) {
  return Napi::Number::New(env, protocols);
}
Napi::Value FromOutput(Napi::Env env, Bytes& bytes) {
  return FromBytes(env, std::move(bytes));
}

Napi::Value FromBool(Napi::Env env, bool& value) {
  return Napi::Boolean::New(env, value);
}

using Names = std::vector<std::string>;

Names ToNames(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string(name) + " must be an array");
  const auto array = value.As<Napi::Array>();
  Names names;
  for (std::uint32_t i = 0; i < array.Length(); ++i) names.push_back(ToString(array.Get(i), name));
  return names;
}

Napi::Value FromNames(Napi::Env env, Names& names) {
  Napi::Array array = Napi::Array::New(env, names.size());
  for (std::uint32_t i = 0; i < names.size(); ++i) array.Set(i, names[i]);
  return array;
}

Napi::Value FromBegin(Napi::Env env, BeginOutcome& outcome) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("cardWasReset", outcome.card_was_reset);
  object.Set("waited", outcome.waited);
  return object;
}

Napi::Value FromStatus(Napi::Env env, CardStatus& status) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("state", static_cast<std::uint32_t>(status.state));
  object.Set("protocol", status.protocol);
  object.Set("atr", FromBytes(env, status.atr));
  return object;
}

}  // namespace

Napi::Function ChannelWrap::Define(Napi::Env env) {
  return DefineClass(env, "Channel",
                     {
                         InstanceMethod<&ChannelWrap::ListReaders>("listReaders"),
                         InstanceMethod<&ChannelWrap::ListReaderGroups>("listReaderGroups"),
                         InstanceMethod<&ChannelWrap::IsValid>("isValid"),
                         InstanceMethod<&ChannelWrap::Connect>("connect"),
                         InstanceMethod<&ChannelWrap::Reconnect>("reconnect"),
                         InstanceMethod<&ChannelWrap::Disconnect>("disconnect"),
                         InstanceMethod<&ChannelWrap::Begin>("begin"),
                         InstanceMethod<&ChannelWrap::End>("end"),
                         InstanceMethod<&ChannelWrap::Status>("status"),
                         InstanceMethod<&ChannelWrap::Transmit>("transmit"),
                         InstanceMethod<&ChannelWrap::Exchange>("exchange"),
                         InstanceMethod<&ChannelWrap::Control>("control"),
                         InstanceMethod<&ChannelWrap::GetAttribute>("getAttribute"),
                         InstanceMethod<&ChannelWrap::SetAttribute>("setAttribute"),
                         InstanceMethod<&ChannelWrap::Close>("close"),
                         InstanceAccessor<&ChannelWrap::Ended>("ended"),
                     });
}

Napi::Object ChannelWrap::Wrap(Napi::Env env, std::shared_ptr<Channel> channel) {
  return Environment::Of(env).channel_class.New(
      {Napi::External<std::shared_ptr<Channel>>::New(env, &channel)});
}

ChannelWrap::ChannelWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ChannelWrap>(info) {
  if (info[0].IsExternal()) {
    channel_ = *info[0].As<Napi::External<std::shared_ptr<Channel>>>().Data();
    owned_ = false;
    return;
  }
  const Result<const Library*> library = Library::Load();
  if (!library) throw Napi::Error(info.Env(), ToJs(info.Env(), library.error()));
  channel_ = Channel::Create(*library.value());
}

ChannelWrap::~ChannelWrap() {
  if (channel_ && owned_) channel_->Close(Disposition::kLeave);
}

template <class T>
Napi::Value ChannelWrap::Submit(const Napi::CallbackInfo& info, std::size_t arguments,
                                typename OperationOf<T>::Work work, Convert<T> convert) {
  Promised<T> promised = MakePromise<T>(info.Env(), convert, this);
  const Napi::Value cancel = info[arguments];
  CancelWrap::Bind(cancel,
                   channel_->Submit<T>(std::move(work), std::move(promised.answer), cancel.IsObject()));
  return promised.promise;
}

Napi::Value ChannelWrap::ListReaders(const Napi::CallbackInfo& info) {
  Names groups = ToNames(info[0], "groups");
  return Submit<Names>(
      info, 1,
      [groups = std::move(groups)](Connection& connection, Operation&) {
        return connection.ListReaders(groups);
      },
      FromNames);
}

Napi::Value ChannelWrap::ListReaderGroups(const Napi::CallbackInfo& info) {
  return Submit<Names>(
      info, 0, [](Connection& connection, Operation&) { return connection.ListReaderGroups(); }, FromNames);
}

Napi::Value ChannelWrap::IsValid(const Napi::CallbackInfo& info) {
  return Submit<bool>(
      info, 0, [](Connection& connection, Operation&) { return connection.IsValid(); }, FromBool);
}

Napi::Value ChannelWrap::Connect(const Napi::CallbackInfo& info) {
  const std::string reader = ToString(info[0], "reader");
  const auto share_mode = static_cast<ShareMode>(ToUint32(info[1], "shareMode"));
  const Protocols protocols = ToUint32(info[2], "protocols");
  reader_ = reader;
  return Submit<Protocols>(
      info, 3,
      [reader, share_mode, protocols](Connection& connection, Operation& operation) {
        return connection.Connect(reader, share_mode, protocols, operation);
      },
      FromProtocols);
}

Napi::Value ChannelWrap::Reconnect(const Napi::CallbackInfo& info) {
  const auto share_mode = static_cast<ShareMode>(ToUint32(info[0], "shareMode"));
  const Protocols protocols = ToUint32(info[1], "protocols");
  const auto initialization = static_cast<Disposition>(ToUint32(info[2], "initialization"));
  return Submit<Protocols>(
      info, 3,
      [=](Connection& connection, Operation& operation) {
        return connection.Reconnect(share_mode, protocols, initialization, operation);
      },
      FromProtocols);
}

Napi::Value ChannelWrap::Disconnect(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  return Submit<Done>(
      info, 1,
      [=](Connection& connection, Operation& operation) {
        return connection.Disconnect(disposition, operation);
      },
      Undefined);
}

Napi::Value ChannelWrap::Begin(const Napi::CallbackInfo& info) {
  Promised<BeginOutcome> promised = MakePromise<BeginOutcome>(info.Env(), FromBegin, this);
  const std::shared_ptr<Operation> operation = channel_->SubmitInLine<BeginOutcome>(
      reader_,
      [](Connection& connection, Operation& self, ReaderGate::Place place) {
        return connection.Begin(OnReset::kReconnect, self, std::move(place));
      },
      std::move(promised.answer));
  CancelWrap::Bind(info[0], operation);
  return promised.promise;
}

Napi::Value ChannelWrap::End(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  return Submit<Done>(
      info, 1, [=](Connection& connection, Operation&) { return connection.End(disposition); }, Undefined);
}

Napi::Value ChannelWrap::Status(const Napi::CallbackInfo& info) {
  return Submit<CardStatus>(
      info, 0, [](Connection& connection, Operation& operation) { return connection.GetStatus(operation); },
      FromStatus);
}

Napi::Value ChannelWrap::Transmit(const Napi::CallbackInfo& info) {
  auto apdu = std::make_shared<SecretBytes>(ToBytes(info[0], "apdu"));
  Promised<Bytes> promised = MakePromise<Bytes>(info.Env(), FromOutput, this);
  const Napi::Value cancel = info[1];
  const std::shared_ptr<Readable> watcher = Watcher(info.Env());
  const Channel::Transmission sent = channel_->SubmitTransmit(std::move(apdu), std::move(promised.answer),
                                                              cancel.IsObject(), watcher != nullptr);
  if (sent.direct) watcher->Watch();
  CancelWrap::Bind(cancel, sent.operation);
  return promised.promise;
}

std::shared_ptr<Readable> ChannelWrap::Watcher(Napi::Env env) {
  if (std::shared_ptr<Readable> known = readable_.lock()) return known;
  const std::shared_ptr<Dispatcher>& dispatcher = Environment::Of(env).dispatcher;
  // A cached card's channel has many of these objects, one after another, and one descriptor.
  auto readable = std::static_pointer_cast<Readable>(channel_->watcher());
  if (readable && !readable->IsOf(*dispatcher)) return nullptr;
  if (!readable) {
    const int descriptor = channel_->TransmitDescriptor();
    if (descriptor < 0) return nullptr;
    readable = Readable::Create(dispatcher, descriptor, [channel = std::weak_ptr<Channel>(channel_)] {
      const std::shared_ptr<Channel> watched = channel.lock();
      return watched && watched->Continue();
    });
    channel_->KeepWatcher(readable);
  }
  readable_ = readable;
  return readable;
}

Napi::Value ChannelWrap::Exchange(const Napi::CallbackInfo& info) {
  auto commands = std::make_shared<SecretList>(ToBytesList(info[0], "commands"));
  const auto get_response_class = static_cast<std::uint8_t>(ToUint32(info[1], "getResponseClass"));
  return Submit<Bytes>(
      info, 2,
      [commands = std::move(commands), get_response_class](Connection& connection, Operation& operation) {
        return connection.Exchange(commands->bytes(), get_response_class, operation);
      },
      FromOutput);
}

Napi::Value ChannelWrap::Control(const Napi::CallbackInfo& info) {
  const std::uint32_t code = ToUint32(info[0], "code");
  auto input = std::make_shared<SecretBytes>(ToBytes(info[1], "input"));
  return Submit<Bytes>(
      info, 2,
      [code, input = std::move(input)](Connection& connection, Operation& operation) {
        return connection.Control(code, input->bytes(), operation);
      },
      FromOutput);
}

Napi::Value ChannelWrap::GetAttribute(const Napi::CallbackInfo& info) {
  const std::uint32_t id = ToUint32(info[0], "attribute");
  return Submit<Bytes>(
      info, 1,
      [id](Connection& connection, Operation& operation) { return connection.GetAttribute(id, operation); },
      FromOutput);
}

Napi::Value ChannelWrap::SetAttribute(const Napi::CallbackInfo& info) {
  const std::uint32_t id = ToUint32(info[0], "attribute");
  Bytes value = ToBytes(info[1], "value");
  return Submit<Done>(
      info, 2,
      [id, value = std::move(value)](Connection& connection, Operation& operation) {
        return connection.SetAttribute(id, value, operation);
      },
      Undefined);
}

Napi::Value ChannelWrap::Close(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  channel_->Close(disposition, [answer = std::move(promised.answer)] { answer(Done{}); });
  return promised.promise;
}

Napi::Value ChannelWrap::Ended(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), channel_->ended());
}

}  // namespace pcsc_bridge::addon
