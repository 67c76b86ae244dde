#include "addon/functions.h"

#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/promise.h"
#include "session/pipe_server.h"

namespace pcsc_bridge::addon {
namespace {

void CloseHandleOf(std::intptr_t handle) {
  CloseHandle(reinterpret_cast<HANDLE>(handle));
}

// A pipe's handle until it is taken. A handle that is queued when the environment ends is closed.
class Arrival {
 public:
  explicit Arrival(Result<std::intptr_t> pipe) : pipe_(std::move(pipe)) {}
  ~Arrival() {
    if (pipe_ && *pipe_ != 0) CloseHandleOf(*pipe_);
  }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  // The handle as a descriptor of the host's C library, because its libuv knows no others. Throws if no
  // descriptor is left.
  Napi::Value TakeDescriptor(Napi::Env env) {
    if (!pipe_) throw Napi::Error(env, ToJs(env, pipe_.error()));
    const int fd = uv_open_osfhandle(reinterpret_cast<HANDLE>(*pipe_));
    if (fd < 0) throw Napi::Error::New(env, "uv_open_osfhandle: no file descriptor is left");
    *pipe_ = 0;  // the descriptor owns it now
    return Napi::Number::New(env, fd);
  }

 private:
  Result<std::intptr_t> pipe_;
};

// Keeps itself alive, and the event loop, until close().
class PipeServerWrap : public Napi::ObjectWrap<PipeServerWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "PipeServer", {InstanceMethod<&PipeServerWrap::Close>("close")});
  }

  explicit PipeServerWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PipeServerWrap>(info) {
    const Napi::Env env = info.Env();
    const std::string path = ToString(info[0], "path");
    const PipeAccess access = info[1].ToBoolean() ? PipeAccess::kInteractiveUsers : PipeAccess::kOwner;
    if (!info[2].IsFunction()) throw Napi::TypeError::New(env, "listener must be a function");
    const std::shared_ptr<JsQueue> queue = Environment::Of(env).queue;
    // `this` stays valid for every task that runs, as in MonitorWrap.
    Result<std::shared_ptr<PipeServer>> server =
        PipeServer::Listen(path, access, [this, queue](Result<std::intptr_t> pipe) {
          auto arrival = std::make_shared<Arrival>(std::move(pipe));
          queue->Post(MakeJsTask([this, arrival](Napi::Env on) { Tell(on, *arrival); }));
        });
    if (!server) throw Napi::Error(env, ToJs(env, server.error()));
    server_ = std::move(*server);
    listener_ = Napi::Persistent(info[2].As<Napi::Function>());
    queue->Expect();
    Ref();
  }

 private:
  void Tell(Napi::Env env, Arrival& arrival) {
    if (listener_.IsEmpty()) return;
    Napi::Value fd;
    try {
      fd = arrival.TakeDescriptor(env);
    } catch (const Napi::Error& error) {
      listener_.Call({error.Value(), env.Null()});
      return;
    }
    listener_.Call({env.Null(), fd});
  }

  // A promise: the pipe is closed.
  Napi::Value Close(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Promised<Done> promised = MakePromise<Done>(env, Undefined);
    if (listener_.IsEmpty()) {
      promised.answer(Done{});
      return promised.promise;
    }
    listener_.Reset();
    const std::shared_ptr<JsQueue> queue = Environment::Of(env).queue;
    queue->Settle();
    server_->Stop([this, queue, answer = promised.answer] {
      answer(Done{});
      // After the arrivals before it.
      queue->Post(MakeJsTask([this](Napi::Env) { Unref(); }));
    });
    return promised.promise;
  }

  std::shared_ptr<PipeServer> server_;
  Napi::FunctionReference listener_;
};

}  // namespace

Napi::Value DefinePipeServer(Napi::Env env) {
  return PipeServerWrap::Define(env);
}

Napi::Value OpenPipeClient(const Napi::CallbackInfo& info) {
  using Client = std::shared_ptr<Arrival>;
  const Promised<Client> promised = MakePromise<Client>(
      info.Env(), [](Napi::Env env, Client& client) { return client->TakeDescriptor(env); });
  AnswerOnWorker<Client>(promised, [path = ToString(info[0], "path")]() -> Result<Client> {
    Result<std::intptr_t> pipe = OpenPipe(path);
    if (!pipe) return pipe.error();
    return std::make_shared<Arrival>(std::move(pipe));
  });
  return promised.promise;
}

}  // namespace pcsc_bridge::addon
