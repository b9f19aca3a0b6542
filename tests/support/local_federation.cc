#include "support/local_federation.h"

#include <grpcpp/grpcpp.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <map>
#include <mutex>

#include "base/status.h"
#include "compute/placement.h"
#include "egg/executor.h"
#include "egg/task.h"
#include "eggroll/transfer.grpc.pb.h"
#include "kv/store.h"
#include "proxy/proxy.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/command.h"
#include "rpc/server.h"
#include "wire/federation_key.h"
#include "wire/pair_batch.h"

namespace fate::testing {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using com::webank::eggroll::core::meta::Partition;
using com::webank::eggroll::core::meta::Processor;
using com::webank::eggroll::core::meta::SessionMeta;
using com::webank::eggroll::core::meta::Store;
using com::webank::eggroll::core::meta::StoreList;
using com::webank::eggroll::core::meta::Task;
using com::webank::eggroll::core::transfer::RollSiteHeader;
using com::webank::eggroll::core::transfer::TransferBatch;
using com::webank::eggroll::core::transfer::TransferService;
using federation::Party;

namespace {

constexpr char kSession[] = "job_0";
constexpr absl::Duration kPatience = absl::Seconds(60);

class Egg {
 public:
  Egg(int id, const std::string& data_dir, const std::string& session,
      const compute::OperatorRegistry& operators)
      : commands_(rpc::ErrorStyle::kEgg),
        executor_({.session_id = session,
                   .data_dir = data_dir,
                   .server_node_id = 1,
                   .operators = &operators}) {
    executor_.Register(commands_);
    command_server_ = *rpc::Server::Start("127.0.0.1", 0, {commands_.service()});
    transfer_server_ = *rpc::Server::Start("127.0.0.1", 0, {executor_.transfer_service()});
    processor_.set_id(id);
    processor_.set_servernodeid(1);
    processor_.set_processortype("egg_pair");
    processor_.set_status("RUNNING");
    processor_.mutable_commandendpoint()->set_host("127.0.0.1");
    processor_.mutable_commandendpoint()->set_port(command_server_->port());
    processor_.mutable_transferendpoint()->set_host("127.0.0.1");
    processor_.mutable_transferendpoint()->set_port(transfer_server_->port());
  }
  ~Egg() {
    executor_.Close();
    command_server_->Shutdown(absl::ZeroDuration());
    transfer_server_->Shutdown(absl::ZeroDuration());
  }
  const Processor& processor() const { return processor_; }

