#include "federation/push.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "proxy/proxy.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/stream_writer.h"
#include "wire/federation_key.h"

namespace fate::federation {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using PushWriter = rpc::StreamWriter<Packet, Metadata>;

namespace {

constexpr char kVersion[] = "3.2.0";  // of the eggroll client this one speaks like
constexpr size_t kWindowBytes = 1 << 20;
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr absl::Duration kFirstStartPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestStartPause = absl::Milliseconds(500);

Packet ToPacket(const PartitionPush::RollSiteHeader& header, const std::string& batch) {
  Packet packet;
  Metadata* metadata = packet.mutable_header();
  metadata->mutable_src()->set_partyid(header.srcpartyid());
  metadata->mutable_src()->set_role(header.srcrole());
  metadata->mutable_dst()->set_partyid(header.dstpartyid());
  metadata->mutable_dst()->set_role(header.dstrole());
  metadata->set_seq(header.batchseq());
  metadata->set_ext(header.SerializeAsString());
  metadata->set_version(kVersion);
  packet.mutable_body()->set_value(batch);
  return packet;
}

std::string BigEndian(uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
          static_cast<char>(number >> 8), static_cast<char>(number)};
}

// False when cancelled meanwhile.
bool Pause(absl::Duration pause, const std::atomic<bool>* cancelled) {
  for (; pause > absl::ZeroDuration(); pause -= absl::Milliseconds(100)) {
    if (cancelled != nullptr && *cancelled) return false;
    absl::SleepFor(std::min(pause, absl::Milliseconds(100)));
  }
  return true;
}

// Whether and when to try again. Failures of one kind are borne for `limit` since the first of them
// in a row; the pauses between them grow.
struct Bearing {
  absl::Duration limit, first_pause, longest_pause;
};

class Patience {
 public:
  // Nothing once it has ended: all failures together are borne for `longest`.
  std::optional<absl::Duration> PauseAfter(bool starting, const Bearing& kind,
                                           absl::Duration longest) {
    const absl::Time now = absl::Now();
    if (!starting_) end_ = now + longest;
    if (starting_ != starting) {
      kind_end_ = now + kind.limit;
      pause_ = kind.first_pause;
    }
    starting_ = starting;
    if (now + pause_ > std::min(kind_end_, end_)) return std::nullopt;
    return std::exchange(pause_, std::min(pause_ * 2, kind.longest_pause));
  }

 private:
  std::optional<bool> starting_;  // the kind of the last failure
  absl::Time end_, kind_end_;
  absl::Duration pause_;
};

// The peer's rollsite says that its task has not started.
bool IsStarting(const absl::Status& status) {
  return Message(status).find(wire::kInvalidStatus) != std::string::npos;
}

}  // namespace

PartitionPush::PartitionPush(PushOptions options, RollSiteHeader header)
    : options_(std::move(options)),
      header_(std::move(header)),
      batches_(options_.batch_bytes,
               [this](std::string batch) { return Queue(std::move(batch)); }) {}

absl::Status PartitionPush::Add(std::string_view key, std::string_view value) {
  return batches_.Add(key, value);
}

absl::Status PartitionPush::Finish() {
  RETURN_IF_ERROR(batches_.Finish());
  return PushStream(true);
}

// A full stream is sent when the next batch is there, for only the last one bears the totals.
absl::Status PartitionPush::Queue(std::string batch) {
  const bool full = static_cast<int>(stream_.size()) >= options_.batches_per_stream ||
                    stream_size_bytes_ >= options_.stream_bytes;
  if (full) RETURN_IF_ERROR(PushStream(false));
  stream_size_bytes_ += batch.size();
  stream_.push_back(std::move(batch));
  return absl::OkStatus();
}

absl::Status PartitionPush::PushStream(bool last) {
  const Bearing hop{options_.patience, kFirstPause, kLongestPause};
  const Bearing peer{options_.start_patience, kFirstStartPause, kLongestStartPause};
  Patience patience;
  while (true) {
    absl::Status status = PushOnce(last);
    if (status.ok()) break;
    if (status.code() != absl::StatusCode::kUnavailable) return Explain(status);
    const bool starting = IsStarting(status);
    const auto pause = patience.PauseAfter(starting, starting ? peer : hop, hop.limit + peer.limit);
    if (!pause || !Pause(*pause, options_.cancelled)) return Explain(status);
  }
  ++stream_seq_;
  first_batch_seq_ += static_cast<int64_t>(stream_.size());
  stream_.clear();
  stream_size_bytes_ = 0;
  return absl::OkStatus();
}

absl::Status PartitionPush::PushOnce(bool last) {
  DataTransferService::Stub stub(rpc::ChannelTo(options_.rollsite));
  PushWriter writer({.window_bytes = kWindowBytes,
                     .timeout = options_.stream_timeout,
                     .cancelled = options_.cancelled},
                    [&stub](auto* context, auto* answer, auto* reactor) {
                      stub.async()->push(context, answer, reactor);
                    });
  for (size_t i = 0; i < stream_.size(); ++i) {
    if (!writer.Write(ToPacket(HeaderOf(i, last), stream_[i]), stream_[i].size())) break;
  }
  return rpc::FromGrpc(writer.Finish(), "rollsite " + options_.rollsite);
}

PartitionPush::RollSiteHeader PartitionPush::HeaderOf(size_t index, bool last) const {
  RollSiteHeader header = header_;
  header.set_streamseq(stream_seq_);
  header.set_batchseq(first_batch_seq_ + static_cast<int64_t>(index));
  const bool finish = last && index + 1 == stream_.size();
  header.set_totalstreams(finish ? stream_seq_ : -1);
  header.set_totalbatches(finish ? header.batchseq() : -1);
  if (finish) header.set_stage(wire::kFinishPartition);
  return header;
}

absl::Status PartitionPush::Explain(const absl::Status& status) const {
  std::string what = fmt::format("cannot push {} tag {} partition {} to {}_{} through rollsite {}",
                                 header_.name(), header_.tag(), header_.partitionid(),
                                 header_.dstrole(), header_.dstpartyid(), options_.rollsite);
  if (status.code() == absl::StatusCode::kUnavailable && IsStarting(status)) {
    return UnavailableError("{} for {}: {}", what, absl::FormatDuration(options_.start_patience),
                            Message(status));
  }
  if (status.code() == absl::StatusCode::kUnavailable) {
    return UnavailableError(
        "{} for {}: {}; check that fate-rollsite runs here and at party {}, and the route to it",
        what, absl::FormatDuration(options_.patience), Message(status), header_.dstpartyid());
  }
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    return DeadlineExceededError("{}: not confirmed within {}; is party {} overloaded or stopped?",
                                 what, absl::FormatDuration(options_.stream_timeout),
                                 header_.dstpartyid());
  }
  return Annotate(status, what);
}

absl::Status PushObject(PushOptions options, PartitionPush::RollSiteHeader header,
                        std::string_view bytes) {
  const size_t slice_bytes = options.batch_bytes;
  PartitionPush push(std::move(options), std::move(header));
  uint32_t number = 0;
  for (size_t at = 0; at <= bytes.size(); at += slice_bytes) {
    RETURN_IF_ERROR(push.Add(BigEndian(number++), bytes.substr(at, slice_bytes)));
  }
  return push.Finish();
}

}  // namespace fate::federation
