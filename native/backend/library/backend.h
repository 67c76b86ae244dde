// A PC/SC library's blocking calls on worker threads.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/library/library.h"

namespace pcsc_bridge::backend {

// For a loaded library. Lives as long as its clients and their threads: in a program, for ever.
std::unique_ptr<Backend> MakeLibraryBackend(const Library& library);

// Its watchers: watcher.cc.
std::unique_ptr<Watcher> MakeLibraryWatcher(const Library& library, const std::shared_ptr<Loop>& loop,
                                            Report report);

}  // namespace pcsc_bridge::backend
