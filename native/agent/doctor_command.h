// The command `doctor`, in its two forms.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/requests.h"

namespace pcsc_bridge::agent {

// As a request.
void AnswerDoctor(const std::shared_ptr<Request>& request);

// As first word, with what follows it (UTF-8). The exit status.
int RunDoctor(const std::vector<std::string>& arguments);

}  // namespace pcsc_bridge::agent
