// Questions to the PC/SC service that do not concern a card: its readers, and whether it answers.
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

// One context for the whole process, on the process's loop, released after a second without questions.
// Questions are asked one after another. Giving one up costs nothing: the running call continues, and its
// result is dropped. Thread safe.
class Questions : public std::enable_shared_from_this<Questions> {
 public:
  // Null if the system has no free thread for the process's loop.
  static std::shared_ptr<Questions> OfProcess();
  static std::shared_ptr<Questions> Create(std::shared_ptr<Loop> loop, backend::Provider provider);

  // `answer` is called on `loop`, once; Cancel answers at once with SCARD_E_CANCELLED. SCardListReaders:
  // the readers in any of the groups, or all readers if there is no group.
  std::shared_ptr<Cancellable> ListReaders(std::vector<std::string> groups, std::shared_ptr<Loop> loop,
                                           std::function<void(Result<std::vector<std::string>>)> answer);
  // SCardListReaderGroups.
  std::shared_ptr<Cancellable> ListReaderGroups(std::shared_ptr<Loop> loop,
                                                std::function<void(Result<std::vector<std::string>>)> answer);
  // SCardIsValidContext: whether the context of these questions is valid. It does not outlive its service;
  // the next question establishes a new one. False if no service runs.
  std::shared_ptr<Cancellable> IsValid(std::shared_ptr<Loop> loop, std::function<void(Result<bool>)> answer);

 private:
  class Question;

  Questions(std::shared_ptr<Loop> loop, backend::Provider provider)
      : loop_(std::move(loop)), provider_(std::move(provider)) {}
  std::shared_ptr<Cancellable> Ask(backend::Call call, std::shared_ptr<Loop> loop, backend::Answer answer);
  void AskNext();
  void StartOn(bool fresh);
  void Finish(backend::Outcome outcome);
  void ReleaseContext();

  const std::shared_ptr<Loop> loop_;
  const backend::Provider provider_;
  // On the loop.
  std::deque<std::shared_ptr<Question>> queue_;
  std::shared_ptr<Question> current_;
  std::unique_ptr<backend::Client> client_;
  Loop::Timer idle_;
};

}  // namespace pcsc_bridge
