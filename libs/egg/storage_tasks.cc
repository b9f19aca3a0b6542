// Tasks on one partition that need no operator (spec/eggroll-compute-and-storage.md 6.1-6.4, 12.2).

#include "base/limits.h"
#include "base/status.h"
#include "egg/task.h"
#include "eggroll/egg.pb.h"

namespace fate::egg {
namespace {

namespace pb = com::webank::eggroll::core::egg;

template <class Request>
absl::StatusOr<Request> ParseFunctor(const TaskCall& call) {
  ASSIGN_OR_RETURN(const meta::Functor* functor, call.Functor(0));
  Request request;
  if (!request.ParseFromString(functor->body())) {
    return InvalidArgumentError("functor '{}' holds no {}", functor->name(), request.GetTypeName());
  }
  return request;
}

absl::StatusOr<kv::Store> OpenInput(const TaskCall& call) {
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  return call.Open(*input);
}

bool IsLegalKey(const std::string& key) { return !key.empty() && key.size() <= kMaxKeyBytes; }

}  // namespace

absl::StatusOr<std::string> RunGet(TaskCall& call) {
  ASSIGN_OR_RETURN(auto request, ParseFunctor<pb::GetRequest>(call));
  ASSIGN_OR_RETURN(kv::Store store, OpenInput(call));
  ASSIGN_OR_RETURN(auto value, store.Get(request.key()));
  pb::GetResponse response;
  response.set_key(request.key());
  response.set_exists(value.has_value());
  if (value) response.set_value(*std::move(value));
  return response.SerializeAsString();
}

absl::StatusOr<std::string> RunPut(TaskCall& call) {
  ASSIGN_OR_RETURN(auto request, ParseFunctor<pb::PutRequest>(call));
  ASSIGN_OR_RETURN(kv::Store store, OpenInput(call));
  pb::PutResponse response;
  response.set_key(request.key());
  response.set_value(request.value());
  if (IsLegalKey(request.key())) {
    ASSIGN_OR_RETURN(kv::Writer writer, store.Write(call.cancelled.get()));
    RETURN_IF_ERROR(writer.Put(request.key(), request.value()));
    RETURN_IF_ERROR(writer.Commit());
    response.set_success(true);
  }
  return response.SerializeAsString();
}

absl::StatusOr<std::string> RunDelete(TaskCall& call) {
  ASSIGN_OR_RETURN(auto request, ParseFunctor<pb::DeleteRequest>(call));
  ASSIGN_OR_RETURN(kv::Store store, OpenInput(call));
  pb::DeleteResponse response;
  response.set_key(request.key());
  if (IsLegalKey(request.key())) {
    ASSIGN_OR_RETURN(kv::Writer writer, store.Write(call.cancelled.get()));
    ASSIGN_OR_RETURN(bool existed, writer.Delete(request.key()));
    RETURN_IF_ERROR(writer.Commit());
    response.set_success(existed);
  }
  return response.SerializeAsString();
}

absl::StatusOr<std::string> RunCount(TaskCall& call) {
  ASSIGN_OR_RETURN(kv::Store store, OpenInput(call));
  ASSIGN_OR_RETURN(uint64_t count, store.Count());
  pb::CountResponse response;
  response.set_value(static_cast<int64_t>(count));
  return response.SerializeAsString();
}

absl::StatusOr<std::string> RunGetAll(TaskCall& call) {
  ASSIGN_OR_RETURN(auto request, ParseFunctor<pb::GetAllRequest>(call));
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  ASSIGN_OR_RETURN(std::string path, CheckedPath(call.egg.options, *input));
  int64_t limit = request.limit() == 0 ? 1 : request.limit();
  RETURN_IF_ERROR(call.egg.brokers.Offer(call.task.id(), {std::move(path), limit}));
  return call.bytes;
}

absl::StatusOr<std::string> RunPutAll(TaskCall& call) {
  const std::string& tag = call.task.id();
  ASSIGN_OR_RETURN(auto broker, call.egg.brokers.Create(tag, 1));
  absl::Status status = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(kv::Store store, OpenInput(call));
    ASSIGN_OR_RETURN(kv::Writer writer, store.Write(call.cancelled.get()));
    while (true) {
      ASSIGN_OR_RETURN(auto batch, broker->Take(*call.cancelled, absl::InfiniteDuration()));
      if (!batch) return writer.Commit();
      RETURN_IF_ERROR(StoreBatch(batch->data, writer).status());
    }
  }();
  if (!status.ok()) broker->Fail(status);
  call.egg.brokers.Retire(tag, broker);
  RETURN_IF_ERROR(status);
  return call.bytes;
}

absl::StatusOr<std::string> RunDestroy(TaskCall& call) {
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  const meta::StoreLocator& locator = input->storelocator();
  ASSIGN_OR_RETURN(StoreName name, StoreName::Parse(locator.namespace_(), locator.name()));
  RETURN_IF_ERROR(kv::Destroy(call.egg.options.data_dir, locator.store_type(), name));
  return call.bytes;
}

}  // namespace fate::egg
