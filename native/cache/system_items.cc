#include "cache/system_items.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "loop/worker.h"
#include "pcsc/secret.h"

namespace pcsc_bridge {
namespace {

// Large enough for any item over a remote desktop connection; otherwise the service reports the size.
constexpr std::size_t kFirstBuffer = 65'536;
constexpr std::size_t kLargestBuffer = 16 * 1024 * 1024;

bool ContextIsDead(Status code) {
  static constexpr Status kDead[] = {
      status::kInvalidHandle,   status::kNoService, status::kServiceStopped,       status::kCommError,
      status::kSystemCancelled, status::kShutdown,  status::kWindowsInvalidHandle, status::kWindowsBrokenPipe,
  };
  return std::find(std::begin(kDead), std::end(kDead), code) != std::end(kDead);
}

}  // namespace

class SystemItems::Task : public Cancellable {
 public:
  virtual void Run() = 0;
  virtual void Refuse(Error error) = 0;
};

template <class T>
class SystemItems::TaskOf final : public Task {
 public:
  using Answer = std::function<void(Result<T>)>;

  TaskOf(std::function<Result<T>()> work, Answer answer)
      : work_(std::move(work)), answer_(std::move(answer)) {}

  void Run() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!answer_) return;
    }
    Settle(work_());
  }
  void Refuse(Error error) override { Settle(std::move(error)); }
  void Cancel() override { Settle(CancelledError()); }

 private:
  void Settle(Result<T> result) {
    Answer answer;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      answer.swap(answer_);
    }
    if (answer) answer(std::move(result));
  }

  const std::function<Result<T>()> work_;
  std::mutex mutex_;
  Answer answer_;  // empty once answered
};

std::shared_ptr<Cancellable> SystemItems::Read(ItemKey key, std::uint32_t freshness, ItemRead answer) {
  auto work = [this, key = std::move(key), freshness] { return ReadNow(key, freshness); };
  return Enqueue(std::make_shared<TaskOf<Bytes>>(std::move(work), std::move(answer)));
}

std::shared_ptr<Cancellable> SystemItems::Write(ItemKey key, std::uint32_t freshness, Bytes data,
                                                ItemWritten answer) {
  auto kept = std::make_shared<SecretBytes>(std::move(data));
  auto work = [this, key = std::move(key), freshness, kept = std::move(kept)] {
    return WriteNow(key, freshness, kept->bytes());
  };
  return Enqueue(std::make_shared<TaskOf<Done>>(std::move(work), std::move(answer)));
}

std::shared_ptr<Cancellable> SystemItems::Enqueue(std::shared_ptr<Task> task) {
  bool start = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(task);
    start = !std::exchange(working_, true);
  }
  if (start && !RunOnWorker([this] { WorkThroughQueue(); })) {
    std::deque<std::shared_ptr<Task>> dropped;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      dropped.swap(queue_);
      working_ = false;
    }
    for (const std::shared_ptr<Task>& refused : dropped) {
      refused->Refuse(NoThreadError());
    }
  }
  return task;
}

void SystemItems::WorkThroughQueue() {
  for (;;) {
    std::shared_ptr<Task> task;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (queue_.empty()) {
        working_ = false;
        return;
      }
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task->Run();
  }
}

Status SystemItems::OnContext(const std::function<Status(abi::ContextHandle)>& call) {
  const bool fresh = !context_;
  if (!context_) {
    Result<Context> context = Context::Establish(library_);
    if (!context) return context.code();
    context_.emplace(std::move(*context));
  }
  const Status code = call(context_->handle());
  if (!ContextIsDead(code)) return code;
  context_.reset();
  return fresh ? code : OnContext(call);
}

Result<Bytes> SystemItems::ReadNow(const ItemKey& key, std::uint32_t freshness) {
  CardId card = key.card;
  platform::NativeString name = platform::ToNative(key.name);
  for (std::size_t size = kFirstBuffer; size <= kLargestBuffer;) {
    Bytes data(size, 0);
    abi::Dword length = 0;
    const Status code = OnContext([&](abi::ContextHandle context) {
      length = static_cast<abi::Dword>(data.size());
      return abi::ToStatus(
          library_.read_cache(context, card.data(), freshness, name.data(), data.data(), &length));
    });
    if (code == status::kInsufficientBuffer) {
      size = std::max<std::size_t>(length, 2 * size);
      continue;
    }
    if (code != status::kSuccess) return Error{code, "SCardReadCache", "", ""};
    data.resize(std::min<std::size_t>(length, data.size()));
    return data;
  }
  return Error{status::kInsufficientBuffer, "SCardReadCache", "", "the item is larger than 16 MiB"};
}

Result<Done> SystemItems::WriteNow(const ItemKey& key, std::uint32_t freshness, const Bytes& data) {
  CardId card = key.card;
  platform::NativeString name = platform::ToNative(key.name);
  const Status code = OnContext([&](abi::ContextHandle context) {
    return abi::ToStatus(library_.write_cache(context, card.data(), freshness, name.data(),
                                              const_cast<unsigned char*>(data.data()),
                                              static_cast<abi::Dword>(data.size())));
  });
  if (code != status::kSuccess) return Error{code, "SCardWriteCache", "", ""};
  return Done{};
}

}  // namespace pcsc_bridge
