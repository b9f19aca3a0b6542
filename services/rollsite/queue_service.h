#pragma once

// The queues of this party, as calls see them: parses the messages, parks pops, sets the one
// timer the queues need (spec/rollsite.md 5.5).

#include <functional>
#include <memory>
#include <unordered_map>

#include "relay/unary_call.h"
#include "rollsite/gateway.h"
#include "rollsite/ptp.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::rollsite {

class QueueService {
 public:
  using CallPtr = std::shared_ptr<relay::UnaryCall>;
  using Method = transfer_queue::Event::Kind;

  explicit QueueService(Gateway* gateway) : gateway_(gateway) {}
  ~QueueService();

  // Collects the call's message, then pushes, pops, peeks or releases.
  void Serve(Method method, relay::Stream* stream, relay::Headers head);
  // An invoke that ends here: only a push can be asked for (spec 5.5).
  void ServeInvoke(relay::Stream* stream, relay::Headers head);

  transfer_queue::Stats stats() const { return queues_.stats(); }
  // Ends every waiting pop as UNAVAILABLE.
  void Stop();

 private:
  void Handle(Method method, const CallPtr& call);
  void HandleInvoke(const relay::Peer& peer, const CallPtr& call);
  // in_band: a failure is answered as a code with status OK.
  void Step(transfer_queue::Event event, const CallPtr& call, bool in_band);
  void Give(std::vector<transfer_queue::Answer> answers);
  void SetTimer();

  Gateway* const gateway_;
  transfer_queue::TransferQueues queues_;
  struct Waiting {
    CallPtr call;
    std::string self;  // who speaks in an error text
    std::string method;
    bool in_band = false;
  };
  void GiveFailure(const Waiting& waiting, std::string_view code, const std::string& text);
  std::unordered_map<uint64_t, Waiting> waiting_;
  uint64_t last_call_ = 0;
  absl::Time timer_time_ = absl::InfiniteFuture();
  relay::EventLoop::TimerId timer_ = 0;
};

}  // namespace fate::rollsite
