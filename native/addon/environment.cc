#include "addon/environment.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "backend/environment_variables.h"

namespace pcsc_bridge::addon {

void BeforePcsc(Napi::Env env) {
  static std::atomic<bool> done{false};
  if (done.exchange(true)) return;
#if !defined(_WIN32)
  const auto variables = Environment::Of(env).variables.Call({}).As<Napi::Array>();
  for (std::uint32_t i = 0; i < variables.Length(); ++i) {
    const auto variable = variables.Get(i).As<Napi::Array>();
    const std::string name = variable.Get(0u).As<Napi::String>();
    const std::string value = variable.Get(1u).As<Napi::String>();
    const char* const known = std::getenv(name.c_str());
    if (known == nullptr || value != known) (void)setenv(name.c_str(), value.c_str(), 1);
  }
#else
  (void)env;
#endif
  (void)ReadEnvironmentVariables();
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
