// Opening a link: the connection, and the protocol that both ends speak.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "backend/daemon/link.h"
#include "loop/immortal.h"

namespace pcsc_bridge::daemon {
namespace {

using std::chrono::milliseconds;

// A daemon may close a connection because it stops, and refuse a version because it was replaced. This is
// enough for both, and for the connection that follows when the version is known.
constexpr int kMostOffers = 3;
constexpr milliseconds kPauseAfterRefusal{50};
constexpr milliseconds kShortestWait{1};
constexpr milliseconds kLongestWait{20};

// The supported minor version that is nearest to the known version of the daemon at this socket; the oldest
// one if that is unknown. Any thread.
std::atomic<std::int32_t>& MinorToOffer(const std::string& socket) {
  struct Minors {
    std::mutex mutex;
    std::map<std::string, std::atomic<std::int32_t>> of_socket;
  };
  static Immortal<Minors> minors;
  const std::lock_guard<std::mutex> lock(minors->mutex);
  return minors->of_socket.try_emplace(socket, kOldestMinor).first->second;
}

// A version that no pcscd has: what came are bytes of another protocol.
bool IsPcscd(const Version& version) {
  constexpr std::int32_t kHighest = 99;
  return version.major > 0 && version.major <= kHighest && version.minor >= 0 && version.minor <= kHighest;
}

Error NotPcscd(const std::string& socket) {
  return Error{status::kServiceStopped, "SCardEstablishContext", "",
               "the program that listens at " + socket + " is not pcscd; check PCSCLITE_CSOCK_NAME"};
}

Error ProtocolMismatch(const Version& daemon) {
  const auto name = [](std::int32_t major, std::int32_t minor) {
    return std::to_string(major) + ":" + std::to_string(minor);
  };
  return Error{status::kServiceStopped, "SCardEstablishContext", "",
               "pcscd speaks protocol " + name(daemon.major, daemon.minor) + ", and this program " +
                   name(kMajor, kOldestMinor) + " to " + name(kMajor, kNewestMinor)};
}

}  // namespace

void Link::Open(Then then) {
  opened_ = std::move(then);
  minor_ = MinorToOffer(socket_);
  Connect();
}

void Link::Connect() {
  state_ = State::kConnecting;
  Result<std::optional<Descriptor>> connected = ConnectTo(socket_);
  if (connected && !connected->has_value()) {
    pause_ = std::clamp<Loop::Duration>(pause_ * 2, kShortestWait, kLongestWait);
    timer_ = loop_->After(pause_, [this] { Connect(); });
    return;
  }
  if (connected) {
    descriptor_ = std::move(**connected);
    counted_ = backend::ContextInUse::Count();
    // Removed before this link goes.
    if (loop_->Add(descriptor_.number(), [this] { OnReady(); })) return Agree();
    descriptor_.Close();
    counted_ = {};
    connected = Error{status::kNoMemory, "epoll_ctl", "", "the system has no memory to watch a connection"};
  }
  timer_ = loop_->After(Loop::Duration::zero(), [this, error = connected.error()] { Opened(error); });
}

void Link::Agree() {
  state_ = State::kAgreeing;
  ++offers_;
  Version version;
  version.minor = minor_;
  Ask(Command::kVersion, version, [this](const Result<Answer>& answer) { Agreed(answer); });
}

void Link::Agreed(const Result<Answer>& answer) {
  const bool last = offers_ == kMostOffers;
  if (!answer) {
    if (!last) {
      // At its limit pcscd accepts clients again as soon as contexts that are being released are gone.
      timer_ = loop_->After(kPauseAfterRefusal, [this] { Connect(); });
      return;
    }
    return Opened(ClosedUnanswered(peer_.empty() ? socket_ : peer_));
  }
  daemon_ = answer.value().As<Version>();
  if (!IsPcscd(daemon_)) {
    daemon_ = Version{0, 0};
    return Opened(NotPcscd(socket_));
  }
  const std::int32_t nearest = std::clamp(daemon_.minor, kOldestMinor, kNewestMinor);
  const bool refused = daemon_.code != status::kSuccess;
  const bool final_refusal = refused && (nearest != daemon_.minor || nearest == minor_ || last);
  if (daemon_.major != kMajor || daemon_.minor < kOldestMinor || final_refusal) {
    return Opened(ProtocolMismatch(daemon_));
  }
  MinorToOffer(socket_) = nearest;
  const bool older = minor_ < kMinorOfAnyTable && nearest >= kMinorOfAnyTable && !last;
  if (!refused && !older) return Opened(Answer());
  minor_ = nearest;
  if (refused) return Agree();
  // This connection stays one of the older protocol.
  Disconnect();
  Connect();
}

void Link::Opened(Result<Answer> result) {
  const std::shared_ptr<Link> self = shared_from_this();
  state_ = result ? State::kOpen : State::kFailed;
  if (!result) {
    error_ = result.error();
    Disconnect();
  }
  if (const auto then = std::exchange(opened_, nullptr)) then(std::move(result));
}

}  // namespace pcsc_bridge::daemon
