// Socket options that Node has no API for.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// setQuickAck(fd): sends TCP acknowledgements at once (TCP_QUICKACK, tcp(7)). The kernel resets the option,
// so repeat the call after each send. Without it, a peer that writes a message in two pieces under Nagle's
// algorithm, as vpcd does, waits about 40 ms for each. It has no effect if the option does not exist.
Napi::Value SetQuickAck(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
