// Follows the readers of a daemon.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/daemon/link.h"

namespace pcsc_bridge::daemon {

// Registers for the next change, requests the table of readers, and repeats both after each change. No
// change is lost, because the table is requested after the registration is in effect.
//
// Before 4:6 the daemon answers a registration with the table. Since 4:6 it does not answer it, and may
// report a change in the middle of another answer, so the table has its own link.
class Watcher final : public backend::Watcher {
 public:
  Watcher(std::shared_ptr<Loop> loop, std::string socket, backend::Report report);
  ~Watcher() override;

 private:
  // Since 4:6: the outcome of the registration.
  enum class Registration { kAsked, kInEffect };
  // Since 4:6: the outcome of the table request.
  enum class Table { kKnown, kAsked, kAskedAndOutdated };

  void RegisterForTable();  // before 4:6
  void OpenTableLink();
  void Register();
  void Notified();
  void AskTable();
  void Report(const ReaderTable& table);
  // True if the answer is valid; otherwise the watcher is dead.
  bool Works(const Result<Link::Answer>& answer);

  const std::shared_ptr<Loop> loop_;
  const std::string socket_;
  const backend::Report report_;
  const std::shared_ptr<Link> changes_;
  std::shared_ptr<Link> table_;  // since 4:6
  Registration registration_ = Registration::kAsked;
  Table asked_ = Table::kKnown;
};

}  // namespace pcsc_bridge::daemon
