#include "card/exchange.h"

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

bool IsExtended(const Bytes& command) {
  return command.size() >= 7 && command[4] == 0;
}

// The same short command with another Le: in its last byte if it has one, else appended.
Bytes WithLe(const Bytes& command, std::uint8_t le) {
  // With room for Le: a copy that grows would leave the command, perhaps with a PIN, in freed memory.
  Bytes changed;
  changed.reserve(command.size() + 1);
  changed = command;
  const bool has_data = command.size() > 5;
  const bool has_le = command.size() == 5 || (has_data && command.size() == std::size_t{6} + command[4]);
  if (has_le) {
    changed.back() = le;
  } else {
    changed.push_back(le);
  }
  return changed;
}

}  // namespace

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
  return !repeated_ && !IsExtended(next_->bytes()) && !CarriesSecret(next_->bytes());
}

std::optional<Result<Bytes>> Exchange::Finish(Bytes last) {
  if (data_.empty()) return last;
  data_.insert(data_.end(), last.begin(), last.end());
  return std::move(data_);
}

}  // namespace pcsc_bridge
