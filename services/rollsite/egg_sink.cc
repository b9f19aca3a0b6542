#include "rollsite/egg_sink.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/egg_messages.h"
#include "wire/federation_key.h"

namespace fate::rollsite {
namespace {

using com::webank::eggroll::core::transfer::TransferBatch;

constexpr char kMethod[] = "push_to_eggs";
constexpr char kInBandError[] = "[roll site transfer exception]";  // spec 8.5
// With more than this queued for the egg, the pusher's window is not given back.
constexpr size_t kQueuedBytes = 512 << 10;
// After the egg has taken everything, its task has this long to end.
constexpr absl::Duration kTaskEnd = absl::Seconds(60);
constexpr absl::Duration kLongestPush = absl::Hours(24);

absl::Status Check(const Destination& to) {
  if (!to.ext) {
    return InvalidArgumentError(
        "a push to one's own party {} without a readable RollSiteHeader in "
        "its ext; clients before eggroll 2.2 are not served",
        Escape(to.party));
  }
  const RollSiteHeader& header = *to.ext;
  RETURN_IF_ERROR(SessionId::Parse(wire::ReceivingSession(header)).status());
  RETURN_IF_ERROR(StoreName::Parse(header.rollsitesessionid(), wire::RollSiteKey(header)).status());
  if (header.totalpartitions() < 1 || header.totalpartitions() > kMaxPartitions ||
      header.partitionid() < 0 || header.partitionid() >= header.totalpartitions()) {
    return InvalidArgumentError("partition {} of {}; at most {} partitions are allowed",
                                header.partitionid(), header.totalpartitions(), kMaxPartitions);
  }
  return absl::OkStatus();
}

class Sink final : public relay::StreamHandler, public std::enable_shared_from_this<Sink> {
 public:
  Sink(Gateway* gateway, EggFinder* eggs, const PacketHeader& first, const RollSiteHeader& header,
       relay::Stream* stream)
      : gateway_(gateway),
        eggs_(eggs),
        first_(first),
        header_(header),
        session_(wire::ReceivingSession(header)),
        tag_(wire::BrokerTag(wire::RollSiteKey(header), header.partitionid())),
        stream_(stream),
        reader_(kMaxMessageBytes) {}
  ~Sink() override { gateway_->loop().Cancel(timer_); }

  void Start(const relay::Headers& head, std::vector<relay::Slice> received) {
    auto timeout = relay::ParseTimeout(relay::Find(head, "grpc-timeout")).value_or(kLongestPush);
    deadline_ = gateway_->loop().Now() + timeout;
    SetTimer(timeout, "the caller's deadline has passed");
    waiting_ = std::move(received);
    search_ =
        eggs_->Find(header_, timeout, [weak = weak_from_this()](absl::StatusOr<EggPlace> place) {
          if (auto self = weak.lock()) self->OnPlace(std::move(place));
        });
  }

 private:
  void OnPlace(absl::StatusOr<EggPlace> place) {
    search_.reset();
    if (!stream_) return;
    if (!place.ok()) return Fail(place.status());
    egg_ = fmt::format("egg {} of session {} at {}", place->partition.processor().id(), session_,
                       place->transfer.ToString());
    absl::Duration left = deadline_ - gateway_->loop().Now();
    auto weak = weak_from_this();
    const EggrollVersion version = gateway_->config().eggs.version;
    task_ = CallCommand(gateway_->upstreams(), place->command, RunTaskUri(version),
                        PutBatchTask(header_, place->store, place->partition, version), left,
                        [weak](absl::StatusOr<std::string> result) {
                          if (auto self = weak.lock()) self->OnTask(result.status());
                        });
    send_ =
        relay::ClientCall::Start(gateway_->upstreams(),
                                 {.address = place->transfer,
                                  .lane = relay::Lane::kBulk,
                                  .path = "/com.webank.eggroll.core.transfer.TransferService/send",
                                  .metadata = {{"transfer_broker_name", tag_}},
                                  .timeout = left,
                                  .on_sent =
                                      [weak](size_t) {
                                        if (auto self = weak.lock()) self->GiveBack();
                                      }},
                                 [weak](absl::StatusOr<std::string> answer) {
                                   if (auto self = weak.lock())
                                     self->OnSendAnswer(std::move(answer));
                                 });
    for (relay::Slice& slice : std::exchange(waiting_, {})) Feed(std::move(slice));
    if (request_ended_) EndRequest();
  }

  void OnData(relay::Slice slice) override {
    if (!stream_) return;
    if (!send_) return waiting_.push_back(std::move(slice));
    Feed(std::move(slice));
  }

  void Feed(relay::Slice slice) {
    std::string_view bytes = slice.view();
    CountBytes(bytes.size(), 0);
    owed_ += bytes.size();
    while (!bytes.empty() && stream_) {
      auto packet = reader_.Next(&bytes);
      if (!packet.ok()) return Fail(packet.status());
      if (*packet) SendPacket(std::move(**packet));
    }
    GiveBack();
  }

