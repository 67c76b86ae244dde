#include "service.h"

#include "loop/immortal.h"

namespace fake_pcsc {

Settings::Settings(Semantics semantics) {
  const bool pcsclite = semantics == Semantics::kPcsclite;
  status_is_mask = pcsclite;
  begin_tells_of_reset = true;
  refuse_while_held = pcsclite;
  connect_waits = pcsclite;
  unknown_reader_fails = pcsclite;
  largest_output = pcsclite ? 0xffffffff : 65'544;
  stopped_code = pcsclite ? status::kNoService : status::kServiceStopped;
}

Service& TheService() {
  static pcsc_bridge::Immortal<Service> service;
  return *service;
}

void InsertCard(Reader& reader, Bytes atr, Dword protocols) {
  reader.has_card = true;
  reader.mute = false;
  reader.atr = std::move(atr);
  reader.protocols = protocols;
  ++reader.insertions;
  ++reader.events;
  TheService().changed.notify_all();
}

void RemoveCard(Reader& reader) {
  if (!reader.has_card) return;
  reader.has_card = false;
  reader.mute = false;
  reader.atr.clear();
  reader.holder = kNobody;
  ++reader.events;
  TheService().changed.notify_all();
}

void ResetCard(Reader& reader) {
  ++reader.resets;
  TheService().changed.notify_all();
}

void StopService(Status code) {
  The().running = false;
  for (auto& [number, context] : The().contexts) {
    context.dead = true;
    context.dead_code = code;
  }
  for (auto& [name, reader] : The().readers) {
    if (reader.holder != kOtherProcess) reader.holder = kNobody;
    if (reader.exclusive != kOtherProcess) reader.exclusive = kNobody;
  }
  TheService().changed.notify_all();
}

Status CheckCard(const Handle& handle) {
  const auto found = The().readers.find(handle.reader);
  if (found == The().readers.end()) return status::kReaderUnavailable;
  const Reader& reader = found->second;
  if (handle.share_mode == 3) return status::kSuccess;  // direct: to the reader, with or without a card
  if (!reader.has_card || handle.insertions_seen != reader.insertions) return status::kRemovedCard;
  if (handle.resets_seen != reader.resets) return status::kResetCard;
  return status::kSuccess;
}

void WaitForCard(Lock& lock, const std::string& reader, abi::CardHandle handle) {
  TheService().changed.wait(lock, [&] {
    const auto found = The().readers.find(reader);
    if (found == The().readers.end() || !The().running) return true;
    return found->second.holder == kNobody || found->second.holder == handle;
  });
}

void LetGo(abi::CardHandle handle) {
  for (auto& [name, reader] : The().readers) {
    if (reader.holder == handle) reader.holder = kNobody;
    if (reader.exclusive == handle) reader.exclusive = kNobody;
  }
  TheService().changed.notify_all();
}

}  // namespace fake_pcsc
