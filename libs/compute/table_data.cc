// Data into and out of tables: putAll and getAll with the transfer service of the eggs
// (spec/eggroll-compute-and-storage.md 6.3, 6.4, 7). Nothing is collected: a slow egg stops the
// source, a slow taker stops the egg.

#include <algorithm>
#include <memory>

#include "base/limits.h"
#include "base/status.h"
#include "compute/job.h"
#include "compute/placement.h"
#include "compute/session.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/stream_writer.h"
#include "wire/pair_batch.h"
#include "wire/partitioner.h"

namespace fate::compute {

using com::webank::eggroll::core::egg::GetAllRequest;
using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::transfer::TransferBatch;
using com::webank::eggroll::core::transfer::TransferService;
using SendStream = rpc::StreamWriter<TransferBatch, TransferBatch>;

namespace {

constexpr size_t kPutAllMemoryBytes = 64 << 20;  // of all streams of one PutAll
constexpr size_t kMinBufferBytes = 16 << 10;
constexpr absl::Duration kTaskGrace = absl::Seconds(1);
constexpr absl::Duration kShortTask = absl::Seconds(60);

void AddBrokerName(grpc::ClientContext& context, const std::string& tag) {
  context.AddMetadata("transfer_broker_name", tag);
}

// One `send` stream to the egg of a partition.
class PartitionSender {
 public:
  PartitionSender(const EggTask& task, size_t buffer_bytes)
      : task_(task),
        stub_(rpc::ChannelTo(Address(task.egg.transferendpoint()))),
        stream_(
            {.window_bytes = 2 * buffer_bytes},
            [this](auto* context, auto* answer, auto* reactor) {
              stub_.async()->send(context, answer, reactor);
            },
            [this](grpc::ClientContext& context) { AddBrokerName(context, task_.task.id()); }),
        batches_(buffer_bytes, [this](std::string batch) { return Send(std::move(batch)); }) {}

  absl::Status Add(std::string_view key, std::string_view value) {
    return batches_.Add(key, value);
  }
  absl::Status Close() {
    RETURN_IF_ERROR(batches_.Finish());
    stream_.CloseWrites();
    return absl::OkStatus();
  }
  absl::Status Finish() {
    return ExplainEggFailure(rpc::FromGrpc(stream_.Finish(), "send"), task_);
  }
  void Cancel() { stream_.Cancel(); }

 private:
  absl::Status Send(std::string batch) {
    const size_t bytes = batch.size();
    TransferBatch message;
    message.mutable_header()->set_id(next_id_++);
    message.mutable_header()->set_tag(task_.task.id());
    message.set_data(std::move(batch));
    if (stream_.Write(std::move(message), bytes)) return absl::OkStatus();
    absl::Status reason = Finish();
    if (!reason.ok()) return reason;
    return InternalError("{}: the egg ended the stream early", task_.what);
  }

  EggTask task_;
  TransferService::Stub stub_;
  int next_id_ = 0;
  SendStream stream_;
  wire::PairBatchWriter batches_;
};

class PutAllJob {
 public:
  PutAllJob(std::vector<EggTask> tasks, wire::Partitioner partitioner) : partitioner_(partitioner) {
    const size_t buffer_bytes = std::clamp(kPutAllMemoryBytes / (3 * tasks.size()), kMinBufferBytes,
                                           wire::kDefaultSendBufferBytes);
    for (const EggTask& task : tasks) {
      senders_.push_back(std::make_unique<PartitionSender>(task, buffer_bytes));
    }
    job_ = std::make_unique<RunningJob>(std::move(tasks), absl::InfiniteDuration(), [this] {
      for (auto& sender : senders_) sender->Cancel();
    });
  }

  absl::Status Run(const std::function<bool(std::string*, std::string*)>& next) {
    absl::Status sent = Send(next);
    const bool illegal_pair = sent.code() == absl::StatusCode::kInvalidArgument;
    // The task of a broken stream knows best why it broke; then everything else may end.
    if (!sent.ok() && !illegal_pair) job_->WaitFor(kTaskGrace);
    if (!sent.ok()) job_->Cancel();
    absl::Status stored = job_->Wait().status();
    return sent.ok() || illegal_pair ? Choose(sent, stored) : Choose(stored, sent);
  }

 private:
  static absl::Status Choose(const absl::Status& first, const absl::Status& second) {
    if (first.ok() || first.code() == absl::StatusCode::kCancelled) return second;
    return first;
  }

