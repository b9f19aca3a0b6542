#include "routing/route_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::routing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

RouteTable Table(std::string_view json, std::string_view own_party = "") {
  auto table = RouteTable::Parse(json, "route_table.json", own_party);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *std::move(table) : RouteTable::Empty("", "");
}

std::string Wrong(std::string_view json) {
  auto table = RouteTable::Parse(json, "conf/route_table.json", "");
  EXPECT_FALSE(table.ok()) << json;
  return Message(table.status());
}

std::string Found(const RouteTable& table, std::string_view party, std::string_view role,
                  uint64_t turn = 0) {
  auto route = table.Find(party, role, turn);
  if (!route.ok()) return Message(route.status());
  return route->rule + " " + route->endpoint.ToString();
}

// spec/rollsite.md 7.1
constexpr char kMinimal[] = R"({"route_table": {
   "default": {"default": [{"ip": "10.0.0.2", "port": 9370}]},
   "9999":    {"fateflow": [{"ip": "127.0.0.1", "port": 9360}]}},
 "self_party": ["9999"]})";

TEST(RouteTable, TheMinimalTableRoutesEveryOtherPartyToTheExchange) {
  RouteTable table = Table(kMinimal);
  EXPECT_EQ(Found(table, "10000", "default"), "route_table.default.default[0] 10.0.0.2:9370");
  EXPECT_EQ(Found(table, "10000", "fateflow"), "route_table.default.default[0] 10.0.0.2:9370");
  EXPECT_EQ(Found(table, "9999", "fateflow"), "route_table.9999.fateflow[0] 127.0.0.1:9360");
}

// spec/rollsite.md 15 case 44
TEST(RouteTable, AnOwnEntryHidesTheDefaultParty) {
  EXPECT_EQ(Found(Table(kMinimal), "9999", "default"),
            "no route to party 9999 role default in route_table.json: its entry \"9999\" has "
            "neither role \"default\" nor \"default\"; add it");
}

TEST(RouteTable, AnUnknownPartyWithoutDefaultIsNotFoundByName) {
  RouteTable table = Table(R"({"route_table": {}, "self_party": []})");
  EXPECT_EQ(Found(table, "77777", ""),
            "no route to party 77777 role default in route_table.json: "
            "it has neither \"77777\" nor \"default\"; add it");
}

// spec/rollsite.md 15 case 48
TEST(RouteTable, TheRollsiteDialectRefusesTheDefaultPartyWhenNotAllowed) {
  RouteTable table = Table(
      R"({"route_table": {"default": {"default": [{"ip": "x", "port": "9370"}]},
          "10001": {"default": [{"is_polling": "1"}]},
          "10000": {"default": [{"ip": "y", "port": "9370", "is_secure": true}]}},
          "permission": {"default_allow": false}})",
      "9999");
  EXPECT_THAT(Found(table, "8888", "default"),
              HasSubstr("party 8888 role default in route_table.json: it has no \"8888\" and "
                        "permission.default_allow is false"));
  auto secure = table.Find("10000", "", 0);
  ASSERT_TRUE(secure.ok());
  EXPECT_TRUE(secure->endpoint.tls);
  EXPECT_EQ(secure->endpoint.port, 9370);
  auto polling = table.Find("10001", "", 0);
  ASSERT_TRUE(polling.ok());
  EXPECT_TRUE(polling->endpoint.is_polling);
}

TEST(RouteTable, EndpointsAreTakenInTurn) {
  RouteTable table = Table(R"({"route_table": {"1": {"default": [
      {"ip": "a", "port": 1}, {"ip": "b", "port": 2}]}}})");
  EXPECT_EQ(Found(table, "1", "", 4), "route_table.1.default[0] a:1");
  EXPECT_EQ(Found(table, "1", "", 5), "route_table.1.default[1] b:2");
}

TEST(RouteTable, ARoleWithAnEmptyListRoutesNowhere) {
  RouteTable table = Table(R"({"route_table": {"1": {"default": [{"ip": "a", "port": 1}],
                               "fateflow": []}}})");
  EXPECT_THAT(Found(table, "1", "fateflow"), HasSubstr("no endpoint for role \"fateflow\""));
}

