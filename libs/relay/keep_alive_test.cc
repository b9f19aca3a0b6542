// Peers that are gone without a word, and those that are only quiet or slow.
#include "relay/keep_alive.h"

#include <linux/filter.h>

#include "base/metrics.h"
#include "relay/raw_client.h"
#include "relay/test_support.h"

namespace fate::relay {
namespace {

using raw::Frame;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Action = KeepAlive::Action;

constexpr KeepAliveSettings kQuick = {absl::Milliseconds(100), absl::Milliseconds(200)};
const ServerLimits kQuickLimits = {.keep_alive = kQuick};

double Vanished() {
  const std::string text = MetricsText(),
                    line = R"(relay_cut_connections_total{reason="vanished"} )";
  const size_t at = text.find(line);
  return at == std::string::npos ? 0 : std::stod(text.substr(at + line.size()));
}

TEST(KeepAlive, AsksWhoIsSilentAndGivesUpWhoDoesNotAnswer) {
  const KeepAliveSettings settings = {absl::Seconds(30), absl::Seconds(20)};
  const auto at = [](int second) { return absl::UnixEpoch() + absl::Seconds(second); };
  KeepAlive peer;
  const auto look = [&](int second, bool has_calls = true) {
    return peer.Look(at(second), has_calls, settings, absl::Seconds(300));
  };
  peer.Heard(at(0));
  EXPECT_EQ(look(30), Action::kNothing);
  EXPECT_EQ(look(31, /*has_calls=*/false), Action::kNothing);
  EXPECT_EQ(look(31), Action::kAsk);
  EXPECT_EQ(look(50), Action::kNothing) << "it may still answer";
  peer.Heard(at(51));
  EXPECT_EQ(look(90), Action::kNothing) << "asked too often, servers end the connection";
  EXPECT_EQ(look(332), Action::kAsk);
  peer.Heard(at(333));
  peer.CallMoved();
  EXPECT_EQ(look(364), Action::kAsk) << "but not while calls move";
  EXPECT_EQ(look(384), Action::kNothing);
  EXPECT_EQ(look(385), Action::kGiveUp);
  EXPECT_EQ(look(385, /*has_calls=*/false), Action::kGiveUp);
}

TEST(KeepAlive, InfiniteNeverAsks) {
  KeepAlive peer;
  peer.Heard(absl::UnixEpoch());
  const KeepAliveSettings off = {absl::InfiniteDuration(), absl::Seconds(20)};
  EXPECT_EQ(peer.Look(absl::UnixEpoch() + absl::Hours(1000), true, off, absl::ZeroDuration()),
            Action::kNothing);
}

// Says that it speaks HTTP/2, and nothing any more: as if it had been cut off then.
class SilentPeer {
 public:
  // `cut_off`: as if its machine had been; nothing that is sent to it is acknowledged.
  explicit SilentPeer(bool cut_off = false) : listener_(Socket::Listen({"127.0.0.3", 0}).value()) {
    thread_ = std::thread([this, cut_off] {
      pollfd ready{listener_.fd(), POLLIN, 0};
      while (!stop_) {
        if (poll(&ready, 1, 10) <= 0) continue;
        Address peer;
        Socket socket = listener_.Accept(&peer);
        if (!socket.valid()) continue;
        const std::string settings = Frame(raw::kSettings, 0, 0);
        send(socket.fd(), settings.data(), settings.size(), MSG_NOSIGNAL);
        if (cut_off) DropAllPackets(socket);
        taken_.push_back(std::move(socket));
      }
    });
  }
  ~SilentPeer() {
    stop_ = true;
    thread_.join();
  }
  Address address() const { return {"127.0.0.3", listener_.LocalPort()}; }

