#include "agent/tls_stream.h"

#include <mbedtls/entropy.h>
#include <mbedtls/hmac_drbg.h>
#include <mbedtls/ssl.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace pcsc_bridge::agent {
namespace {

constexpr std::size_t kLargestRecord = 16 * 1024;
// Part of the random generator's seed besides the system's randomness, as mbedTLS asks for.
constexpr char kPersonalization[] = "pcsc-bridge-agent";

// Alerts (RFC 5246, 7.2; RFC 4279, 2).
constexpr int kBadRecordMac = 20;
constexpr int kDecryptError = 51;
constexpr int kUnknownPskIdentity = 115;

const unsigned char* Unsigned(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

void Require(int code, const char* what) {
  if (code != 0)
    throw std::runtime_error(std::string("TLS: ") + what + " failed (" + std::to_string(code) + ")");
}

}  // namespace

// What mbedTLS keeps, and the bytes between it and the raw stream. mbedTLS wipes what is freed.
struct TlsStream::Session {
  Session() {
    mbedtls_entropy_init(&entropy);
    mbedtls_hmac_drbg_init(&random);
    mbedtls_ssl_config_init(&configuration);
    mbedtls_ssl_init(&ssl);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&configuration);
    mbedtls_hmac_drbg_free(&random);
    mbedtls_entropy_free(&entropy);
  }

  void SetUp(const Key& key) {
    Require(
        mbedtls_hmac_drbg_seed(&random, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), mbedtls_entropy_func,
                               &entropy, Unsigned(kPersonalization), sizeof kPersonalization),
        "asking the system for random numbers");
    Require(mbedtls_ssl_config_defaults(&configuration, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT),
            "the configuration");
    mbedtls_ssl_conf_rng(&configuration, mbedtls_hmac_drbg_random, &random);
    Require(mbedtls_ssl_conf_psk(&configuration, key.bytes.data(), key.bytes.size(),
                                 Unsigned(key.identity.data()), key.identity.size()),
            "setting the key");
    Require(mbedtls_ssl_setup(&ssl, &configuration), "the set-up");
    mbedtls_ssl_set_bio(&ssl, this, Send, Receive, nullptr);
  }

  // The key is needed for the handshake only. mbedTLS wipes a key when it replaces it; it rejects an empty
  // one.
  void ForgetKey() {
    const unsigned char nothing = 0;
    (void)mbedtls_ssl_conf_psk(&configuration, &nothing, 1, &nothing, 1);
  }

  static int Send(void* self, const unsigned char* bytes, std::size_t size) {
    static_cast<Session*>(self)->outgoing.append(reinterpret_cast<const char*>(bytes), size);
    return static_cast<int>(size);
  }

  static int Receive(void* self, unsigned char* bytes, std::size_t size) {
    std::string& incoming = static_cast<Session*>(self)->incoming;
    if (incoming.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    size = std::min(size, incoming.size());
    std::memcpy(bytes, incoming.data(), size);
    incoming.erase(0, size);
    return static_cast<int>(size);
  }

  // The alert that mbedTLS has just read.
  int alert() const { return ssl.in_msg[1]; }

  mbedtls_entropy_context entropy;
  mbedtls_hmac_drbg_context random;
  mbedtls_ssl_config configuration;
  mbedtls_ssl_context ssl;
  std::string incoming;
  std::string outgoing;
};

TlsStream::TlsStream(std::shared_ptr<Stream> raw, const Key& key)
    : raw_(std::move(raw)), identity_(key.identity), session_(std::make_unique<Session>()) {
  session_->SetUp(key);
}

TlsStream::~TlsStream() = default;

std::optional<TlsStream::Failure> TlsStream::Handshake() {
  for (;;) {
    int code = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      code = mbedtls_ssl_handshake(&session_->ssl);
      if (code == 0) session_->ForgetKey();
    }
    // Also sends an alert, which gives the other side the reason.
    const bool flushed = Flush();
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
      return Failure{"the other side closed the connection", true};
    if (code != 0 && code != MBEDTLS_ERR_SSL_WANT_READ) return FailureOf(code);
    if (!flushed) return Failure{reason(), true};
    if (code == 0) return std::nullopt;
    if (Fill() != Outcome::kGood) return Failure{reason(), true};
  }
}

Stream::Outcome TlsStream::Read(char* buffer, std::size_t size, std::size_t& read) {
  for (;;) {
    int code = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      code = mbedtls_ssl_read(&session_->ssl, reinterpret_cast<unsigned char*>(buffer), size);
    }
    if (code > 0) {
      read = static_cast<std::size_t>(code);
      return Outcome::kGood;
    }
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return Outcome::kEnd;
    const bool flushed = Flush();
    if (code != MBEDTLS_ERR_SSL_WANT_READ) {
      return Broken("the connection broke: TLS refuses what came (error " + std::to_string(code) + ")");
    }
    if (!flushed) return Outcome::kBroken;
    const Outcome filled = Fill();
    if (filled != Outcome::kGood) return filled;
  }
}

bool TlsStream::Write(std::string_view bytes) {
  const std::lock_guard<std::mutex> order(writing_);
  while (!bytes.empty()) {
    std::string records;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const int size = mbedtls_ssl_write(&session_->ssl, Unsigned(bytes.data()), bytes.size());
      if (size <= 0) {
        reason_ = "the connection broke: TLS cannot write (" + std::to_string(size) + ")";
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(size));
      records.swap(session_->outgoing);
    }
    if (!raw_->Write(records)) return Broken(raw_->reason()) == Outcome::kGood;
  }
  return true;
}

std::string TlsStream::reason() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reason_;
}

// Reads from the raw stream; never kEnd.
Stream::Outcome TlsStream::Fill() {
  std::vector<char> buffer(kLargestRecord);
  std::size_t size = 0;
  switch (raw_->Read(buffer.data(), buffer.size(), size)) {
    case Outcome::kGood:
      break;
    case Outcome::kEnd:
      return Broken("the connection broke: it ended before the controller said so");
    case Outcome::kBroken:
      return Broken(raw_->reason());
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  session_->incoming.append(buffer.data(), size);
  return Outcome::kGood;
}

// Sends the reading thread's own records: of the handshake, or an alert. If there are none, it does not
// wait behind a writing thread.
bool TlsStream::Flush() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (session_->outgoing.empty()) return true;
  }
  const std::lock_guard<std::mutex> order(writing_);
  std::string records;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    records.swap(session_->outgoing);
  }
  return raw_->Write(records) || Broken(raw_->reason()) == Outcome::kGood;
}

TlsStream::Failure TlsStream::FailureOf(int code) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const int alert = code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? session_->alert() : 0;
  if (alert == kUnknownPskIdentity) {
    return {"the controller has no key for \"" + identity_ +
            "\": check that the key file and the address are of the same controller"};
  }
  const bool other_key =
      alert == kBadRecordMac || alert == kDecryptError || code == MBEDTLS_ERR_SSL_INVALID_MAC;
  if (other_key) {
    return {"the other side has another key for \"" + identity_ +
            "\": check the address, and that the key file is the one that the controller has made"};
  }
  return {"the other side is no controller: it does not speak TLS 1.2 with a shared key (" +
          (alert != 0 ? "alert " + std::to_string(alert) : "error " + std::to_string(code)) + ")"};
}

Stream::Outcome TlsStream::Broken(std::string why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  reason_ = std::move(why);
  return Outcome::kBroken;
}

}  // namespace pcsc_bridge::agent