TEST(RouteTable, TheSelfSetComesFromTheFileElseFromThePartyId) {
  RouteTable listed = Table(R"({"route_table": {}, "self_party": [9999, "10000"]})", "1");
  EXPECT_THAT(listed.self_parties(), ElementsAre("9999", "10000"));
  EXPECT_TRUE(listed.IsSelf("10000"));
  EXPECT_FALSE(listed.IsSelf("1"));
  EXPECT_EQ(listed.SelfName("10000"), "10000");
  EXPECT_EQ(listed.SelfName("5"), "9999");
  EXPECT_THAT(Table("{}", "7").self_parties(), ElementsAre("7"));
  EXPECT_EQ(Table("{}").SelfName("5"), "");
}

TEST(RouteTable, ToleratesWhatDeploymentsWrite) {
  RouteTable table = Table(
      "{\t\"route_table\":{\"1\":{\"default\":[{\"ip\":\"a\",\"port\":1,\"hostname\":\"x\","
      "\"negotiationType\":\"\"}],\"createTime\":5,\"updateTime\":\"\"}},\"permission\":{},"
      "\"extra\":1}");
  EXPECT_EQ(Found(table, "1", ""), "route_table.1.default[0] a:1");
  EXPECT_THAT(table.warnings(), IsEmpty());
}

TEST(RouteTable, ErrorsNameFilePlaceAndRemedy) {
  EXPECT_THAT(Wrong("{\"route_table\": {"), StartsWith("conf/route_table.json: is not valid JSON"));
  EXPECT_THAT(Wrong("{\n\"route_table\": {\n,"), HasSubstr("line 3"));
  EXPECT_THAT(Wrong("[]"), HasSubstr("the document must be an object"));
  const std::string brackets(400'000, '['), shut(400'000, ']');
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"ip": )" + brackets + shut + "}]}}}"),
              HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(Wrong(R"({"route_tabel": {}})"), HasSubstr("route_table is missing; add"));
  EXPECT_EQ(Wrong(R"({"route_table": {"10000": {"default": [{"ip": "a", "port": "abc"}]}}})"),
            "conf/route_table.json: route_table.10000.default[0].port is \"abc\"; write a "
            "port from 1 to 65535");
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"port": 1}]}}})"),
              HasSubstr("route_table.1.default[0] has no \"ip\"; write the address"));
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"ip": "a"}]}}})"),
              HasSubstr("route_table.1.default[0] has no \"port\"; write one"));
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": {"ip": "a"}}}})"),
              HasSubstr("route_table.1.default must be a list"));
  EXPECT_THAT(Wrong(R"({"route_table": {"../1": {}}})"), HasSubstr("route_table.../1"));
  EXPECT_THAT(Wrong(R"({"route_table": {}, "self_party": "9999"})"),
              HasSubstr("self_party must be a list"));
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"ip": "a", "port": 1,
                        "is_polling": 7}]}}})"),
              HasSubstr("route_table.1.default[0].is_polling is 7; write true or false"));
}

TEST(RouteTable, HalfSetTlsIsRefused) {
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"ip": "a", "port": 1, "useSSL": true,
                        "caFile": "ca.pem"}]}}})"),
              HasSubstr("sets 1 of caFile, certChainFile and privateKeyFile"));
  RouteTable plain = Table(R"({"route_table": {"1": {"default": [{"ip": "a", "port": 1,
                               "caFile": "ca.pem"}]}}})");
  ASSERT_EQ(plain.warnings().size(), 1u);
  EXPECT_THAT(plain.warnings()[0], HasSubstr("used without TLS"));
}

