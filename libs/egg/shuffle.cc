// A map whose pairs go to the partition their key hashes to (spec/eggroll-compute-and-storage.md
// 9). A task has up to two sides: scatter (map the input partition, send every pair to the egg of
// its output partition) and gather (take the streams of all input partitions, store them).

#include <algorithm>
#include <future>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "egg/sorted_pairs.h"
#include "egg/task.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/stream_writer.h"
#include "wire/pair_batch.h"
#include "wire/partitioner.h"

namespace fate::egg {
namespace {

using com::webank::eggroll::core::transfer::TransferBatch;
using com::webank::eggroll::core::transfer::TransferService;

// Memory of the send buffers of one scatter, over all its streams.
constexpr size_t kScatterBytes = size_t{8} << 20;
constexpr size_t kMinBufferBytes = size_t{16} << 10;
constexpr std::string_view kPickledNone[] = {{"\x80\x05N.", 4}, {"\x80\x04N.", 4}};

std::string TagOf(const meta::Job& job, int output_partition) {
  return fmt::format("{}/task/{}", job.id(), output_partition);
}

bool IsHere(const TaskCall& call, const meta::Partition& partition) {
  return partition.processor().servernodeid() == call.egg.options.server_node_id;
}

// One `send` stream to the egg of an output partition.
class SendStream {
 public:
  SendStream(const TaskCall& call, const meta::Partition& target, size_t buffer_bytes)
      : tag_(TagOf(call.task.job(), target.id())),
        endpoint_(fmt::format("{}:{}", target.processor().transferendpoint().host(),
                              target.processor().transferendpoint().port())),
        stub_(rpc::ChannelTo(endpoint_)),
        stream_(
            {.window_bytes = 2 * buffer_bytes, .cancelled = call.cancelled.get()},
            [this](auto* context, auto* answer, auto* reactor) {
              stub_.async()->send(context, answer, reactor);
            },
            [this](grpc::ClientContext& context) {
              context.AddMetadata("transfer_broker_name", tag_);
            }),
        batches_(buffer_bytes, [this](std::string batch) { return Send(std::move(batch)); }) {}

  absl::Status Add(std::string_view key, std::string_view value) {
    return batches_.Add(key, value);
  }
  absl::Status CloseWrites() {
    RETURN_IF_ERROR(batches_.Finish());
    stream_.CloseWrites();
    return absl::OkStatus();
  }
  absl::Status Finish() {
    return rpc::FromGrpc(stream_.Finish(), fmt::format("sending {} to egg {}", tag_, endpoint_));
  }
  // Tells the receiver that the rest will not come.
  void GiveUp(const absl::Status& reason) {
    TransferBatch message = NewMessage();
    message.mutable_header()->set_status(kFailedStatus);
    message.mutable_header()->set_ext(Message(reason));
    stream_.Write(std::move(message), 0);
    stream_.CloseWrites();
  }

 private:
  TransferBatch NewMessage() {
    TransferBatch message;
    message.mutable_header()->set_id(next_id_++);
    message.mutable_header()->set_tag(tag_);
    return message;
  }
  absl::Status Send(std::string batch) {
    const size_t bytes = batch.size();
    TransferBatch message = NewMessage();
    message.set_data(std::move(batch));
    if (stream_.Write(std::move(message), bytes)) return absl::OkStatus();
    RETURN_IF_ERROR(Finish());
    return InternalError("egg {} ended the stream {} early", endpoint_, tag_);
  }

