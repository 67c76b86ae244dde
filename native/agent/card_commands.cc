#include "agent/card_commands.h"

#include <utility>

#include "agent/hex.h"
#include "card/exchange.h"
#include "pcsc/secret.h"

namespace pcsc_bridge::agent {
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
