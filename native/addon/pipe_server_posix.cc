#include "addon/functions.h"

namespace pcsc_bridge::addon {

Napi::Value DefinePipeServer(Napi::Env env) {
  return env.Undefined();
}

Napi::Value OpenPipeClient(const Napi::CallbackInfo& info) {
  throw Napi::Error::New(info.Env(), "openPipe: named pipes are Windows' own");
}

}  // namespace pcsc_bridge::addon
