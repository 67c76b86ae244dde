// Named pipes of Windows for JavaScript: pipe_server_windows.cc. pipe_server_posix.cc has no
// implementation.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// The class PipeServer: new PipeServer(path, everyone, listener), close(). undefined if the system has no
// named pipes.
Napi::Value DefinePipeServer(Napi::Env env);

// openPipe(path): a promise of the file descriptor of a pipe's client end.
Napi::Value OpenPipeClient(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