  void SendPacket(std::string bytes) {
    relay::Slice packet = relay::Slice::Take(std::move(bytes));
    auto view = SplitPacket(packet.view());
    if (!view.ok()) return Fail(view.status());
    if (view->key == kInBandError) {
      return Fail(absl::AbortedError("the sender gave up: " + Escape(view->value.substr(0, 1024))));
    }
    PacketHeader header;
    if (!header.ParseFromArray(view->header.data(), static_cast<int>(view->header.size()))) {
      return Fail(InvalidArgumentError("a packet's header is no Metadata"));
    }
    std::string prefix =
        BatchPrefix(static_cast<int32_t>(first_.seq()), tag_, header.ext(), view->value.size());
    send_->Send(relay::Slice::Take(relay::FrameHead(prefix.size() + view->value.size()) + prefix));
    if (!view->value.empty()) {
      send_->Send({packet.owner, view->value.data(), view->value.size()});
    }
  }

  // Lets the pusher go on when the egg keeps up.
  void GiveBack() {
    if (!stream_ || !send_ || send_->queued_bytes() > kQueuedBytes) return;
    stream_->Consume(std::exchange(owed_, 0));
  }

  void OnEnd(relay::Headers) override {
    request_ended_ = true;
    if (stream_ && send_) EndRequest();
  }

  void EndRequest() {
    if (!reader_.AtBoundary()) return Fail(InvalidArgumentError("the push ended within a packet"));
    send_->SendEnd();
  }

  void OnTask(const absl::Status& status) {
    if (!stream_) return;
    if (!status.ok()) return FailAtEgg("its task putBatch failed", status);
    task_ended_ = true;
    Complete();
  }

  void OnSendAnswer(absl::StatusOr<std::string> answer) {
    if (!stream_) return;
    if (!answer.ok()) return FailAtEgg("it broke the transfer off", answer.status());
    TransferBatch batch;
    if (!batch.ParseFromString(*answer)) {
      return FailAtEgg("its answer is unreadable", InternalError("no TransferBatch"));
    }
    if (!request_ended_) {
      return FailAtEgg("it answered before the end", InternalError("data would be lost"));
    }
    ack_ = batch.header().id();
    SetTimer(kTaskEnd, "the egg took the data, but its task putBatch has not ended");
    Complete();
  }

  void Complete() {
    if (!ack_ || !task_ended_) return;
    CountCall(kMethod, absl::OkStatus());
    first_.set_ack(*ack_);
    std::vector<relay::Slice> pieces;
    pieces.push_back(relay::Slice::Take(first_.SerializeAsString()));
    relay::SendMessage(End(), std::move(pieces));
  }

  // A lost egg is worth another try; the rest would fail again.
  void FailAtEgg(const char* what, const absl::Status& status) {
    eggs_->Forget(session_);
    std::string text = fmt::format("{}: {}: {}", egg_, what, Message(status));
    Fail(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)
             ? absl::Status(status.code(), text)
             : InternalError("{}", text));
  }

  void Fail(const absl::Status& status) {
    if (!stream_) return;
    absl::Status full =
        Annotate(status, fmt::format("{} for party {}", tag_, header_.dstpartyid()));
    CountCall(kMethod, full);
    relay::SendStatus(End(), /*head_sent=*/false, full);
  }

  void OnClosed(const absl::Status&) override {
    if (!stream_) return;
    CountCall(kMethod, CancelledError("the client left"));
    End();
  }

  relay::Stream* End() {
    search_.reset();
    if (task_) task_->Cancel();
    if (send_) send_->Cancel();
    waiting_.clear();
    gateway_->loop().Cancel(std::exchange(timer_, 0));
    return std::exchange(stream_, nullptr);
  }

  void SetTimer(absl::Duration delay, const char* text) {
    absl::Time due = std::min(gateway_->loop().Now() + delay, deadline_);
    gateway_->loop().Cancel(timer_);
    timer_ = gateway_->loop().At(due, [weak = weak_from_this(), text] {
      auto self = weak.lock();
      if (!self) return;
      self->timer_ = 0;
      self->Fail(DeadlineExceededError("{}", text));
    });
  }

  Gateway* const gateway_;
  EggFinder* const eggs_;
  PacketHeader first_;
  const RollSiteHeader header_;
  const std::string session_, tag_;
  relay::Stream* stream_;  // null once answered or left
  relay::FrameReader reader_;
  absl::Time deadline_;
  relay::EventLoop::TimerId timer_ = 0;
  std::shared_ptr<EggFinder::Search> search_;
  std::vector<relay::Slice> waiting_;  // data that came before the egg was known
  std::string egg_;                    // for messages
  std::shared_ptr<relay::ClientCall> task_, send_;
  size_t owed_ = 0;  // bytes not yet given back to the pusher's window
  bool request_ended_ = false, task_ended_ = false;
  std::optional<int64_t> ack_;
};

}  // namespace

void SinkIntoEggs(Gateway* gateway, EggFinder* eggs, const PacketHeader& first,
                  const Destination& to, relay::Stream* stream, const relay::Headers& head,
                  std::vector<relay::Slice> received) {
  if (auto status = Check(to); !status.ok()) {
    stream->SetHandler(nullptr);
    return Refuse(kMethod, stream, status);
  }
  auto sink = std::make_shared<Sink>(gateway, eggs, first, *to.ext, stream);
  stream->SetHandler(sink);
  sink->Start(head, std::move(received));
}

}  // namespace fate::rollsite
