// Entrances, identities and tokens, without a network.
#include "rollsite/access.h"

#include "rollsite/config.h"
#include "rollsite/test_support.h"
#include "tls/test_certificates.h"

namespace fate::rollsite {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

relay::Peer PeerWith(tls::Certificate certificate) {
  return {.host = "10.0.0.7",
          .certificate = std::make_shared<tls::Certificate>(std::move(certificate)),
          .secure = true};
}

tls::Certificate Named(const std::string& common_name) {
  return {.subject = "CN=" + common_name, .common_names = {common_name}};
}

std::string Source(const PartyMap& map, const tls::Certificate& certificate,
                   const std::string& claimed) {
  auto source = SourceOf(map, PeerWith(certificate), claimed);
  return source.ok() ? "'" + *source + "'" : ToText(source.status());
}

PartyMap Map(const std::string& json) {
  auto map = PartyMap::Parse(json, "parties.json");
  EXPECT_TRUE(map.ok()) << map.status();
  return map.ok() ? *map : PartyMap();
}

TEST(PartyMap, ACertificateSpeaksForThePartiesItIsMappedTo) {
  const std::string digest(64, 'a');
  PartyMap map = Map(fmt::format(R"({{"CN=gateway": ["10000", "10001"], "DNS:X.example": "*",
                                      "URI:urn:site:7": ["7"], "SHA256:{}": "8"}})",
                                 "AA:" + digest.substr(2)));
  EXPECT_EQ(Source(map, Named("gateway"), "10000"), "'10000'");
  EXPECT_EQ(Source(map, Named("gateway"), ""), "''") << "one of two";
  EXPECT_EQ(
      Source(map, Named("gateway"), "9998"),
      "PERMISSION_DENIED: the certificate CN=gateway of 10.0.0.7 speaks for 10000, 10001, but "
      "the call comes from party 9998; correct the party id, or the mapping in parties.json");
  EXPECT_EQ(Source(map, {.dns = {"x.example"}}, "12345"), "'12345'");
  EXPECT_EQ(Source(map, {.uris = {"urn:site:7"}}, ""), "'7'");
  EXPECT_EQ(Source(map, {.sha256 = digest}, "8"), "'8'");
  tls::Certificate both = Named("gateway");
  both.uris = {"urn:site:7"};
  EXPECT_EQ(Source(map, both, "7"), "'7'");
  EXPECT_EQ(Source(map, both, "10001"), "'10001'");
}

TEST(PartyMap, ACertificateThatNamesNoPartyCanBeRefused) {
  AccessSettings settings;
  EXPECT_TRUE(CheckNamed(settings, PartyMap(), Named("gateway")).ok()) << "as upstream";
  settings.unnamed_speak = false;
  EXPECT_THAT(ToText(CheckNamed(settings, PartyMap(), Named("gateway"))),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("CN=gateway"),
                    HasSubstr("eggroll.rollsite.tls.unnamed"), HasSubstr("tls.party.map")));
  EXPECT_TRUE(CheckNamed(settings, PartyMap(), Named("party-10000")).ok());
  EXPECT_TRUE(CheckNamed(settings, Map(R"({"CN=x": "*"})"), Named("x")).ok());
}

TEST(PartyMap, WhatIsNotMappedSpeaksForNobody) {
  PartyMap map = Map(R"({"CN=gateway": ["10000"]})");
  EXPECT_THAT(Source(map, Named("party-9998"), "9998"), HasSubstr("speaks for no party"));
  EXPECT_THAT(Source(map, Named("party-9998"), ""), HasSubstr("from a party it does not name"));
}

TEST(PartyMap, WithoutAFileCertificatesNameTheirParties) {
  PartyMap map;
  EXPECT_EQ(Source(map, Named("party-10000"), "10000"), "'10000'");
  EXPECT_EQ(Source(map, Named("party-10000"), ""), "'10000'");
  EXPECT_THAT(Source(map, Named("party-10000"), "9998"),
              AllOf(HasSubstr("speaks for 10000, but the call comes from party 9998"),
                    HasSubstr("ask for a certificate that names it")));
  EXPECT_EQ(Source(map, {.uris = {"urn:fate:party:a-b"}}, "a-b"), "'a-b'");
  EXPECT_EQ(Source(map, Named("gateway"), "9998"), "'9998'") << "as upstream";
  EXPECT_EQ(*SourceOf(map, {.host = "10.0.0.7"}, "9998"), "9998") << "clear text";
}

