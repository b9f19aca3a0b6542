#include "support/fake_rollsite.h"

#include <grpcpp/grpcpp.h>

#include <deque>

#include "base/status.h"
#include "proxy/proxy.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace fate::testing {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using Packet = FakeRollsite::Packet;

class FakeRollsite::Service : public DataTransferService::Service {
 public:
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    Metadata* response) override {
    std::vector<Packet> packets;
    Packet packet;
    while (reader->Read(&packet)) packets.push_back(packet);
    std::lock_guard lock(mutex);
    ++calls;
    if (!failures.empty()) {
      absl::Status failure = failures.front();
      failures.pop_front();
      return rpc::ToGrpc(failure);
    }
    *response = packets.at(0).header();
    response->set_ack(response->seq());
    streams.push_back(std::move(packets));
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::deque<absl::Status> failures;
  std::vector<std::vector<Packet>> streams;
  int calls = 0;
  std::unique_ptr<rpc::Server> server;
};

FakeRollsite::FakeRollsite() : service_(std::make_unique<Service>()) {
  service_->server = *rpc::Server::Start("127.0.0.1", 0, {service_.get()});
  address_ = "127.0.0.1:" + std::to_string(service_->server->port());
}

FakeRollsite::~FakeRollsite() { Stop(); }

void FakeRollsite::Stop() { service_->server.reset(); }

void FakeRollsite::FailNext(std::vector<absl::Status> statuses) {
  std::lock_guard lock(service_->mutex);
  service_->failures.assign(statuses.begin(), statuses.end());
}

std::vector<std::vector<Packet>> FakeRollsite::streams() const {
  std::lock_guard lock(service_->mutex);
  return service_->streams;
}

int FakeRollsite::calls() const {
  std::lock_guard lock(service_->mutex);
  return service_->calls;
}

}  // namespace fate::testing
