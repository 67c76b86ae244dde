#include "fake_daemon_words.h"

#include <cstring>

#include "agent/hex.h"

namespace pcsc_bridge::test {

using daemon::Command;

std::size_t SizeOf(Command command) {
  switch (command) {
    case Command::kEstablishContext:
      return sizeof(daemon::EstablishContext);
    case Command::kConnect:
      return sizeof(daemon::Connect);
    case Command::kReconnect:
      return sizeof(daemon::Reconnect);
    case Command::kDisconnect:
    case Command::kEndTransaction:
      return sizeof(daemon::Dispose);
    case Command::kBeginTransaction:
    case Command::kStatus:
      return sizeof(daemon::Plain);
    case Command::kTransmit:
      return sizeof(daemon::Transmit);
    case Command::kControl:
      return sizeof(daemon::Control);
    case Command::kGetAttrib:
    case Command::kSetAttrib:
      return sizeof(daemon::Attribute);
    case Command::kVersion:
      return sizeof(daemon::Version);
    case Command::kReaderStates:
    case Command::kWatchReaders:
    case Command::kStopWatching:
    case Command::kReaderEvents:
    case Command::kReaderTableSize:
    case Command::kReaderTable:
      return 0;
  }
  return static_cast<std::size_t>(-1);
}

std::string NameOf(const FakeDaemon::Question& question) {
  static const char* const dispositions[] = {"leave", "reset", "unpower", "eject"};
  switch (question.command) {
    case Command::kEstablishContext:
      return "establish";
    case Command::kConnect:
      return std::string("connect ") + question.As<daemon::Connect>().reader;
    case Command::kReconnect:
      return std::string("reconnect ") + dispositions[question.As<daemon::Reconnect>().initialization];
    case Command::kDisconnect:
      return std::string("disconnect ") + dispositions[question.As<daemon::Dispose>().disposition];
    case Command::kBeginTransaction:
      return "begin";
    case Command::kEndTransaction:
      return std::string("end ") + dispositions[question.As<daemon::Dispose>().disposition];
    case Command::kTransmit:
      return "transmit " + agent::ToHex(question.data);
    case Command::kControl:
      return "control";
    case Command::kStatus:
      return "status";
    case Command::kGetAttrib:
      return "get-attribute";
    case Command::kSetAttrib:
      return "set-attribute";
    case Command::kVersion:
      return "version";
    case Command::kReaderStates:
      return "readers";
    case Command::kWatchReaders:
      return "watch";
    case Command::kStopWatching:
      return "stop-watching";
    case Command::kReaderEvents:
      return "events";
    case Command::kReaderTableSize:
      return "table-size";
    case Command::kReaderTable:
      return "table";
  }
  return "?";
}

std::optional<Status> CodeIn(const FakeDaemon::Question& question, const Bytes& answer) {
  const std::size_t size = question.message.size();
  if (size < kCodeSize || answer.size() < size) return std::nullopt;
  Status code = 0;
  std::memcpy(&code, answer.data() + size - kCodeSize, kCodeSize);
  return code;
}

}  // namespace pcsc_bridge::test