  const std::string tag_, endpoint_;
  TransferService::Stub stub_;
  int next_id_ = 0;
  rpc::StreamWriter<TransferBatch, TransferBatch> stream_;
  wire::PairBatchWriter batches_;
};

absl::StatusOr<wire::Partitioner> OutputPartitioner(const meta::JobIO& output) {
  const std::string& body = output.partitioner().body();
  bool unset = body.empty() || std::ranges::count(kPickledNone, body) > 0;
  return unset ? wire::Partitioner::FromType(output.partitioner().type())
               : wire::Partitioner::FromFunctorBody(body);
}

absl::Status Map(TaskCall& call, std::vector<std::unique_ptr<SendStream>>& streams) {
  ASSIGN_OR_RETURN(wire::Partitioner partitioner, OutputPartitioner(call.task.job().outputs(0)));
  ASSIGN_OR_RETURN(const meta::Functor* functor, call.Functor(0));
  ASSIGN_OR_RETURN(std::string name, OperatorName(*functor));
  const auto* op = call.egg.options.operators->FindMap(name);
  if (op == nullptr) {
    return NotFoundError("no map operator '{}' is known here; is the client of another version?",
                         name);
  }
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  ASSIGN_OR_RETURN(compute::PairReader reader, call.Scan(*input));
  const int partitions = static_cast<int>(streams.size());
  compute::PairWriter output([&](std::string_view key, std::string_view value) -> absl::Status {
    if (key.empty() || key.size() > kMaxKeyBytes) {
      return InvalidArgumentError("a key has 1 to {} bytes; this one has {}", kMaxKeyBytes,
                                  key.size());
    }
    return streams[partitioner.PartitionOf(key, partitions)]->Add(key, value);
  });
  RETURN_IF_ERROR(CallOperator(*op, call.Context(*input, functor->body()), reader, output));
  RETURN_IF_ERROR(reader.status());
  for (auto& stream : streams) RETURN_IF_ERROR(stream->CloseWrites());
  return absl::OkStatus();
}

// All streams are open from the start, so that a failure reaches every receiver.
absl::Status Scatter(TaskCall& call) {
  const auto& targets = call.task.job().outputs(0).store().partitions();
  size_t buffer_bytes = std::clamp(kScatterBytes / (3 * std::max(targets.size(), 1)),
                                   kMinBufferBytes, wire::kDefaultSendBufferBytes);
  std::vector<std::unique_ptr<SendStream>> streams;
  for (const meta::Partition& target : targets) {
    streams.push_back(std::make_unique<SendStream>(call, target, buffer_bytes));
  }
  absl::Status status = Map(call, streams);
  if (!status.ok()) {
    for (auto& stream : streams) stream->GiveUp(status);
  }
  for (auto& stream : streams) {
    absl::Status sent = stream->Finish();
    if (status.ok()) status = sent;
  }
  return status;
}

struct Merge {
  const compute::MergeOperator* op = nullptr;  // nullptr: the last value wins
  std::string parameters;
};

absl::StatusOr<Merge> FindMerge(const TaskCall& call) {
  if (call.task.job().functors_size() < 3) return Merge();
  const meta::Functor& functor = call.task.job().functors(2);
  if (functor.body().empty() && !functor.name().starts_with(compute::kNativePrefix)) {
    return Merge();
  }
  if (std::ranges::count(kPickledNone, functor.body()) > 0) return Merge();
  ASSIGN_OR_RETURN(std::string name, OperatorName(functor));
  const auto* op = call.egg.options.operators->FindMerge(name);
  if (op == nullptr) {
    return NotFoundError("no merge operator '{}' is known here; is the client of another version?",
                         name);
  }
  return Merge{op, functor.body()};
}

absl::Status StoreMerged(const Merge& merge, kv::Writer& writer, std::string_view key,
                         std::string_view value) {
  if (merge.op == nullptr) return writer.Put(key, value);
  ASSIGN_OR_RETURN(auto old_value, writer.Get(key));
  if (!old_value) return writer.Put(key, value);
  ASSIGN_OR_RETURN(std::string merged,
                   CallOperator(*merge.op, merge.parameters, *old_value, value));
  return writer.Put(key, merged);
}

absl::Status GatherInto(TaskCall& call, Broker& broker) {
  ASSIGN_OR_RETURN(Merge merge, FindMerge(call));
  ASSIGN_OR_RETURN(const meta::Partition* output, call.Output(0));
  ASSIGN_OR_RETURN(kv::Store store, call.Open(*output));
  ASSIGN_OR_RETURN(kv::Writer writer, store.Write(call.cancelled.get()));
  SortedPairs pairs([&](std::string_view key, std::string_view value) {
    return StoreMerged(merge, writer, key, value);
  });
  while (true) {
    ASSIGN_OR_RETURN(auto batch, broker.Take(*call.cancelled, absl::InfiniteDuration()));
    if (!batch) break;
    RETURN_IF_ERROR(pairs.Add(std::move(batch->data)));
  }
  RETURN_IF_ERROR(pairs.Flush());
  return writer.Commit();
}

absl::Status Gather(TaskCall& call, const std::string& tag, const std::shared_ptr<Broker>& broker) {
  absl::Status status = GatherInto(call, *broker);
  if (!status.ok()) broker->Fail(status);
  call.egg.brokers.Retire(tag, broker);
  return status;
}

}  // namespace

absl::Status RunShuffle(TaskCall& call) {
  const meta::Task& task = call.task;
  if (task.job().inputs_size() == 0 || task.job().outputs_size() == 0) {
    return InvalidArgumentError("shuffle {} needs an input and an output table", task.id());
  }
  bool gathers = task.outputs_size() > 0 && IsHere(call, task.outputs(0));
  bool scatters = task.inputs_size() > 0 && IsHere(call, task.inputs(0));
  if (!gathers) return scatters ? Scatter(call) : absl::OkStatus();

  const std::string tag = TagOf(task.job(), task.outputs(0).id());
  const int writers = task.job().inputs(0).store().partitions_size();
  ASSIGN_OR_RETURN(auto broker, call.egg.brokers.Create(tag, writers));
  if (!scatters) return Gather(call, tag, broker);

  std::promise<absl::Status> gathered;
  absl::Status started =
      call.egg.threads.Start([&] { gathered.set_value(Gather(call, tag, broker)); });
  if (!started.ok()) {
    broker->Fail(started);
    call.egg.brokers.Retire(tag, broker);
    gathered.set_value(started);
  }
  absl::Status scattered = Scatter(call);
  if (!scattered.ok()) broker->Fail(scattered);
  absl::Status stored = gathered.get_future().get();
  return scattered.ok() ? stored : scattered;
}

}  // namespace fate::egg
