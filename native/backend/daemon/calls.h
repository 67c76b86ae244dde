// What each call sends to pcscd, and how its reply follows from the answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "backend/daemon/link.h"

namespace pcsc_bridge::daemon {

// A connected card.
struct Card {
  std::int32_t handle = 0;
  std::string reader{};
  std::uint32_t protocol = 0;  // the daemon's number of the active one
  bool in_transaction = false;
};

// Set if the call does not fit into its message.
std::optional<Error> TooLong(const backend::Call& call);

// Of a call that has succeeded.
backend::Outcome ReplyTo(const backend::Call& call, Link::Answer& answer, std::optional<Card>& card);

template <class Enum>
std::uint32_t Number(Enum value) {
  return static_cast<std::uint32_t>(value);
}

// Begin and Status.
template <class Call>
Plain MessageOf(const Call&, const Card& card) {
  return {card.handle};
}

inline Connect MessageOf(const backend::Connect& call, std::uint32_t context) {
  Connect message;
  message.context = context;
  std::copy(call.reader.begin(), call.reader.end(), message.reader);
  message.share_mode = Number(call.share_mode);
  message.protocols = call.protocols;
  return message;
}

inline Reconnect MessageOf(const backend::Reconnect& call, const Card& card) {
  return {card.handle, Number(call.share_mode), call.protocols, Number(call.initialization)};
}

inline Dispose MessageOf(const backend::Disconnect& call, const Card& card) {
  return {card.handle, Number(call.disposition)};
}

inline Dispose MessageOf(const backend::End& call, const Card& card) {
  return {card.handle, Number(call.disposition)};
}

inline Transmit MessageOf(const backend::Transmit& call, const Card& card) {
  Transmit message{card.handle, card.protocol};
  message.send_length = static_cast<std::uint32_t>(call.apdu->bytes().size());
  return message;
}

inline Control MessageOf(const backend::Control& call, const Card& card) {
  const std::size_t size = call.input ? call.input->bytes().size() : 0;
  return {card.handle, call.code, static_cast<std::uint32_t>(size)};
}

inline Attribute MessageOf(const backend::GetAttribute& call, const Card& card) {
  Attribute message{card.handle, call.id};
  message.length = kAttributeSize;
  return message;
}

inline Attribute MessageOf(const backend::SetAttribute& call, const Card& card) {
  Attribute message{card.handle, call.id};
  message.length = static_cast<std::uint32_t>(call.value.size());
  std::copy(call.value.begin(), call.value.end(), message.value);
  return message;
}

// What follows the message.
template <class Call>
std::nullptr_t DataOf(const Call&) {
  return nullptr;
}
inline const std::shared_ptr<const SecretBytes>& DataOf(const backend::Transmit& call) {
  return call.apdu;
}
inline const std::shared_ptr<const SecretBytes>& DataOf(const backend::Control& call) {
  return call.input;
}

}  // namespace pcsc_bridge::daemon
