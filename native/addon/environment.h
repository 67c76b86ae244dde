// What the addon keeps per JavaScript environment (main thread, each worker).
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

// To be called before anything that reaches PC/SC: reads the process's environment variables while that is
// safe, on JavaScript's thread. Variables that only JavaScript knows (Bun's process.env does not reach the C
// library, Jest's is a copy) are set first, since the PC/SC library reads them itself.
void BeforePcsc(Napi::Env env);

// The JavaScript error for a failure.
Napi::Value ToJs(Napi::Env env, const Error& error);

}  // namespace pcsc_bridge::addon
