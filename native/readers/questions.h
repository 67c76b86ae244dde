// Questions to the PC/SC service that concern no card: which readers there are, and whether it serves at all.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "loop/cancellable.h"
#include "loop/loop.h"

namespace pcsc_bridge {

// One context for the whole process, on the process's loop, released after a second without questions; they
// are asked one after another. A question that is given up costs nothing: the one under way goes on, and what
// comes of it is dropped. Thread safe.
class Questions : public std::enable_shared_from_this<Questions> {
 public:
  // Null where the system has no thread to give for the process's loop.
  static std::shared_ptr<Questions> OfProcess();
  static std::shared_ptr<Questions> Create(std::shared_ptr<Loop> loop, backend::Source source);

  // `answer` comes on `loop`, once; Cancel answers at once with SCARD_E_CANCELLED.
  // SCardListReaders: the readers in any of the groups, all where none is given.
  std::shared_ptr<Cancellable> ListReaders(std::vector<std::string> groups, std::shared_ptr<Loop> loop,
                                           std::function<void(Result<std::vector<std::string>>)> answer);
  // SCardListReaderGroups.
  std::shared_ptr<Cancellable> ListReaderGroups(std::shared_ptr<Loop> loop,
                                                std::function<void(Result<std::vector<std::string>>)> answer);
  // SCardIsValidContext: whether the context of these questions works. It does not outlive its service; the
  // next question gets a new one. False where there is no service.
  std::shared_ptr<Cancellable> IsValid(std::shared_ptr<Loop> loop, std::function<void(Result<bool>)> answer);

 private:
  class Question;

  Questions(std::shared_ptr<Loop> loop, backend::Source source)
      : loop_(std::move(loop)), source_(std::move(source)) {}
  std::shared_ptr<Cancellable> Ask(backend::Call call, std::shared_ptr<Loop> loop, backend::Answer answer);
  void AskNext();
  void StartOn(bool fresh);
  void Finish(backend::Outcome outcome);
  void ReleaseContext();

  const std::shared_ptr<Loop> loop_;
  const backend::Source source_;
  // On the loop.
  std::deque<std::shared_ptr<Question>> queue_;
  std::shared_ptr<Question> current_;
  std::unique_ptr<backend::Client> client_;
  Loop::Timer idle_;
};

}  // namespace pcsc_bridge
