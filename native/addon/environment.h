// The addon's state per JavaScript environment (main thread, each worker).
#pragma once

#include <napi.h>

#include <memory>

#include "addon/js_queue.h"
#include "addon/long_memory.h"
#include "pcsc/result.h"

namespace pcsc_bridge::addon {

// The environment's instance data.
struct Environment {
  std::shared_ptr<JsQueue> queue;
  Napi::FunctionReference make_error;  // (failure) => Error, from src/errors.ts
  Napi::FunctionReference variables;   // () => [name, value][], from src/native/addon.ts
  Napi::FunctionReference connection_class;
  LongMemory long_memory;

  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

// Call it before the first PC/SC call: it reads the environment variables of the process while that is
// safe, on the JavaScript thread. It first sets variables that only JavaScript knows (Bun's process.env
// does not reach the C library, Jest's is a copy), because the PC/SC library reads them itself.
void BeforePcsc(Napi::Env env);

// The JavaScript error for a failure.
Napi::Value ToJs(Napi::Env env, const Error& error);

}  // namespace pcsc_bridge::addon
