// pcsc-bridge-agent: see docs/agent-protocol.md.
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/build.h"
#include "agent/console.h"
#include "agent/console_commands.h"
#include "agent/controller_link.h"
#include "agent/doctor_command.h"
#include "agent/host.h"
#include "agent/key_file.h"
#include "agent/options.h"
#include "backend/environment_variables.h"

namespace {

using pcsc_bridge::agent::ControllerLink;
using pcsc_bridge::agent::Ending;
using pcsc_bridge::agent::Key;
using pcsc_bridge::agent::Options;

int Fail(const std::string& why) {
  pcsc_bridge::agent::Complain(why);
  return 1;
}

std::string WhatWasMissing(Ending::Stage stage, std::chrono::seconds waited) {
  const std::string within = " within " + std::to_string(waited.count()) + " s";
  return (stage == Ending::Stage::kConnecting ? "no connection" : "connected, but no welcome") + within;
}

// Reads the key of an agent that connects. Throws BadKeyFile.
std::optional<Key> KeyFor(const Options& options) {
  if (!options.connect) return std::nullopt;
  Key key = pcsc_bridge::agent::ReadKeyFile(options.key_file);
  if (key.role() != options.role) {
    throw pcsc_bridge::agent::BadKeyFile("the key in " + options.key_file + " is for \"" + key.identity +
                                         "\": it does not open the role " + options.role);
  }
  return key;
}

int RunRole(const Options& options) {
  std::optional<Key> key = KeyFor(options);
  const std::shared_ptr<pcsc_bridge::Loop> loop = pcsc_bridge::Loop::OfProcess();
  if (!loop) return Fail("the system has no free thread");
  const auto ending = std::make_shared<Ending>();
  const auto link = std::make_shared<ControllerLink>(options, std::move(key), ending, loop);
  link->Start();
  const std::optional<pcsc_bridge::agent::End> end = ending->Wait(options.wait);
  const int status = end ? end->status : 1;
  if (status != 0) Fail(end ? end->why : WhatWasMissing(ending->stage(), options.wait));
  link->Close();
  return status;
}

int Run(const Options& options) {
  switch (options.word) {
    case Options::Word::kUser:
    case Options::Word::kBroker:
      return RunRole(options);
    case Options::Word::kSession:
      return pcsc_bridge::agent::RunSession(options.json);
    case Options::Word::kWatch:
      return pcsc_bridge::agent::RunWatch(options.json);
    case Options::Word::kDoctor:
      return pcsc_bridge::agent::RunDoctor(options.remaining);
    case Options::Word::kVersion:
      std::printf("%s\n", pcsc_bridge::agent::kPackageVersion);
      return 0;
    case Options::Word::kHelp:
      break;
  }
  std::fputs(pcsc_bridge::agent::kUsage, stdout);
  return 0;
}

int Main(int argc, char** argv) {
  pcsc_bridge::agent::platform::LoadFromSystemAlone();
  (void)pcsc_bridge::ReadEnvironmentVariables();  // while this is the only thread
  try {
    const std::string why_not = pcsc_bridge::agent::platform::WhyNotElevated();
    if (!why_not.empty()) return Fail(why_not);
    return Run(pcsc_bridge::agent::ParseOptions(pcsc_bridge::agent::platform::Arguments(argc, argv)));
  } catch (const pcsc_bridge::agent::WrongUsage& error) {
    Fail(error.what());
    std::fputs(pcsc_bridge::agent::kUsage, stderr);
    return 2;
  } catch (const std::exception& error) {
    return Fail(error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int status = Main(argc, argv);
  std::fflush(nullptr);
  // Threads may be reading, or stuck inside a PC/SC call.
  pcsc_bridge::agent::platform::EndProcess(status);
}
