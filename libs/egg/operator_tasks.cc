// Tasks that run a native operator on partitions (spec/eggroll-compute-and-storage.md 6.5-6.8).

#include "base/status.h"
#include "egg/task.h"
#include "eggroll/egg.pb.h"

namespace fate::egg {
namespace {

namespace pb = com::webank::eggroll::core::egg;
using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;

// The operator of functor 0 among one kind.
template <class Operator>
absl::StatusOr<const Operator*> FindOperator(
    const TaskCall& call, const char* kind,
    const Operator* (compute::OperatorRegistry::*find)(const std::string&) const) {
  ASSIGN_OR_RETURN(const meta::Functor* functor, call.Functor(0));
  ASSIGN_OR_RETURN(std::string name, OperatorName(*functor));
  if (const Operator* op = (call.egg.options.operators->*find)(name)) return op;
  return NotFoundError("no {} operator '{}' is known here; is the client of another version?", kind,
                       name);
}

// Runs `produce` into OUT0, as one transaction.
template <class Produce>
absl::Status StoreOutput(TaskCall& call, const Produce& produce) {
  ASSIGN_OR_RETURN(const meta::Partition* output, call.Output(0));
  ASSIGN_OR_RETURN(kv::Store store, call.Open(*output));
  ASSIGN_OR_RETURN(kv::Writer writer, store.Write(call.cancelled.get()));
  PairWriter pairs([&](std::string_view key, std::string_view value) -> absl::Status {
    if (*call.cancelled) return CancelledError("task {} was cancelled", call.task.id());
    return writer.Put(key, value);
  });
  RETURN_IF_ERROR(produce(pairs));
  return writer.Commit();
}

}  // namespace

absl::StatusOr<std::string> RunReduce(TaskCall& call) {
  ASSIGN_OR_RETURN(auto* op, FindOperator(call, "fold", &compute::OperatorRegistry::FindFold));
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  ASSIGN_OR_RETURN(PairReader reader, call.Scan(*input));
  OperatorContext context = call.Context(*input, call.task.job().functors(0).body());
  ASSIGN_OR_RETURN(std::string value, CallOperator(*op, context, reader));
  RETURN_IF_ERROR(reader.status());
  pb::ReduceResponse response;
  response.set_id(input->id());
  response.set_value(std::move(value));
  return response.SerializeAsString();
}

absl::StatusOr<std::string> RunMap(TaskCall& call) {
  ASSIGN_OR_RETURN(const meta::Functor* flag, call.Functor(1));
  pb::MapPartitionsWithIndexRequest request;
  if (!request.ParseFromString(flag->body())) {
    return InvalidArgumentError("functor '{}' holds no shuffle flag", flag->name());
  }
  if (request.shuffle()) {
    RETURN_IF_ERROR(RunShuffle(call));
    return call.bytes;
  }
  ASSIGN_OR_RETURN(auto* op, FindOperator(call, "map", &compute::OperatorRegistry::FindMap));
  ASSIGN_OR_RETURN(const meta::Partition* input, call.Input(0));
  ASSIGN_OR_RETURN(PairReader reader, call.Scan(*input));
  OperatorContext context = call.Context(*input, call.task.job().functors(0).body());
  RETURN_IF_ERROR(StoreOutput(call, [&](PairWriter& output) -> absl::Status {
    RETURN_IF_ERROR(CallOperator(*op, context, reader, output));
    return reader.status();
  }));
  return call.bytes;
}

absl::StatusOr<std::string> RunJoin(TaskCall& call) {
  ASSIGN_OR_RETURN(auto* op, FindOperator(call, "join", &compute::OperatorRegistry::FindJoin));
  ASSIGN_OR_RETURN(const meta::Partition* left, call.Input(0));
  ASSIGN_OR_RETURN(const meta::Partition* right, call.Input(1));
  ASSIGN_OR_RETURN(PairReader left_reader, call.Scan(*left));
  ASSIGN_OR_RETURN(PairReader right_reader, call.Scan(*right));
  OperatorContext context = call.Context(*left, call.task.job().functors(0).body());
  RETURN_IF_ERROR(StoreOutput(call, [&](PairWriter& output) -> absl::Status {
    RETURN_IF_ERROR(CallOperator(*op, context, left_reader, right_reader, output));
    RETURN_IF_ERROR(left_reader.status());
    return right_reader.status();
  }));
  return call.bytes;
}

absl::StatusOr<std::string> RunWithStores(TaskCall& call) {
  ASSIGN_OR_RETURN(auto* op, FindOperator(call, "stores", &compute::OperatorRegistry::FindStores));
  ASSIGN_OR_RETURN(const meta::Partition* first, call.Input(0));
  std::vector<PairReader> readers;
  for (const meta::Partition& input : call.task.inputs()) {
    ASSIGN_OR_RETURN(PairReader reader, call.Scan(input));
    readers.push_back(std::move(reader));
  }
  OperatorContext context = call.Context(*first, call.task.job().functors(0).body());
  ASSIGN_OR_RETURN(std::string value, CallOperator(*op, context, readers));
  for (const PairReader& reader : readers) RETURN_IF_ERROR(reader.status());
  pb::WithStoresResponse response;
  response.set_id(first->id());
  response.set_value(std::move(value));
  return response.SerializeAsString();
}

}  // namespace fate::egg
