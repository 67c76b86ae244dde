// Hosts whose event loop is not libuv (Bun, Deno): a threadsafe function of Node-API brings the tasks, and
// the core has a thread of its own.
#include "addon/js_queue.h"

namespace pcsc_bridge::addon {
namespace {

class ThreadsafeQueue final : public JsQueue {
 public:
  ThreadsafeQueue(Napi::Env env, std::shared_ptr<Scope> scope) : JsQueue(std::move(scope)), env_(env) {}

  void Open() {
    const Napi::String name = Napi::String::New(env_, "pcsc-bridge");
    const napi_status created = napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr,
                                                                nullptr, this, OnWake, &function_);
    if (created != napi_ok) {
      throw Napi::Error::New(env_, "pcsc-bridge: this environment has no threadsafe functions");
    }
    (void)napi_unref_threadsafe_function(env_, function_);
    self_ = shared_from_this();
    napi_add_env_cleanup_hook(env_, OnEnvironmentEnd, this);
  }

 private:
  void Wake() override { (void)napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking); }

  void KeepAlive(bool alive) override {
    if (alive) {
      (void)napi_ref_threadsafe_function(env_, function_);
    } else {
      (void)napi_unref_threadsafe_function(env_, function_);
    }
  }

  static void OnWake(napi_env env, napi_value, void* context, void*) {
    if (env == nullptr) return;
    auto* queue = static_cast<ThreadsafeQueue*>(context);
    const std::shared_ptr<JsQueue> self = queue->self_;
    if (self) queue->RunTasks(env);
  }

  static void OnEnvironmentEnd(void* context) {
    auto* queue = static_cast<ThreadsafeQueue*>(context);
    const std::shared_ptr<JsQueue> self = std::move(queue->self_);
    queue->Shut();
    queue->loop()->Post([scope = queue->scope()] { scope->End(); });
    (void)napi_release_threadsafe_function(queue->function_, napi_tsfn_abort);
  }

  const Napi::Env env_;
  napi_threadsafe_function function_ = nullptr;
  std::shared_ptr<JsQueue> self_;  // until the environment ends
};

}  // namespace

std::shared_ptr<JsQueue> MakeThreadsafeQueue(Napi::Env env) {
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  if (!loop)
    throw Napi::Error::New(env, "pcsc-bridge: the system has no free thread; raise the limit (ulimit -u)");
  auto queue = std::make_shared<ThreadsafeQueue>(env, std::make_shared<Scope>(loop));
  queue->Open();
  return queue;
}

}  // namespace pcsc_bridge::addon
