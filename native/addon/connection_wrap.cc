#include "addon/connection_wrap.h"

#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/session.h"
#include "backend/choice.h"
#include "pcsc/secret.h"

namespace pcsc_bridge::addon {
namespace {

Napi::Value FromProtocols(Napi::Env env, Protocols& protocols) {
  return Napi::Number::New(env, protocols);
}
Napi::Value FromOutput(Napi::Env env, Bytes& bytes) {
  return FromBytes(env, bytes);
}

// In milliseconds; undefined if there was no wait.
Napi::Value FromWaits(Napi::Env env, const Waits& waits) {
  if (!waits.any()) return env.Undefined();
  Napi::Object object = Napi::Object::New(env);
  object.Set("thisProcess", static_cast<double>(waits.in_process.count()) / 1000);
  object.Set("otherProcesses", static_cast<double>(waits.elsewhere.count()) / 1000);
  return object;
}

Napi::Value FromBegin(Napi::Env env, BeginOutcome& outcome) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("cardWasReset", outcome.card_was_reset);
  object.Set("waited", FromWaits(env, outcome.waited));
  return object;
}

Napi::Value FromStatus(Napi::Env env, CardStatus& status) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("state", static_cast<std::uint32_t>(status.state));
  object.Set("protocol", status.protocol);
  object.Set("atr", FromBytes(env, status.atr));
  return object;
}

std::shared_ptr<const SecretBytes> ToSecret(const Napi::Value& value, const char* name) {
  return std::make_shared<const SecretBytes>(ToBytes(value, name));
}

}  // namespace

Napi::Function ConnectionWrap::Define(Napi::Env env) {
  return DefineClass(env, "Connection",
                     {
                         InstanceMethod<&ConnectionWrap::Connect>("connect"),
                         InstanceMethod<&ConnectionWrap::Reconnect>("reconnect"),
                         InstanceMethod<&ConnectionWrap::Disconnect>("disconnect"),
                         InstanceMethod<&ConnectionWrap::Begin>("begin"),
                         InstanceMethod<&ConnectionWrap::End>("end"),
                         InstanceMethod<&ConnectionWrap::Status>("status"),
                         InstanceMethod<&ConnectionWrap::Transmit>("transmit"),
                         InstanceMethod<&ConnectionWrap::Exchange>("exchange"),
                         InstanceMethod<&ConnectionWrap::Control>("control"),
                         InstanceMethod<&ConnectionWrap::GetAttribute>("getAttribute"),
                         InstanceMethod<&ConnectionWrap::SetAttribute>("setAttribute"),
                         InstanceMethod<&ConnectionWrap::Close>("close"),
                         InstanceAccessor<&ConnectionWrap::Ended>("ended"),
                         InstanceMethod<&ConnectionWrap::GiveBack>("giveBack"),
                         InstanceMethod<&ConnectionWrap::LookedUp>("lookup"),
                         InstanceAccessor<&ConnectionWrap::CardWasReset>("cardWasReset"),
                         InstanceMethod<&ConnectionWrap::Waited>("waited"),
                     });
}

Napi::Object ConnectionWrap::Lend(Napi::Env env, std::shared_ptr<Lease> lease) {
  return Environment::Of(env).connection_class.New(
      {Napi::External<std::shared_ptr<Lease>>::New(env, &lease)});
}

ConnectionWrap::ConnectionWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ConnectionWrap>(info) {
  const std::shared_ptr<Scope>& scope = Environment::Of(info.Env()).queue->scope();
  loop_ = scope->loop();
  if (info[0].IsExternal()) {
    lease_ = std::move(*info[0].As<Napi::External<std::shared_ptr<Lease>>>().Data());
    connection_ = lease_->connection();
    return;
  }
  BeforePcsc(info.Env());
  Connection::Parts parts{scope, backend::OfProcess(), CardUsers::OfProcess(), OwnerWrap::Of(info[0]),
                          nullptr};
  connection_ = loop_->Sync([&parts] { return Connection::Create(std::move(parts)); });
}

ConnectionWrap::~ConnectionWrap() {
  if (!connection_) return;
  loop_->Execute([connection = std::move(connection_), lent = lease_ != nullptr] {
    if (!lent) connection->Close(Disposition::kLeave);
  });
}

template <class T, class Operation>
Napi::Value ConnectionWrap::Start(const Napi::CallbackInfo& info, std::size_t arguments, Convert<T> convert,
                                  Operation start) {
  Promised<T> promised = MakePromise<T>(info.Env(), convert, this);
  loop_->Execute([connection = connection_, start = std::move(start), answer = std::move(promised.answer),
                  token = CancelWrap::TokenOf(info[arguments])]() mutable {
    const Connection::Handle operation = start(*connection, std::move(answer));
    if (token) token->Bind(operation);
  });
  return promised.promise;
}

Napi::Value ConnectionWrap::Connect(const Napi::CallbackInfo& info) {
  ConnectParameters parameters;
  parameters.reader = ToString(info[0], "reader");
  parameters.share_mode = static_cast<ShareMode>(ToUint32(info[1], "shareMode"));
  parameters.protocols = ToUint32(info[2], "protocols");
  parameters.waits_for_exclusive = info[3].ToBoolean();
  return Start<Protocols>(info, 4, FromProtocols, [parameters](Connection& connection, auto answer) {
    return connection.Connect(parameters, std::move(answer));
  });
}

