// Requests to pcscd for each call, and the replies derived from its answers.
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

// The daemon's handles for a client.
struct ClientHandles {
  struct Card {
    std::int32_t handle = 0;
    std::string reader{};
    std::uint32_t protocol = 0;  // the daemon's number of the active one
    bool in_transaction = false;
  };
  std::optional<std::uint32_t> number;
  std::optional<Card> card;
};

// The outcome of a call for which the daemon need not, or cannot, be asked.
std::optional<backend::Outcome> OutcomeAtOnce(const backend::Call& call, const ClientHandles& handles);

// Of a call that has succeeded.
backend::Outcome OutcomeOf(const backend::Call& call, Link::Answer& answer, ClientHandles& handles);

template <class Enum>
std::uint32_t Number(Enum value) {
  return static_cast<std::uint32_t>(value);
}

// Begin and Status.
template <class Call>
Plain MessageOf(const Call&, const ClientHandles& handles) {
  return {handles.card->handle};
}

inline Connect MessageOf(const backend::Connect& call, const ClientHandles& handles) {
  Connect message;
  message.context = *handles.number;
  std::copy(call.reader.begin(), call.reader.end(), message.reader);
  message.share_mode = Number(call.share_mode);
  message.protocols = call.protocols;
  return message;
}

inline Reconnect MessageOf(const backend::Reconnect& call, const ClientHandles& handles) {
  return {handles.card->handle, Number(call.share_mode), call.protocols, Number(call.initialization)};
}

inline Dispose MessageOf(const backend::Disconnect& call, const ClientHandles& handles) {
  return {handles.card->handle, Number(call.disposition)};
}

inline Dispose MessageOf(const backend::End& call, const ClientHandles& handles) {
  return {handles.card->handle, Number(call.disposition)};
}

inline Transmit MessageOf(const backend::Transmit& call, const ClientHandles& handles) {
  Transmit message{handles.card->handle, call.ProtocolOr(handles.card->protocol)};
  message.send_length = static_cast<std::uint32_t>(call.apdu->bytes().size());
  return message;
}

inline Control MessageOf(const backend::Control& call, const ClientHandles& handles) {
  const std::size_t size = call.input ? call.input->bytes().size() : 0;
  return {handles.card->handle, call.code, static_cast<std::uint32_t>(size)};
}

inline Attribute MessageOf(const backend::GetAttribute& call, const ClientHandles& handles) {
  Attribute message{handles.card->handle, call.id};
  message.length = kAttributeSize;
  return message;
}

inline Attribute MessageOf(const backend::SetAttribute& call, const ClientHandles& handles) {
  Attribute message{handles.card->handle, call.id};
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
