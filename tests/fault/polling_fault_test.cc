// Queues of a party that polls, over a network that breaks: nothing is lost, nothing comes twice.
#include <future>

#include "fault/fault_proxy.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using fault::Fault;
using fault::Proxy;

constexpr char kStored[] = "E0000000000|success|";

// 9999 -> exchange <- proxy <- 10001, which polls.
class PollingFaults : public ::testing::Test {
 protected:
  PollingFaults()
      : exchange_("127.0.0.33", "",
                  R"({"route_table": {"10001": {"default": [{"is_polling": true}]}},
                      "self_party": ["exchange"]})",
                  {"127.0.0.1", 1}, [](Config* config) { config->polling_server = true; }),
        proxy_({"127.0.0.33", exchange_.port()}),
        sender_("127.0.0.31", "9999", TableTo("127.0.0.33", exchange_.port(), "9999")),
        at_sender_(sender_.channel()) {}

  static std::string TableTo(const std::string& host, int port, const std::string& self) {
    return fmt::format(R"({{"route_table": {{"default": {{"default": {}}}}},
                            "self_party": ["{}"]}})",
                       EndpointJson(host, port), self);
  }
  void StartParty(int streams) {
    party_ =
        std::make_unique<Site>("127.0.0.34", "10001", TableTo("127.0.0.26", proxy_.port(), "10001"),
                               relay::Address{"127.0.0.1", 1}, [streams](Config* config) {
                                 config->polling_client = true;
                                 config->polling_streams = streams;
                               });
    ASSERT_TRUE(Within(10s, [&] { return Parked() == static_cast<size_t>(streams); }));
  }
  size_t Parked() { return exchange_.rollsite()->parked_polling_streams(); }

  Site exchange_;
  Proxy proxy_;
  Site sender_;
  QueueStub at_sender_;
  std::unique_ptr<Site> party_;
};

TEST_F(PollingFaults, AStreamThatBreaksWithinAMessageIsMadeAnewAndTheMessageComesOnce) {
  StartParty(1);
  std::string large(16 << 20, 'x');
  large[large.size() / 2] = 'y';
  proxy_.Set({.bytes_per_second = 4 << 20});
  auto pushed = std::async(std::launch::async,
                           [&] { return at_sender_.Push({.target = "10001"}, "t", large); });
  ASSERT_TRUE(Within(10s, [&] { return Parked() == 0; })) << "the message takes the stream";
  proxy_.Set({});
  proxy_.ResetAll();
  EXPECT_EQ(pushed.get(), kStored);
  EXPECT_GE(proxy_.connections(), 2);
  EXPECT_EQ(party_->rollsite()->queue_stats().messages, 1u);
  EXPECT_TRUE(QueueStub(party_->channel()).Pop("t", 5000) == "E0000000000||" + large);
}

TEST_F(PollingFaults, StreamsThatBreakAtAnyTimeLoseAndDoubleNothing) {
  constexpr int kTopics = 4, kMessages = 150;
  StartParty(8);
  std::atomic<int> pushed = 0;
  std::vector<std::future<std::string>> pushers;
  for (int topic = 0; topic < kTopics; ++topic) {
    pushers.push_back(std::async(std::launch::async, [this, topic, &pushed]() -> std::string {
      QueueStub stub(sender_.channel());
      for (int i = 0; i < kMessages; ++i, ++pushed) {
        const std::string answer =
            stub.Push({.target = "10001"}, fmt::format("t{}", topic), std::to_string(i));
        if (answer != kStored) return answer;
      }
      return "";
    }));
  }
  for (int resets = 1; resets <= 5; ++resets) {
    Within(10s, [&] { return pushed >= resets * 90; });
    proxy_.ResetAll();
  }
  for (auto& pusher : pushers) EXPECT_EQ(pusher.get(), "");
  EXPECT_EQ(party_->rollsite()->queue_stats().messages, size_t{kTopics} * kMessages);
  QueueStub at_party(party_->channel());
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int i = 0; i < kMessages; ++i) {
      ASSERT_EQ(at_party.Pop(fmt::format("t{}", topic), 5000), fmt::format("E0000000000||{}", i));
    }
  }
}

}  // namespace
}  // namespace fate::rollsite
