#include "agent/card_commands.h"

#include <utility>

#include "agent/hex.h"
#include "card/exchange.h"
#include "pcsc/secret.h"

namespace pcsc_bridge::agent {
namespace {

// The class byte for GET RESPONSE: same logical channel, no secure messaging (ISO/IEC 7816-4, 5.4.1).
std::uint8_t ClassForGetResponse(std::uint8_t cla) {
  if (cla >= 0x80) return 0x00;
  return (cla & 0xc0) == 0x40 ? cla & 0x4f : cla & 0x03;
}

}  // namespace

void ExchangeOn(Connection& connection, const std::string& reader, const Parameters& parameters,
                const std::shared_ptr<Request>& request, std::function<void()> given_up) {
  const auto apdu = std::make_shared<const SecretBytes>(parameters.Apdu());
  const auto timeout = parameters.Timeout();
  request->Attach(
      connection.Exchange(Exchange({apdu}, ClassForGetResponse(apdu->bytes().front())),
                          [request, reader, given_up = std::move(given_up)](const Result<Bytes>& response) {
                            if (response) {
                              request->Succeed({{"response", ToHex(response.value())}});
                              return;
                            }
                            Error error = response.error();
                            if (error.reader.empty()) error.reader = reader;
                            if (error.code == status::kCancelled) given_up();
                            request->Fail(error);
                          }),
      timeout);
}

}  // namespace pcsc_bridge::agent
