#include "addon/session.h"

#if defined(_WIN32)
#include <uv.h>
#endif

#include <utility>

#include "addon/convert.h"
#include "addon/promise.h"
#include "cache/filter_setting.h"
#include "session/peer.h"
#include "session/session.h"

namespace pcsc_bridge::addon {
namespace {

// The system's handle for a descriptor of the host's C library.
std::intptr_t HandleOf(int fd) {
#if defined(_WIN32)
  return std::intptr_t(uv_get_osfhandle(fd));
#else
  return fd;
#endif
}

Napi::Value FromSession(Napi::Env env, Session& session) {
  Napi::Object object = FromIdentity(env, session.identity).As<Napi::Object>();
  object.Set("user", session.user);
  object.Set("source", NameOf(session.source));
  return object;
}

Napi::Value FromPeer(Napi::Env env, Peer& peer) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("session", FromSession(env, peer.session));
  object.Set("pid", peer.pid);
  object.Set("uid", peer.uid ? Napi::Value(Napi::Number::New(env, *peer.uid)) : env.Undefined());
  return object;
}

}  // namespace

OwnerWrap::OwnerWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<OwnerWrap>(info) {
  owner_.identity = ToIdentity(info[0], "identity");
  owner_.guarded = info[1].ToBoolean();
  owner_.trusts_unknown = info[2].ToBoolean();
}

const CardOwner& OwnerWrap::Of(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "owner must be an Owner");
  return Unwrap(value.As<Napi::Object>())->owner_;
}

Napi::Value SessionOf(const Napi::CallbackInfo& info) {
  const std::uint32_t pid = ToUint32(info[0], "pid");
  const Promised<Session> promised = MakePromise<Session>(info.Env(), FromSession);
  // The system's session manager may be slow.
  AnswerOnWorker<Session>(promised, [pid] { return SessionOfProcess(pid); });
  return promised.promise;
}

Napi::Value NewInstance(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(NewSessionInstance()));
}

Napi::Value PeerOf(const Napi::CallbackInfo& info) {
  const std::uint32_t fd = ToUint32(info[0], "fd");
  // The descriptor is used only here: when the answer comes, its number may belong to another file.
  Result<PeerQuestion> question = AskPeer(HandleOf(static_cast<int>(fd)));
  if (!question) throw Napi::Error(info.Env(), ToJs(info.Env(), question.error()));
  const Promised<Peer> promised = MakePromise<Peer>(info.Env(), FromPeer);
  AnswerOnWorker<Peer>(promised, std::move(*question));
  return promised.promise;
}

Napi::Value PeerUser(const Napi::CallbackInfo& info) {
  const std::uint32_t fd = ToUint32(info[0], "fd");
  Result<std::string> user = UserOfPeer(HandleOf(static_cast<int>(fd)));
  if (!user) throw Napi::Error(info.Env(), ToJs(info.Env(), user.error()));
  return Napi::String::New(info.Env(), *user);
}

Napi::Value ReadFilter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const FilterSetting setting = ReadFilterSetting();
  Napi::Object object = Napi::Object::New(env);
  object.Set("on", setting.on);
  object.Set("stored", setting.stored ? Napi::Value(Napi::Boolean::New(env, *setting.stored)) : env.Null());
  object.Set("restartPending", setting.restart_pending);
  object.Set("place", setting.place);
  return object;
}

}  // namespace pcsc_bridge::addon
