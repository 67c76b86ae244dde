// How this process reaches PC/SC, and what it uses of it.
#include <memory>

#include "addon/functions.h"
#include "addon/promise.h"
#include "backend/choice.h"
#include "backend/library/library.h"
#include "backend/usage.h"

namespace pcsc_bridge::addon {
namespace {

Napi::Value FromChoice(Napi::Env env, backend::Choice& choice) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", choice.backend->name());
  object.Set("reason", choice.reason);
  return object;
}

}  // namespace

Napi::Value ChosenBackend(const Napi::CallbackInfo& info) {
  BeforePcsc(info.Env());
  const Promised<backend::Choice> promised = MakePromise<backend::Choice>(info.Env(), FromChoice);
  const std::shared_ptr<Loop>& loop = Environment::Of(info.Env()).queue->loop();
  loop->Execute([loop, answer = promised.answer] { backend::Choose(loop, answer); });
  return promised.promise;
}

Napi::Value LibraryPath(const Napi::CallbackInfo& info) {
  BeforePcsc(info.Env());
  const Result<const Library*> library = Library::Load();
  if (!library) throw Napi::Error(info.Env(), ToJs(info.Env(), library.error()));
  return Napi::String::New(info.Env(), library.value()->path);
}

Napi::Value ReadUsage(const Napi::CallbackInfo& info) {
  const backend::Usage& usage = backend::Usage::OfProcess();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("contexts", static_cast<double>(usage.contexts));
  object.Set("abandonedCalls", static_cast<double>(usage.abandoned));
  return object;
}

}  // namespace pcsc_bridge::addon