Napi::Value ConnectionWrap::Reconnect(const Napi::CallbackInfo& info) {
  const auto share_mode = static_cast<ShareMode>(ToUint32(info[0], "shareMode"));
  const Protocols protocols = ToUint32(info[1], "protocols");
  const auto initialization = static_cast<Disposition>(ToUint32(info[2], "initialization"));
  return Start<Protocols>(info, 3, FromProtocols, [=](Connection& connection, auto answer) {
    return connection.Reconnect(share_mode, protocols, initialization, std::move(answer));
  });
}

Napi::Value ConnectionWrap::Disconnect(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  return Start<Done>(info, 1, Undefined, [=](Connection& connection, auto answer) {
    return connection.Disconnect(disposition, std::move(answer));
  });
}

Napi::Value ConnectionWrap::Begin(const Napi::CallbackInfo& info) {
  return Start<BeginOutcome>(info, 0, FromBegin, [](Connection& connection, auto answer) {
    return connection.Begin(OnReset::kReconnect, std::move(answer));
  });
}

Napi::Value ConnectionWrap::End(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  return Start<Done>(info, 1, Undefined, [=](Connection& connection, auto answer) {
    return connection.End(disposition, std::move(answer));
  });
}

Napi::Value ConnectionWrap::Status(const Napi::CallbackInfo& info) {
  return Start<CardStatus>(info, 0, FromStatus, [](Connection& connection, auto answer) {
    return connection.GetStatus(std::move(answer));
  });
}

Napi::Value ConnectionWrap::Transmit(const Napi::CallbackInfo& info) {
  const Protocols protocol = ToUint32(info[1], "protocol");
  return Start<Bytes>(info, 2, FromOutput,
                      [apdu = ToSecret(info[0], "apdu"), protocol](Connection& connection, auto answer) {
                        return connection.Transmit(apdu, std::move(answer), protocol);
                      });
}

Napi::Value ConnectionWrap::Exchange(const Napi::CallbackInfo& info) {
  std::vector<pcsc_bridge::Exchange::Apdu> commands;
  for (Bytes& command : ToBytesList(info[0], "commands")) {
    commands.push_back(std::make_shared<const SecretBytes>(std::move(command)));
  }
  const auto get_response_class = static_cast<std::uint8_t>(ToUint32(info[1], "getResponseClass"));
  return Start<Bytes>(
      info, 2, FromOutput, [commands, get_response_class](Connection& connection, auto answer) {
        return connection.Exchange(pcsc_bridge::Exchange(commands, get_response_class), std::move(answer));
      });
}

Napi::Value ConnectionWrap::Control(const Napi::CallbackInfo& info) {
  const std::uint32_t code = ToUint32(info[0], "code");
  return Start<Bytes>(info, 2, FromOutput,
                      [code, input = ToSecret(info[1], "input")](Connection& connection, auto answer) {
                        return connection.Control(code, input, std::move(answer));
                      });
}

Napi::Value ConnectionWrap::GetAttribute(const Napi::CallbackInfo& info) {
  const std::uint32_t id = ToUint32(info[0], "attribute");
  return Start<Bytes>(info, 1, FromOutput, [id](Connection& connection, auto answer) {
    return connection.GetAttribute(id, std::move(answer));
  });
}

Napi::Value ConnectionWrap::SetAttribute(const Napi::CallbackInfo& info) {
  const std::uint32_t id = ToUint32(info[0], "attribute");
  return Start<Done>(info, 2, Undefined,
                     [id, value = ToBytes(info[1], "value")](Connection& connection, auto answer) {
                       return connection.SetAttribute(id, value, std::move(answer));
                     });
}

Napi::Value ConnectionWrap::Close(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  loop_->Execute([connection = connection_, disposition, answer = std::move(promised.answer)] {
    connection->Close(disposition, [answer] { answer(Done{}); });
  });
  return promised.promise;
}

Napi::Value ConnectionWrap::GiveBack(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  if (!lease_ || std::exchange(given_back_, true)) {
    throw Napi::Error::New(info.Env(),
                           "this connection is not leased from a cache, or has been given back already");
  }
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  loop_->Execute([lease = lease_, disposition, answer = std::move(promised.answer)] {
    lease->End(disposition, answer);
  });
  return promised.promise;
}

// The data of a lease never changes, so it is read without the loop.
Napi::Value ConnectionWrap::LookedUp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!lease_) return env.Undefined();
  const std::vector<Evaluation>& evaluated = lease_->evaluated();
  Napi::Array list = Napi::Array::New(env, evaluated.size());
  for (std::uint32_t i = 0; i < evaluated.size(); ++i) list.Set(i, FromEvaluation(env, evaluated[i]));
  Napi::Object lookup = Napi::Object::New(env);
  lookup.Set("entry", FromEntry(env, lease_->entry()));
  lookup.Set("fresh", lease_->fresh());
  lookup.Set("evaluated", list);
  return lookup;
}

Napi::Value ConnectionWrap::CardWasReset(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), lease_ && lease_->card_was_reset());
}

Napi::Value ConnectionWrap::Waited(const Napi::CallbackInfo& info) {
  return lease_ ? FromWaits(info.Env(), lease_->waited()) : info.Env().Undefined();
}

Napi::Value ConnectionWrap::Ended(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), connection_->ended());
}

}  // namespace pcsc_bridge::addon
