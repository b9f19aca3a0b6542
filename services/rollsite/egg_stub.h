#pragma once

// A clustermanager and an egg as gRPC servers in the test's process, and the packets of
// spec/rollsite.md 14 for them.

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "eggroll/meta.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "proxy/proxy.grpc.pb.h"
#include "rollsite/packet_codec.h"
#include "rollsite/test_support.h"
#include "rpc/command.h"
#include "rpc/server.h"
#include "wire/federation_key.h"

namespace fate::rollsite {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using com::webank::eggroll::core::meta::SessionMeta;
using com::webank::eggroll::core::meta::Store;
using com::webank::eggroll::core::meta::Task;
using com::webank::eggroll::core::transfer::TransferBatch;
using com::webank::eggroll::core::transfer::TransferService;

// One egg: keeps the batches of each tag; its task ends when the stream of the tag has ended.
class FakeEgg final : public TransferService::Service {
 public:
  explicit FakeEgg(int port = 0, const char* uri = "v1/eggs-pair/runTask") {
    commands_.Register(uri, [this](const rpc::CommandCall& call, rpc::Respond respond) {
      std::lock_guard lock(mutex_);
      Task task;
      task.ParseFromString(call.argument);
      tasks_.push_back(task);
      task_bytes_.push_back(std::string(call.argument));
      if (fail_task_) return respond(InternalError("{}", failure_));
      running_[task.id()] = respond;
      AnswerEnded();
    });
    server_ = *rpc::Server::Start("127.0.0.26", port, {commands_.service(), this});
  }
  ~FakeEgg() override {
    go_on_ = true;
    if (server_) server_->Shutdown(absl::Seconds(1));
  }

  grpc::Status send(grpc::ServerContext* context, grpc::ServerReader<TransferBatch>* reader,
                    TransferBatch* answer) override {
    TransferBatch batch;
    std::string tag;
    while (reader->Read(&batch)) {
      std::lock_guard lock(mutex_);
      if (tag.empty()) *answer->mutable_header() = batch.header();
      tag = batch.header().tag();
      batches_.push_back(batch);
      if (hold_) break;
    }
    while (hold_ && !go_on_ && !context->IsCancelled())
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (context->IsCancelled()) ++cancelled_;
    std::lock_guard lock(mutex_);
    ended_.insert(tag);
    AnswerEnded();
    return grpc::Status::OK;
  }

  // mutex_ held.
  void AnswerEnded() {
    for (auto it = running_.begin(); it != running_.end();) {
      if (!ended_.erase(it->first)) {
        ++it;
        continue;
      }
      it->second(std::string());
      it = running_.erase(it);
    }
  }
  std::vector<TransferBatch> batches() {
    std::lock_guard lock(mutex_);
    return batches_;
  }
  std::vector<Task> tasks() {
    std::lock_guard lock(mutex_);
    return tasks_;
  }
  std::vector<std::string> task_bytes() {
    std::lock_guard lock(mutex_);
    return task_bytes_;
  }
  void Kill() { server_.reset(); }

