// A PC/SC service for tests: readers, cards, transactions, other processes, and calls that stick or fail on
// demand.
#pragma once

#include <string>
#include <vector>

#include "backend/library/library.h"
#include "pcsc/status.h"
#include "pcsc/types.h"

namespace pcsc_bridge::test {

enum class Call {
  kEstablish,
  kRelease,
  kListReaders,
  kGetStatusChange,
  kCancel,
  kConnect,
  kReconnect,
  kDisconnect,
  kBegin,
  kEnd,
  kStatus,
  kTransmit,
  kControl,
  kGetAttrib,
  kSetAttrib,
};

enum class PseudoReader {
  kCountsReaders,   // Windows: its counter is the number of readers
  kCountsEvents,    // pcsc-lite since 2.3.0: of added and removed readers; a counter of 0 is not compared
  kDoesNotCompare,  // pcsc-lite before: it detects what is added or removed during the wait
  kUnknownReader,   // an error, as for any other unknown reader
};

// It behaves like pcsc-lite: connect, begin and a resetting disconnect wait while another handle holds the
// card; get-attribute returns SHARING_VIOLATION at once; a reset marks every handle but those connected after
// it; SCardCancel ends a wait in progress and nothing else.
//
// A card has a PIN state: the APDU kVerify sets it, a reset clears it; the response to kAsk is kVerified or
// kNotVerified.
//
// One at a time. Its destructor waits until every context has been released, and checks that no context was
// ever used by two threads at once.
class FakeLibrary {
 public:
  FakeLibrary();
  ~FakeLibrary();
  FakeLibrary(const FakeLibrary&) = delete;
  FakeLibrary& operator=(const FakeLibrary&) = delete;

  // Its switches (probe_before_begin and others) may be set before the first call.
  Library& table();

  void AddReader(const std::string& reader, bool with_card = true);
  void RemoveReader(const std::string& reader);
  void InsertCard(const std::string& reader);
  void RemoveCard(const std::string& reader);

  // What another process does.
  void Hold(const std::string& reader);
  void Free(const std::string& reader);
  void Reset(const std::string& reader);

  // The daemon ends, with every context, and is restarted.
  void StopService();
  void StartService();

  // SCardGetStatusChange returns at once, changed or not (Wine, some redirected readers).
  void NeverWaitForChange();
  // How SCardGetStatusChange handles the pseudo reader for added and removed readers. The default is
  // pcsc-lite since 2.3.0.
  void SetPseudoReader(PseudoReader behaviour);

  // SCardGetStatusChange accepts at most this number of readers.
  void LimitStatusChange(std::size_t readers);

  // SCardGetStatusChange reports the state 0 for a reader, in any state.
  void ForgetState(const std::string& reader);

  // From now on, calls of this function block until Unstick.
  void Stick(Call call);
  void Unstick(Call call);
  void WaitForStuck(Call call);
  // The next `times` calls return `code` and do nothing.
  void Fail(Call call, Status code, int times = 1);

  // The calls that changed something, in that order: "connect R, begin, end leave".
  std::string log();
  std::string last_calls(std::size_t count);
  int count(Call call);  // calls that were made
  void WaitForCount(Call call, int count);
  bool pin_verified(const std::string& reader);
  std::size_t contexts();
  std::size_t handles();
  void WaitForNoContext();
};

inline const Bytes kVerify{0x00, 0x20};
inline const Bytes kAsk{0x00, 0xca};
inline const Bytes kNotVerified{0x00, 0x90, 0x00};
inline const Bytes kVerified{0x01, 0x90, 0x00};

}  // namespace pcsc_bridge::test
