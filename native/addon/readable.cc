#include "addon/readable.h"

#include <utility>

namespace pcsc_bridge::addon {
namespace {

void CloseDescriptor(int descriptor) {
  uv_fs_t request;
  uv_fs_close(nullptr, &request, descriptor, nullptr);
  uv_fs_req_cleanup(&request);
}

}  // namespace

struct Readable::Handle final : LoopHandle {
  uv_poll_t poll;
  int descriptor = -1;
  std::shared_ptr<Dispatcher> dispatcher;
  Read read;
  bool owned = true;  // there is still a Readable
  bool watched = false;
  bool closed = false;
  bool gone = false;  // the loop has let go of it

  // By its Readable or by the end of the environment, whichever comes first.
  void Close() override {
    if (std::exchange(closed, true)) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), [](uv_handle_t* handle) {
      auto* self = static_cast<Handle*>(handle->data);
      CloseDescriptor(self->descriptor);
      self->read = nullptr;
      std::exchange(self->dispatcher, nullptr)->Remove(*self);
      self->gone = true;
      self->FreeWhenDone();
    });
  }

  void Disown() {
    owned = false;
    Close();
    FreeWhenDone();
  }

  void FreeWhenDone() {
    if (gone && !owned) delete this;
  }

  static void OnReadable(uv_poll_t* poll, int status, int) {
    auto* self = static_cast<Handle*>(poll->data);
    // After an error libuv watches no more; the next read tells what it is.
    if (status < 0) self->watched = false;
    self->dispatcher->Collect([self] {
      if (self->read() || !self->watched) return;
      self->watched = false;
      uv_poll_stop(&self->poll);
    });
  }
};

std::unique_ptr<Readable> Readable::Create(const std::shared_ptr<Dispatcher>& dispatcher, int descriptor,
                                           Read read) {
  auto handle = std::make_unique<Handle>();
  if (uv_poll_init(dispatcher->loop(), &handle->poll, descriptor) != 0) {
    CloseDescriptor(descriptor);
    return nullptr;
  }
  handle->poll.data = handle.get();
  handle->descriptor = descriptor;
  handle->dispatcher = dispatcher;
  handle->read = std::move(read);
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle->poll));
  dispatcher->Add(*handle);
  return std::unique_ptr<Readable>(new Readable(*handle.release()));
}

Readable::~Readable() {
  handle_.Disown();
}

void Readable::Watch() {
  if (handle_.watched || handle_.closed) return;
  handle_.watched = uv_poll_start(&handle_.poll, UV_READABLE, Handle::OnReadable) == 0;
}

}  // namespace pcsc_bridge::addon
