#pragma once

// The queues of this party, as calls see them: parses the messages, parks pops, tells the queues
// what became of their answers, sets the one timer they need, and carries their commands to the
// store and its outcomes back (spec/rollsite.md 5.5). Everything runs on the loop's thread.

#include <functional>
#include <memory>
#include <unordered_map>

#include "queue_store/queue_store.h"
#include "relay/unary_call.h"
#include "rollsite/gateway.h"
#include "rollsite/ptp.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::rollsite {

class QueueService {
 public:
  using CallPtr = std::shared_ptr<relay::UnaryCall>;
  enum class Method { kPush, kPop, kPeek, kRelease };
  // Takes the answer of a call, perhaps at once.
  using Respond = std::function<void(transfer_queue::Answer answer)>;

  explicit QueueService(Gateway* gateway);
  ~QueueService();

  // Before the first call: durable queues of an earlier run. Errors: those of the store.
  absl::Status Restore();

  // Collects the call's message, then pushes, pops, peeks or releases.
  void Serve(Method method, relay::Stream* stream, relay::Headers head);
  // An invoke of `caller` that ends here: a push (spec 5.5) or a query about one.
  void ServeInvoke(const relay::Peer& caller, relay::Stream* stream, relay::Headers head);

  // Any other way to call. `event`: a call; its id is set here and returned. Whoever takes an
  // answer that delivers must tell what became of it.
  uint64_t Ask(transfer_queue::Event event, Respond respond);
  void Delivered(uint64_t call, bool written);
  // The caller has gone.
  void Leave(uint64_t call);

  transfer_queue::Stats stats() const { return queues_.stats(); }
  std::vector<std::pair<std::string, size_t>> Parties(size_t most) const {
    return queues_.Parties(most);
  }
  // Ends every waiting pop as UNAVAILABLE, and those that come later.
  void Stop();

 private:
  void Handle(Method method, const CallPtr& call);
  void HandleInvoke(const relay::Peer& peer, const CallPtr& call);
  // in_band: a failure is answered as a code with status OK.
  void Ask(transfer_queue::Event event, const char* method, const CallPtr& call, bool in_band);
  void Step(transfer_queue::Event event);
  void OnStore(queue_store::QueueStore::Outcomes outcomes);
  void SetTimer();
  absl::Status Stopping() const;

  struct Waiting {
    Respond respond;
    bool is_pop = false;
  };
  Gateway* const gateway_;
  transfer_queue::TransferQueues queues_;
  std::unordered_map<uint64_t, Waiting> waiting_;
  uint64_t last_call_ = 0;
  bool stopping_ = false;
  absl::Time timer_time_ = absl::InfiniteFuture();
  relay::EventLoop::TimerId timer_ = 0;
  std::unique_ptr<queue_store::QueueStore> store_;  // null: nothing may go to disk
};

}  // namespace fate::rollsite
