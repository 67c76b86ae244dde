// The targets of scripts/fuzz. Each runs one part of the core with untrusted bytes, and aborts if that part
// breaks its contract.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pcsc/types.h"

namespace pcsc_bridge::fuzz {

// The bytes of one run, taken from the front. Bytes beyond the end read as zero.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint16_t Word() {
    const std::uint8_t low = Byte();
    return static_cast<std::uint16_t>(low | Byte() << 8);
  }
  // At most this number of bytes.
  Bytes Take(std::size_t most) {
    const std::size_t count = std::min(most, size_);
    const Bytes taken(data_, data_ + count);
    data_ += count;
    size_ -= count;
    return taken;
  }
  std::string Text(std::size_t most) {
    const Bytes taken = Take(most);
    return std::string(taken.begin(), taken.end());
  }
  std::string Rest() { return Text(size_); }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

struct Target {
  const char* name;
  void (*run)(Input input);
};
// In alphabetical order.
extern const std::vector<Target> kTargets;

// Ends the process with this sentence if the contract is violated.
void Require(bool holds, const char* contract);

// The parts between zero bytes; no text is one empty part.
std::vector<std::string> SplitAtZeros(const std::string& text);

void AgentLines(Input input);
void AgentOptions(Input input);
void AgentRequests(Input input);
void AgentWelcome(Input input);
void DaemonClient(Input input);
void DaemonWatcher(Input input);
void Exchanges(Input input);
void MultiString(Input input);
void ProcFiles(Input input);

}  // namespace pcsc_bridge::fuzz
