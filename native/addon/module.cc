#include <napi.h>

#include "addon/socket.h"

namespace pcsc_bridge::addon {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("setQuickAck", Napi::Function::New(env, SetQuickAck, "setQuickAck"));
  return exports;
}

NODE_API_MODULE(pcsc_bridge, Init)

}  // namespace pcsc_bridge::addon
