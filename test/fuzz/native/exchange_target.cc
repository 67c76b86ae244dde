// A card that responds with arbitrary bytes to the APDUs of one command.
#include "card/exchange.h"

#include <memory>
#include <utility>

#include "target.h"

namespace pcsc_bridge::fuzz {
namespace {

constexpr std::size_t kShortestApdu = 4;
constexpr std::size_t kLongestResponse = 2 * 65536;
constexpr std::size_t kBlock = 256;

Exchange::Apdu Command(Input& input) {
  Bytes apdu = input.Take(kShortestApdu + input.Byte() % 16);
  apdu.resize(std::max(apdu.size(), kShortestApdu));
  return std::make_shared<const SecretBytes>(std::move(apdu));
}

}  // namespace

// The exchange ends for any responses, after a number of rounds that follows from the bytes received.
void Exchanges(Input input) {
  const std::size_t given = input.size();
  std::vector<Exchange::Apdu> commands;
  const std::size_t count = 1 + input.Byte() % 3;
  while (commands.size() < count) commands.push_back(Command(input));
  Exchange exchange(commands, input.Byte());
  // The card's responses after the end of the input: blocks of data without end, or success.
  const bool endless = input.Byte() % 64 == 63;

  std::size_t rounds = 0;
  std::size_t received = 0;
  for (;;) {
    Require(exchange.next() != nullptr && exchange.next()->bytes().size() >= kShortestApdu,
            "what is sent is an APDU");
    Bytes response;
    if (!input.empty()) {
      response = input.Take(input.Byte() % 32);
    } else if (endless) {
      response.assign(kBlock, 0x55);
      response.insert(response.end(), {0x61, 0x00});
    } else {
      response = {0x90, 0x00};
    }
    received += response.size();
    ++rounds;
    const std::optional<Result<Bytes>> whole = exchange.Take(std::move(response));
    // Each command and a correction of its Le; for each block of data GET RESPONSE and its correction.
    Require(rounds <= 2 * (count + received), "each round but a corrected one brings data");
    Require(received <= given + kLongestResponse + kBlock + 2 * rounds, "an endless response is given up");
    if (!whole) continue;
    if (!*whole) {
      Require(whole->code() == status::kInternalError, "the card's nonsense is an internal error");
    } else {
      Require(whole->value().size() >= 2, "a response has a status word");
      Require(whole->value().size() <= received, "a response is what the card sent");
    }
    return;
  }
}

}  // namespace pcsc_bridge::fuzz
