// SCardReadCache and SCardWriteCache, which pcsc-lite does not have: one cache for all programs on the host.
#include <algorithm>

#include "call.h"
#include "exports.h"

using namespace fake_pcsc;
using abi::ContextHandle;
using abi::Long;

namespace {

constexpr std::size_t kCardIdentifier = 16;

std::array<std::uint8_t, kCardIdentifier> KeyOf(const void* card_identifier) {
  std::array<std::uint8_t, kCardIdentifier> key;
  std::copy_n(static_cast<const std::uint8_t*>(card_identifier), kCardIdentifier, key.begin());
  return key;
}

}  // namespace

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardReadCache)(ContextHandle context,
                                                                      void* card_identifier, Dword freshness,
                                                                      abi::Char* lookup_name,
                                                                      unsigned char* data, Dword* length) {
  const std::string name = platform::ToUtf8(lookup_name);
  Call call(
      "SCardReadCache", context,
      Line().Hex("card", card_identifier, kCardIdentifier).Text("item", name).Number("freshness", freshness));
  if (call.failed()) return call.Return();
  auto& items = The().items;
  const auto found = items.find({KeyOf(card_identifier), name});
  if (found == items.end() || found->second.freshness > freshness)
    return call.Return(status::kCacheItemNotFound);
  if (found->second.freshness < freshness) {
    items.erase(found);
    return call.Return(status::kCacheItemStale);
  }
  return call.Return(GiveBytes(call, found->second.data, data, length));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardWriteCache)(ContextHandle context,
                                                                       void* card_identifier, Dword freshness,
                                                                       abi::Char* lookup_name,
                                                                       unsigned char* data, Dword length) {
  const std::string name = platform::ToUtf8(lookup_name);
  Call call(
      "SCardWriteCache", context,
      Line().Hex("card", card_identifier, kCardIdentifier).Text("item", name).Number("freshness", freshness));
  if (call.failed()) return call.Return();
  if (length > The().settings.largest_item) return call.Return(status::kCacheItemTooBig);
  The().items[{KeyOf(card_identifier), name}] = Item{freshness, Bytes(data, data + length)};
  return call.Return(status::kSuccess);
}
