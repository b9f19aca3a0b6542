// Federation data on its way in (spec/eggroll-compute-and-storage.md 10): putBatch stores the
// batches that rollsite sends, the pull tasks let the receiving component wait for them.

#include <condition_variable>
#include <mutex>
#include <set>

#include "absl/time/clock.h"
#include "base/status.h"
#include "egg/task.h"

namespace fate::egg {
namespace {

namespace transfer = com::webank::eggroll::core::transfer;

constexpr absl::Duration kIdleLimit = absl::Seconds(180);
constexpr absl::Duration kMaxWait = absl::Hours(24 * 30);
constexpr auto kCancelCheck = std::chrono::milliseconds(50);

// The streams of one tag follow one another.
class Turn {
 public:
  static absl::StatusOr<std::unique_ptr<Turn>> Take(const std::string& tag,
                                                    const std::atomic<bool>& cancelled) {
    std::unique_lock lock(mutex_);
    while (busy_.contains(tag)) {
      if (cancelled) return CancelledError("cancelled while waiting for another stream of {}", tag);
      changed_.wait_for(lock, kCancelCheck);
    }
    busy_.insert(tag);
    return std::unique_ptr<Turn>(new Turn(tag));
  }
  ~Turn() {
    std::lock_guard lock(mutex_);
    busy_.erase(tag_);
    changed_.notify_all();
  }

 private:
  explicit Turn(std::string tag) : tag_(std::move(tag)) {}
  static inline std::mutex mutex_;
  static inline std::condition_variable changed_;
  static inline std::set<std::string> busy_;
  const std::string tag_;
};

absl::StatusOr<StoredBatch> StoreFederationBatch(const Batch& batch, kv::Writer& writer) {
  StoredBatch stored;
  if (!stored.header.ParseFromString(batch.ext)) {
    return InvalidArgumentError("a batch without a readable RollSiteHeader");
  }
  if (batch.data.empty()) return stored;
  ASSIGN_OR_RETURN(stored.pairs, StoreBatch(batch.data, writer));
  return stored;
}

absl::Status StoreStream(TaskCall& call, Broker& broker) {
  const std::string& tag = call.task.id();
  ASSIGN_OR_RETURN(const meta::Partition* output, call.Output(0));
  ASSIGN_OR_RETURN(kv::Store store, call.Open(*output));
  ASSIGN_OR_RETURN(kv::Writer writer, store.Write(call.cancelled.get()));
  std::vector<StoredBatch> batches;
  while (true) {
    auto batch = broker.Take(*call.cancelled, kIdleLimit);
    if (absl::IsDeadlineExceeded(batch.status())) {
      return DeadlineExceededError("timeout in PutBatchTask.run. tag={}, {}", tag,
                                   Message(batch.status()));
    }
    RETURN_IF_ERROR(batch.status());
    if (!*batch) break;
    ASSIGN_OR_RETURN(StoredBatch stored, StoreFederationBatch(**batch, writer));
    RETURN_IF_ERROR(call.egg.board.SeeHeader(tag, stored.header));
    batches.push_back(std::move(stored));
  }
  RETURN_IF_ERROR(writer.Commit());
  return call.egg.board.EndStream(tag, batches);
}

template <class Request>
absl::StatusOr<Request> ParseRequest(const TaskCall& call) {
  ASSIGN_OR_RETURN(const meta::Functor* functor, call.Functor(0));
  Request request;
  if (!request.ParseFromString(functor->body())) {
    return InvalidArgumentError("functor '{}' holds no {}", functor->name(), request.GetTypeName());
  }
  return request;
}

absl::Time Deadline(double timeout_s) {
  return absl::Now() + std::clamp(absl::Seconds(timeout_s), absl::ZeroDuration(), kMaxWait);
}

// "putBatch-<rs key>-" of the request and the partition of IN0.
absl::StatusOr<std::string> TagOfPartition(const TaskCall& call, const std::string& prefix) {
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  return prefix + std::to_string(input->id());
}

}  // namespace

absl::StatusOr<std::string> RunPutBatch(TaskCall& call) {
  const std::string& tag = call.task.id();
  ASSIGN_OR_RETURN(auto turn, Turn::Take(tag, *call.cancelled));
  ASSIGN_OR_RETURN(auto broker, call.egg.brokers.Create(tag, 1));
  absl::Status status = StoreStream(call, *broker);
  if (!status.ok()) broker->Fail(status);
  call.egg.brokers.Remove(tag, broker);
  RETURN_IF_ERROR(status);
  return call.bytes;
}

absl::StatusOr<std::string> RunPullClearStatus(TaskCall& call) {
  ASSIGN_OR_RETURN(auto request, ParseRequest<transfer::RollSitePullClearStatusRequest>(call));
  ASSIGN_OR_RETURN(std::string tag, TagOfPartition(call, request.tag()));
  call.egg.board.Clear(tag);
  return std::string();  // RollSitePullClearStatusResponse has no fields
}

void RunPullGetHeader(const TaskCall& call, TaskRespond respond) {
  auto request = ParseRequest<transfer::RollSitePullGetHeaderRequest>(call);
  if (!request.ok()) return respond(request.status());
  call.egg.board.AwaitHeader(
      request->tag(), Deadline(request->timeout()), call.cancelled,
      [respond = std::move(respond)](absl::StatusOr<wire::RollSiteHeader> header) {
        if (!header.ok()) return respond(header.status());
        transfer::RollSitePullGetHeaderResponse response;
        *response.mutable_header() = *std::move(header);
        respond(response.SerializeAsString());
      });
}

void RunPullGetPartitionStatus(const TaskCall& call, TaskRespond respond) {
  auto request = ParseRequest<transfer::RollSitePullGetPartitionStatusRequest>(call);
  if (!request.ok()) return respond(request.status());
  auto tag = TagOfPartition(call, request->tag());
  if (!tag.ok()) return respond(tag.status());
  int partition = call.task.inputs(0).id();
  call.egg.board.AwaitFinished(*tag, Deadline(request->timeout()), call.cancelled,
                               [partition, respond = std::move(respond)](
                                   absl::StatusOr<StatusBoard::PartitionStatus> status) {
                                 if (!status.ok()) return respond(status.status());
                                 transfer::RollSitePullGetPartitionStatusResponse response;
                                 response.set_partition_id(partition);
                                 *response.mutable_status() = *std::move(status);
                                 respond(response.SerializeAsString());
                               });
}

}  // namespace fate::egg
