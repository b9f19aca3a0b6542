#include "rollsite_load/client.h"

#include <algorithm>
#include <chrono>

#include "base/status.h"
#include "osx/osx.pb.h"
#include "proxy/proxy.pb.h"

namespace fate::bench {
namespace {

using relay::Slice;
using Clock = std::chrono::steady_clock;

constexpr size_t kBlockBytes = 1 << 20;
constexpr size_t kQueuedBytes = 512 << 10;  // of one call, ahead of the socket
constexpr size_t kAnswerStartBytes = 256;

// What every payload consists of.
const std::shared_ptr<std::string>& Block() {
  static const auto block = std::make_shared<std::string>(kBlockBytes, 'p');
  return block;
}

void AppendVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out += static_cast<char>(value | 0x80);
  *out += static_cast<char>(value);
}

// A length-delimited field up to where its bytes begin.
std::string FieldHead(char tag, size_t bytes) {
  std::string head(1, tag);
  AppendVarint(&head, bytes);
  return head;
}

Request RequestOf(std::string_view path, std::string fields, size_t payload_bytes) {
  Request request;
  request.head = relay::RequestHead(path, "bench", absl::InfiniteDuration());
  request.prefix = relay::FrameHead(fields.size() + payload_bytes) + fields;
  request.payload_bytes = payload_bytes;
  return request;
}

void AddPtp(relay::Headers* head, const std::string& party) {
  head->Append({{"x-ptp-version", "1"},
                {"x-ptp-tech-provider-code", "FATE"},
                {"x-ptp-session-id", "bench"},
                {"x-ptp-source-node-id", "9999"},
                {"x-ptp-target-node-id", party}});
}

}  // namespace

Request PushOf(const std::string& party, const std::string& topic, size_t bytes) {
  std::string fields = FieldHead('\x0a', topic.size()) + topic;
  if (bytes > 0) fields += FieldHead('\x12', bytes);
  Request request = RequestOf("/org.ppc.ptp.PrivateTransferTransport/push", fields, bytes);
  AddPtp(&request.head, party);
  return request;
}

Request PopOf(const std::string& topic) {
  org::ppc::ptp::PopInbound pop;
  pop.set_topic(topic);
  pop.set_timeout(600'000);
  Request request =
      RequestOf("/org.ppc.ptp.PrivateTransferTransport/pop", pop.SerializeAsString(), 0);
  AddPtp(&request.head, "");
  return request;
}

Request PacketOf(const char* method, const std::string& party, size_t bytes, int messages) {
  com::webank::ai::eggroll::api::networking::proxy::Packet packet;
  packet.mutable_header()->mutable_src()->set_partyid("9999");
  packet.mutable_header()->mutable_dst()->set_partyid(party);
  packet.mutable_header()->mutable_dst()->set_role("fateflow");
  packet.mutable_header()->set_operator_("bench");
  const std::string value = FieldHead('\x12', bytes);
  Request request = RequestOf(
      fmt::format("/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/{}", method),
      packet.SerializeAsString() + FieldHead('\x12', value.size() + bytes) + value, bytes);
  request.messages = messages;
  return request;
}

class Client::Running final : public relay::StreamHandler,
                              public std::enable_shared_from_this<Running> {
 public:
  Running(Client* client, const Request& request, Done done)
      : client_(client), request_(request), done_(std::move(done)), start_(Clock::now()) {}

  void Start(const std::shared_ptr<relay::Connection>& connection, bool close_after) {
    if (close_after) to_close_ = connection;
    stream_ = connection->Open(request_.head, /*end=*/false, shared_from_this());
    Fill();
  }

 private:
  void OnHeaders(relay::Headers headers, bool) override { head_ = std::move(headers); }
  void OnData(Slice slice) override {
    answer_.bytes += slice.size;
    if (answer_.start.size() < kAnswerStartBytes) {
      answer_.start += slice.view().substr(0, kAnswerStartBytes - answer_.start.size());
    }
    request_.takes_answer ? stream_->Consume(slice.size)
                          : void(client_->stalled_bytes_ += slice.size);
  }
  void OnEnd(relay::Headers trailers) override { Finish(relay::StatusOf(head_, trailers)); }
  void OnSent(size_t) override { Fill(); }
  void OnClosed(const absl::Status& why) override {
    stream_ = nullptr;
    Finish(why.ok() ? UnavailableError("the call ended without a status") : why);
  }

  void Fill() {
    while (stream_ && !end_sent_ && stream_->queued_bytes() < kQueuedBytes) {
      if (payload_left_ > 0) {
        size_t size = std::min(payload_left_, kBlockBytes);
        payload_left_ -= size;
        stream_->SendData({Block(), Block()->data(), size});
      } else if (sent_ < request_.messages) {
        ++sent_;
        payload_left_ = request_.payload_bytes;
        stream_->SendData(Slice::Copy(request_.prefix));
      } else {
        end_sent_ = true;
        stream_->SendEnd();
      }
    }
  }

  void Finish(absl::Status status) {
    auto done = std::exchange(done_, nullptr);
    if (!done || client_->stopping_) return;
    answer_.status = std::move(status);
    answer_.microseconds = std::chrono::duration<double, std::micro>(Clock::now() - start_).count();
    if (to_close_) {
      client_->loop_->Defer([connection = std::move(to_close_)] {
        connection->Close(CancelledError("the call is over"));
      });
    }
    done(answer_);
  }

  Client* const client_;
  const Request request_;
  Done done_;
  const Clock::time_point start_;
  std::shared_ptr<relay::Connection> to_close_;
  relay::Stream* stream_ = nullptr;
  relay::Headers head_;
  Answer answer_;
  size_t payload_left_ = 0;
  int sent_ = 0;
  bool end_sent_ = false;
};

Client::Client(relay::EventLoop* loop, relay::Address to, int connections,
               std::shared_ptr<const relay::TlsClient> tls)
    : loop_(loop), to_(std::move(to)), tls_(std::move(tls)), connections_(connections) {
  kept_.resize(static_cast<size_t>(connections));
}

Client::~Client() {
  stopping_ = true;
  while (!open_.empty()) open_.begin()->first->Close(CancelledError("stopping"));
}

std::shared_ptr<relay::Connection> Client::Connect() {
  auto connection = std::make_shared<relay::Connection>(loop_, relay::Connection::Side::kClient,
                                                        &buffer_, this, to_.ToString());
  connection->UseTls(tls_);
  open_[connection.get()] = connection;
  connection->Connect({to_});
  return connection;
}

void Client::Call(const Request& request, Done done) {
  std::shared_ptr<relay::Connection> connection;
  if (connections_ > 0) {
    auto& kept = kept_[turn_++ % kept_.size()];
    connection = kept.lock();
    if (!connection || !connection->usable()) kept = connection = Connect();
  } else {
    connection = Connect();
  }
  std::make_shared<Running>(this, request, std::move(done))->Start(connection, connections_ == 0);
}

}  // namespace fate::bench
