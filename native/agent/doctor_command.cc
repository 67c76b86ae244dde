#include "agent/doctor_command.h"

#include <cstdio>

namespace pcsc_bridge::agent {

void AnswerDoctor(const std::shared_ptr<Request>& request) {
  request->Refuse(Refusal(kUnknownCommand, "This agent was built without the doctor"));
}

int RunDoctor(const std::vector<std::string>&) {
  std::fputs("pcsc-bridge-agent: this agent was built without the doctor\n", stderr);
  return 1;
}

}  // namespace pcsc_bridge::agent
