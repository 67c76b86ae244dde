// TLS 1.2 with a shared key (ECDHE-PSK) over another stream.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/key_file.h"
#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Encrypts what it writes to another stream and decrypts what it reads from it. The client's side.
class TlsStream final : public Stream {
 public:
  // Why there is no connection, for people. A broken connection may be retried; a wrong key remains wrong.
  struct Failure {
    std::string why;
    bool broken = false;
  };

  TlsStream(std::shared_ptr<Stream> raw, const Key& key);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() override;

  // Performs the handshake, once and first: both sides prove that they have the key. No value if it
  // succeeds.
  std::optional<Failure> Handshake();

  // The other side ends with TLS's close_notify; an end without it is a broken connection.
  Outcome Read(char* buffer, std::size_t size, std::size_t& read) override;
  bool Write(std::string_view bytes) override;
  std::string reason() const override;

 private:
  struct Session;

  Outcome Fill();
  bool Flush();
  Failure FailureOf(int code);
  Outcome Broken(std::string why);

  const std::shared_ptr<Stream> raw_;
  const std::string identity_;

  // Held while records are written to `raw_`, so that they keep the order in which they were made. Taken
  // first.
  std::mutex writing_;
  // Guards all below. Never held during a call of `raw_`: one thread waits in a read while another writes.
  mutable std::mutex mutex_;
  const std::unique_ptr<Session> session_;
  std::string reason_;
};

}  // namespace pcsc_bridge::agent