 private:
  rpc::CommandService commands_;
  egg::TaskExecutor executor_;
  std::unique_ptr<rpc::Server> command_server_, transfer_server_;
  Processor processor_;
};

// Keeps the stores of one session in memory; partition i lies on the one node.
class Manager {
 public:
  explicit Manager(SessionMeta session)
      : session_(std::move(session)), commands_(rpc::ErrorStyle::kManager) {
    for (const char* uri : {"session/getOrCreateSession", "session/stopSession",
                            "session/killSession", "metadata/getStore", "metadata/getOrCreateStore",
                            "metadata/deleteStore", "metadata/getStoreFromNamespace"}) {
      const std::string command = std::string(uri).substr(std::string(uri).find('/') + 1);
      commands_.Register("v1/cluster-manager/" + std::string(uri),
                         [this, command](const rpc::CommandCall& call, rpc::Respond respond) {
                           respond(Answer(command, call.argument));
                         });
    }
    server_ = *rpc::Server::Start("127.0.0.1", 0, {commands_.service()});
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", server_->port()); }

  Store GetOrCreate(const Store& request) {
    std::lock_guard lock(mutex_);
    auto [it, is_new] = stores_.try_emplace(compute::Describe(request.storelocator()), request);
    for (int i = 0; is_new && i < request.storelocator().total_partitions(); ++i) {
      Partition* partition = it->second.add_partitions();
      partition->set_id(i);
      partition->mutable_processor()->set_servernodeid(1);
    }
    return it->second;
  }

 private:
  std::string Answer(const std::string& command, const std::string& argument) {
    if (command.ends_with("Session")) return session_.SerializeAsString();
    Store request;
    request.ParseFromString(argument);
    if (command == "getOrCreateStore") return GetOrCreate(request).SerializeAsString();
    std::lock_guard lock(mutex_);
    if (command == "getStoreFromNamespace") {
      StoreList list;
      for (const auto& [name, store] : stores_) *list.add_stores() = store;
      return list.SerializeAsString();
    }
    const auto it = stores_.find(compute::Describe(request.storelocator()));
    if (it == stores_.end()) return "";
    const std::string bytes = it->second.SerializeAsString();
    if (command == "deleteStore") stores_.erase(it);
    return bytes;
  }

  SessionMeta session_;
  std::mutex mutex_;
  std::map<std::string, Store> stores_;
  rpc::CommandService commands_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace

class LocalParty {
 public:
  LocalParty(const Party& self, const std::vector<Party>& parties, const std::string& rollsite,
             const compute::OperatorRegistry& operators, int eggs)
      : self_(self) {
    std::string folder = std::filesystem::temp_directory_path() / "fate_party_XXXXXX";
    data_dir_ = mkdtemp(folder.data());
    SessionMeta meta;
    meta.set_id(std::string(kSession) + "_" + self.ToString());
    meta.set_status("ACTIVE");
    for (int i = 0; i < eggs; ++i) {
      eggs_.push_back(std::make_unique<Egg>(i + 1, data_dir_, meta.id(), operators));
      *meta.add_processors() = eggs_.back()->processor();
    }
    placement_ = *compute::Placement::Create(meta);
    manager_ = std::make_unique<Manager>(meta);
    session_ = *compute::Session::Open({.id = meta.id(), .cluster_manager = manager_->address()});
    federation_ = std::make_unique<federation::Federation>(
        session_.get(), federation::Federation::Options{.session_id = kSession,
                                                        .self = self,
                                                        .parties = parties,
                                                        .rollsite = rollsite,
                                                        .timeout = kPatience});
  }
  ~LocalParty() {
    federation_.reset();
    session_.reset();
    manager_.reset();
    eggs_.clear();
    std::filesystem::remove_all(data_dir_);
  }

  const Party& self() const { return self_; }
  const std::string& data_dir() const { return data_dir_; }
  compute::Session& session() { return *session_; }
  federation::Federation& federation() { return *federation_; }

  // Section 10.2: putBatch on the egg of the partition, and the packets to it.
  absl::Status Receive(const RollSiteHeader& header, const std::vector<Packet>& packets) {
    Store wanted;
    auto* locator = wanted.mutable_storelocator();
    locator->set_store_type(compute::kInMemory);
    locator->set_namespace_(header.rollsitesessionid());
    locator->set_name(wire::RollSiteKey(header));
    locator->set_total_partitions(header.totalpartitions());
    Store store = manager_->GetOrCreate(wanted);
    RETURN_IF_ERROR(placement_.Populate(&store));
    const Partition& partition = store.partitions(header.partitionid());
    Task task;
    task.set_id(wire::BrokerTag(wire::RollSiteKey(header), header.partitionid()));
    task.set_name("putBatch");
    *task.add_inputs() = *task.add_outputs() = partition;
    auto running = std::async(std::launch::async, [&] {
      return rpc::CommandClient().Call(compute::Address(partition.processor().commandendpoint()),
                                       egg::kRunTask, task.SerializeAsString(), kPatience);
    });
    const grpc::Status sent =
        Send(compute::Address(partition.processor().transferendpoint()), task.id(), packets);
    RETURN_IF_ERROR(running.get().status());
    return rpc::FromGrpc(sent, "send");
  }

 private:
  static grpc::Status Send(const std::string& egg, const std::string& tag,
                           const std::vector<Packet>& packets) {
    auto stub = TransferService::NewStub(rpc::ChannelTo(egg));
    grpc::ClientContext context;
    TransferBatch answer;
    auto stream = stub->send(&context, &answer);
    for (const Packet& packet : packets) {
      TransferBatch batch;
      batch.mutable_header()->set_tag(tag);
      batch.mutable_header()->set_ext(packet.header().ext());
      batch.set_data(packet.body().value());
      if (!stream->Write(batch)) break;
    }
    stream->WritesDone();
    return stream->Finish();
  }

  Party self_;
  std::string data_dir_;
  std::vector<std::unique_ptr<Egg>> eggs_;
  compute::Placement placement_;
  std::unique_ptr<Manager> manager_;
  std::unique_ptr<compute::Session> session_;
  std::unique_ptr<federation::Federation> federation_;
};

class LocalFederation::Rollsite : public DataTransferService::Service {
 public:
  explicit Rollsite(const std::vector<std::unique_ptr<LocalParty>>& parties) : parties_(parties) {
    server_ = *rpc::Server::Start("127.0.0.1", 0, {this});
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", server_->port()); }
  void Stop() { server_.reset(); }

  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    Metadata* response) override {
    std::vector<Packet> packets;
    Packet packet;
    while (reader->Read(&packet)) packets.push_back(packet);
    RollSiteHeader header;
    if (packets.empty() || !header.ParseFromString(packets[0].header().ext())) {
      return rpc::ToGrpc(InvalidArgumentError("a push without RollSiteHeader"));
    }
    Record(header, packets);
    for (const auto& party : parties_) {
      if (party->self() == Party{header.dstrole(), header.dstpartyid()}) {
        *response = packets[0].header();
        response->set_ack(response->seq());
        return rpc::ToGrpc(party->Receive(header, packets));
      }
    }
    return rpc::ToGrpc(NotFoundError("no party {}", header.dstpartyid()));
  }

  std::string Crossed(const Party& from, const Party& to) {
    std::lock_guard lock(mutex_);
    return crossed_[from.ToString() + ">" + to.ToString()];
  }

 private:
  void Record(const RollSiteHeader& header, const std::vector<Packet>& packets) {
    const Party from{header.srcrole(), header.srcpartyid()},
        to{header.dstrole(), header.dstpartyid()};
    std::lock_guard lock(mutex_);
    std::string& all = crossed_[from.ToString() + ">" + to.ToString()];
    for (const Packet& packet : packets) {
      auto pairs = wire::PairBatchReader::Open(packet.body().value());
      while (pairs.ok() && pairs->Next()) all.append(pairs->key()).append(pairs->value());
    }
  }

  const std::vector<std::unique_ptr<LocalParty>>& parties_;
  std::mutex mutex_;
  std::map<std::string, std::string> crossed_;
  std::unique_ptr<rpc::Server> server_;
};

LocalFederation::LocalFederation(std::vector<Party> parties, compute::OperatorRegistry& operators,
                                 int eggs_per_party)
    : rollsite_(std::make_unique<Rollsite>(parties_)) {
  compute::RegisterBuiltinOperators(operators);
  federation::RegisterFederationOperators(operators);
  for (const Party& party : parties) {
    parties_.push_back(std::make_unique<LocalParty>(party, parties, rollsite_->address(), operators,
                                                    eggs_per_party));
  }
}

LocalFederation::~LocalFederation() {
  rollsite_->Stop();
  parties_.clear();
}

compute::Session& LocalFederation::session(size_t party) { return parties_.at(party)->session(); }

federation::Federation& LocalFederation::federation(size_t party) {
  return parties_.at(party)->federation();
}

std::string LocalFederation::Crossed(const Party& from, const Party& to) const {
  return rollsite_->Crossed(from, to);
}

std::string LocalFederation::Stored(size_t party) const {
  std::string all;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(parties_.at(party)->data_dir())) {
    if (!std::filesystem::exists(entry.path() / "data.mdb")) continue;
    auto store = kv::Store::Open(entry.path());
    auto cursor = store.ok() ? store->Scan() : store.status();
    while (cursor.ok() && cursor->Next()) all.append(cursor->key()).append(cursor->value());
  }
  return all;
}

}  // namespace fate::testing
