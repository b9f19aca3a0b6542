#include "fateflow/storage_client.h"

#include <grpcpp/client_context.h>

#include <atomic>

#include "absl/time/clock.h"
#include "base/status.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/channel.h"
#include "wire/pair_batch.h"

namespace fate::flow {
namespace {

namespace meta = com::webank::eggroll::core::meta;
namespace transfer = com::webank::eggroll::core::transfer;
namespace egg = com::webank::eggroll::core::egg;

constexpr absl::Duration kMetadataTimeout = absl::Seconds(10);
constexpr absl::Duration kTaskTimeout = absl::Seconds(60);
constexpr char kRunTask[] = "v1/eggs-pair/runTask";

std::string NewTaskId(const StoreName& name, const char* what) {
  static std::atomic<int64_t> next{0};
  return fmt::format("fateflow-{}-{}-{}-{}", what, name.name(), absl::ToUnixMicros(absl::Now()),
                     next++);
}

StoreName NameOf(const meta::Store& store) {
  return *StoreName::Parse(store.storelocator().namespace_(), store.storelocator().name());
}

}  // namespace

absl::StatusOr<meta::Store> StorageClient::Find(const StoreName& name) {
  meta::Store query;
  query.mutable_storelocator()->set_namespace_(name.name_space());
  query.mutable_storelocator()->set_name(name.name());
  ASSIGN_OR_RETURN(auto store, client_.Call<meta::Store>(cluster_manager_,
                                                         "v1/cluster-manager/metadata/getStore",
                                                         query, kMetadataTimeout));
  if (store.partitions_size() == 0) {
    return NotFoundError("table {} does not exist", name.ToString());
  }
  return store;
}

absl::StatusOr<std::string> StorageClient::EndpointOf(const Partition& partition) {
  int64_t node = partition.processor().servernodeid();
  std::lock_guard lock(mutex_);
  if (auto found = hosts_.find(node); found != hosts_.end()) {
    return fmt::format("{}:{}", found->second, storage_port_);
  }
  meta::ServerNode query;
  query.set_id(node);
  ASSIGN_OR_RETURN(auto answer, client_.Call<meta::ServerNode>(
                                    cluster_manager_, "v1/cluster-manager/metadata/getServerNode",
                                    query, kMetadataTimeout));
  if (answer.endpoint().host().empty()) {
    return NotFoundError("clustermanager {} knows no node {}", cluster_manager_, node);
  }
  hosts_[node] = answer.endpoint().host();
  return fmt::format("{}:{}", answer.endpoint().host(), storage_port_);
}

absl::StatusOr<std::string> StorageClient::RunTask(const Store& store, int partition,
                                                   const std::string& task_name,
                                                   const std::string& task_id,
                                                   const std::string& argument) {
  ASSIGN_OR_RETURN(std::string endpoint, EndpointOf(store.partitions(partition)));
  meta::Task task;
  task.set_id(task_id);
  task.set_name(task_name);
  *task.add_inputs() = store.partitions(partition);
  task.mutable_job()->set_id(task_id);
  task.mutable_job()->set_name(task_name);
  *task.mutable_job()->add_inputs()->mutable_store() = store;
  auto* functor = task.mutable_job()->add_functors();
  functor->set_name(task_name);
  functor->set_body(argument);
  return client_.Call(endpoint, kRunTask, task.SerializeAsString(), kTaskTimeout);
}

absl::StatusOr<int64_t> StorageClient::Count(const StoreName& name) {
  ASSIGN_OR_RETURN(Store store, Find(name));
  std::string id = NewTaskId(name, "count");
  int64_t count = 0;
  for (int i = 0; i < store.partitions_size(); ++i) {
    ASSIGN_OR_RETURN(std::string answer,
                     RunTask(store, i, "count", fmt::format("{}-{}", id, i), ""));
    egg::CountResponse response;
    if (!response.ParseFromString(answer)) return InternalError("unreadable count of {}", id);
    count += response.value();
  }
  return count;
}

absl::StatusOr<bool> StorageClient::ScanPartition(const Store& store, int partition,
                                                  const Take& take) {
  std::string tag = NewTaskId(NameOf(store), "scan");
  egg::GetAllRequest all;
  all.set_limit(-1);
  RETURN_IF_ERROR(RunTask(store, partition, "getAll", tag, all.SerializeAsString()).status());
  ASSIGN_OR_RETURN(std::string endpoint, EndpointOf(store.partitions(partition)));
  auto stub = transfer::TransferService::NewStub(rpc::ChannelTo(endpoint));
  grpc::ClientContext context;
  context.AddMetadata("transfer_broker_name", tag);
  transfer::TransferBatch request, batch;
  request.mutable_header()->set_id(1);
  request.mutable_header()->set_tag(tag);
  auto stream = stub->recv(&context, request);
  bool more = true;
  absl::Status failure;
  while (more && failure.ok() && stream->Read(&batch)) {
    auto reader = wire::PairBatchReader::Open(batch.data());
    if (!reader.ok()) failure = reader.status();
    while (failure.ok() && more && reader->Next()) {
      auto taken = take(reader->key(), reader->value());
      failure = taken.status();
      more = taken.ok() && *taken;
    }
  }
  if (!more || !failure.ok()) context.TryCancel();
  auto status = stream->Finish();
  RETURN_IF_ERROR(failure);
  if (more) RETURN_IF_ERROR(rpc::FromGrpc(status, "reading from storage_service " + endpoint));
  return more;
}

absl::Status StorageClient::Scan(const StoreName& name, const Take& take) {
  ASSIGN_OR_RETURN(Store store, Find(name));
  for (int i = 0; i < store.partitions_size(); ++i) {
    ASSIGN_OR_RETURN(bool more, ScanPartition(store, i, take));
    if (!more) break;
  }
  return absl::OkStatus();
}

absl::Status StorageClient::Destroy(const StoreName& name) {
  auto store = Find(name);
  if (absl::IsNotFound(store.status())) return absl::OkStatus();
  RETURN_IF_ERROR(store.status());
  std::string id = NewTaskId(name, "destroy");
  for (int i = 0; i < store->partitions_size(); ++i) {
    RETURN_IF_ERROR(RunTask(*store, i, "destroy", fmt::format("{}-{}", id, i), "").status());
  }
  return client_
      .Call(cluster_manager_, "v1/cluster-manager/metadata/deleteStore", store->SerializeAsString(),
            kMetadataTimeout)
      .status();
}

}  // namespace fate::flow
