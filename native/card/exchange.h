// One command and its whole response, in one trip to the channel's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

using TransmitApdu = std::function<Result<Bytes>(const Bytes& apdu)>;

// Sends the APDUs of one command (several where it is chained) and gathers its response, as ISO/IEC 7816-4,
// 5.3 has it: 6Cxx repeats the last with the right Le, 61xx fetches the rest with GET RESPONSE, whose class
// byte is given. The answer is all data followed by the last status word. A chain that the card stops ends
// with the response that stopped it. Fails where a transmit does, and with kInternalError where the card
// announces data without end or answers with less than a status word.
Result<Bytes> Exchange(const std::vector<Bytes>& commands, std::uint8_t get_response_class,
                       const TransmitApdu& transmit);

}  // namespace pcsc_bridge
