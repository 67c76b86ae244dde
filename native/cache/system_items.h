// The system's item cache: SCardReadCache and SCardWriteCache, where the library has them (Windows).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "backend/library/context.h"
#include "cache/host_items.h"

namespace pcsc_bridge {

// The calls go to the smart card service and may be slow: a worker thread makes them one after another and
// owns the context meanwhile. Thread safe. Lives as long as the process.
class SystemItems {
 public:
  // The library must have read_cache and write_cache.
  explicit SystemItems(const Library& library) : library_(library) {}
  SystemItems(const SystemItems&) = delete;
  SystemItems& operator=(const SystemItems&) = delete;

  // As ReadHostItem and WriteHostItem. A cancelled one is answered at once; the result of its call, if it
  // has begun, is dropped.
  std::shared_ptr<Cancellable> Read(ItemKey key, std::uint32_t freshness, ItemRead answer);
  std::shared_ptr<Cancellable> Write(ItemKey key, std::uint32_t freshness, Bytes data, ItemWritten answer);

 private:
  class Task;
  template <class T>
  class TaskOf;

  std::shared_ptr<Cancellable> Enqueue(std::shared_ptr<Task> task);
  void WorkThroughQueue();
  // Calls with a context, and once again with a new one if the service has been restarted.
  Status OnContext(const std::function<Status(abi::ContextHandle)>& call);
  Result<Bytes> ReadNow(const ItemKey& key, std::uint32_t freshness);
  Result<Done> WriteNow(const ItemKey& key, std::uint32_t freshness, const Bytes& data);

  const Library& library_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Task>> queue_;
  bool working_ = false;
  std::optional<Context> context_;  // the worker's
};

}  // namespace pcsc_bridge