 private:
  static void DropAllPackets(const Socket& socket) {
    sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program = {1, &drop};
    EXPECT_EQ(setsockopt(socket.fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0)
        << strerror(errno);
  }

  Socket listener_;
  std::vector<Socket> taken_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Ends the call that is made to `peer` through a relay; `how`: what gives it away.
void ExpectVanished(const SilentPeer& peer, const std::string& how) {
  Relay relay(peer.address(), {}, kQuickLimits);
  DataTransferService::Stub stub(relay.NewChannel());
  const double vanished = Vanished();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  Packet response;
  const grpc::Status status = stub.unaryCall(&context, PacketOf("x"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("party 10000"), HasSubstr(peer.address().ToString()),
                    HasSubstr("has vanished: " + how), HasSubstr("with 1 calls"),
                    HasSubstr("is its rollsite running?")));
  EXPECT_EQ(Vanished(), vanished + 1);
}

TEST(KeepAlive, CallsToAPeerThatHasVanishedEndByName) {
  ExpectVanished(SilentPeer(), "it does not answer a PING");
}

// TCP itself would go on for a quarter of an hour.
TEST(KeepAlive, APeerWhoseMachineAcknowledgesNothingIsGivenUpWithoutAsking) {
  ExpectVanished(SilentPeer(/*cut_off=*/true), "its machine does not acknowledge what it was sent");
}

TEST(KeepAlive, APeerThatIsOnlyQuietKeepsItsCalls) {
  Backend backend;
  Relay relay({"127.0.0.3", backend.port_}, {}, kQuickLimits);
  DataTransferService::Stub stub(relay.NewChannel());
  const double vanished = Vanished();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 1200ms);
  Packet response;
  const grpc::Status status = stub.unaryCall(&context, PacketOf("hang"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  EXPECT_EQ(Vanished(), vanished);
}

std::string Call(std::string_view path) {
  return raw::Preface() + Frame(raw::kHeaders, raw::kEndHeaders, 1, raw::RequestBlock(path));
}

TEST(KeepAlive, TheCallsOfAClientThatHasVanishedAreCancelled) {
  Relay relay({"127.0.0.3", 1}, {}, kQuickLimits);
  const double vanished = Vanished();
  raw::Client client(relay.port_);
  const std::string message = std::string(5, '\0');
  ASSERT_TRUE(client.Send(Call("/local/park") + Frame(raw::kData, raw::kEndStream, 1, message)));
  EXPECT_TRUE(Within(5s, [&] { return relay.parked_count_ == 1; }));
  EXPECT_TRUE(client.ReceiveAll(10s)) << "it does not answer, and is closed";
  EXPECT_TRUE(client.Has(raw::kPing, 0));
  EXPECT_TRUE(Within(5s, [&] { return relay.cancelled_ == 1; }));
  EXPECT_EQ(Vanished(), vanished + 1);
}

// Its machine acknowledges; it is for the streams' windows and the quotas to hold it.
TEST(KeepAlive, AClientThatReadsNothingForLongIsNotTakenForOneThatHasVanished) {
  Backend backend;
  Relay relay({"127.0.0.3", backend.port_}, {}, kQuickLimits);
  const double vanished = Vanished();
  raw::Client client(relay.port_);
  Metadata ask;
  ask.set_seq(1000);
  const std::string message = ask.SerializeAsString();
  const std::string window = raw::Number(0x7fff0000 - 65535, 4);
  ASSERT_TRUE(client.Send(
      Call("/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/pull") +
      Frame(raw::kWindowUpdate, 0, 0, window) + Frame(raw::kWindowUpdate, 0, 1, window) +
      Frame(raw::kData, raw::kEndStream, 1,
            raw::Number(0, 1) + raw::Number(message.size(), 4) + message)));
  EXPECT_TRUE(Within(10s, [&] { return backend.packets_ > 1; }));
  int packets = -1;
  auto since = std::chrono::steady_clock::now();
  EXPECT_TRUE(Within(20s, [&] {  // nothing has moved for several times idle and timeout
    if (packets != backend.packets_) since = std::chrono::steady_clock::now();
    packets = backend.packets_;
    return std::chrono::steady_clock::now() - since > 1200ms;
  }));
  EXPECT_EQ(Vanished(), vanished);
  EXPECT_TRUE(client.Receive(1000ms));
  EXPECT_GT(client.received().size(), 1000u);
}

}  // namespace
}  // namespace fate::relay
