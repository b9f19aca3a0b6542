#pragma once

// Calls whose messages are bytes: a client, and a peer that keeps what it is sent.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::rollsite {

using MetadataMap = std::map<std::string, std::string>;

inline grpc::ByteBuffer BufferOf(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return {&slice, 1};
}

inline std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  (void)buffer.Dump(&slices);
  std::string bytes;
  for (const auto& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// Messages out, one back.
inline absl::StatusOr<std::string> CallBytes(const std::shared_ptr<grpc::Channel>& channel,
                                             const std::string& path,
                                             const std::vector<std::string>& messages,
                                             const MetadataMap& metadata = {}) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
  grpc::CompletionQueue queue;
  auto stream = stub.PrepareCall(&context, path, &queue);
  void* tag = nullptr;
  bool ok = false;
  auto wait = [&] { return queue.Next(&tag, &ok) && ok; };
  stream->StartCall(nullptr);
  wait();
  for (const std::string& message : messages) {
    stream->Write(BufferOf(message), nullptr);
    wait();
  }
  stream->WritesDone(nullptr);
  wait();
  grpc::ByteBuffer answer;
  stream->Read(&answer, nullptr);
  const bool read = wait();
  grpc::Status status;
  stream->Finish(&status, nullptr);
  wait();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  if (!read) return absl::UnknownError("no answer");
  return BytesOf(answer);
}

inline absl::StatusOr<std::string> CallBytes(const std::shared_ptr<grpc::Channel>& channel,
                                             const std::string& path, const std::string& message,
                                             const MetadataMap& metadata = {}) {
  return CallBytes(channel, path, std::vector<std::string>{message}, metadata);
}

// Serves any path: takes all messages of a call, then answers with one.
class RawPeer final : public grpc::CallbackGenericService {
 public:
  struct Call {
    std::string path;
    MetadataMap metadata;
    std::vector<std::string> messages;
  };
  using Answer = std::function<std::string(const Call&)>;

  explicit RawPeer(const std::string& host, Answer answer) : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(host + ":0", grpc::InsecureServerCredentials(), &port_);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~RawPeer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  int port() const { return port_; }
  // Those that have been answered.
  std::vector<Call> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(RawPeer* peer, grpc::GenericCallbackServerContext* context) : peer_(peer) {
      call_.path = context->method();
      for (const auto& [name, value] : context->client_metadata()) {
        call_.metadata[{name.data(), name.size()}] = {value.data(), value.size()};
      }
      StartRead(&incoming_);
    }

   private:
    void OnReadDone(bool ok) override {
      if (ok) {
        call_.messages.push_back(BytesOf(incoming_));
        return StartRead(&incoming_);
      }
      outgoing_ = BufferOf(peer_->answer_(call_));
      std::lock_guard lock(peer_->mutex_);
      peer_->calls_.push_back(call_);
      StartWriteAndFinish(&outgoing_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

    RawPeer* const peer_;
    Call call_;
    grpc::ByteBuffer incoming_, outgoing_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(this, context);
  }

  const Answer answer_;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<Call> calls_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace fate::rollsite
