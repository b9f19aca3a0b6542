#pragma once

// Pushing the pairs of one partition to another party through the own rollsite
// (spec/rollsite.md 4.2): pairs become pair batches, a batch becomes a Packet, some batches become
// one DataTransferService.push call ("stream"). The batches of the current stream are kept until
// it is confirmed, so that it can be sent again with the same numbers; nothing more is held.

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eggroll/transfer.pb.h"
#include "wire/pair_batch.h"

namespace fate::federation {

struct PushOptions {
  std::string rollsite;  // "host:port"
  size_t batch_bytes = wire::kFederationSendBufferBytes;
  int batches_per_stream = 10;
  size_t stream_bytes = 16 << 20;  // a stream ends earlier when it holds this much
  absl::Duration stream_timeout = absl::Seconds(300);
  absl::Duration patience = absl::Seconds(20);  // for a hop that does not answer
  // For a peer whose task has not started: its rollsite says so at once. Upstream's waits as long.
  absl::Duration start_patience = absl::Seconds(180);
  const std::atomic<bool>* cancelled = nullptr;
};

// One thread.
class PartitionPush {
 public:
  using RollSiteHeader = com::webank::eggroll::core::transfer::RollSiteHeader;

  // `header` names session, name, tag, parties, type, totalPartitions and partitionId.
  PartitionPush(PushOptions options, RollSiteHeader header);

  // Errors: kUnavailable after one of the patiences, or what the peer said; the text names name,
  // tag, party and rollsite.
  absl::Status Add(std::string_view key, std::string_view value);
  // Sends the rest and the finish mark. An empty partition is one packet without pairs.
  absl::Status Finish();

 private:
  absl::Status Queue(std::string batch);
  absl::Status PushStream(bool last);
  absl::Status PushOnce(bool last);
  RollSiteHeader HeaderOf(size_t index, bool last) const;
  absl::Status Explain(const absl::Status& status) const;

  PushOptions options_;
  RollSiteHeader header_;
  std::vector<std::string> stream_;  // batches of the current stream, not yet confirmed
  size_t stream_size_bytes_ = 0;
  int64_t stream_seq_ = 1;
  int64_t first_batch_seq_ = 1;  // of stream_[0]
  wire::PairBatchWriter batches_;
};

// An object as slices of 100 000 bytes, keyed by their big-endian number; a length that is a
// multiple of that ends with an empty slice.
absl::Status PushObject(PushOptions options, PartitionPush::RollSiteHeader header,
                        std::string_view bytes);

inline constexpr char kObjectType[] = "object";
inline constexpr char kTableType[] = "rollpair";

}  // namespace fate::federation
