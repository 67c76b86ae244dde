// A channel of a test: every operation of a connection, each with its answer and the way to cancel it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "answer.h"
#include "channel/channel.h"
#include "fake_library.h"

namespace pcsc_bridge::test {

template <class T>
struct Asked {
  Answer<T> answer;
  std::shared_ptr<Operation> operation;

  Result<T> Wait() { return answer.Wait(); }
  void Cancel() { operation->Cancel(); }
  bool given() { return answer.given(); }
};

class TestChannel {
 public:
  explicit TestChannel(FakeLibrary& library) : channel_(Channel::Create(library.table())) {}
  ~TestChannel() { channel_->Close(Disposition::kLeave); }
  TestChannel(const TestChannel&) = delete;
  TestChannel& operator=(const TestChannel&) = delete;

  Channel* operator->() { return channel_.get(); }
  const std::shared_ptr<Channel>& channel() const { return channel_; }

  template <class T>
  Asked<T> Submit(typename OperationOf<T>::Work work) {
    Asked<T> asked;
    asked.operation = channel_->Submit<T>(std::move(work), asked.answer.Take());
    return asked;
  }

  Asked<Protocols> Connect(const std::string& reader = "R") {
    return Submit<Protocols>([reader](Connection& connection, Operation& operation) {
      return connection.Connect(reader, ShareMode::kShared, kT0 | kT1, operation);
    });
  }
  Asked<Protocols> Reconnect(Disposition initialization) {
    return Submit<Protocols>([initialization](Connection& connection, Operation& operation) {
      return connection.Reconnect(ShareMode::kShared, kT0 | kT1, initialization, operation);
    });
  }
  Asked<Done> Disconnect(Disposition disposition) {
    return Submit<Done>([disposition](Connection& connection, Operation& operation) {
      return connection.Disconnect(disposition, operation);
    });
  }
  Asked<BeginOutcome> Begin(OnReset on_reset = OnReset::kReconnect) {
    return Submit<BeginOutcome>([on_reset](Connection& connection, Operation& operation) {
      return connection.Begin(on_reset, operation);
    });
  }
  Asked<Done> End(Disposition disposition = Disposition::kLeave) {
    return Submit<Done>(
        [disposition](Connection& connection, Operation&) { return connection.End(disposition); });
  }
  Asked<CardStatus> Status() {
    return Submit<CardStatus>(
        [](Connection& connection, Operation& operation) { return connection.GetStatus(operation); });
  }
  Asked<Bytes> Transmit(const Bytes& apdu) {
    return Submit<Bytes>([apdu](Connection& connection, Operation& operation) {
      return connection.Transmit(apdu, operation);
    });
  }

 private:
  const std::shared_ptr<Channel> channel_;
};

}  // namespace pcsc_bridge::test
