#include "session/logind_source.h"

#include <dlfcn.h>
#include <sys/types.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "session/filetime.h"
#include "session/user_name.h"

// Opaque to us; libsystemd's own names would do as well, but these are ours.
struct SdBus;

namespace pcsc_bridge {
namespace {

constexpr std::uint64_t kBusTimeoutMicroseconds = 2'000'000;
constexpr std::uint32_t kCounterRange = 0x80000000;

struct Free {
  void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, Free>;

struct CloseLibrary {
  void operator()(void* handle) const { dlclose(handle); }
};

std::optional<std::uint32_t> NumberOf(std::string_view session) {
  const bool counter = !session.empty() && session.front() == 'c';
  if (counter) session.remove_prefix(1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(session.data(), session.data() + session.size(), number);
  if (error != std::errc() || end != session.data() + session.size()) return std::nullopt;
  if (number >= kCounterRange) return std::nullopt;
  return counter ? kCounterRange | number : number;
}

Error Unknown(const char* operation, std::string detail) {
  return Error{status::kSessionUnknown, operation, "", std::move(detail)};
}

}  // namespace

// The functions of the library, all from one of its files. Signatures as in <systemd/sd-login.h>,
// <systemd/sd-bus.h>.
struct LogindSource::Library {
  int (*pid_get_session)(pid_t, char**) = nullptr;
  int (*pid_get_owner_uid)(pid_t, uid_t*) = nullptr;
  int (*uid_get_display)(uid_t, char**) = nullptr;
  int (*session_get_uid)(const char*, uid_t*) = nullptr;
  int (*session_get_start_time)(const char*, std::uint64_t*) = nullptr;  // systemd 254

  int (*bus_open_system)(SdBus**) = nullptr;
  SdBus* (*bus_flush_close_unref)(SdBus*) = nullptr;
  int (*bus_set_method_call_timeout)(SdBus*, std::uint64_t) = nullptr;  // systemd 240
  int (*bus_path_encode)(const char*, const char*, char**) = nullptr;
  int (*bus_get_property_trivial)(SdBus*, const char*, const char*, const char*, const char*, void*, char,
                                  void*) = nullptr;

  static std::unique_ptr<const Library> Load(const std::string& path, std::string& trouble) {
    // RTLD_NODELETE: the functions stay when the handle goes, so threads may use them until the very end.
    const std::unique_ptr<void, CloseLibrary> handle(
        dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
    if (!handle) {
      const char* reason = dlerror();
      trouble = reason != nullptr ? reason : path + " cannot be loaded";
      return nullptr;
    }
    auto library = std::make_unique<Library>();
    const auto find = [opened = handle.get()](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(opened, name));
    };
    find(library->pid_get_session, "sd_pid_get_session");
    find(library->pid_get_owner_uid, "sd_pid_get_owner_uid");
    find(library->uid_get_display, "sd_uid_get_display");
    find(library->session_get_uid, "sd_session_get_uid");
    find(library->session_get_start_time, "sd_session_get_start_time");
    find(library->bus_open_system, "sd_bus_open_system");
    find(library->bus_flush_close_unref, "sd_bus_flush_close_unref");
    find(library->bus_set_method_call_timeout, "sd_bus_set_method_call_timeout");
    find(library->bus_path_encode, "sd_bus_path_encode");
    find(library->bus_get_property_trivial, "sd_bus_get_property_trivial");
    if (library->pid_get_session == nullptr || library->session_get_uid == nullptr) {
      trouble = path + " lacks sd_pid_get_session or sd_session_get_uid";
      return nullptr;
    }
    return library;
  }

  Result<std::string> SessionOf(std::uint32_t pid) const {
    char* text = nullptr;
    const int answer = pid_get_session(static_cast<pid_t>(pid), &text);
    const Text session(text);
    if (answer >= 0 && session) return std::string(session.get());
    if (answer == -ENODATA || answer == -ENXIO) {
      std::string display = DisplayOfOwner(pid);
      if (!display.empty()) return display;
    }
    return Unknown("sd_pid_get_session",
                   "process " + std::to_string(pid) +
                       " is in no session (sd_pid_get_session: " + std::strerror(-answer) + ")");
  }

  // The display session of the user under whose user@UID.service the process runs; empty when there is none.
  std::string DisplayOfOwner(std::uint32_t pid) const {
    if (pid_get_owner_uid == nullptr || uid_get_display == nullptr) return "";
    uid_t owner = 0;
    if (pid_get_owner_uid(static_cast<pid_t>(pid), &owner) < 0) return "";
    char* text = nullptr;
    const int answer = uid_get_display(owner, &text);
    const Text session(text);
    return answer >= 0 && session ? session.get() : "";
  }

  // FILETIME ticks; 0 = unknown.
  std::uint64_t StartOf(const std::string& session) const {
    std::uint64_t microseconds = 0;
    if (session_get_start_time != nullptr && session_get_start_time(session.c_str(), &microseconds) >= 0) {
      return FiletimeOfUnixMicroseconds(microseconds);
    }
    return StartOverBus(session);
  }

  std::uint64_t StartOverBus(const std::string& session) const {
    if (bus_open_system == nullptr || bus_flush_close_unref == nullptr || bus_path_encode == nullptr ||
        bus_get_property_trivial == nullptr) {
      return 0;
    }
    char* text = nullptr;
    if (bus_path_encode("/org/freedesktop/login1/session", session.c_str(), &text) < 0) return 0;
    const Text path(text);

    SdBus* opened = nullptr;
    if (bus_open_system(&opened) < 0) return 0;
    const auto close = [this](SdBus* bus) { bus_flush_close_unref(bus); };
    const std::unique_ptr<SdBus, decltype(close)> bus(opened, close);
    if (bus_set_method_call_timeout != nullptr) {
      bus_set_method_call_timeout(bus.get(), kBusTimeoutMicroseconds);
    }
    std::uint64_t microseconds = 0;
    if (bus_get_property_trivial(bus.get(), "org.freedesktop.login1", path.get(),
                                 "org.freedesktop.login1.Session", "Timestamp", nullptr, 't',
                                 &microseconds) < 0) {
      return 0;
    }
    return microseconds != 0 ? FiletimeOfUnixMicroseconds(microseconds) : 0;
  }
};

LogindSource::LogindSource() : LogindSource("libsystemd.so.0") {
  if (library_) return;
  std::string second_trouble;
  library_ = Library::Load("libelogind.so.0", second_trouble);
}

LogindSource::LogindSource(const std::string& library) {
  library_ = Library::Load(library, trouble_);
}

LogindSource::~LogindSource() = default;

Result<Session> LogindSource::Ask(std::uint32_t pid) const {
  if (!library_) return Unknown("dlopen", trouble_);
  if (pid >= kCounterRange) return Unknown("sd_pid_get_session", "there is no such process id");
  const Result<std::string> name = library_->SessionOf(pid);
  if (!name.ok()) return name.error();
  const std::optional<std::uint32_t> number = NumberOf(name.value());
  if (!number) {
    return Unknown("sd_pid_get_session", "the session id \"" + name.value() + "\" has a form not known here");
  }

  Session session;
  session.source = SessionSource::kLogind;
  session.identity = {*number, library_->StartOf(name.value())};
  uid_t uid = 0;
  if (library_->session_get_uid(name.value().c_str(), &uid) >= 0) session.user = UserName(uid);
  return session;
}

}  // namespace pcsc_bridge