TEST(PartyMap, WrongFilesAreRefusedWithEntryAndRemedy) {
  auto wrong = [](const std::string& json) {
    return Message(PartyMap::Parse(json, "parties.json").status());
  };
  EXPECT_THAT(wrong("["), HasSubstr("parties.json: is no JSON object"));
  EXPECT_THAT(wrong(R"({"gateway": ["1"]})"),
              HasSubstr("the entry \"gateway\" starts with none of CN=, DNS:, URI: and SHA256:"));
  EXPECT_THAT(wrong(R"({"CN=": ["1"]})"), HasSubstr("has no name after CN="));
  EXPECT_THAT(wrong(R"({"SHA256:ab": ["1"]})"), HasSubstr("openssl x509 -noout -fingerprint"));
  EXPECT_THAT(wrong(R"({"CN=x": ["../1"]})"), HasSubstr("the entry \"CN=x\""));
  EXPECT_THAT(wrong(R"({"CN=x": [7]})"), HasSubstr("must be \"*\" or a list of party ids"));
  EXPECT_THAT(wrong(std::string(2 << 20, ' ')), HasSubstr("has 2097152 bytes"));
}

// spec/rollsite.md 4.1
TEST(Topics, FatesTopicsNameTheirSender) {
  EXPECT_EQ(SenderOfTopic("s", "s-guest-9999-host-10000-n"), "9999");
  EXPECT_EQ(SenderOfTopic("2024-1_0", "2024-1_0-arbiter-a-b-guest-9999-n-3"), "a-b");
  EXPECT_EQ(SenderOfTopic("s", "t-guest-9999-host-10000-n"), "");
  EXPECT_EQ(SenderOfTopic("", "-guest-9999-host-10000-n"), "");
  EXPECT_EQ(SenderOfTopic("s", "s-guest-9999-n"), "");
  EXPECT_EQ(SenderOfTopic("s", "s-x-1-y-2-n"), "");
  EXPECT_EQ(SenderOfTopic("s", "s"), "");
}

class AccessTest : public ::testing::Test {
 protected:
  absl::StatusOr<AccessSettings> Read(const std::string& text) {
    return AccessSettings::Read(Properties::Parse(text, "eggroll.properties").value());
  }
  std::string Check(const AccessSettings& settings, Entrance entrance, const std::string& host,
                    const std::string& path) {
    return ToText(CheckEntrance(settings, entrance, {.host = host}, path));
  }
  tls::TestFolder folder_;
  const std::string pop_ = "/org.ppc.ptp.PrivateTransferTransport/pop";
  const std::string invoke_ = "/org.ppc.ptp.PrivateTransferProtocol/invoke";
  const std::string push_ = "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/push";
};

TEST_F(AccessTest, ByDefaultEverybodyMayCallAsUpstream) {
  AccessSettings settings = *Read("");
  for (const auto& path : {pop_, invoke_, push_}) {
    EXPECT_EQ(Check(settings, Entrance::kMain, "10.0.0.7", path), "OK");
  }
}

// spec/rollsite.md 15 case 47
TEST_F(AccessTest, QueueCallsAreNeverServedOverTls) {
  AccessSettings settings = *Read("");
  EXPECT_THAT(Check(settings, Entrance::kTls, "127.0.0.1", pop_), HasSubstr("UNIMPLEMENTED"));
  EXPECT_EQ(Check(settings, Entrance::kTls, "10.0.0.7", invoke_), "OK");
  EXPECT_EQ(Check(settings, Entrance::kTls, "10.0.0.7", push_), "OK");
  EXPECT_THAT(Check(settings, Entrance::kTls, "10.0.0.7", "/grpc.reflection.v1alpha.X/Y"),
              HasSubstr("UNIMPLEMENTED"));
}

TEST_F(AccessTest, QueueCallsCanBeKeptFromTheWorld) {
  AccessSettings inner = *Read("eggroll.rollsite.inner.port=9372\n");
  EXPECT_EQ(inner.inner, (relay::Address{"127.0.0.1", 9372}));
  EXPECT_THAT(Check(inner, Entrance::kMain, "127.0.0.1", pop_),
              AllOf(HasSubstr("PERMISSION_DENIED: queue calls from 127.0.0.1"),
                    HasSubstr("eggroll.rollsite.queue.clients"), HasSubstr("inner listener")));
  EXPECT_EQ(Check(inner, Entrance::kInner, "10.0.0.7", pop_), "OK");
  EXPECT_EQ(Check(inner, Entrance::kMain, "10.0.0.7", invoke_), "OK");

  AccessSettings loopback = *Read("eggroll.rollsite.queue.clients=loopback\n");
  EXPECT_EQ(Check(loopback, Entrance::kMain, "127.3.0.1", pop_), "OK");
  EXPECT_EQ(Check(loopback, Entrance::kMain, "::1", pop_), "OK");
  EXPECT_THAT(Check(loopback, Entrance::kMain, "12.7.0.1", pop_), HasSubstr("PERMISSION_DENIED"));
}

