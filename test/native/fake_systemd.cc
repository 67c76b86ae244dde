// Stands in for libsystemd.so.0 in logind_source_test.cc. Its answers are set through the variables at the
// top, which the test finds with dlsym. Built twice: as before systemd 254, and with -DSYSTEMD_254.
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" {

struct SdBus {
  int unused;
};

const char* fake_session = nullptr;  // of every process; null: in none
const char* fake_display = nullptr;  // of every user; null: none
unsigned fake_uid = 0;               // the owner of the sessions
std::uint64_t fake_start = 0;        // microseconds since 1970
int fake_bus_error = 0;              // the result of opening the bus: -errno
char fake_path[256] = "";            // of the last requested object
std::atomic<int> fake_open_buses{0};
std::atomic<int> fake_bus_calls{0};

int sd_pid_get_session(pid_t, char** session) {
  if (fake_session == nullptr) return -ENODATA;
  *session = strdup(fake_session);
  return 0;
}

int sd_pid_get_owner_uid(pid_t, uid_t* uid) {
  *uid = fake_uid;
  return 0;
}

int sd_uid_get_display(uid_t uid, char** session) {
  if (fake_display == nullptr || uid != fake_uid) return -ENODATA;
  *session = strdup(fake_display);
  return 0;
}

int sd_session_get_uid(const char*, uid_t* uid) {
  *uid = fake_uid;
  return 0;
}

#ifdef SYSTEMD_254
int sd_session_get_start_time(const char*, std::uint64_t* microseconds) {
  *microseconds = fake_start;
  return 0;
}
#endif

int sd_bus_open_system(SdBus** bus) {
  if (fake_bus_error != 0) return fake_bus_error;
  ++fake_open_buses;
  *bus = static_cast<SdBus*>(std::malloc(sizeof(SdBus)));
  return 0;
}

SdBus* sd_bus_flush_close_unref(SdBus* bus) {
  --fake_open_buses;
  std::free(bus);
  return nullptr;
}

int sd_bus_set_method_call_timeout(SdBus*, std::uint64_t) {
  return 0;
}

int sd_bus_path_encode(const char* prefix, const char* id, char** path) {
  *path = strdup((std::string(prefix) + "/_" + id).c_str());
  return 0;
}

int sd_bus_get_property_trivial(SdBus*, const char* destination, const char* path, const char* interface,
                                const char* member, void*, char type, void* value) {
  ++fake_bus_calls;
  std::strncpy(fake_path, path, sizeof(fake_path) - 1);
  if (std::strcmp(destination, "org.freedesktop.login1") != 0 ||
      std::strcmp(interface, "org.freedesktop.login1.Session") != 0 ||
      std::strcmp(member, "Timestamp") != 0 || type != 't') {
    return -EINVAL;
  }
  *static_cast<std::uint64_t*>(value) = fake_start;
  return 0;
}

}  // extern "C"