TEST(RouteTable, TlsFilesAreReadInBothDialects) {
  RouteTable table = Table(R"({"route_table": {
      "1": {"default": [{"ip": "a", "port": 1, "useSSL": true, "caFile": "ca.pem",
                         "certChainFile": "c.pem", "privateKeyFile": "k.pem",
                         "tlsServerName": "gateway.example"}]},
      "2": {"default": [{"ip": "b", "port": 2, "is_secure": true}, {"ip": "c", "port": 3}]},
      "3": {"default": [{"ip": "d", "port": 4, "useSSL": true, "useKeyStore": true,
                         "keyStoreFile": "k.p12", "keyStorePassword": "x",
                         "trustStoreFile": "t.p12", "trustStorePassword": "y"}]}}})");
  std::vector<Route> routes = table.TlsRoutes();
  ASSERT_EQ(routes.size(), 3u);
  EXPECT_EQ(routes[0].rule, "route_table.1.default[0]");
  EXPECT_EQ(routes[0].endpoint.tls_server_name, "gateway.example");
  EXPECT_EQ(routes[0].endpoint.private_key_file, "k.pem");
  EXPECT_TRUE(routes[1].endpoint.is_secure);
  EXPECT_FALSE(routes[1].endpoint.names_tls_files());
  EXPECT_EQ(routes[2].endpoint.truststore_file, "t.p12");
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"ip": "a", "port": 1, "useSSL": true,
                        "useKeyStore": true, "keyStoreFile": "k.jks"}]}}})"),
              HasSubstr("has useKeyStore but not both"));
  EXPECT_THAT(Wrong(R"({"route_table": {"1": {"default": [{"ip": "a", "port": 1,
                        "is_secure": true, "certChainFile": "c.pem"}]}}})"),
              HasSubstr("sets only one of certChainFile and privateKeyFile"));
}

TEST(RouteTable, ExplainShowsTheStepsOfTheDecision) {
  EXPECT_THAT(Table(kMinimal).Explain("10000", "fateflow"),
              ElementsAre("no entry for party 10000: \"default\" is used",
                          "no role fateflow there: \"default\" is used",
                          "route_table.default.default -> 10.0.0.2:9370"));
  EXPECT_THAT(
      Table(kMinimal).Explain("9999", "fateflow"),
      ElementsAre(StartsWith("party 9999 is one's own"), "party 9999 has an entry",
                  "role fateflow is listed there", "route_table.9999.fateflow -> 127.0.0.1:9360"));
}

// spec/rollsite.md 7.2: deny, then allow, then default_allow; "*" for a role or a party.
constexpr char kRules[] = R"({"route_table": {}, "permission": {
  "allow": [{"from": {"coordinator": "1", "role": "guest"}, "to": {"coordinator": "2", "role": "*"}},
            {"from": {"coordinator": "*"}, "to": {"coordinator": "3", "role": "host"}}],
  "deny":  [{"from": {"coordinator": "1", "role": "guest"},
             "to": {"coordinator": "2", "role": "arbiter"}}]}})";

TEST(Permission, DenyThenAllowThenTheDefaultDecide) {
  const RouteTable table = Table(kRules);
  EXPECT_TRUE(table.Permits({"1", "guest", "2", "host"}).ok());
  EXPECT_THAT(Message(table.Permits({"1", "guest", "2", "arbiter"})),
              AllOf(HasSubstr("no permission from party 1 role guest to party 2 role arbiter"),
                    HasSubstr("permission.deny[0] of route_table.json")));
  EXPECT_TRUE(table.Permits({"77", "anything", "3", "host"}).ok());
  EXPECT_THAT(Message(table.Permits({"1", "host", "2", "host"})), HasSubstr("no rule matches"));
  EXPECT_THAT(Message(table.Permits({"", "", "2", "host"})), HasSubstr("party (not named)"));
}

TEST(Permission, WithoutRulesEverythingPasses) {
  EXPECT_TRUE(Table(kMinimal).Permits({"", "", "10000", ""}).ok());
  EXPECT_TRUE(Table(R"({"route_table": {}, "permission": {"default_allow": false}})")
                  .Permits({"1", "", "2", ""})
                  .ok());
}

TEST(Permission, AHalfWrittenRuleIsRefused) {
  EXPECT_THAT(Wrong(R"({"route_table": {}, "permission": {"deny": [{"from": {}}]}})"),
              HasSubstr("permission.deny[0].from.coordinator is missing"));
  EXPECT_THAT(Wrong(R"({"route_table": {}, "permission": {"allow":
                        [{"from": {"coordinator": "1"}}]}})"),
              HasSubstr("permission.allow[0].to is missing"));
  EXPECT_THAT(Wrong(R"({"route_table": {}, "permission": {"allow": {}}})"),
              HasSubstr("permission.allow must be a list"));
  EXPECT_THAT(Wrong(R"({"route_table": {}, "permission": {"allow":
                        [{"from": {"coordinator": "a b"}, "to": {"coordinator": "1"}}]}})"),
              HasSubstr("write a party id"));
}

}  // namespace
}  // namespace fate::routing
