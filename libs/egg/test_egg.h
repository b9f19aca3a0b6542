#pragma once

// An egg on free ports of 127.0.0.1 with a data directory of its own, and the client side of its
// protocol by hand. For tests.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "egg/executor.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/command.h"
#include "rpc/server.h"
#include "wire/pair_batch.h"
#include "wire/partitioner.h"

namespace fate::egg::testing {

namespace pb = com::webank::eggroll::core::egg;
namespace transfer = com::webank::eggroll::core::transfer;
using Pairs = std::map<std::string, std::string>;
using Result = absl::StatusOr<std::string>;

inline constexpr absl::Duration kPatience = absl::Seconds(30);

// Sums of decimal numbers, a map that stops half-way, a merge that fails: what the tests run.
inline compute::OperatorRegistry& TestOperators() {
  static compute::OperatorRegistry registry = [] {
    compute::OperatorRegistry r;
    compute::RegisterBuiltinOperators(r);
    r.AddMap("cut",
             [](const compute::OperatorContext& context, compute::PairReader& input,
                compute::PairWriter& output) -> absl::Status {
               while (input.Next()) {
                 RETURN_IF_ERROR(output.Put(input.key().substr(0, std::stoi(context.parameters)),
                                            input.value()));
               }
               return absl::OkStatus();
             });
    r.AddMap("stop after two",
             [](const compute::OperatorContext&, compute::PairReader& input,
                compute::PairWriter& output) -> absl::Status {
               for (int i = 0; i < 2 && input.Next(); ++i) {
                 RETURN_IF_ERROR(output.Put(input.key(), input.value()));
               }
               return InvalidArgumentError("stopped after two pairs");
             });
    r.AddMap("throw",
             [](const compute::OperatorContext&, compute::PairReader&,
                compute::PairWriter&) -> absl::Status { throw std::runtime_error("out of luck"); });
    r.AddMap("until cancelled",
             [](const compute::OperatorContext& context, compute::PairReader&,
                compute::PairWriter&) -> absl::Status {
               while (!*context.cancelled) std::this_thread::yield();
               return CancelledError("cancelled");
             });
    r.AddMerge("sum", [](const std::string&, std::string_view a, std::string_view b) -> Result {
      return std::to_string(std::stoi(std::string(a)) + std::stoi(std::string(b)));
    });
    r.AddMerge("fail", [](const std::string&, std::string_view, std::string_view) -> Result {
      return InternalError("cannot merge");
    });
    r.AddFold("sum", [](const compute::OperatorContext&, compute::PairReader& input) -> Result {
      int sum = 0, count = 0;
      for (; input.Next(); ++count) sum += std::stoi(std::string(input.value()));
      return count == 0 ? "" : std::to_string(sum);
    });
    r.AddJoin("inner", [](const compute::OperatorContext&, compute::PairReader& left,
                          compute::PairReader& right, compute::PairWriter& output) {
      bool more = left.Next() && right.Next();
      while (more) {
        if (left.key() == right.key()) {
          RETURN_IF_ERROR(
              output.Put(left.key(), std::string(left.value()) + "+" + std::string(right.value())));
          more = left.Next() && right.Next();
        } else {
          more = left.key() < right.key() ? left.Next() : right.Next();
        }
      }
      return absl::OkStatus();
    });
    r.AddStores("describe",
                [](const compute::OperatorContext& context,
                   std::vector<compute::PairReader>& inputs) -> Result {
                  int pairs = 0;
                  for (auto& input : inputs) {
                    while (input.Next()) ++pairs;
                  }
                  return fmt::format("{} {} of {}: {} stores, {} pairs", context.session_id,
                                     context.partition, context.partitions, inputs.size(), pairs);
                });
    return r;
  }();
  return registry;
}

class TestEgg {
 public:
  TestEgg(std::string data_dir, int64_t node_id, EggOptions options = {})
      : commands_(rpc::ErrorStyle::kEgg) {
    options.session_id = "s1";
    options.data_dir = std::move(data_dir);
    options.server_node_id = node_id;
    options.operators = &TestOperators();
    executor_ = std::make_unique<TaskExecutor>(std::move(options));
    executor_->Register(commands_);
    command_server_ = *rpc::Server::Start("127.0.0.1", 0, {commands_.service()});
    transfer_server_ = *rpc::Server::Start("127.0.0.1", 0, {executor_->transfer_service()});
    processor_.set_id(1);
    processor_.set_servernodeid(node_id);
    processor_.mutable_commandendpoint()->set_host("127.0.0.1");
    processor_.mutable_commandendpoint()->set_port(command_server_->port());
    processor_.mutable_transferendpoint()->set_host("127.0.0.1");
    processor_.mutable_transferendpoint()->set_port(transfer_server_->port());
  }
  ~TestEgg() {
    executor_->Close();
    command_server_->Shutdown(absl::ZeroDuration());
    transfer_server_->Shutdown(absl::ZeroDuration());
  }
  TaskExecutor& executor() { return *executor_; }
  const meta::Processor& processor() const { return processor_; }
  std::string command() const { return fmt::format("127.0.0.1:{}", command_server_->port()); }
  std::string transfer() const { return fmt::format("127.0.0.1:{}", transfer_server_->port()); }
  std::unique_ptr<transfer::TransferService::Stub> stub() const {
    return transfer::TransferService::NewStub(rpc::ChannelTo(transfer()));
  }

