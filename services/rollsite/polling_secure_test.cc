// Identity over polling streams: whose party polls, and for whom the exchange may speak.
#include "rollsite/free_port.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"
#include "tls/test_certificates.h"

namespace fate::rollsite {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kStored[] = "E0000000000|success|";

// The exchange X serves TLS at 127.0.0.33; 10001 polls it there and lets it speak for 9999 only.
class SecurePolling : public ::testing::Test {
 protected:
  SecurePolling()
      : exchange_("127.0.0.33", "",
                  R"({"route_table": {"10001": {"default": [{"is_polling": true}]}},
                      "self_party": ["exchange"]})",
                  {"127.0.0.1", 1},
                  [this](Config* config) {
                    config->polling_server = true;
                    config->tls.listen = true;
                    config->tls.address = {"127.0.0.33", tls_port_};
                    config->tls.server = exchange_files_;
                    config->tls.clients = tls::ClientCertificates::kRequired;
                    config->access.outgoing_token = "of the exchange";
                  }),
        at_exchange_(exchange_.channel()) {}

  std::unique_ptr<Site> StartParty(const std::function<void(Config*)>& more = [](Config*) {}) {
    const auto& files = party_files_;
    const std::string table = fmt::format(
        R"({{"route_table": {{"default": {{"default": [{{"ip": "127.0.0.33", "port": {},
             "useSSL": true, "caFile": "{}", "certChainFile": "{}", "privateKeyFile": "{}"}}]}}}},
             "self_party": ["10001"]}})",
        tls_port_, files.ca, files.certificate, files.key);
    return std::make_unique<Site>("127.0.0.34", "10001", table, relay::Address{"127.0.0.1", 1},
                                  [&](Config* config) {
                                    config->polling_client = true;
                                    config->polling_streams = 2;
                                    config->tls.party_map = map_;
                                    more(config);
                                  });
  }
  bool Parked(size_t count) {
    return Within(10s, [&] { return exchange_.rollsite()->parked_polling_streams() == count; });
  }
  std::string Invoke(const std::string& source, const std::string& topic) {
    PushInbound push;
    push.set_topic(topic);
    push.set_payload("p");
    return at_exchange_.Invoke({.target = "10001", .more = {{"x-ptp-source-node-id", source}}},
                               "/org.ppc.ptp.PrivateTransferTransport/push",
                               push.SerializeAsString());
  }

  tls::TestFolder folder_;
  tls::TestAuthority authority_;
  const int tls_port_ = FreePort("127.0.0.33");
  tls::Files exchange_files_ =
      authority_.Write(folder_, "exchange", {.name = "exchange", .alternatives = "IP:127.0.0.33"});
  tls::Files party_files_ = authority_.Write(folder_, "10001", {.name = "party-10001"});
  const std::string map_ = folder_.Write("map.json", R"({"CN=exchange": ["9999"]})");
  Site exchange_;
  QueueStub at_exchange_;
};

TEST_F(SecurePolling, TheExchangeSpeaksForThosePartiesThatItsCertificateMay) {
  auto party = StartParty();
  ASSERT_TRUE(Parked(2));
  EXPECT_EQ(Invoke("9999", "t"), kStored);
  const auto refused = AllOf(HasSubstr("status 7 party 10001 answers: "), HasSubstr("CN=exchange"),
                             HasSubstr("speaks for 9999, but the call comes from party 10002"));
  EXPECT_THAT(Invoke("10002", "t"), refused);
  EXPECT_THAT(Invoke("9999", "s-host-10002-guest-10001-n"), refused) << "a topic of FATE's";
  EXPECT_EQ(Invoke("9999", "s-host-9999-guest-10001-n"), kStored);
  EXPECT_EQ(party->rollsite()->queue_stats().messages, 2u);
}

TEST_F(SecurePolling, TokensAreSentAndCheckedAsOfCallsThatComeIn) {
  auto party = StartParty([](Config* config) {
    config->access.tokens = AccessSettings::Tokens::kPtp;
    config->access.expected = {{"default", "another"}, {"9998", "of the exchange"}};
    config->tls.party_map = "";
  });
  ASSERT_TRUE(Parked(2));
  EXPECT_EQ(Invoke("9998", "t"), kStored);
  EXPECT_THAT(Invoke("9999", "t"),
              AllOf(HasSubstr("status 7"), HasSubstr("has another x-ptp-token")));
}

TEST_F(SecurePolling, APartyPollsForItselfOnly) {
  party_files_ = authority_.Write(folder_, "10002", {.name = "party-10002"});
  auto party = StartParty();
  EXPECT_FALSE(Within(300ms, [&] { return exchange_.rollsite()->parked_polling_streams() > 0; }));
}

}  // namespace
}  // namespace fate::rollsite
