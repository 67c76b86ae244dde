// A cached card on a channel of its own.
#pragma once

#include <memory>
#include <string>

#include "cache/cached_card.h"
#include "channel/channel.h"

namespace pcsc_bridge {

class ChannelCard final : public CachedCard {
 public:
  ChannelCard(const Library& library, std::string reader)
      : reader_(std::move(reader)), channel_(Channel::Create(library)) {}
  ~ChannelCard() override { channel_->Close(Disposition::kLeave); }

  std::shared_ptr<Cancellable> Open(MustReset must_reset, std::function<void(Result<Claim>)> answer) override;
  std::shared_ptr<Cancellable> Evaluate(MustReset must_reset,
                                        std::function<void(Result<Claim>)> answer) override;
  void End(Disposition disposition, std::function<void(Result<Done>)> answer) override;
  void Close(Disposition disposition, std::function<void()> closed) override {
    channel_->Close(disposition, std::move(closed));
  }
  bool usable() const override { return !channel_->ended(); }
  std::shared_ptr<Channel> channel() const override { return channel_; }

 private:
  const std::string reader_;
  const std::shared_ptr<Channel> channel_;
};

// Cards of the process's PC/SC library.
CachedCardFactory ChannelCards(const Library& library);

}  // namespace pcsc_bridge
