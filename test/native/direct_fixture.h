// A channel of a stand-in daemon, and transmits that the asker's own thread sends.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "channel_fixture.h"
#include "fake_daemon.h"

namespace pcsc_bridge::test {

using daemon::Command;

inline const Bytes kFirst{0x01};
inline const Bytes kSecond{0x02};
inline const Bytes kThird{0x03};

inline Bytes Ok(Bytes apdu) {
  apdu.push_back(0x90);
  apdu.push_back(0x00);
  return apdu;
}

struct Sent : Asked<Bytes> {
  bool direct = false;
};

inline Sent Send(Channel& channel, const Bytes& apdu, bool may_be_direct = true) {
  Sent sent;
  Channel::Transmission transmission =
      channel.SubmitTransmit(std::make_shared<SecretBytes>(apdu), sent.answer.Take(), true, may_be_direct);
  sent.operation = std::move(transmission.operation);
  sent.direct = transmission.direct;
  return sent;
}

// Watches a channel as an event loop does.
class Watch {
 public:
  explicit Watch(Channel& channel) : channel_(channel), fd_(channel.TransmitDescriptor()) {}
  ~Watch() {
    if (fd_ >= 0) close(fd_);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool valid() const { return fd_ >= 0; }
  bool Readable(std::chrono::milliseconds time = kPatience) const {
    pollfd wait{fd_, POLLIN, 0};
    return poll(&wait, 1, static_cast<int>(time.count())) == 1;
  }
  // Until it says that nothing is under way that way any more.
  void Finish(Sent& sent) const {
    while (!sent.given()) {
      REQUIRE(Readable());
      if (!channel_.Continue()) return;
    }
  }

 private:
  Channel& channel_;
  const int fd_;
};

struct WithDaemon {
  WithDaemon() { library.table().daemon = platform::DaemonLibrary(); }
  FakeDaemon daemon;
  FakeLibrary library;
};

struct Connected : WithDaemon {
  Connected() {
    CHECK(channel.Connect().Wait().ok());
    daemon.Forget();
  }
  Sent Send(const Bytes& apdu) { return pcsc_bridge::test::Send(*channel.channel(), apdu); }
  // Sends a command whose response the daemon holds back.
  Sent SendHeld(const Bytes& apdu) {
    daemon.Hold(Command::kTransmit);
    const std::size_t before = daemon.count(Command::kTransmit);
    Sent sent = Send(apdu);
    REQUIRE(sent.direct);
    daemon.WaitForAsked(Command::kTransmit, before + 1);
    return sent;
  }
  TestChannel channel{library};
};

// Takes a turn at the reader, as any other channel of the process does.
class TurnOfAnother {
 public:
  TurnOfAnother() : place_(ReaderGate::OfProcess().TakePlace("R", *operation_)) {}

 private:
  std::shared_ptr<Operation> operation_ = std::make_shared<OperationOf<Done>>(
      [](Connection&, Operation&) -> Result<Done> { return Done{}; }, [](const Result<Done>&) {});
  ReaderGate::Place place_;
};

}  // namespace pcsc_bridge::test
