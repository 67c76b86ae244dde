// Properties of a message to pcscd: its size, its name for a test's log, and the code in its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "fake_daemon.h"

namespace pcsc_bridge::test {

// Without the data after it; the largest number for an unknown command.
std::size_t SizeOf(daemon::Command command);

// "connect R", "end reset"
std::string NameOf(const FakeDaemon::Question& question);

// Every message except the states of the readers ends with its code.
inline constexpr std::size_t kCodeSize = sizeof(std::uint32_t);
std::optional<Status> CodeIn(const FakeDaemon::Question& question, const Bytes& answer);

}  // namespace pcsc_bridge::test
