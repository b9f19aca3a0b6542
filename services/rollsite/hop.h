#pragma once

// The second leg of a queue push: an `invoke` of the next gateway, repeated where its answer is
// lost, so that the pusher learns success or a failure that is true.
//
//   attempt --answer--> done
//      |  \--lost, the request had not gone out whole--> pause --> attempt
//      |   \-lost, the request was out--> pause --> query --"stored"--> done
//      |                                             |  \--lost--> pause --> query
//      +<-----------"absent": the same number again--+
//
// What may have been processed is repeated only under its number, and only when the receiver has
// shown, by answering the query, that it knows numbers: a gateway of Java does not, and is never
// sent a message twice. The message is kept for that until it is answered, as long as all kept ones
// fit in QueueSettings::kept_bytes; one that was not kept is not repeated but still asked about.

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "relay/client_call.h"
#include "rollsite/gateway.h"

namespace fate::rollsite {

struct HopAnswer {
  std::string code, message;
  bool numbered = false;  // a queue that knows numbers has answered
};

class Hop final : public std::enable_shared_from_this<Hop> {
 public:
  struct Options {
    relay::Headers metadata;  // of the push: as PtpContext::Emit gives it
    std::string topic;        // "": not known; the outcome cannot be asked for then
    transfer_queue::Producer producer;
    bool own_number = true;  // given by this gateway, not by the pusher
    size_t bytes = 0;        // of the PushInbound
    absl::Time deadline = absl::InfiniteFuture();
    absl::AnyInvocable<void(size_t bytes)> on_sent;  // always given
  };
  // Once; never from within Start, never after Cancel.
  using Done = absl::AnyInvocable<void(absl::StatusOr<HopAnswer>)>;

  static std::shared_ptr<Hop> Start(Gateway* gateway, Target target, Options options, Done done);
  ~Hop();

  // The PushInbound.
  void Send(relay::Slice slice);
  void SendEnd();
  void Cancel();

 private:
  Hop(Gateway* gateway, Target target, Options options, Done done);
  void Attempt();
  void OnAnswer(absl::StatusOr<std::string> answer);
  void OnLost(const absl::Status& why);
  void Pause(const absl::Status& why, bool ask);
  void Ask();
  void OnOutcome(absl::StatusOr<std::string> answer);
  void Number(relay::Headers* metadata) const;
  absl::Duration TimeLeft() const;
  void Drop();
  void Finish(absl::StatusOr<HopAnswer> result);

  Gateway* const gateway_;
  const Target target_;
  Options options_;
  Done done_;
  std::shared_ptr<relay::ClientCall> call_;
  Rope kept_;
  std::unique_ptr<CarriedCalls::Ticket> step_;  // where it goes by one's own listener
  bool keeps_ = true, ended_ = false;
  size_t received_ = 0;
  bool repeats_ = false;  // something was lost already
  absl::Time give_up_;    // from then on nothing is repeated
  absl::Duration pause_;
  absl::Status lost_;  // why the last attempt was
  relay::EventLoop::TimerId timer_ = 0;
};

}  // namespace fate::rollsite