  absl::Status Send(const std::function<bool(std::string*, std::string*)>& next) {
    std::string key, value;
    const int partitions = static_cast<int>(senders_.size());
    while (next(&key, &value)) {
      if (key.empty() || key.size() > kMaxKeyBytes) {
        return InvalidArgumentError("a key of {} bytes; 1 to {} are allowed", key.size(),
                                    kMaxKeyBytes);
      }
      RETURN_IF_ERROR(senders_[partitioner_.PartitionOf(key, partitions)]->Add(key, value));
    }
    for (auto& sender : senders_) RETURN_IF_ERROR(sender->Close());
    for (auto& sender : senders_) RETURN_IF_ERROR(sender->Finish());
    return absl::OkStatus();
  }

  wire::Partitioner partitioner_;
  std::vector<std::unique_ptr<PartitionSender>> senders_;
  std::unique_ptr<RunningJob> job_;  // destroyed first: it calls the senders
};

// Reads the stream of one partition. Returns false when the taker has had enough.
class PartitionReceiver {
 public:
  explicit PartitionReceiver(const EggTask& task) : task_(task) {}

  absl::StatusOr<bool> Run(const std::function<bool(std::string_view, std::string_view)>& take,
                           int64_t limit) {
    auto stub = TransferService::NewStub(rpc::ChannelTo(Address(task_.egg.transferendpoint())));
    grpc::ClientContext context;
    AddBrokerName(context, task_.task.id());
    TransferBatch request, batch;
    request.mutable_header()->set_id(1);
    request.mutable_header()->set_tag(task_.task.id());
    auto reader = stub->recv(&context, request);
    rest_ = limit;
    while (reader->Read(&batch)) {
      absl::StatusOr<bool> more = Take(batch.data(), take);
      if (more.ok() && *more) continue;
      context.TryCancel();
      reader->Finish();
      if (!more.ok()) return Annotate(more.status(), task_.what);
      return rest_ == 0;  // the limit of this partition, not the taker, ended it
    }
    RETURN_IF_ERROR(ExplainEggFailure(rpc::FromGrpc(reader->Finish(), "recv"), task_));
    return true;
  }

 private:
  absl::StatusOr<bool> Take(std::string_view batch,
                            const std::function<bool(std::string_view, std::string_view)>& take) {
    ASSIGN_OR_RETURN(auto pairs, wire::PairBatchReader::Open(batch));
    while (pairs.Next()) {
      if (rest_ == 0) return false;
      if (!take(pairs.key(), pairs.value())) {
        rest_ = -1;
        return false;
      }
      if (rest_ > 0) --rest_;
    }
    RETURN_IF_ERROR(pairs.status());
    return true;
  }

  const EggTask& task_;
  int64_t rest_ = -1;  // -1: no limit
};

}  // namespace

absl::Status Table::PutAll(
    const std::function<bool(std::string* key, std::string* value)>& next) const {
  ASSIGN_OR_RETURN(auto partitioner,
                   wire::Partitioner::FromType(store_.storelocator().partitioner_type()));
  Job job;
  job.set_id(NewJobId(session_->id(), "putAll"));
  job.set_name("putAll");
  *job.add_inputs()->mutable_store() = store_;
  *job.add_outputs()->mutable_store() = store_;
  ASSIGN_OR_RETURN(auto tasks, SplitJob(job, "putAll"));
  if (tasks.empty()) return FailedPreconditionError("table {} has no partitions", name());
  return PutAllJob(std::move(tasks), partitioner).Run(next);
}

absl::Status Table::PutAll(const std::vector<std::pair<std::string, std::string>>& pairs) const {
  size_t i = 0;
  return PutAll([&](std::string* key, std::string* value) {
    if (i == pairs.size()) return false;
    *key = pairs[i].first;
    *value = pairs[i].second;
    ++i;
    return true;
  });
}

absl::Status Table::GetAll(
    const std::function<bool(std::string_view key, std::string_view value)>& take,
    int64_t limit_per_partition) const {
  if (limit_per_partition == 0) return absl::OkStatus();
  Job job;
  job.set_id(NewJobId(session_->id(), "getAll"));
  job.set_name("getAll");
  *job.add_inputs()->mutable_store() = store_;
  GetAllRequest request;
  request.set_limit(limit_per_partition);
  auto* functor = job.add_functors();
  functor->set_name("getAll");
  functor->set_body(request.SerializeAsString());
  // A partition is opened when its turn comes, so that an early end leaves nothing registered.
  for (int i = 0; i < partitions(); ++i) {
    ASSIGN_OR_RETURN(auto tasks, SplitJob(job, "getAll", i));
    RETURN_IF_ERROR(RunTasks(tasks, kShortTask).status());
    PartitionReceiver receiver(tasks[0]);
    ASSIGN_OR_RETURN(bool more, receiver.Run(take, limit_per_partition));
    if (!more) break;
  }
  return absl::OkStatus();
}

}  // namespace fate::compute
