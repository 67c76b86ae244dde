#include "addon/functions.h"

#if defined(__linux__)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#endif

namespace pcsc_bridge::addon {

Napi::Value SetQuickAck(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsNumber()) throw Napi::TypeError::New(env, "setQuickAck: fd must be a number");
#if defined(__linux__)
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int on = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on) != 0) {
    throw Napi::Error::New(env, std::string("setQuickAck: ") + std::strerror(errno));
  }
#endif
  return env.Undefined();
}

}  // namespace pcsc_bridge::addon
