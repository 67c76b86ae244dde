#include "addon/functions.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/promise.h"
#include "readers/questions.h"

namespace pcsc_bridge::addon {
namespace {

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

Napi::Value FromBool(Napi::Env env, bool& value) {
  return Napi::Boolean::New(env, value);
}

template <class T>
Napi::Value Ask(const Napi::CallbackInfo& info, const Napi::Value& cancel, Convert<T> convert,
                const std::function<std::shared_ptr<Cancellable>(Questions&, std::shared_ptr<Loop>,
                                                                 std::function<void(Result<T>)>)>& ask) {
  BeforePcsc(info.Env());
  Promised<T> promised = MakePromise<T>(info.Env(), convert);
  const std::shared_ptr<Questions> questions = Questions::OfProcess();
  if (!questions) {
    promised.answer(NoLoopError());
    return promised.promise;
  }
  const std::shared_ptr<Cancellable> question =
      ask(*questions, Environment::Of(info.Env()).queue->loop(), std::move(promised.answer));
  if (const auto token = CancelWrap::TokenOf(cancel)) token->Bind(question);
  return promised.promise;
}

}  // namespace

Napi::Value ListReaders(const Napi::CallbackInfo& info) {
  Names groups = ToNames(info[0], "groups");
  return Ask<Names>(info, info[1], FromNames, [&](Questions& questions, auto loop, auto answer) {
    return questions.ListReaders(std::move(groups), std::move(loop), std::move(answer));
  });
}

Napi::Value ListReaderGroups(const Napi::CallbackInfo& info) {
  return Ask<Names>(info, info[0], FromNames, [](Questions& questions, auto loop, auto answer) {
    return questions.ListReaderGroups(std::move(loop), std::move(answer));
  });
}

Napi::Value IsValid(const Napi::CallbackInfo& info) {
  return Ask<bool>(info, info[0], FromBool, [](Questions& questions, auto loop, auto answer) {
    return questions.IsValid(std::move(loop), std::move(answer));
  });
}

}  // namespace pcsc_bridge::addon
