// A card handle (SCardConnect), disconnected when it goes.
#pragma once

#include <cstdint>
#include <string>

#include "backend/library/context.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// Move-only. Lives no longer than its context, and on the same thread. Each member is the PC/SC function of
// its name; errors carry the reader.
class Card {
 public:
  // Protocols may be empty with kDirect only.
  static Result<Card> Connect(const Context& context, const std::string& reader, ShareMode share_mode,
                              Protocols protocols);

  Card(Card&& other) noexcept;
  Card& operator=(Card&& other) noexcept;
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;
  ~Card();  // Disconnect(kLeave), which never waits

  Result<Protocols> Reconnect(ShareMode share_mode, Protocols protocols, Disposition initialization);
  // The handle has gone afterwards, also if it fails: nothing else may be called.
  Result<Done> Disconnect(Disposition disposition);
  Result<Done> BeginTransaction();
  Result<Done> EndTransaction(Disposition disposition);
  Result<CardStatus> GetStatus();
  Result<Bytes> Transmit(const Bytes& apdu);
  Result<Bytes> Control(std::uint32_t code, const Bytes& input);
  Result<Bytes> GetAttribute(std::uint32_t id);
  Result<Done> SetAttribute(std::uint32_t id, const Bytes& value);

  // True while another handle holds a transaction on the card. Never waits. Meaningful only where
  // Library::probe_before_begin is set.
  bool HeldByOther();

  const std::string& reader() const { return reader_; }
  Protocols protocol() const { return protocol_; }

 private:
  Card(const Library& library, abi::CardHandle handle, std::string reader, Protocols protocol)
      : library_(&library), handle_(handle), reader_(std::move(reader)), protocol_(protocol) {}
  void LetGo();  // at its end: SCardDisconnect, leaving the card as it is
  Error Fail(Status code, const char* operation) const;

  const Library* library_;  // null when moved from or disconnected
  abi::CardHandle handle_;
  std::string reader_;
  Protocols protocol_;
  Bytes receive_buffer_;  // kept between transmits: it is large
};

}  // namespace pcsc_bridge
