// Tasks of one egg over real sockets: records a second of wall time and of CPU time.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <future>

#include "egg/executor.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/command.h"
#include "rpc/server.h"
#include "wire/pair_batch.h"

namespace fate::egg {
namespace {

namespace transfer = com::webank::eggroll::core::transfer;
constexpr int kRecords = 1'000'000;
constexpr size_t kValueBytes = 100;
constexpr int kPartitions = 4;

// An egg with a table "in" of kRecords pairs.
class Egg {
 public:
  Egg() : commands_(rpc::ErrorStyle::kEgg) {
    char name[] = "/tmp/egg_bench.XXXXXX";
    root_ = mkdtemp(name);
    compute::RegisterBuiltinOperators(registry_);
    executor_ = std::make_unique<TaskExecutor>(
        EggOptions{.session_id = "s", .data_dir = root_, .operators = &registry_});
    executor_->Register(commands_);
    command_ = *rpc::Server::Start("127.0.0.1", 0, {commands_.service()});
    transfer_ = *rpc::Server::Start("127.0.0.1", 0, {executor_->transfer_service()});
    Fill();
  }
  ~Egg() {
    executor_->Close();
    command_->Shutdown(absl::ZeroDuration());
    transfer_->Shutdown(absl::ZeroDuration());
    std::filesystem::remove_all(root_);
  }
  std::string transfer() const { return fmt::format("127.0.0.1:{}", transfer_->port()); }

  meta::Store NewStore(const std::string& name) {
    meta::Store store;
    store.mutable_storelocator()->set_store_type("IN_MEMORY");
    store.mutable_storelocator()->set_namespace_("ns");
    store.mutable_storelocator()->set_name(name);
    store.mutable_storelocator()->set_total_partitions(kPartitions);
    for (int i = 0; i < kPartitions; ++i) {
      auto* partition = store.add_partitions();
      partition->set_id(i);
      *partition->mutable_storelocator() = store.storelocator();
      auto* endpoint = partition->mutable_processor()->mutable_transferendpoint();
      endpoint->set_host("127.0.0.1");
      endpoint->set_port(transfer_->port());
    }
    return store;
  }

  // All tasks of a job at the same time.
  void Run(const std::string& name, const std::string& id, const meta::Store& input,
           const meta::Store* output, const std::vector<std::pair<std::string, std::string>>& fs) {
    meta::Job job;
    job.set_id(id);
    *job.add_inputs()->mutable_store() = input;
    if (output != nullptr) *job.add_outputs()->mutable_store() = *output;
    for (const auto& [functor, body] : fs) {
      auto* added = job.add_functors();
      added->set_name(functor);
      added->set_body(body);
    }
    std::vector<std::future<absl::StatusOr<std::string>>> tasks;
    for (int i = 0; i < kPartitions; ++i) {
      meta::Task task;
      task.set_id(fmt::format("{}/task/{}", id, i));
      task.set_name(name);
      *task.add_inputs() = input.partitions(i);
      if (output != nullptr) *task.add_outputs() = output->partitions(i);
      *task.mutable_job() = job;
      tasks.push_back(std::async(std::launch::async, [this, task] {
        return rpc::CommandClient().Call(fmt::format("127.0.0.1:{}", command_->port()), kRunTask,
                                         task.SerializeAsString(), absl::Minutes(5));
      }));
    }
    for (auto& task : tasks) {
      if (auto result = task.get(); !result.ok()) {
        std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
        std::abort();
      }
    }
  }
  void Map(const std::string& output, bool shuffle) {
    com::webank::eggroll::core::egg::MapPartitionsWithIndexRequest flag;
    flag.set_shuffle(shuffle);
    meta::Store out = NewStore(output);
    Run("mapReducePartitionsWithIndex", "map " + output, NewStore("in"), &out,
        {{"native:identity", ""}, {"", flag.SerializeAsString()}, {"", "\x80\x05N."}});
  }

 private:
  void Fill() {
    std::string value(kValueBytes, 'v');
    for (int i = 0; i < kPartitions; ++i) {
      auto writer = *kv::Store::Open(fmt::format("{}/IN_MEMORY/ns/in/{}", root_, i))->Write();
      for (int j = i; j < kRecords; j += kPartitions) {
        if (!writer.Put(fmt::format("{:010}", j), value).ok()) std::abort();
      }
      if (!writer.Commit().ok()) std::abort();
    }
  }

  std::string root_;
  compute::OperatorRegistry registry_;
  rpc::CommandService commands_;
  std::unique_ptr<TaskExecutor> executor_;
  std::unique_ptr<rpc::Server> command_, transfer_;
};

Egg& SharedEgg() {
  static Egg egg;
  return egg;
}

void Count(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRecords);
}

void BM_MapIdentity(benchmark::State& state) {
  Egg& egg = SharedEgg();
  int number = 0;
  for (auto _ : state) egg.Map("map" + std::to_string(number++), false);
  Count(state);
}
BENCHMARK(BM_MapIdentity)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_ShuffleIdentity(benchmark::State& state) {
  Egg& egg = SharedEgg();
  int number = 0;
  for (auto _ : state) egg.Map("shuffle" + std::to_string(number++), true);
  Count(state);
}
BENCHMARK(BM_ShuffleIdentity)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void BM_GetAll(benchmark::State& state) {
  Egg& egg = SharedEgg();
  com::webank::eggroll::core::egg::GetAllRequest all;
  all.set_limit(-1);
  auto stub = transfer::TransferService::NewStub(rpc::ChannelTo(egg.transfer()));
  int number = 0;
  for (auto _ : state) {
    std::string id = "get" + std::to_string(number++);
    egg.Run("getAll", id, egg.NewStore("in"), nullptr, {{"getAll", all.SerializeAsString()}});
    for (int i = 0; i < kPartitions; ++i) {
      grpc::ClientContext context;
      transfer::TransferBatch request, batch;
      request.mutable_header()->set_tag(fmt::format("{}/task/{}", id, i));
      auto stream = stub->recv(&context, request);
      while (stream->Read(&batch)) {
        auto reader = *wire::PairBatchReader::Open(batch.data());
        while (reader.Next()) benchmark::DoNotOptimize(reader.key());
      }
      if (!stream->Finish().ok()) std::abort();
    }
  }
  Count(state);
}
BENCHMARK(BM_GetAll)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_CountTask(benchmark::State& state) {
  Egg& egg = SharedEgg();
  for (auto _ : state) egg.Run("count", "count", egg.NewStore("in"), nullptr, {});
}
BENCHMARK(BM_CountTask)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace fate::egg

BENCHMARK_MAIN();
