#pragma once

// A gRPC server, and a relay in front of it, each in a thread of the test.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/status.h"
#include "proxy/proxy.grpc.pb.h"
#include "relay/client_call.h"
#include "relay/forward.h"
#include "relay/server.h"
#include "relay/unary_call.h"
#include "relay/upstreams.h"

namespace fate::relay {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

template <class Condition>
bool Within(std::chrono::milliseconds limit, Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

inline Packet PacketOf(const std::string& what, size_t bytes = 0) {
  Packet packet;
  packet.mutable_header()->set_operator_(what);
  packet.mutable_body()->set_value(std::string(bytes, 'p'));
  return packet;
}

// What stands behind the relay. Its behaviour is chosen by header.operator.
class Backend final : public DataTransferService::Service {
 public:
  explicit Backend(int max_streams = 0, std::shared_ptr<grpc::ServerCredentials> credentials =
                                            grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.3:0", credentials, &port_);
    builder.SetMaxReceiveMessageSize(-1);
    // Else it opens its windows up to 16 MB a stream when the machine is slow.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    if (max_streams > 0) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, max_streams);
    }
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Backend() override {
    release_ = true;
    server_->Shutdown(std::chrono::system_clock::now() + 2s);
  }

  grpc::Status unaryCall(grpc::ServerContext* context, const Packet* request,
                         Packet* response) override {
    const std::string& what = request->header().operator_();
    if (what == "fail") {
      return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "not now: 100% \xc3\xa4");
    }
    if (what == "hang") {
      WaitUntilCancelled(context);
      return grpc::Status::CANCELLED;
    }
    context->AddTrailingMetadata("x-tail", "t");
    *response = *request;
    return grpc::Status::OK;
  }

  grpc::Status push(grpc::ServerContext* context, grpc::ServerReader<Packet>* reader,
                    Metadata* response) override {
    Packet packet;
    int64_t bytes = 0;
    while (reader->Read(&packet)) {
      if (packet.header().operator_() == "enough") {
        return grpc::Status(grpc::StatusCode::ABORTED, "enough");
      }
      if (packet.header().operator_() == "hang") {
        WaitUntilCancelled(context);
        return grpc::Status::CANCELLED;
      }
      bytes += static_cast<int64_t>(packet.body().value().size());
      ++packets_;
    }
    response->set_ack(bytes);
    return grpc::Status::OK;
  }

  grpc::Status pull(grpc::ServerContext*, const Metadata* request,
                    grpc::ServerWriter<Packet>* writer) override {
    Packet packet;
    packet.mutable_body()->set_value(std::string(1 << 20, 'x'));
    for (int64_t i = 0; i < request->seq(); ++i) {
      if (!writer->Write(packet)) break;
      ++packets_;
    }
    return grpc::Status::OK;
  }

  void WaitUntilCancelled(grpc::ServerContext* context) {
    ++hanging_;
    while (!context->IsCancelled() && !release_) std::this_thread::sleep_for(2ms);
    if (context->IsCancelled()) ++cancelled_;
  }

  int port_ = 0;
  std::atomic<int> hanging_ = 0, cancelled_ = 0, packets_ = 0;
  std::atomic<bool> release_ = false;
  std::unique_ptr<grpc::Server> server_;
};

struct RelayTls {
  TlsServer server;
  std::function<std::shared_ptr<const TlsClient>()> client = [] { return nullptr; };
};

// A relay that passes every call on to one address; "/local/..." is answered here.
class Relay {
 public:
  explicit Relay(Address upstream, RelayTls tls = {}, const ServerLimits& limits = {}) {
    std::promise<int> port;
    thread_ = std::thread([this, upstream, tls = std::move(tls), limits, &port] {
      EventLoop loop;
      Upstreams upstreams(&loop);
      upstreams.SetKeepAlive(limits.keep_alive);
      UnaryCall::Collected collected;
      const auto text = std::make_shared<const TargetText>(
          TargetText{upstream.ToString(), "party 10000", "is its rollsite running?"});
      auto on_call = [&](Stream* stream, Headers head, bool end) {
        if (Find(head, ":path").starts_with("/local/"))
          return Local(stream, std::move(head), &collected);
        Forward(&upstreams, stream, std::move(head), {}, end,
                {upstream, Lane::kBulk, text, tls.client()}, [this](const ForwardResult& result) {
                  ++finished_;
                  request_bytes_ += result.request_bytes;
                });
      };
      auto server = Server::StartTls(&loop, {"127.0.0.2", 0}, tls.server, on_call);
      (*server)->SetLimits(limits);
      loop_ = &loop;
      port.set_value((*server)->port());
      loop.Run();
    });
    port_ = port.get_future().get();
  }
  ~Relay() {
    loop_->Stop();
    thread_.join();
  }

  void Local(Stream* stream, Headers head, UnaryCall::Collected* collected) {
    Peer peer = stream->peer();
    UnaryCall::Serve(stream, std::move(head), collected, [this, peer](const auto& call) {
      call->OnCancel([this, call, alive = alive_] { ++cancelled_; });
      if (Find(call->head(), ":path") == "/local/later") {
        auto message = std::make_shared<std::string>(call->TakeMessage());
        stream_loop().After(absl::Milliseconds(50), [call, message] { call->Answer(*message); });
      } else if (Find(call->head(), ":path") == "/local/park") {
        parked_.push_back(call);
        ++parked_count_;
      } else if (Find(call->head(), ":path") == "/local/large") {
        call->Answer({Slice::Take(PacketOf("", 30 << 20).SerializeAsString())}, {{"x-extra", "7"}},
                     [this](bool written) { ++(written ? written_ : unwritten_); });
        ++answered_;
      } else if (Find(call->head(), ":path") == "/local/who") {
        call->Answer(PacketOf(fmt::format("{} {} {}", peer.host, peer.secure ? "TLS" : "clear",
                                          peer.certificate ? peer.certificate->subject : "-"))
                         .SerializeAsString());
      } else {
        call->Answer(call->TakeMessage());
      }
    });
  }
  EventLoop& stream_loop() { return *loop_; }

  std::string address() const { return "127.0.0.2:" + std::to_string(port_); }
  std::shared_ptr<grpc::Channel> NewChannel(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials =
          grpc::InsecureChannelCredentials()) const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address(), credentials, arguments);
  }

  int port_ = 0;
  EventLoop* loop_ = nullptr;
  std::atomic<int> finished_ = 0, cancelled_ = 0, parked_count_ = 0;
  std::atomic<int> answered_ = 0, written_ = 0, unwritten_ = 0;
  std::atomic<uint64_t> request_bytes_ = 0;
  std::vector<std::shared_ptr<UnaryCall>> parked_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // calls answered here hold it
  std::thread thread_;
};

inline grpc::Status CallPath(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                             grpc::ClientContext* context, const Packet& request,
                             Packet* response) {
  grpc::TemplatedGenericStub<Packet, Packet> stub(channel);
  std::promise<grpc::Status> status;
  stub.UnaryCall(context, path, grpc::StubOptions(), &request, response,
                 [&status](grpc::Status result) { status.set_value(std::move(result)); });
  return status.get_future().get();
}

}  // namespace fate::relay
