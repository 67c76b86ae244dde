// The ways to reach PC/SC, behind one asynchronous interface.
//
// There are two: `daemon` talks to pcscd over its socket and needs no thread; `library` makes the blocking
// calls of a PC/SC library on worker threads. The users of a client do not know which one it is. The
// backend decides how to wait for a card that another process holds (poll, or let the service wake the
// thread).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "loop/loop.h"
#include "pcsc/result.h"
#include "pcsc/secret.h"
#include "pcsc/types.h"

namespace pcsc_bridge::backend {

// --- Calls: each is the PC/SC function of its name. ---

// SCardListReaders: the readers in any of the groups, or all readers if there is no group. Returns an empty
// list if there is no reader.
struct ListReaders {
  std::vector<std::string> groups;
};
// SCardListReaderGroups. Returns an empty list if the library has no groups.
struct ListReaderGroups {};
// SCardIsValidContext, and a request to the service: fails if this client's context is no longer valid.
struct CheckContext {};
// SCardConnect. Establishes the context if there is none. Waits without limit, inside the service, while
// another process has a transaction on the card.
struct Connect {
  std::string reader;
  ShareMode share_mode = ShareMode::kShared;
  Protocols protocols = 0;  // may be empty with kDirect only
};
struct Reconnect {
  ShareMode share_mode = ShareMode::kShared;
  Protocols protocols = 0;
  Disposition initialization = Disposition::kLeave;
};
struct Disconnect {
  Disposition disposition = Disposition::kLeave;
  std::function<void()> waits;  // may be null; called once, on the loop, if another process has the card
};
struct Begin {};
struct End {
  Disposition disposition = Disposition::kLeave;
};
struct Status {
  bool handle_works = false;  // the caller knows it, so the backend need not check
};
struct Transmit {
  std::shared_ptr<const SecretBytes> apdu;
  Protocols protocol = 0;  // to send with (SCARD_IO_REQUEST); 0: the active one

  Protocols ProtocolOr(Protocols active) const { return protocol != 0 ? protocol : active; }
};
struct Control {
  std::uint32_t code = 0;  // the platform's own
  std::shared_ptr<const SecretBytes> input;
};
struct GetAttribute {
  std::uint32_t id = 0;
};
struct SetAttribute {
  std::uint32_t id = 0;
  Bytes value;
};

using Call = std::variant<ListReaders, ListReaderGroups, CheckContext, Connect, Reconnect, Disconnect, Begin,
                          End, Status, Transmit, Control, GetAttribute, SetAttribute>;

// The outcome of a call: the members that its comment names; the others keep their defaults.
struct Reply {
  Protocols protocol = 0;          // Connect, Reconnect: the active one; 0 with kDirect
  CardStatus status;               // Status
  Bytes bytes;                     // Transmit, Control, GetAttribute
  std::vector<std::string> names;  // ListReaders, ListReaderGroups
  bool waited = false;             // another process had the card (on Windows: for 100 ms or longer)
  bool handle_works = false;       // Begin: its success proves that the handle works; otherwise Status has to
};

// Errors contain the PC/SC function and the reader, if there is one.
using Outcome = Result<Reply>;
using Answer = std::function<void(Outcome)>;

// One PC/SC context with at most one card on it. Belongs to one loop: every member is called there, and
// `done` is called there. One call at a time.
//
// Begin, Status, Transmit, Reconnect and Disconnect (except kLeave) wait until no other process has a
// transaction on the card; inside a transaction of this client they do not wait. A command that is given up
// while it waits never reaches the card. Control, GetAttribute and SetAttribute do not wait:
// SCARD_E_SHARING_VIOLATION.
class Client {
 public:
  // Retires with kReset in a transaction, otherwise with kLeave, unless it has been retired.
  virtual ~Client() = default;

  // Makes a call. `done` is called once, never within this function, unless the call is given up.
  virtual void Start(Call call, Answer done) = 0;

  // Gives up the running call: its `done` is not called any more. kUsable: the call never happened or its
  // effect will be undone, and the next call may be made at once. kLost: it is unknown what the call does
  // or when it ends; the client can only be retired. Without a running call: kUsable.
  enum class After { kUsable, kLost };
  [[nodiscard]] virtual After GiveUp() = 0;

  // Ends this client, whatever it does: the `done` of a running call is not called any more. Ends a
  // transaction, disconnects with `disposition` (which also undoes a call that was given up, as soon as it
  // ends), and releases the context. Never waits. Only the destructor may be called afterwards, even at
  // once: the remaining work is done nevertheless, also if the loop or the environment has ended.
  // `released`, which may be null, is called on the loop when all work is done, and is dropped on any
  // thread if the loop has ended before.
  virtual void Retire(Disposition disposition, std::function<void()> released) = 0;
};

// Watches all readers (SCardGetStatusChange). Belongs to one loop; ends when it is destroyed.
class Watcher {
 public:
  virtual ~Watcher() = default;
};

using Picture = std::vector<ReaderStatus>;
// Reports the picture at the start and at each change, possibly the same one twice. An error is the last
// report: the watcher is dead and must be destroyed (not within the report). SCARD_E_NO_READERS_AVAILABLE:
// the service has stopped with the last reader, and starts again with the next one.
using Report = std::function<void(Result<Picture>)>;

// Immutable, lives as long as the process. Thread safe.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;  // "daemon" or "library"
  // Does not contact the service yet.
  virtual std::unique_ptr<Client> MakeClient(const std::shared_ptr<Loop>& loop) const = 0;
  virtual std::unique_ptr<Watcher> Watch(const std::shared_ptr<Loop>& loop, Report report) const = 0;
};

// Provides a backend: the process's choice (backend/choice.h), or a given one in tests. `then` is
// called on the loop, possibly within the call.
using Provider =
    std::function<void(const std::shared_ptr<Loop>& loop, std::function<void(Result<const Backend*>)> then)>;

inline Provider Always(const Backend& backend) {
  return [&backend](const std::shared_ptr<Loop>&, const std::function<void(Result<const Backend*>)>& then) {
    then(&backend);
  };
}

}  // namespace pcsc_bridge::backend
