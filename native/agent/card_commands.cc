#include "agent/card_commands.h"

#include <utility>
#include <vector>

#include "agent/hex.h"
#include "pcsc/secret.h"

namespace pcsc_bridge::agent {
namespace {

// The class byte for GET RESPONSE: same logical channel, no secure messaging (ISO/IEC 7816-4, 5.4.1).
std::uint8_t ClassForGetResponse(std::uint8_t cla) {
  if (cla >= 0x80) return 0x00;
  return (cla & 0xc0) == 0x40 ? cla & 0x4f : cla & 0x03;
}

}  // namespace

void ExchangeOn(Channel& channel, const std::string& reader, const Parameters& parameters,
                const std::shared_ptr<Request>& request, std::function<void()> given_up) {
  std::vector<Bytes> list;
  list.push_back(parameters.Apdu());
  const std::uint8_t cla = ClassForGetResponse(list.front().front());
  const auto commands = std::make_shared<SecretList>(std::move(list));
  request->Attach(channel.Submit<Bytes>(
                      [commands, cla](Connection& connection, Operation& operation) {
                        return connection.Exchange(commands->bytes(), cla, operation);
                      },
                      [request, reader, given_up = std::move(given_up)](Result<Bytes> response) {
                        if (response) {
                          request->Succeed({{"response", ToHex(*response)}});
                          return;
                        }
                        Error error = response.error();
                        if (error.reader.empty()) error.reader = reader;
                        if (error.code == status::kCancelled) given_up();
                        request->Fail(error);
                      }),
                  parameters.Timeout());
}

}  // namespace pcsc_bridge::agent
