// Jobs on tables: what each method of Table sends (spec/eggroll-compute-and-storage.md 6).

#include "base/limits.h"
#include "base/status.h"
#include "compute/job.h"
#include "compute/operators.h"
#include "compute/placement.h"
#include "compute/session.h"
#include "eggroll/egg.pb.h"
#include "wire/partitioner.h"

namespace fate::compute {

namespace egg = com::webank::eggroll::core::egg;
using com::webank::eggroll::core::meta::Functor;
using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::meta::JobIO;

namespace {

constexpr char kMapTask[] = "mapReducePartitionsWithIndex";
constexpr char kJoinTask[] = "binarySortedMapPartitionsWithIndex";
constexpr std::string_view kPickledNone{"\x80\x05N.", 4};
constexpr absl::Duration kShortTask = absl::Seconds(60);  // one key, one folder, one counter

void AddFunctor(const std::string& name, std::string_view body, Job* job) {
  Functor* functor = job->add_functors();
  functor->set_name(name);
  functor->set_body(body.data(), body.size());
}

void AddOperator(const std::string& op, const std::string& parameters, Job* job) {
  AddFunctor(kNativePrefix + op, parameters, job);
}

void AddShuffleFlag(bool shuffle, Job* job) {
  egg::MapPartitionsWithIndexRequest request;
  request.set_shuffle(shuffle);
  AddFunctor(std::string(kMapTask) + (shuffle ? "_True" : "_False"), request.SerializeAsString(),
             job);
}

void SetStore(const Table& table, JobIO* io) {
  *io->mutable_store() = table.store();
  const int type = table.store().storelocator().partitioner_type();
  io->mutable_partitioner()->set_type(type);
  io->mutable_partitioner()->set_body(wire::PartitionerFunctorBody(type));
}

template <class Response>
absl::StatusOr<std::vector<Response>> Parse(const std::vector<std::string>& results) {
  std::vector<Response> responses(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    if (!responses[i].ParseFromString(results[i])) {
      return InternalError("unreadable answer of an egg for partition {}", i);
    }
  }
  return responses;
}

}  // namespace

absl::StatusOr<Table> Table::Map(const std::string& op, const std::string& parameters) const {
  ASSIGN_OR_RETURN(Table output, session_->CreateTable(partitions()));
  RETURN_IF_ERROR(MapInto(output, op, parameters));
  return output;
}

absl::Status Table::MapInto(const Table& output, const std::string& op,
                            const std::string& parameters) const {
  if (output.partitions() != partitions()) {
    return InvalidArgumentError("map {} from {} with {} to {} with {} partitions: use Shuffle", op,
                                name(), partitions(), output.name(), output.partitions());
  }
  Job job;
  SetStore(*this, job.add_inputs());
  SetStore(output, job.add_outputs());
  AddOperator(op, parameters, &job);
  AddShuffleFlag(false, &job);
  AddFunctor(kMapTask, kPickledNone, &job);
  return session_->RunJob(job, kMapTask).status();
}

absl::StatusOr<Table> Table::Shuffle(const std::string& op, const std::string& parameters,
                                     int output_partitions, const std::string& merge,
                                     const std::string& merge_parameters) const {
  ASSIGN_OR_RETURN(Table output, session_->CreateTable(output_partitions));
  Job job;
  SetStore(*this, job.add_inputs());
  SetStore(output, job.add_outputs());
  AddOperator(op, parameters, &job);
  AddShuffleFlag(true, &job);
  if (merge.empty()) {
    AddFunctor(kMapTask, kPickledNone, &job);
  } else {
    AddOperator(merge, merge_parameters, &job);
  }
  RETURN_IF_ERROR(session_->RunJob(job, kMapTask).status());
  return output;
}

absl::StatusOr<Table> Table::Join(const Table& right, const std::string& op,
                                  const std::string& parameters) const {
  if (right.partitions() != partitions()) {
    return InvalidArgumentError("join {} of {} with {} and {} with {} partitions: shuffle one", op,
                                name(), partitions(), right.name(), right.partitions());
  }
  ASSIGN_OR_RETURN(Table output, session_->CreateTable(partitions()));
  Job job;
  SetStore(*this, job.add_inputs());
  SetStore(right, job.add_inputs());
  SetStore(output, job.add_outputs());
  AddOperator(op, parameters, &job);
  RETURN_IF_ERROR(session_->RunJob(job, kJoinTask).status());
  return output;
}

absl::StatusOr<std::vector<std::string>> Table::Fold(const std::string& op,
                                                     const std::string& parameters) const {
  Job job;
  SetStore(*this, job.add_inputs());
  AddOperator(op, parameters, &job);
  ASSIGN_OR_RETURN(auto results, session_->RunJob(job, "reduce"));
  ASSIGN_OR_RETURN(auto responses, Parse<egg::ReduceResponse>(results));
  std::vector<std::string> values;
  for (auto& response : responses) {
    if (!response.value().empty()) values.push_back(std::move(*response.mutable_value()));
  }
  return values;
}

absl::StatusOr<std::vector<std::string>> Table::WithStores(const std::string& op,
                                                           const std::string& parameters,
                                                           const std::vector<Table>& others) const {
  Job job;
  SetStore(*this, job.add_inputs());
  for (const Table& other : others) {
    if (other.partitions() != partitions()) {
      return InvalidArgumentError("{}: {} has {} partitions, {} has {}", op, name(), partitions(),
                                  other.name(), other.partitions());
    }
    SetStore(other, job.add_inputs());
  }
  AddOperator(op, parameters, &job);
  ASSIGN_OR_RETURN(auto results, session_->RunJob(job, "withStores"));
  ASSIGN_OR_RETURN(auto responses, Parse<egg::WithStoresResponse>(results));
  std::vector<std::string> values;
  for (auto& response : responses) values.push_back(std::move(*response.mutable_value()));
  return values;
}

absl::StatusOr<int64_t> Table::Count() const {
  Job job;
  SetStore(*this, job.add_inputs());
  ASSIGN_OR_RETURN(auto results, session_->RunJob(job, "count", kShortTask));
  ASSIGN_OR_RETURN(auto responses, Parse<egg::CountResponse>(results));
  int64_t count = 0;
  for (const auto& response : responses) count += response.value();
  return count;
}

absl::StatusOr<std::optional<std::string>> Table::Get(const std::string& key) const {
  if (key.empty() || key.size() > kMaxKeyBytes) {
    return InvalidArgumentError("a key of {} bytes; 1 to {} are allowed", key.size(), kMaxKeyBytes);
  }
  ASSIGN_OR_RETURN(auto partitioner,
                   wire::Partitioner::FromType(store_.storelocator().partitioner_type()));
  Job job;
  job.set_id(NewJobId(session_->id(), "get"));
  job.set_name("get");
  SetStore(*this, job.add_inputs());
  egg::GetRequest request;
  request.set_key(key);
  AddFunctor("get", request.SerializeAsString(), &job);
  ASSIGN_OR_RETURN(auto tasks, SplitJob(job, "get", partitioner.PartitionOf(key, partitions())));
  ASSIGN_OR_RETURN(auto results, RunTasks(std::move(tasks), kShortTask));
  ASSIGN_OR_RETURN(auto responses, Parse<egg::GetResponse>(results));
  if (!responses[0].exists()) return std::nullopt;
  return responses[0].value();
}

absl::Status Table::Destroy() const {
  Job job;
  SetStore(*this, job.add_inputs());
  RETURN_IF_ERROR(session_->RunJob(job, "destroy", kShortTask).status());
  return session_->DropTable(store_);
}

}  // namespace fate::compute