  std::atomic<bool> fail_task_ = false, hold_ = false, go_on_ = false;
  std::atomic<int> cancelled_ = 0;
  std::string failure_ = "disk full";
  std::mutex mutex_;
  std::vector<TransferBatch> batches_;
  std::vector<Task> tasks_;
  std::vector<std::string> task_bytes_;
  std::map<std::string, rpc::Respond> running_;
  std::multiset<std::string> ended_;
  rpc::CommandService commands_{rpc::ErrorStyle::kEgg};
  std::unique_ptr<rpc::Server> server_;
};

// Its one egg is number 7 on node 1.
class FakeManager {
 public:
  explicit FakeManager(int egg_port) : egg_port_(egg_port) {
    commands_.Register("v1/cluster-manager/session/getSession",
                       [this](const rpc::CommandCall& call, rpc::Respond respond) {
                         ++session_calls_;
                         SessionMeta asked;
                         asked.ParseFromString(call.argument);
                         std::lock_guard lock(mutex_);
                         unknown_at_once_ = asked.options().at("eggroll.session.unknown.at.once");
                         if (status_ == kHold) return held_.push_back({asked.id(), respond});
                         respond(Session(asked.id()));
                       });
    commands_.Register("v1/cluster-manager/metadata/getOrCreateStore",
                       [this](const rpc::CommandCall& call, rpc::Respond respond) {
                         Store store;
                         store.ParseFromString(call.argument);
                         std::lock_guard lock(mutex_);
                         stores_.push_back(store);
                         const int partitions = partitions_ > 0
                                                    ? partitions_.load()
                                                    : store.storelocator().total_partitions();
                         for (int i = 0; i < partitions; ++i) {
                           auto* partition = store.add_partitions();
                           partition->set_id(i);
                           partition->mutable_processor()->set_servernodeid(1);
                         }
                         respond(store.SerializeAsString());
                       });
    server_ = *rpc::Server::Start("127.0.0.27", 0, {commands_.service()});
  }
  // "": unknown; kHold: no answer until another status is set.
  static constexpr char kHold[] = "hold";
  void SetStatus(const std::string& status) {
    std::lock_guard lock(mutex_);
    status_ = status;
    if (status == kHold) return;
    for (const auto& [id, respond] : std::exchange(held_, {})) respond(Session(id));
  }
  // mutex_ held.
  std::string Session(const std::string& id) const {
    if (status_.empty()) return "";
    SessionMeta meta;
    meta.set_id(id);
    meta.set_status(status_);
    auto* egg = meta.add_processors();
    egg->set_id(7);
    egg->set_servernodeid(1);
    egg->set_processortype("egg_pair");
    for (auto* endpoint : {egg->mutable_commandendpoint(), egg->mutable_transferendpoint()}) {
      endpoint->set_host("127.0.0.26");
      endpoint->set_port(egg_port_);
    }
    return meta.SerializeAsString();
  }
  std::vector<Store> stores() {
    std::lock_guard lock(mutex_);
    return stores_;
  }

  const int egg_port_;
  std::atomic<int> session_calls_ = 0;
  std::atomic<int> partitions_ = 0;  // of any table; 0: as asked for
  std::mutex mutex_;
  std::string status_ = "ACTIVE";
  std::string unknown_at_once_;  // as asked for
  std::vector<std::pair<std::string, rpc::Respond>> held_;
  std::vector<Store> stores_;
  rpc::CommandService commands_{rpc::ErrorStyle::kManager};
  std::unique_ptr<rpc::Server> server_;
};

inline const std::string kRsh = Hex(
    "0a02733112026e311a027431220567756573742a04393939393204686f73743a05313030303042066f626a65637478"
    "01880101900101a00101a80101f2011066696e6973685f706172746974696f6e");
inline const std::string kPairBin =
    Hex("4670939400000001000000000000000000000004000000000000000568656c6c6f");

// The packet of spec 14: object "hello" from guest 9999 to host 10000.
inline Packet Hello() {
  Packet packet;
  packet.ParseFromString(Hex("0a79120d1204393939391a0567756573741a0d120531303030301a04686f73743001"
                             "4a4f") +
                         kRsh + Hex("a20605332e322e3012231221") + kPairBin);
  return packet;
}

inline Packet PacketOf(int64_t batch, int64_t total, const std::string& value) {
  Packet packet = Hello();
  RollSiteHeader header;
  header.ParseFromString(kRsh);
  header.set_batchseq(batch);
  header.set_totalbatches(batch == total ? total : -1);
  header.set_totalstreams(batch == total ? 1 : -1);
  header.set_stage(batch == total ? wire::kFinishPartition : "");
  packet.mutable_header()->set_seq(batch);
  packet.mutable_header()->set_ext(header.SerializeAsString());
  packet.mutable_body()->set_value(value);
  return packet;
}

}  // namespace fate::rollsite
