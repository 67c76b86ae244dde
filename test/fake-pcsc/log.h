// The log of all calls: JSON lines in the file that FAKE_PCSC_LOG names.
#pragma once

#include <cstdint>
#include <string>

#include "service.h"

namespace fake_pcsc {

// One JSON object, member by member, in order.
class Line {
 public:
  Line& Text(const char* name, const std::string& value);
  Line& Number(const char* name, std::uint64_t value);
  Line& Hex(const char* name, const void* bytes, std::size_t length);
  Line& Append(const Line& more);
  const std::string& members() const { return members_; }

 private:
  void Name(const char* name);
  std::string members_;
};

// Called with the service's lock held, so that the lines are in the order of the events.
void Write(const Line& line);
// The caller has broken a rule of PC/SC.
void ReportViolation(const std::string& what);
// Microseconds since the library was first used.
std::uint64_t Now();
// A small number for the calling thread, from 1 on.
unsigned ThreadNumber();

}  // namespace fake_pcsc
