#include "card/exchange.h"

#include <algorithm>
#include <utility>

#include "pcsc/secret_commands.h"

namespace pcsc_bridge {
namespace {

constexpr std::uint8_t kGetResponse = 0xc0;
constexpr std::uint8_t kMoreData = 0x61;
constexpr std::uint8_t kWrongLength = 0x6c;
// Enough for two extended responses. It limits a card that answers 61xx without end.
constexpr std::size_t kLongestResponse = 2 * 65536;
// Cards with small buffers answer in short pieces, so a short piece is no fault; but a card that returns
// single bytes would hold its reader for minutes. The longest response takes this many pieces of 128 bytes.
constexpr std::size_t kMostPieces = 1024;

Error Nonsense(const char* detail) {
  return Error{status::kInternalError, "SCardTransmit", "", detail};
}

std::uint8_t Sw1(const Bytes& response) {
  return response[response.size() - 2];
}
std::uint8_t Sw2(const Bytes& response) {
  return response[response.size() - 1];
}

// Where the data of a command APDU is (ISO/IEC 7816-3, 12.1.3). Le follows it, if there is one.
struct Body {
  bool extended;
  std::size_t data;
  std::size_t data_end;

  std::size_t size() const { return data_end - data; }
};

Body BodyOf(const Bytes& command) {
  const std::size_t size = command.size();
  if (size <= 5) return {false, 4, 4};
  if (command[4] != 0 || size == 6) return {false, 5, std::min(size, std::size_t{5} + command[4])};
  if (size == 7) return {true, 4, 4};
  return {true, 7, std::min(size, std::size_t{7} + (std::size_t{command[5]} << 8 | command[6]))};
}

// The same command with another Le, in the form of its length fields; 0 asks for 256 bytes.
Bytes WithLe(const Bytes& command, std::uint8_t le) {
  const Body body = BodyOf(command);
  const auto end = command.begin() + static_cast<std::ptrdiff_t>(body.data_end);
  // With room for Le: bytes that grow would leave the command in freed memory.
  Bytes changed;
  changed.reserve(body.data_end + 3);
  changed.assign(command.begin(), end);
  if (body.extended) {
    if (body.size() == 0) changed.push_back(0);
    changed.push_back(le == 0 ? 1 : 0);
  }
  changed.push_back(le);
  return changed;
}

// The short form of a command, with Le only if it has no data.
Bytes OverT0(const Bytes& command, const Body& body) {
  const auto at = [&command](std::size_t place) {
    return command.begin() + static_cast<std::ptrdiff_t>(place);
  };
  Bytes changed;
  changed.reserve(5 + body.size());
  changed.assign(command.begin(), at(4));
  if (body.size() > 0) {
    changed.push_back(static_cast<std::uint8_t>(body.size()));
    changed.insert(changed.end(), at(body.data), at(body.data_end));
  } else if (command.size() > 4) {
    const bool more_than_255 = body.extended && command[5] != 0;
    changed.push_back(more_than_255 ? 0 : command.back());
  }
  return changed;
}

bool HasSecureMessaging(std::uint8_t cla) {
  // Proprietary classes have the bits where the interindustry ones have them (GlobalPlatform 2.3.1, 11.1.4).
  return (cla & (cla & 0x40 ? 0x20 : 0x0c)) != 0;
}

}  // namespace

std::uint8_t ClassForGetResponse(std::uint8_t cla) {
  if (cla >= 0x80) return 0x00;
  return (cla & 0xc0) == 0x40 ? cla & 0x4f : cla & 0x03;
}

Result<Done> Exchange::AdaptTo(Protocols protocol) {
  over_t0_ = protocol == kT0;
  if (!over_t0_) return Done{};
  for (Apdu& command : commands_) {
    const Body body = BodyOf(command->bytes());
    if (body.size() > 255) {
      return Error{status::kInvalidParameter, "SCardTransmit", "",
                   "T=0 carries at most 255 data bytes in a command; send it as a chain, not extended, or "
                   "connect with T=1"};
    }
    command = std::make_shared<SecretBytes>(OverT0(command->bytes(), body));
  }
  next_ = commands_.front();
  return Done{};
}

std::optional<Result<Bytes>> Exchange::Take(Bytes response) {
  if (response.size() < 2) return Nonsense("the card's answer has no status word");
  const bool in_chain = sent_ + 1 < commands_.size();
  if (in_chain) {
    if (Sw1(response) != 0x90 || Sw2(response) != 0) return response;
    next_ = commands_[++sent_];
    return std::nullopt;
  }
  if (Sw1(response) == kWrongLength && MaySendAgain()) {
    repeated_ = true;
    Send(WithLe(next_->bytes(), Sw2(response)));
    return std::nullopt;
  }
  const bool stuck = Sw1(response) == kMoreData && response.size() == 2 && sent_ >= commands_.size();
  if (sent_ < commands_.size()) ++sent_;  // from here on, what is sent is GET RESPONSE
  if (Sw1(response) != kMoreData) return Finish(std::move(response));
  data_.insert(data_.end(), response.begin(), response.end() - 2);
  if (stuck || data_.size() > kLongestResponse) {
    return Nonsense("the card keeps announcing more response data (61xx) without coming to an end");
  }
  if (++pieces_ > kMostPieces) {
    return Nonsense("the card gives its response (61xx) in more than 1024 pieces");
  }
  repeated_ = false;
  Send({get_response_class_, kGetResponse, 0x00, 0x00, Sw2(response)});
  return std::nullopt;
}

bool Exchange::MaySendAgain() const {
  if (repeated_) return false;
  if (sent_ >= commands_.size()) return true;  // GET RESPONSE
  const Bytes& command = next_->bytes();
  const bool has_place_for_le = !over_t0_ || BodyOf(command).size() == 0;
  return has_place_for_le && !HasSecureMessaging(command[0]) && !CarriesSecret(command);
}

std::optional<Result<Bytes>> Exchange::Finish(Bytes last) {
  if (data_.empty()) return last;
  data_.insert(data_.end(), last.begin(), last.end());
  return std::move(data_);
}

}  // namespace pcsc_bridge