TEST_F(AccessTest, ClearTextCanBeKeptToThisMachine) {
  AccessSettings settings = *Read("eggroll.rollsite.plain.clients=loopback\n");
  EXPECT_EQ(Check(settings, Entrance::kMain, "127.0.0.1", push_), "OK");
  EXPECT_THAT(Check(settings, Entrance::kMain, "10.0.0.7", push_),
              AllOf(HasSubstr("calls in clear text from 10.0.0.7"), HasSubstr("use the TLS")));
  EXPECT_EQ(Check(settings, Entrance::kTls, "10.0.0.7", push_), "OK");
  EXPECT_EQ(Check(settings, Entrance::kMain, "10.0.0.7", "/grpc.health.v1.Health/Check"), "OK");
}

TEST_F(AccessTest, WrongValuesAreNamedWithTheRemedy) {
  auto wrong = [&](const std::string& text) { return Message(Read(text).status()); };
  EXPECT_THAT(wrong("eggroll.rollsite.queue.clients=me\n"),
              AllOf(HasSubstr("eggroll.properties:1"), HasSubstr("all, loopback or inner")));
  EXPECT_THAT(wrong("eggroll.rollsite.queue.clients=inner\n"),
              HasSubstr("set eggroll.rollsite.inner.port"));
  EXPECT_THAT(wrong("eggroll.rollsite.inner.port=9372\neggroll.rollsite.inner.host=here\n"),
              HasSubstr("numeric address"));
  EXPECT_THAT(wrong("eggroll.rollsite.token.check=yes\n"), HasSubstr("none, ptp or all"));
  EXPECT_THAT(wrong("eggroll.rollsite.token.check=ptp\n"),
              HasSubstr("eggroll.rollsite.token.file"));
}

TEST_F(AccessTest, TokensAreCheckedPerParty) {
  std::string file = folder_.Write("tokens.properties",
                                   "default.token=1234\n10000.token=abc\noutgoing.token=mine\n");
  AccessSettings settings =
      *Read("eggroll.rollsite.token.check=ptp\neggroll.rollsite.token.file=" + file + "\n");
  EXPECT_EQ(settings.outgoing_token, "mine");
  auto check = [&](const std::string& path, const std::string& party, const std::string& token,
                   Entrance entrance = Entrance::kTls, const std::string& host = "10.0.0.7") {
    relay::Headers head = {{":path", path}};
    if (!token.empty()) head.push_back({"x-ptp-token", token});
    return ToText(CheckToken(settings, entrance, {.host = host}, head, party));
  };
  EXPECT_EQ(check(invoke_, "10001", "1234"), "OK");
  EXPECT_EQ(check(invoke_, "", "1234"), "OK");
  EXPECT_EQ(check(invoke_, "10000", "abc"), "OK");
  EXPECT_THAT(check(invoke_, "10000", "1234"),
              AllOf(HasSubstr("PERMISSION_DENIED: token is invalid"), HasSubstr("for party 10000"),
                    HasSubstr("has another x-ptp-token"), Not(HasSubstr("abc"))));
  EXPECT_THAT(check(invoke_, "10001", ""), HasSubstr("has no x-ptp-token"));
  EXPECT_THAT(check(invoke_, "outgoing", "mine"), HasSubstr("token is invalid"));
  EXPECT_EQ(check(push_, "10001", ""), "OK");
  EXPECT_EQ(check(invoke_, "10001", "", Entrance::kInner), "OK");
  EXPECT_EQ(check(invoke_, "10001", "", Entrance::kMain, "127.0.0.1"), "OK");
  EXPECT_THAT(check(invoke_, "10001", "", Entrance::kMain), HasSubstr("token is invalid"));
  settings.tokens = AccessSettings::Tokens::kAll;
  EXPECT_THAT(check(push_, "10001", ""), HasSubstr("token is invalid"));
}

class TlsSettingsTest : public ::testing::Test {
 protected:
  absl::StatusOr<TlsSettings> Read(const std::string& text) {
    return TlsSettings::Read(Properties::Parse(text, "broker.properties").value(), "10.0.0.1");
  }
  std::string Wrong(const std::string& text) { return Message(Read(text).status()); }
};

