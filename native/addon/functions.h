// The addon's functions, each in the file that is named above it; what they take and return: NativeAddon in
// src/native/types.ts.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// questions.cc: questions to the PC/SC service.
Napi::Value ListReaders(const Napi::CallbackInfo& info);
Napi::Value ListReaderGroups(const Napi::CallbackInfo& info);
Napi::Value IsValid(const Napi::CallbackInfo& info);

// pcsc_access.cc: how this process reaches PC/SC.
Napi::Value ChosenBackend(const Napi::CallbackInfo& info);
// Loads the PC/SC library; throws if there is none.
Napi::Value LibraryPath(const Napi::CallbackInfo& info);
Napi::Value ReadUsage(const Napi::CallbackInfo& info);

// items.cc: the host's item cache.
Napi::Value ReadItem(const Napi::CallbackInfo& info);
Napi::Value WriteItem(const Napi::CallbackInfo& info);

// doctor.cc
Napi::Value Doctor(const Napi::CallbackInfo& info);
Napi::Value ListDaemonClients(const Napi::CallbackInfo& info);
Napi::Value WriteFilterSetting(const Napi::CallbackInfo& info);

// socket.cc. setQuickAck(fd) sends TCP acknowledgements at once (TCP_QUICKACK, tcp(7)). The kernel resets the
// option, so repeat the call after each send. Without it, a peer that writes a message in two pieces under
// Nagle's algorithm, as vpcd does, waits about 40 ms for each. It has no effect if the option does not exist.
Napi::Value SetQuickAck(const Napi::CallbackInfo& info);

// pipe_server_windows.cc, and pipe_server_posix.cc without an implementation: named pipes.
// The class PipeServer; undefined if the system has no named pipes.
Napi::Value DefinePipeServer(Napi::Env env);
Napi::Value OpenPipeClient(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
