// One command and its whole response, as ISO/IEC 7816-4, 5.3 has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "pcsc/result.h"
#include "pcsc/secret.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// The class byte of GET RESPONSE after a command of this class: the same logical channel, no secure
// messaging (ISO/IEC 7816-4, 5.4.1); 00 after a proprietary class.
std::uint8_t ClassForGetResponse(std::uint8_t cla);

// The sequence of APDUs for the card: the APDUs of one command (several if it is chained), the last one
// again with the correct Le if the card answers 6Cxx, and GET RESPONSE while it answers 61xx. A command
// that carries a PIN or a key is not sent again: a second one may cost a second try. Nor is one with secure
// messaging, whose cryptogram is good for one use. It does no input or output: the caller sends what next()
// returns and passes in each response. src/apdu/chaining.ts does the same, and test/cases/exchange.json
// holds both to it.
class Exchange {
 public:
  using Apdu = std::shared_ptr<const SecretBytes>;

  // One command or more. `get_response_class` is the class byte of GET RESPONSE.
  Exchange(std::vector<Apdu> commands, std::uint8_t get_response_class)
      : commands_(std::move(commands)), get_response_class_(get_response_class), next_(commands_.front()) {}

  // Changes the APDUs to what the protocol can carry; call it before next(). T=0 has short commands only,
  // and those with data have no Le (ISO/IEC 7816-3:2006, 12.2.4). Error kInvalidParameter if T=0 cannot
  // carry a command.
  Result<Done> AdaptTo(Protocols protocol);

  // The APDU to be sent.
  const Apdu& next() const { return next_; }

  // The response to next(). Returns nothing while there is more to send; otherwise all data followed by the
  // last status word. A chain that the card stops ends with the response that stopped it. Error
  // kInternalError if the card announces data without end or gives it in too many pieces, or if its answer is
  // shorter than a status word.
  std::optional<Result<Bytes>> Take(Bytes response);

 private:
  bool MaySendAgain() const;
  std::optional<Result<Bytes>> Finish(Bytes last);
  void Send(Bytes apdu) { next_ = std::make_shared<SecretBytes>(std::move(apdu)); }

  std::vector<Apdu> commands_;
  const std::uint8_t get_response_class_;
  bool over_t0_ = false;
  std::size_t sent_ = 0;  // commands that are done
  Apdu next_;
  bool repeated_ = false;   // next_ has been corrected after 6Cxx
  std::size_t pieces_ = 0;  // GET RESPONSEs, repeated ones not counted
  Bytes data_;              // of the responses so far
};

}  // namespace pcsc_bridge
