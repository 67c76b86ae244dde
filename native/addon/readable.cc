#include "addon/readable.h"

#include <uv.h>

#include <utility>

namespace pcsc_bridge::addon {
namespace {

void CloseDescriptor(int descriptor) {
  uv_fs_t request;
  uv_fs_close(nullptr, &request, descriptor, nullptr);
  uv_fs_req_cleanup(&request);
}

}  // namespace

// The environment's thread only. The loop has it until it is closed: by its Readable or by the end of the
// environment, whichever comes first.
class Readable::Handle final : public LoopHandle {
 public:
  Handle(std::shared_ptr<Dispatcher> dispatcher, int descriptor, Read read)
      : dispatcher_(std::move(dispatcher)), descriptor_(descriptor), read_(std::move(read)) {}
  ~Handle() override { CloseDescriptor(descriptor_); }

  // False where the loop does not take the descriptor.
  bool Open(std::shared_ptr<Handle> self) {
    if (uv_poll_init(dispatcher_->loop(), &poll_, descriptor_) != 0) return false;
    poll_.data = this;
    uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    self_ = std::move(self);
    dispatcher_->Add(*this);
    return true;
  }

  void Watch() {
    if (!watched_ && !closed_) watched_ = uv_poll_start(&poll_, UV_READABLE, OnReadable) == 0;
  }

  void Close() override {
    if (std::exchange(closed_, true)) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
      const std::shared_ptr<Handle> self = std::move(static_cast<Handle*>(handle->data)->self_);
      self->dispatcher_->Remove(*self);
    });
  }

 private:
  static void OnReadable(uv_poll_t* poll, int status, int) {
    const std::shared_ptr<Handle> self = static_cast<Handle*>(poll->data)->self_;
    // After an error libuv watches no more; the next read tells what it is.
    if (status < 0) self->watched_ = false;
    self->dispatcher_->Collect([&self] {
      if (self->read_() || !self->watched_) return;
      self->watched_ = false;
      uv_poll_stop(&self->poll_);
    });
  }

  const std::shared_ptr<Dispatcher> dispatcher_;
  const int descriptor_;
  const Read read_;
  uv_poll_t poll_;
  std::shared_ptr<Handle> self_;  // while the loop has it
  bool watched_ = false;
  bool closed_ = false;
};

std::shared_ptr<Readable> Readable::Create(const std::shared_ptr<Dispatcher>& dispatcher, int descriptor,
                                           Read read) {
  auto handle = std::make_shared<Handle>(dispatcher, descriptor, std::move(read));
  if (!handle->Open(handle)) return nullptr;
  return std::shared_ptr<Readable>(new Readable(dispatcher, std::move(handle)));
}

Readable::~Readable() {
  dispatcher_->Post(MakeTask([handle = handle_](Napi::Env) { handle->Close(); }));
}

void Readable::Watch() {
  handle_->Watch();
}

}  // namespace pcsc_bridge::addon