 private:
  rpc::CommandService commands_;
  std::unique_ptr<TaskExecutor> executor_;
  std::unique_ptr<rpc::Server> command_server_, transfer_server_;
  meta::Processor processor_;
};

inline meta::Functor NewFunctor(const std::string& name, const std::string& body = "") {
  meta::Functor functor;
  functor.set_name(name);
  functor.set_body(body);
  return functor;
}

// Eggs on one or several nodes that share a data directory, and what a client does with them.
class EggTest : public ::testing::Test {
 protected:
  EggTest() {
    char name[] = "/tmp/egg_test.XXXXXX";
    root_ = mkdtemp(name);
  }
  ~EggTest() override {
    eggs_.clear();
    std::filesystem::remove_all(root_);
  }

  TestEgg& AddEgg(int64_t node_id = 1, EggOptions options = {}) {
    eggs_.push_back(std::make_unique<TestEgg>(root_, node_id, std::move(options)));
    return *eggs_.back();
  }

  // Partition i lies on egg i mod n.
  meta::Store NewStore(const std::string& name, int partitions,
                       const std::string& type = "IN_MEMORY", const std::string& ns = "ns") {
    meta::Store store;
    auto* locator = store.mutable_storelocator();
    locator->set_id(-1);
    locator->set_store_type(type);
    locator->set_namespace_(ns);
    locator->set_name(name);
    locator->set_total_partitions(partitions);
    for (int i = 0; i < partitions; ++i) {
      auto* partition = store.add_partitions();
      partition->set_id(i);
      *partition->mutable_storelocator() = *locator;
      *partition->mutable_processor() = eggs_[i % eggs_.size()]->processor();
    }
    return store;
  }

  static meta::Job NewJob(const std::string& id, const std::vector<meta::Store>& inputs,
                          const std::vector<meta::Store>& outputs = {},
                          const std::vector<meta::Functor>& functors = {}) {
    meta::Job job;
    job.set_id(id);
    for (const auto& store : inputs) *job.add_inputs()->mutable_store() = store;
    for (const auto& store : outputs) {
      auto* output = job.add_outputs();
      *output->mutable_store() = store;
      output->mutable_partitioner()->set_body(wire::PartitionerFunctorBody(0));
    }
    for (const auto& functor : functors) *job.add_functors() = functor;
    return job;
  }

  // Task i of a job as section 5.3 says.
  static meta::Task NewTask(const meta::Job& job, const std::string& name, int i) {
    meta::Task task;
    task.set_id(fmt::format("{}/task/{}", job.id(), i));
    task.set_name(name);
    for (const auto& input : job.inputs()) {
      if (i < job.inputs(0).store().partitions_size()) {
        *task.add_inputs() = input.store().partitions(i);
      }
    }
    for (const auto& output : job.outputs()) {
      if (i < output.store().partitions_size()) *task.add_outputs() = output.store().partitions(i);
    }
    *task.mutable_job() = job;
    return task;
  }

  static Result Run(const std::string& endpoint, const meta::Task& task,
                    absl::Duration timeout = kPatience) {
    return rpc::CommandClient().Call(endpoint, kRunTask, task.SerializeAsString(), timeout);
  }
  static std::future<Result> RunAsync(const std::string& endpoint, const meta::Task& task) {
    return std::async(std::launch::async, [=] { return Run(endpoint, task); });
  }
  static std::string Endpoint(const meta::Task& task) {
    const auto& partition = task.inputs_size() > 0 ? task.inputs(0) : task.outputs(0);
    const auto& endpoint = partition.processor().commandendpoint();
    return fmt::format("{}:{}", endpoint.host(), endpoint.port());
  }

