#include "card/exchange.h"

#include <cstddef>
#include <cstdint>

namespace pcsc_bridge {
namespace {

constexpr std::uint8_t kGetResponse = 0xc0;
constexpr std::uint8_t kMoreData = 0x61;
constexpr std::uint8_t kWrongLength = 0x6c;
// Enough for two extended responses; a card that never stops saying 61xx must not keep us for ever.
constexpr std::size_t kLongestResponse = 2 * 65536;

Error Nonsense(const char* detail) {
  return Error{status::kInternalError, "SCardTransmit", "", detail};
}

std::uint8_t Sw1(const Bytes& response) {
  return response[response.size() - 2];
}
std::uint8_t Sw2(const Bytes& response) {
  return response[response.size() - 1];
}
bool IsOk(const Bytes& response) {
  return Sw1(response) == 0x90 && Sw2(response) == 0x00;
}

bool IsExtended(const Bytes& command) {
  return command.size() >= 7 && command[4] == 0;
}

// The same short command with another Le: in its last byte where it has one, else after it.
Bytes WithLe(const Bytes& command, std::uint8_t le) {
  Bytes changed = command;
  const bool has_data = command.size() > 5;
  const bool has_le = command.size() == 5 || (has_data && command.size() == std::size_t{6} + command[4]);
  if (has_le) {
    changed.back() = le;
  } else {
    changed.push_back(le);
  }
  return changed;
}

Result<Bytes> Send(const Bytes& command, const TransmitApdu& transmit) {
  Result<Bytes> response = transmit(command);
  if (response && response->size() < 2) return Nonsense("the card's answer has no status word");
  return response;
}

Result<Bytes> SendWithRightLength(const Bytes& command, const TransmitApdu& transmit) {
  Result<Bytes> response = Send(command, transmit);
  if (!response || Sw1(*response) != kWrongLength || IsExtended(command)) return response;
  return Send(WithLe(command, Sw2(*response)), transmit);
}

}  // namespace

Result<Bytes> Exchange(const std::vector<Bytes>& commands, std::uint8_t get_response_class,
                       const TransmitApdu& transmit) {
  for (std::size_t i = 0; i + 1 < commands.size(); ++i) {
    Result<Bytes> response = Send(commands[i], transmit);
    if (!response || !IsOk(*response)) return response;
  }
  Result<Bytes> response = SendWithRightLength(commands.back(), transmit);
  if (!response || Sw1(*response) != kMoreData) return response;

  Bytes whole(response->begin(), response->end() - 2);
  while (response && Sw1(*response) == kMoreData) {
    response = SendWithRightLength({get_response_class, kGetResponse, 0x00, 0x00, Sw2(*response)}, transmit);
    if (!response) return response;
    whole.insert(whole.end(), response->begin(), response->end() - 2);
    const bool stuck = Sw1(*response) == kMoreData && response->size() == 2;
    if (stuck || whole.size() > kLongestResponse) {
      return Nonsense("the card keeps announcing more response data (61xx) without coming to an end");
    }
  }
  whole.insert(whole.end(), response->end() - 2, response->end());
  return whole;
}

}  // namespace pcsc_bridge
