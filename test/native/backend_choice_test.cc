// Which backend a process uses: the daemon's only if it is provably equivalent to the library.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "answer.h"
#include "backend/chooser.h"
#include "backend/socket_peer.h"
#include "library_fixture.h"
#include "loop/worker.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using backend::Choice;
using backend::Chooser;

namespace {

namespace fs = std::filesystem;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int OpenSocket(const std::string& path) {
  const sockaddr_un address = AddressOf(path);
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(descriptor >= 0);
  REQUIRE(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  return descriptor;
}

// Listens without accepting: the kernel completes connections all the same.
class Service {
 public:
  explicit Service(const std::string& path) : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = AddressOf(path);
    REQUIRE(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(descriptor_, 10) == 0);
  }
  ~Service() { (void)close(descriptor_); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

 private:
  const int descriptor_;
};

// What the stand-in library does in SCardEstablishContext.
struct StandIn {
  std::mutex mutex;
  std::string connects_to;  // empty: to nothing
  pcsc_bridge::Status establish = status::kSuccess;
  int established = 0;
  std::map<abi::ContextHandle, int> sockets;
};

StandIn& TheStandIn() {
  static StandIn stand_in;
  return stand_in;
}

abi::Long Establish(abi::Dword, const void*, const void*, abi::ContextHandle* handle) {
  StandIn& stand_in = TheStandIn();
  const std::lock_guard<std::mutex> lock(stand_in.mutex);
  *handle = ++stand_in.established;
  if (stand_in.establish != status::kSuccess) return static_cast<abi::Long>(stand_in.establish);
  if (!stand_in.connects_to.empty()) stand_in.sockets[*handle] = OpenSocket(stand_in.connects_to);
  return 0;
}

abi::Long Release(abi::ContextHandle handle) {
  StandIn& stand_in = TheStandIn();
  const std::lock_guard<std::mutex> lock(stand_in.mutex);
  if (stand_in.sockets.count(handle) != 0) (void)close(stand_in.sockets[handle]);
  stand_in.sockets.erase(handle);
  return 0;
}

class Daemon final : public backend::Backend {
 public:
  const char* name() const override { return "daemon"; }
  std::unique_ptr<backend::Client> MakeClient(const std::shared_ptr<Loop>&) const override { return nullptr; }
  std::unique_ptr<backend::Watcher> Watch(const std::shared_ptr<Loop>&, backend::Report) const override {
    return nullptr;
  }
};

// A host with a service at the socket of pcscd and another one elsewhere.
struct Host {
  Host() {
    TheStandIn().connects_to = pcscd;
    TheStandIn().establish = status::kSuccess;
    TheStandIn().established = 0;
    variables.socket = pcscd;
    library.establish_context = Establish;
    library.release_context = Release;
    surroundings.load_library = [this]() -> Result<const Library*> {
      ++loads;
      if (missing) return Error{status::kLibraryMissing, "dlopen", "", ""};
      return &library;
    };
    surroundings.make_daemon_backend = [this](const std::string& socket) {
      CHECK(socket == variables.socket);
      return std::make_unique<Daemon>();
    };
    surroundings.ask_daemon_version = [this](const std::string&) -> Result<Done> {
      if (version != status::kSuccess) return Error{version, "pcscd", "", ""};
      return Done{};
    };
    surroundings.spy_is_loaded = [this] { return spy; };
  }
  ~Host() { fs::remove_all(directory); }

  void MakeChooser() {
    surroundings.variables = variables;
    chooser = std::make_unique<Chooser>(surroundings);
  }
  Result<Choice> Choose() {
    if (!chooser) MakeChooser();
    Answer<Choice> answer;
    OnLoop([&] { chooser->Choose(TestLoop(), answer.Take()); });
    return answer.Wait();
  }
  std::string Name() {
    const Result<Choice> choice = Choose();
    REQUIRE(choice.ok());
    CHECK_FALSE(choice.value().reason.empty());
    return choice.value().backend->name();
  }