  // Every task of a job at the same time; results in task order.
  static std::vector<Result> RunJob(const meta::Job& job, const std::string& name) {
    int count = 0;
    for (const auto& input : job.inputs()) {
      count = std::max(count, input.store().partitions_size());
    }
    for (const auto& output : job.outputs()) {
      count = std::max(count, output.store().partitions_size());
    }
    std::vector<std::future<Result>> running;
    for (int i = 0; i < count; ++i) {
      meta::Task task = NewTask(job, name, i);
      running.push_back(RunAsync(Endpoint(task), task));
    }
    std::vector<Result> results;
    for (auto& task : running) results.push_back(task.get());
    return results;
  }
  static void ExpectOk(const std::vector<Result>& results) {
    for (const auto& result : results) EXPECT_EQ(result.status(), absl::OkStatus());
  }

  static std::string BatchOf(const Pairs& pairs) {
    std::string batch;
    wire::PairBatchWriter writer(wire::kDefaultSendBufferBytes, [&](std::string data) {
      batch = std::move(data);
      return absl::OkStatus();
    });
    for (const auto& [key, value] : pairs) EXPECT_EQ(writer.Add(key, value), absl::OkStatus());
    EXPECT_EQ(writer.Finish(), absl::OkStatus());
    return batch;
  }

  static transfer::TransferBatch Message(const std::string& tag, const std::string& data,
                                         int id = 0, const std::string& ext = "") {
    transfer::TransferBatch message;
    message.mutable_header()->set_id(id);
    message.mutable_header()->set_tag(tag);
    message.mutable_header()->set_ext(ext);
    message.set_data(data);
    return message;
  }

  // One `send` stream from begin to end.
  static grpc::Status Send(const TestEgg& egg, const std::vector<transfer::TransferBatch>& messages,
                           transfer::TransferBatch* response = nullptr) {
    grpc::ClientContext context;
    transfer::TransferBatch answer;
    auto stub = egg.stub();
    auto stream = stub->send(&context, response != nullptr ? response : &answer);
    for (const auto& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    return stream->Finish();
  }

  // One `recv` stream; the pairs in order.
  static absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Receive(
      const TestEgg& egg, const std::string& tag, std::vector<size_t>* sizes = nullptr) {
    grpc::ClientContext context;
    auto stub = egg.stub();
    auto stream = stub->recv(&context, Message(tag, "", 1));
    transfer::TransferBatch message;
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int id = 0; stream->Read(&message); ++id) {
      EXPECT_EQ(message.header().id(), id);
      EXPECT_EQ(message.header().tag(), tag);
      if (sizes != nullptr) sizes->push_back(message.data().size());
      auto reader = wire::PairBatchReader::Open(message.data());
      EXPECT_EQ(reader.status(), absl::OkStatus());
      while (reader->Next()) pairs.emplace_back(reader->key(), reader->value());
    }
    RETURN_IF_ERROR(rpc::FromGrpc(stream->Finish(), "recv"));
    return pairs;
  }

  // putAll as a client does it, partitioned by mmh3.
  void PutAll(const meta::Store& store, const Pairs& pairs) {
    meta::Job job = NewJob("putAll" + std::to_string(++jobs_), {store}, {store});
    std::vector<Pairs> parts(store.partitions_size());
    for (const auto& [key, value] : pairs) {
      parts[wire::Partitioner::Mmh3().PartitionOf(key, store.partitions_size())][key] = value;
    }
    auto tasks = std::async(std::launch::async, [&] { return RunJob(job, "putAll"); });
    for (int i = 0; i < store.partitions_size(); ++i) {
      std::string tag = fmt::format("{}/task/{}", job.id(), i);
      grpc::Status sent = Send(*eggs_[i % eggs_.size()], {Message(tag, BatchOf(parts[i]))});
      EXPECT_TRUE(sent.ok()) << sent.error_message();
    }
    ExpectOk(tasks.get());
  }

  // The pairs of one partition, read from disk.
  Pairs Stored(const meta::Store& store, int partition) {
    const auto& locator = store.storelocator();
    auto opened = kv::Store::Open(
        kv::PartitionPath(root_, locator.store_type(),
                          *StoreName::Parse(locator.namespace_(), locator.name()), partition));
    Pairs pairs;
    kv::Cursor cursor = *opened->Scan();
    while (cursor.Next()) pairs.emplace(cursor.key(), cursor.value());
    return pairs;
  }
  Pairs Stored(const meta::Store& store) {
    Pairs all;
    for (int i = 0; i < store.partitions_size(); ++i) all.merge(Stored(store, i));
    return all;
  }

  std::string root_;
  std::vector<std::unique_ptr<TestEgg>> eggs_;
  int jobs_ = 0;
};

}  // namespace fate::egg::testing
