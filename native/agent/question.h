// A slow question to the system: runs on a worker thread, and can be given up like any wait.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "agent/requests.h"
#include "loop/worker.h"

namespace pcsc_bridge::agent {

// Gives up a request for which nothing else must be cancelled.
class GivesUp final : public Cancellable {
 public:
  explicit GivesUp(const std::shared_ptr<Request>& request) : request_(request) {}
  void Cancel() override {
    if (const std::shared_ptr<Request> request = request_.lock()) request->Fail(CancelledError());
  }

 private:
  const std::weak_ptr<Request> request_;
};

// Answers the request with the result of `ask`, which may block. `to_json` is called on the loop, as is
// this function.
template <class T>
void Ask(const std::shared_ptr<Request>& request, std::function<Result<T>()> ask,
         std::function<Json(const T&)> to_json) {
  const bool started =
      RunOnWorker([loop = request->loop(), request, ask = std::move(ask), to_json = std::move(to_json)] {
        const auto result = std::make_shared<const Result<T>>(ask());
        loop->Post([request, result, to_json] {
          if (*result) {
            request->Succeed(to_json(result->value()));
          } else {
            request->Fail(result->error());
          }
        });
      });
  if (!started) {
    return request->Fail(NoThreadError());
  }
  request->Attach(std::make_shared<GivesUp>(request));
}

}  // namespace pcsc_bridge::agent
