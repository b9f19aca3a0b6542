#pragma once

// The cheap side of the benchmark: calls on libs/relay that send a payload without copying it
// and throw away what is answered. Belongs to one EventLoop's thread.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/connection.h"
#include "relay/grpc_wire.h"

namespace fate::bench {

struct Request {
  relay::Headers head;       // complete, :path and metadata
  std::string prefix;        // of each message: its frame's head and the fields before the payload
  size_t payload_bytes = 0;  // of each message
  int messages = 1;
  bool takes_answer = true;  // false: a download that stalls
};

// org.ppc.ptp: PushInbound to `party`, PopInbound; proxy.Packet to `party`.
Request PushOf(const std::string& party, const std::string& topic, size_t bytes);
Request PopOf(const std::string& topic);
Request PacketOf(const char* method, const std::string& party, size_t bytes, int messages = 1);

struct Answer {
  absl::Status status;
  size_t bytes = 0;
  std::string start;  // its first bytes
  double microseconds = 0;
};

class Client final : public relay::ConnectionOwner {
 public:
  using Done = std::function<void(const Answer&)>;

  // Calls go round over `connections` of them; 0: a new one for every call.
  Client(relay::EventLoop* loop, relay::Address to, int connections,
         std::shared_ptr<const relay::TlsClient> tls);
  ~Client();

  void Call(const Request& request, Done done);
  // Bytes of answers that came to calls that do not take them.
  size_t stalled_bytes() const { return stalled_bytes_; }

 private:
  class Running;
  std::shared_ptr<relay::Connection> Connect();
  void OnRequest(relay::Stream*, relay::Headers, bool) override {}
  void OnConnectionClosed(relay::Connection* connection) override { open_.erase(connection); }

  relay::EventLoop* const loop_;
  const relay::Address to_;
  const std::shared_ptr<const relay::TlsClient> tls_;
  const int connections_;
  relay::ReadBuffer buffer_;
  std::unordered_map<relay::Connection*, std::shared_ptr<relay::Connection>> open_;
  std::vector<std::weak_ptr<relay::Connection>> kept_;
  size_t turn_ = 0, stalled_bytes_ = 0;
  bool stopping_ = false;  // nobody is told any more
};

}  // namespace fate::bench