  static fs::path MakeDirectory() {
    std::string name = (fs::temp_directory_path() / "choice-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    return name;
  }

  const fs::path directory = MakeDirectory();
  const std::string pcscd = directory / "pcscd.comm";
  const std::string other = directory / "other.comm";
  const Service at_pcscd{pcscd};
  const Service at_other{other};
  EnvironmentVariables variables;
  Library library;
  backend::Surroundings surroundings;
  std::unique_ptr<Chooser> chooser;
  bool missing = false;
  bool spy = false;
  pcsc_bridge::Status version = status::kSuccess;
  int loads = 0;  // the worker's
};

}  // namespace

TEST_SUITE("backend choice") {
  TEST_CASE_FIXTURE(Host, "a library that talks to the daemon's socket selects the daemon backend") {
    const int descriptor = OpenSocket(other);  // one of the program's own
    CHECK(Name() == "daemon");
    CHECK(TheStandIn().sockets.empty());
    (void)close(descriptor);
  }

  TEST_CASE_FIXTURE(Host, "the socket may have another path for us than for the daemon") {
    fs::create_directory_symlink(directory, directory / "link");
    variables.socket = directory / "link" / "pcscd.comm";
    CHECK(Name() == "daemon");
  }

  TEST_CASE_FIXTURE(Host, "a library that talks to another socket selects the library backend") {
    TheStandIn().connects_to = other;
    CHECK(Name() == "library");
  }

  TEST_CASE_FIXTURE(
      Host,
      "a library that talks to no socket selects the library backend, whatever else the program talks to") {
    TheStandIn().connects_to.clear();
    const int descriptor = OpenSocket(pcscd);
    CHECK(Name() == "library");
    (void)close(descriptor);
  }

  TEST_CASE_FIXTURE(Host,
                    "a daemon with another protocol, or that does not respond, selects the library backend") {
    SUBCASE("protocol") {
      version = status::kServiceStopped;
    }
    SUBCASE("time") {
      version = status::kTimeout;
    }
    CHECK(Name() == "library");
  }

  TEST_CASE_FIXTURE(Host, "a setting of the user comes first, and the library is not called") {
    std::string name = "library";
    SUBCASE("PCSC_BRIDGE_LIBRARY") {
      variables.library = "/opt/other/libpcsclite.so.1";
      variables.backend = "daemon";
    }
    SUBCASE("PCSC_BRIDGE_BACKEND=library") {
      variables.backend = "library";
    }
    SUBCASE("PCSC_BRIDGE_BACKEND=daemon") {
      variables.backend = "daemon";
      TheStandIn().connects_to = other;
      missing = true;
      name = "daemon";
    }
    SUBCASE("LIBPCSCLITE_DELEGATE") {
      variables.delegates = true;
    }
    SUBCASE("libpcscspy") {
      spy = true;
    }
    CHECK(Name() == name);
    CHECK(TheStandIn().established == 0);
  }

  TEST_CASE_FIXTURE(Host, "an invalid value of PCSC_BRIDGE_BACKEND is an error that says so") {
    variables.backend = "deamon";
    const Result<Choice> choice = Choose();
    CHECK(choice.code() == status::kInvalidValue);
    CHECK(choice.error().detail.find("\"deamon\"") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Host,
                    "a system without the daemon backend uses the library, and rejects any other setting") {
    surroundings.make_daemon_backend = nullptr;
    surroundings.spy_is_loaded = nullptr;
    SUBCASE("by default") {
      CHECK(Name() == "library");
      CHECK(TheStandIn().established == 0);
    }
    SUBCASE("forced") {
      variables.backend = "daemon";
      CHECK(Choose().code() == status::kInvalidValue);
    }
  }

  TEST_CASE_FIXTURE(
      Host,
      "a library that is missing, or has no service, is an error, and is tried again at the next call") {
    SUBCASE("missing") {
      missing = true;
      CHECK(Choose().code() == status::kLibraryMissing);
      missing = false;
    }
    SUBCASE("no service") {
      TheStandIn().establish = status::kNoService;
      const Result<Choice> choice = Choose();
      CHECK(choice.code() == status::kNoService);
      CHECK(choice.error().operation == "SCardEstablishContext");
      TheStandIn().establish = status::kSuccess;
    }
    SUBCASE("no thread") {
      const RefuseThreads once(1);
      CHECK(Choose().code() == status::kNoMemory);
    }
    CHECK(Name() == "daemon");
  }

  TEST_CASE_FIXTURE(Host, "the choice is made once, and is then available within the call") {
    const backend::Backend* const first = Choose().value().backend;
    bool within = false;
    OnLoop([&] {
      chooser->Choose(TestLoop(), [&](const Result<Choice>& choice) {
        CHECK(choice.value().backend == first);
        within = true;
      });
      CHECK(within);
    });
    CHECK(loads == 1);
  }

  TEST_CASE_FIXTURE(Host, "calls made during the choice all wait for it") {
    Moment go;
    const auto load = surroundings.load_library;
    surroundings.load_library = [&] {
      go.Wait();
      return load();
    };
    MakeChooser();
    std::vector<Answer<Choice>> answers(5);
    OnLoop([&] {
      for (Answer<Choice>& answer : answers) chooser->Choose(TestLoop(), answer.Take());
    });
    go.Come();
    for (Answer<Choice>& answer : answers) CHECK(answer.Wait().ok());
    CHECK(loads == 1);
  }
}
