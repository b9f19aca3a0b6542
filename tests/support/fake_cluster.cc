#include "support/fake_cluster.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <thread>

#include "base/status.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/command.h"
#include "rpc/server.h"
#include "wire/pair_batch.h"

namespace fate::testing {

namespace egg = com::webank::eggroll::core::egg;
using com::webank::eggroll::core::meta::Partition;
using com::webank::eggroll::core::meta::Processor;
using com::webank::eggroll::core::meta::SessionMeta;
using com::webank::eggroll::core::meta::Store;
using com::webank::eggroll::core::meta::StoreList;
using com::webank::eggroll::core::meta::StoreLocator;
using com::webank::eggroll::core::meta::Task;
using com::webank::eggroll::core::transfer::TransferBatch;
using com::webank::eggroll::core::transfer::TransferService;

namespace {

std::string KeyOf(const StoreLocator& locator) {
  return locator.namespace_() + "/" + locator.name();
}
std::string KeyOf(const Partition& partition) {
  return KeyOf(partition.storelocator()) + "/" + std::to_string(partition.id());
}

}  // namespace

struct FakeCluster::State {
  mutable std::mutex mutex;
  std::condition_variable changed;
  OnTask on_task;
  std::string session_status = "ACTIVE";
  int nodes = 0;
  std::vector<Processor> processors;
  std::map<std::string, Store> stores;
  std::vector<std::string> commands;
  std::vector<Task> tasks;
  std::map<std::string, std::map<std::string, std::string>> partitions;
  std::map<std::string, std::string> open_tags;  // broker tag -> partition key
  std::map<std::string, bool> ended_tags;
  std::unique_ptr<rpc::CommandService> manager;
  std::unique_ptr<rpc::Server> manager_server;

  // Waits for the tag a task makes.
  std::string PartitionOfTag(const std::string& tag) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(10), [&] { return open_tags.contains(tag); });
    return open_tags[tag];
  }

  Store NewStore(const Store& request) const {
    Store store = request;
    for (int i = 0; i < request.storelocator().total_partitions(); ++i) {
      Partition* partition = store.add_partitions();
      partition->set_id(i);
      partition->mutable_processor()->set_servernodeid(i % nodes + 1);
    }
    return store;
  }

  std::string Manage(const std::string& command, const std::string& argument) {
    std::lock_guard lock(mutex);
    commands.push_back(command);
    if (command.ends_with("Session")) {
      SessionMeta meta;
      meta.ParseFromString(argument);
      if (command != "getOrCreateSession") session_status = "KILLED";
      meta.set_status(session_status);
      meta.clear_processors();
      for (const Processor& processor : processors) *meta.add_processors() = processor;
      return meta.SerializeAsString();
    }
    Store request;
    request.ParseFromString(argument);
    const std::string key = KeyOf(request.storelocator());
    if (command == "deleteStore") stores.erase(key);
    if (command == "getStoreFromNamespace") {
      StoreList list;
      for (const auto& [name, store] : stores) *list.add_stores() = store;
      return list.SerializeAsString();
    }
    if (command == "getOrCreateStore") stores.try_emplace(key, NewStore(request));
    auto it = stores.find(key);
    return it == stores.end() ? std::string() : it->second.SerializeAsString();
  }
};

// Command and transfer service of one egg.
class FakeEgg : public TransferService::Service {
 public:
  explicit FakeEgg(std::shared_ptr<FakeCluster::State> state)
      : state_(std::move(state)), commands_(rpc::ErrorStyle::kEgg) {
    commands_.Register("v1/eggs-pair/runTask",
                       [this](const rpc::CommandCall& call, rpc::Respond respond) {
                         Task task;
                         task.ParseFromString(call.argument);
                         std::lock_guard lock(threads_mutex_);
                         threads_.emplace_back([this, task, respond, cancelled = call.cancelled] {
                           respond(Run(task, *cancelled));
                         });
                       });
    server_ = *rpc::Server::Start("127.0.0.1", 0, {commands_.service(), this});
  }
  ~FakeEgg() override { Stop(); }