// spec/rollsite.md 5.3
TEST_F(TlsSettingsTest, OsxsKeysMeanWhatTheyMeanThere) {
  EXPECT_FALSE(Read("grpc.server.cert.chain.file=c.pem\n")->listen);
  TlsSettings settings = *Read(
      "open.grpc.tls.server=true\ngrpc.server.cert.chain.file=c.pem\n"
      "grpc.server.private.key.file=k.pem\ngrpc.server.ca.file=ca.pem\n"
      "grpc.ssl.open.client.validate=true\n");
  EXPECT_TRUE(settings.listen);
  EXPECT_EQ(settings.address, (relay::Address{"10.0.0.1", 9371}));
  EXPECT_EQ(settings.server.certificate, "c.pem");
  EXPECT_EQ(settings.server.key, "k.pem");
  EXPECT_EQ(settings.server.ca, "ca.pem");
  EXPECT_EQ(settings.clients, tls::ClientCertificates::kRequired);
  settings = *Read(
      "open.grpc.tls.server=true\ngrpc.tls.port=9883\ngrpc.server.keystore.file=k.p12\n"
      "grpc.server.keystore.file.password=x\ngrpc.server.trust.keystore.file=t.p12\n"
      "grpc.server.trust.keystore.file.password=y\neggroll.rollsite.tls.host=0.0.0.0\n");
  EXPECT_EQ(settings.address, (relay::Address{"0.0.0.0", 9883}));
  EXPECT_EQ(settings.server.keystore, "k.p12");
  EXPECT_EQ(settings.server.truststore_password, "y");
  EXPECT_EQ(settings.clients, tls::ClientCertificates::kIgnored);
}

// spec/rollsite.md 8.2, 8.3
TEST_F(TlsSettingsTest, EggrollsKeysMeanWhatTheyMeanThere) {
  TlsSettings settings = *Read("eggroll.rollsite.secure.port=9371\n");
  EXPECT_FALSE(settings.listen);
  settings = *Read(
      "eggroll.core.security.crt.path=c.pem\neggroll.core.security.key.path=k.pem\n"
      "eggroll.core.security.ca.crt.path=ca.pem\n"
      "eggroll.core.security.client.ca.crt.path=cca.pem\n");
  EXPECT_EQ(settings.address, (relay::Address{"10.0.0.1", 9380}));
  EXPECT_EQ(settings.clients, tls::ClientCertificates::kOptional);
  EXPECT_EQ(settings.client.ca, "cca.pem");
  settings = *Read(
      "eggroll.core.security.crt.path=c.pem\neggroll.core.security.key.path=k.pem\n"
      "eggroll.core.security.ca.crt.path=ca.pem\neggroll.rollsite.secure.port=9371\n"
      "eggroll.core.security.secure.client.auth.enabled=true\n"
      "eggroll.rollsite.tls.party.map=parties.json\n");
  EXPECT_EQ(settings.address.port, 9371);
  EXPECT_EQ(settings.clients, tls::ClientCertificates::kRequired);
  EXPECT_EQ(settings.party_map, "parties.json");
}

TEST_F(TlsSettingsTest, HalfSetKeysAreRefused) {
  EXPECT_THAT(Wrong("open.grpc.tls.server=true\n"),
              AllOf(HasSubstr("open.grpc.tls.server"), HasSubstr("grpc.server.cert.chain.file")));
  EXPECT_THAT(Wrong("open.grpc.tls.server=true\ngrpc.server.keystore.file=k\n"
                    "grpc.ssl.open.client.validate=true\n"),
              HasSubstr("grpc.server.ca.file"));
  EXPECT_THAT(Wrong("eggroll.core.security.crt.path=c\n"),
              HasSubstr("set eggroll.core.security.key.path too"));
  EXPECT_THAT(Wrong("eggroll.core.security.client.key.path=c\n"),
              HasSubstr("set eggroll.core.security.client.crt.path too"));
  EXPECT_THAT(Wrong("eggroll.core.security.crt.path=c\neggroll.core.security.key.path=k\n"
                    "eggroll.core.security.secure.client.auth.enabled=true\n"),
              HasSubstr("eggroll.core.security.ca.crt.path too"));
  EXPECT_THAT(Wrong("eggroll.rollsite.tls.party.map=parties.json\n"),
              HasSubstr("set grpc.ssl.open.client.validate=true"));
}

}  // namespace
}  // namespace fate::rollsite
