// A question to the system that may take long: asked on a thread of its own, and given up like any wait.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "agent/requests.h"
#include "channel/channel.h"

namespace pcsc_bridge::agent {

// Answers the request with what `ask` yields. A channel lends its thread and its way to be given up; its
// connection is not used.
template <class T>
void Ask(const Library& library, const std::shared_ptr<Request>& request, std::function<Result<T>()> ask,
         std::function<Json(const T&)> to_json) {
  const std::shared_ptr<Channel> channel = Channel::Create(library);
  request->Attach(
      channel->Submit<T>([ask = std::move(ask)](Connection&, Operation&) { return ask(); },
                         [request, channel, to_json = std::move(to_json)](const Result<T>& result) {
                           channel->Close(Disposition::kLeave);
                           if (result) {
                             request->Succeed(to_json(result.value()));
                           } else {
                             request->Fail(result.error());
                           }
                         }));
}

}  // namespace pcsc_bridge::agent