  int port() const { return port_; }
  void Remember() { port_ = server_->port(); }
  void Stop() {
    if (server_) server_->Shutdown(absl::ZeroDuration());
    server_.reset();
    std::lock_guard lock(threads_mutex_);
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  grpc::Status send(grpc::ServerContext*, grpc::ServerReader<TransferBatch>* reader,
                    TransferBatch* response) override {
    TransferBatch batch;
    std::string partition, tag;
    while (reader->Read(&batch)) {
      if (tag.empty()) {
        tag = batch.header().tag();
        partition = state_->PartitionOfTag(tag);
        *response->mutable_header() = batch.header();
      }
      auto pairs = wire::PairBatchReader::Open(batch.data());
      if (!pairs.ok()) return grpc::Status(grpc::StatusCode::UNKNOWN, Message(pairs.status()));
      std::lock_guard lock(state_->mutex);
      while (pairs->Next()) {
        state_->partitions[partition][std::string(pairs->key())] = pairs->value();
      }
    }
    std::lock_guard lock(state_->mutex);
    state_->ended_tags[tag] = true;
    state_->changed.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status recv(grpc::ServerContext*, const TransferBatch* request,
                    grpc::ServerWriter<TransferBatch>* writer) override {
    const std::string partition = state_->PartitionOfTag(request->header().tag());
    std::map<std::string, std::string> pairs;
    {
      std::lock_guard lock(state_->mutex);
      pairs = state_->partitions[partition];
    }
    wire::PairBatchWriter batches(1000, [&](std::string data) {
      TransferBatch batch;
      *batch.mutable_header() = request->header();
      batch.set_data(std::move(data));
      writer->Write(batch);
      return absl::OkStatus();
    });
    for (const auto& [key, value] : pairs) batches.Add(key, value).IgnoreError();
    batches.Finish().IgnoreError();
    return grpc::Status::OK;
  }

 private:
  absl::StatusOr<std::string> Run(const Task& task, const std::atomic<bool>& cancelled) {
    FakeCluster::OnTask on_task;
    std::unique_lock lock(state_->mutex);
    state_->tasks.push_back(task);
    on_task = state_->on_task;
    auto& pairs = state_->partitions;
    const std::string partition = task.inputs().empty() ? "" : KeyOf(task.inputs(0));
    if (task.name() == "putAll" || task.name() == "getAll") {
      state_->open_tags[task.id()] = partition;
      state_->changed.notify_all();
    }
    if (task.name() == "getAll") return std::string();
    if (task.name() == "putAll") {
      auto ended = [&] { return state_->ended_tags.contains(task.id()); };
      while (!ended() && !cancelled) {
        state_->changed.wait_for(lock, std::chrono::milliseconds(20), ended);
      }
      return task.SerializeAsString();
    }
    if (task.name() == "count") {
      egg::CountResponse response;
      response.set_value(static_cast<int64_t>(pairs[partition].size()));
      return response.SerializeAsString();
    }
    if (task.name() == "destroy") {
      pairs.erase(partition);
      return std::string();
    }
    if (task.name() == "get") return Get(task, pairs[partition]);
    lock.unlock();
    if (on_task) return on_task(task);
    return UnimplementedError("no handler for task:{}", task.name());
  }

  static std::string Get(const Task& task, const std::map<std::string, std::string>& pairs) {
    egg::GetRequest request;
    request.ParseFromString(task.job().functors(0).body());
    egg::GetResponse response;
    response.set_key(request.key());
    if (auto it = pairs.find(request.key()); it != pairs.end()) {
      response.set_value(it->second);
      response.set_exists(true);
    }
    return response.SerializeAsString();
  }

  std::shared_ptr<FakeCluster::State> state_;
  rpc::CommandService commands_;
  std::unique_ptr<rpc::Server> server_;
  int port_ = 0;
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
};

FakeCluster::FakeCluster(int nodes, int eggs_per_node) : state_(std::make_shared<State>()) {
  state_->nodes = nodes;
  for (int i = 0; i < nodes * eggs_per_node; ++i) {
    eggs_.push_back(std::make_unique<FakeEgg>(state_));
    eggs_.back()->Remember();
    Processor processor;
    processor.set_id(i + 1);
    processor.set_servernodeid(i / eggs_per_node + 1);
    processor.set_processortype("egg_pair");
    processor.set_status("RUNNING");
    for (auto* endpoint :
         {processor.mutable_commandendpoint(), processor.mutable_transferendpoint()}) {
      endpoint->set_host("127.0.0.1");
      endpoint->set_port(eggs_.back()->port());
    }
    state_->processors.push_back(processor);
  }
  state_->manager = std::make_unique<rpc::CommandService>(rpc::ErrorStyle::kManager);
  for (const char* uri : {"session/getOrCreateSession", "session/stopSession",
                          "session/killSession", "metadata/getStore", "metadata/getOrCreateStore",
                          "metadata/deleteStore", "metadata/getStoreFromNamespace"}) {
    std::string command = std::string(uri).substr(std::string(uri).find('/') + 1);
    state_->manager->Register(
        "v1/cluster-manager/" + std::string(uri),
        [state = state_.get(), command](const rpc::CommandCall& call, rpc::Respond respond) {
          respond(state->Manage(command, call.argument));
        });
  }
  StartClusterManager();
}

FakeCluster::~FakeCluster() {
  for (auto& egg : eggs_) egg->Stop();
  StopClusterManager();
}

void FakeCluster::StartClusterManager() {
  int port = 0;
  if (size_t colon = cluster_manager_.find(':'); colon != std::string::npos) {
    port = std::stoi(cluster_manager_.substr(colon + 1));
  }
  state_->manager_server = *rpc::Server::Start("127.0.0.1", port, {state_->manager->service()});
  cluster_manager_ = "127.0.0.1:" + std::to_string(state_->manager_server->port());
}

void FakeCluster::StopClusterManager() { state_->manager_server.reset(); }

void FakeCluster::StopEgg(int index) { eggs_[index]->Stop(); }

void FakeCluster::set_on_task(OnTask on_task) {
  std::lock_guard lock(state_->mutex);
  state_->on_task = std::move(on_task);
}
void FakeCluster::set_session_status(const std::string& status) {
  std::lock_guard lock(state_->mutex);
  state_->session_status = status;
}
std::vector<std::string> FakeCluster::commands() const {
  std::lock_guard lock(state_->mutex);
  return state_->commands;
}
std::vector<Task> FakeCluster::tasks() const {
  std::lock_guard lock(state_->mutex);
  return state_->tasks;
}
std::map<std::string, std::string> FakeCluster::Pairs(const std::string& partition) const {
  std::lock_guard lock(state_->mutex);
  auto it = state_->partitions.find(partition);
  return it == state_->partitions.end() ? std::map<std::string, std::string>() : it->second;
}
std::string FakeCluster::egg_address(int index) const {
  return "127.0.0.1:" + std::to_string(eggs_[index]->port());
}

}  // namespace fate::testing
