#include "addon/environment.h"

#include "backend/environment.h"

namespace pcsc_bridge::addon {

void BeforePcsc() {
  (void)ReadEnvironment();
}

Napi::Value ToJs(Napi::Env env, const Error& error) {
  const StatusText text = Describe(error.code, error.operation);
  Napi::Object failure = Napi::Object::New(env);
  failure.Set("code", text.name);
  failure.Set("value", Napi::Number::New(env, error.code));
  failure.Set("text", text.text);
  failure.Set("operation", error.operation);
  failure.Set("reader", error.reader);
  failure.Set("detail", error.detail);
  return Environment::Of(env).make_error.Call({failure});
}

}  // namespace pcsc_bridge::addon
