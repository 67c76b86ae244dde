#include <windows.h>

#include <sddl.h>

#include <mutex>
#include <utility>

#include "loop/worker.h"
#include "session/account_windows.h"
#include "session/pipe_server.h"

namespace pcsc_bridge {
namespace {

constexpr DWORD kBufferBytes = 64 * 1024;
constexpr DWORD kPauseMs = 1000;     // before trying again to make a pipe
constexpr DWORD kPatienceMs = 5000;  // for a free instance
constexpr std::size_t kLongestPath = 256;

// Generic rights for the system, administrators and the owner; none for the network. The interactive users
// get the rights for reading and writing (FILE_GENERIC_READ, FILE_WRITE_DATA, _ATTRIBUTES and _EA) and not
// FILE_CREATE_PIPE_INSTANCE, which GENERIC_WRITE includes: with that they could create pipes of this name,
// and receive what clients send.
constexpr const wchar_t* kOwnerOnly = L"D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;OW)";
constexpr const wchar_t* kUsersToo = L"D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;OW)(A;;0x12019b;;;IU)";
constexpr DWORD kClientRights = 0x12019b;

Error Failed(Status code, const char* operation, const std::string& what, DWORD error) {
  return Error{code, operation, "", what + " (error " + std::to_string(error) + ")"};
}

// A kernel object; move-only.
class Handle {
 public:
  Handle() = default;
  explicit Handle(HANDLE handle) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  ~Handle() {
    if (handle_ != nullptr) CloseHandle(handle_);
  }
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }
  std::intptr_t Release() { return reinterpret_cast<std::intptr_t>(std::exchange(handle_, nullptr)); }

 private:
  HANDLE handle_ = nullptr;
};

using Descriptor = std::unique_ptr<void, FreeLocal>;

Descriptor DescriptorOf(PipeAccess access) {
  const wchar_t* text = access == PipeAccess::kOwner ? kOwnerOnly : kUsersToo;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &descriptor, nullptr);
  return Descriptor(descriptor);
}

// Empty unless it is \\.\pipe\NAME.
std::wstring PipePath(const std::string& path) {
  const int size = static_cast<int>(path.size());
  const int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), size, nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.data(), size, wide.data(), length);
  constexpr const wchar_t* kPrefix = L"\\\\.\\pipe\\";
  const bool good = wide.rfind(kPrefix, 0) == 0 && wide.size() > 9 && wide.size() <= kLongestPath;
  return good ? wide : std::wstring();
}

Error NoPipePath(const char* operation) {
  return Error{status::kInvalidParameter, operation, "",
               "the path of a pipe is \\\\.\\pipe\\NAME, of at most 256 characters"};
}

}  // namespace

// The state shared by the server's thread and its owner.
struct PipeServer::Shared {
  std::wstring path;
  Descriptor descriptor;
  Arrived arrived;
  Handle stop{CreateEventW(nullptr, TRUE, FALSE, nullptr)};
  Handle connected{CreateEventW(nullptr, TRUE, FALSE, nullptr)};
  Handle next;  // waits for a client

  std::mutex mutex;
  std::function<void()> stopped;  // under mutex
  bool over = false;              // under mutex

  Handle Make(DWORD first) const {
    SECURITY_ATTRIBUTES attributes{sizeof(attributes), descriptor.get(), FALSE};
    return Handle(
        CreateNamedPipeW(path.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
                         PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                         PIPE_UNLIMITED_INSTANCES, kBufferBytes, kBufferBytes, 0, &attributes));
  }

  bool Stopped(DWORD wait_ms) const { return WaitForSingleObject(stop.get(), wait_ms) == WAIT_OBJECT_0; }

  // Waits for a client of `next`. False if there is none: the server was stopped, or the client has
  // disconnected.
  bool Connect() const {
    OVERLAPPED overlapped{};
    overlapped.hEvent = connected.get();
    ResetEvent(connected.get());
    if (ConnectNamedPipe(next.get(), &overlapped)) return true;
    switch (GetLastError()) {
      case ERROR_PIPE_CONNECTED:
        return true;
      case ERROR_IO_PENDING:
        break;
      default:
        DisconnectNamedPipe(next.get());
        return false;
    }
    const HANDLE events[] = {connected.get(), stop.get()};
    if (WaitForMultipleObjects(2, events, FALSE, INFINITE) != WAIT_OBJECT_0) CancelIo(next.get());
    // `overlapped` belongs to the system until this has returned.
    DWORD bytes = 0;
    return GetOverlappedResult(next.get(), &overlapped, &bytes, TRUE) != FALSE;
  }

  void Run() {
    while (!Stopped(0)) {
      if (!next) {
        next = Make(0);
        if (!next) {
          arrived(Failed(status::kNoMemory, "CreateNamedPipe", "the server cannot wait for another client",
                         GetLastError()));
          if (Stopped(kPauseMs)) break;
          continue;
        }
      }
      if (!Connect()) continue;
      // The next instance first: the pipe always exists, so no other process can create its first instance.
      Handle client = std::exchange(next, Make(0));
      arrived(client.Release());
    }
    next = Handle();
    const std::lock_guard<std::mutex> lock(mutex);
    over = true;
    if (stopped) stopped();
  }
};

PipeServer::PipeServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

PipeServer::~PipeServer() {
  Stop(nullptr);
}

Result<std::shared_ptr<PipeServer>> PipeServer::Listen(const std::string& path, PipeAccess access,
                                                       Arrived arrived) {
  auto shared = std::make_shared<Shared>();
  shared->path = PipePath(path);
  shared->descriptor = DescriptorOf(access);
  shared->arrived = std::move(arrived);
  if (shared->path.empty()) return NoPipePath("CreateNamedPipe");
  if (!shared->descriptor || !shared->stop || !shared->connected) {
    return Failed(status::kNoMemory, "CreateNamedPipe", "the system is out of a resource", GetLastError());
  }
  shared->next = shared->Make(FILE_FLAG_FIRST_PIPE_INSTANCE);
  if (!shared->next) {
    const DWORD error = GetLastError();
    const bool taken = error == ERROR_ACCESS_DENIED || error == ERROR_PIPE_BUSY;
    return Failed(taken ? status::kSharingViolation : status::kInvalidParameter, "CreateNamedPipe",
                  taken ? "another process already listens at " + path : path + " cannot be made", error);
  }
  if (!RunOnWorker([shared] { shared->Run(); })) {
    return NoThreadError();
  }
  return std::shared_ptr<PipeServer>(new PipeServer(std::move(shared)));
}

void PipeServer::Stop(std::function<void()> stopped) {
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    if (stopped && shared_->over) stopped();
    if (stopped) shared_->stopped = std::move(stopped);
  }
  SetEvent(shared_->stop.get());
}

Result<std::intptr_t> OpenPipe(const std::string& path) {
  const std::wstring wide = PipePath(path);
  if (wide.empty()) return NoPipePath("CreateFile");
  for (;;) {
    Handle pipe(CreateFileW(wide.c_str(), kClientRights, 0, nullptr, OPEN_EXISTING,
                            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
    if (pipe) return pipe.Release();
    DWORD error = GetLastError();
    if (error == ERROR_PIPE_BUSY && WaitNamedPipeW(wide.c_str(), kPatienceMs)) continue;
    if (error == ERROR_PIPE_BUSY) error = GetLastError();
    const bool denied = error == ERROR_ACCESS_DENIED;
    return Failed(denied ? status::kNoAccess : status::kNoService, "CreateFile",
                  denied ? "this user may not connect to " + path : "no process listens at " + path, error);
  }
}

}  // namespace pcsc_bridge
