#pragma once

// The queues of a rollsite for our own components: each message arrives exactly once and in the
// order of its topic, whichever gateway is killed and started again meanwhile.
//
// A Producer numbers its pushes and repeats one under its number until it knows that the receiving
// queue has it. A Consumer acknowledges what it has received and skips what comes again. With
// durable queues this holds through any crash but that of the client itself.
//
// Everything runs on the loop's thread. Both must outlive their calls' `done`; destroyed earlier,
// they drop them.

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/rope.h"
#include "relay/client_call.h"
#include "transfer_queue/types.h"

namespace fate::queue_client {

// Where a topic is reached, and as whom.
struct Endpoint {
  relay::Address rollsite;  // one's own
  std::string session;
  std::string own_party;                        // named as the source
  std::string peer_party;                       // to whom pushes go; a consumer needs none
  absl::Duration patience = absl::Minutes(10);  // how long failures are repeated
};

class Producer {
 public:
  using Done = std::function<void(absl::Status)>;

  Producer(relay::Upstreams* upstreams, Endpoint endpoint, std::string topic, bool durable);
  ~Producer();

  // Pushes are sent one after another. `done`: OK when the queue has the message; else it is not
  // known to have it, and nobody will try again. Errors: those of the gateways on the way.
  void Push(Rope payload, Done done);
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    Rope payload;
    Done done;
  };
  void Send();
  void OnAnswer(absl::StatusOr<std::string> answer);
  void Finish(absl::Status status);

  relay::Upstreams* const upstreams_;
  const Endpoint endpoint_;
  const std::string topic_, id_;
  const bool durable_;
  uint64_t sequence_ = 0;  // of the front
  std::deque<Waiting> waiting_;
  std::shared_ptr<relay::ClientCall> call_;
  relay::EventLoop::TimerId timer_ = 0;
  absl::Time give_up_;
  absl::Duration pause_;
};

class Consumer {
 public:
  // kNotFound: no message within the wait.
  using Done = std::function<void(absl::StatusOr<std::string>)>;

  Consumer(relay::Upstreams* upstreams, Endpoint endpoint, std::string topic);
  ~Consumer();

  // The next message, which is acknowledged with the next Pop or Acknowledge. One at a time.
  void Pop(absl::Duration wait, Done done);
  // Tells the queue that the last message has been dealt with.
  void Acknowledge(std::function<void(absl::Status)> done);

 private:
  void Send();
  void OnAnswer(absl::StatusOr<std::string> answer);
  bool Receive(std::string_view id_text);
  void Finish(absl::StatusOr<std::string> result);

  relay::Upstreams* const upstreams_;
  const Endpoint endpoint_;
  const std::string topic_, id_;
  transfer_queue::MessageId last_;
  transfer_queue::SequenceSet seen_;  // offsets received from the queue of last_
  absl::Duration wait_;
  bool only_acknowledges_ = false;
  Done done_;
  std::shared_ptr<relay::ClientCall> call_;
  relay::EventLoop::TimerId timer_ = 0;
  absl::Time give_up_, wait_end_;
  absl::Duration pause_;
};

}  // namespace fate::queue_client
