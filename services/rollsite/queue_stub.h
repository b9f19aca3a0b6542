#pragma once

// Queue calls as a gRPC client makes them, their outcome as one line of text.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "osx/osx.grpc.pb.h"

namespace fate::rollsite {

using org::ppc::ptp::Inbound;
using org::ppc::ptp::Outbound;
using org::ppc::ptp::PeekInbound;
using org::ppc::ptp::PopInbound;
using org::ppc::ptp::PrivateTransferProtocol;
using org::ppc::ptp::PrivateTransferTransport;
using org::ppc::ptp::PushInbound;
using org::ppc::ptp::ReleaseInbound;
using org::ppc::ptp::TransportOutbound;
using namespace std::chrono_literals;

// "code|message|payload", or "status STATUS_CODE text".
inline std::string Show(const grpc::Status& status, const TransportOutbound& answer) {
  if (!status.ok()) return fmt::format("status {} {}", status.error_code(), status.error_message());
  return fmt::format("{}|{}|{}", answer.code(), answer.message(), answer.payload());
}

class QueueStub {
 public:
  explicit QueueStub(std::shared_ptr<grpc::Channel> channel)
      : stub_(PrivateTransferTransport::NewStub(channel)), channel_(std::move(channel)) {}

  struct Metadata {
    std::string session = "s", target, provider = "FATE";
    std::map<std::string, std::string> more = {};
  };
  static void Fill(grpc::ClientContext* context, const Metadata& metadata) {
    if (!metadata.session.empty()) context->AddMetadata("x-ptp-session-id", metadata.session);
    if (!metadata.target.empty()) context->AddMetadata("x-ptp-target-node-id", metadata.target);
    if (!metadata.provider.empty()) {
      context->AddMetadata("x-ptp-tech-provider-code", metadata.provider);
    }
    for (const auto& [name, value] : metadata.more) context->AddMetadata(name, value);
    context->AddMetadata("x-ptp-from-node-id", "9999");
    context->AddMetadata("x-ptp-trace-id", "1_2");
    context->set_deadline(std::chrono::system_clock::now() + 60s);
  }

  std::string Push(const Metadata& metadata, const std::string& topic, const std::string& payload) {
    grpc::ClientContext context;
    Fill(&context, metadata);
    PushInbound request;
    request.set_topic(topic);
    request.set_payload(payload);
    TransportOutbound answer;
    grpc::Status status = stub_->push(&context, request, &answer);
    Remember(context);
    return Show(status, answer);
  }
  std::string Pop(const std::string& topic, int timeout_ms, const Metadata& metadata) {
    grpc::ClientContext context;
    Fill(&context, metadata);
    return Pop(&context, topic, timeout_ms);
  }
  std::string Pop(const std::string& topic, int timeout_ms) {
    return Pop(topic, timeout_ms, Metadata());
  }
  std::string Pop(grpc::ClientContext* context, const std::string& topic, int timeout_ms) {
    PopInbound request;
    request.set_topic(topic);
    request.set_timeout(timeout_ms);
    TransportOutbound answer;
    grpc::Status status = stub_->pop(context, request, &answer);
    Remember(*context);
    return Show(status, answer);
  }
  std::string Peek(const std::string& topic) {
    grpc::ClientContext context;
    Fill(&context, Metadata());
    PeekInbound request;
    request.set_topic(topic);
    TransportOutbound answer;
    grpc::Status status = stub_->peek(&context, request, &answer);
    return Show(status, answer);
  }
  std::string Release(const std::string& session, const std::string& topic = "") {
    grpc::ClientContext context;
    Fill(&context, {.session = session});
    ReleaseInbound request;
    request.set_topic(topic);
    TransportOutbound answer;
    grpc::Status status = stub_->release(&context, request, &answer);
    return Show(status, answer);
  }
  std::string Invoke(const Metadata& metadata, const std::string& uri, const std::string& payload) {
    grpc::ClientContext context;
    Fill(&context, metadata);
    context.AddMetadata("x-ptp-uri", uri);
    Inbound request;
    request.set_payload(payload);
    Outbound answer;
    grpc::Status status =
        PrivateTransferProtocol::NewStub(channel_)->invoke(&context, request, &answer);
    TransportOutbound same;
    same.ParseFromString(answer.SerializeAsString());
    return Show(status, same);
  }

  // A header of the last answer, "" if it has none.
  std::string Header(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    auto header = headers_.find(name);
    return header == headers_.end() ? "" : header->second;
  }

  std::unique_ptr<PrivateTransferTransport::Stub> stub_;
  std::shared_ptr<grpc::Channel> channel_;

 private:
  // Tests pop in one thread while they push in another.
  void Remember(const grpc::ClientContext& context) {
    std::map<std::string, std::string> headers;
    for (const auto& [name, value] : context.GetServerInitialMetadata()) {
      headers[{name.data(), name.size()}] = {value.data(), value.size()};
    }
    const std::lock_guard lock(mutex_);
    headers_ = std::move(headers);
  }
  mutable std::mutex mutex_;
  std::map<std::string, std::string> headers_;
};

}  // namespace fate::rollsite
