// Two sides of TLS in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tls/context.h"
#include "tls/handshaker.h"
#include "tls/session.h"
#include "tls/test_certificates.h"

namespace fate::tls {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A client and a server, joined by strings.
struct Pair {
  std::unique_ptr<Session> client, server;

  // Passes bytes until both have finished or one has failed.
  void Shake() {
    auto from = Session::Progress::kWaits, to = from;
    while (from == Session::Progress::kWaits || to == Session::Progress::kWaits) {
      if (from == Session::Progress::kWaits) from = client->Handshake();
      server->Receive(std::exchange(client->unsent(), {}));
      if (to == Session::Progress::kWaits) to = server->Handshake();
      client->Receive(std::exchange(server->unsent(), {}));
      if (from == Session::Progress::kFailed || to == Session::Progress::kFailed) break;
    }
    Send(server.get(), client.get(), "");  // tickets, or why the server does not want the client
    Send(client.get(), server.get(), "");
  }

  static std::string Send(Session* from, Session* to, std::string text) {
    std::string ciphertext = std::exchange(from->unsent(), {});
    iovec part{text.data(), text.size()};
    from->Encrypt(&part, 1, text.size(), &ciphertext);
    std::string result(text.size() + 1024, '\0');
    iovec room{result.data(), result.size()};
    result.resize(to->Decrypt(ciphertext, &room, 1));
    return result;
  }
};

class TlsTest : public ::testing::Test {
 protected:
  std::shared_ptr<Context> Server(const Files& files,
                                  ClientCertificates clients = ClientCertificates::kRequired) {
    auto context = Context::ForServer(files, clients);
    EXPECT_TRUE(context.ok()) << context.status();
    return *context;
  }
  std::shared_ptr<Context> Client(const Files& files) {
    auto context = Context::ForClient(files);
    EXPECT_TRUE(context.ok()) << context.status();
    return *context;
  }
  Pair Join(const Context& client, const Context& server, const std::string& name = "127.0.0.1") {
    Pair pair{client.NewSession("127.0.0.1:9371", name), server.NewSession("10.0.0.7:5000")};
    pair.Shake();
    return pair;
  }

  TestFolder folder_;
  TestAuthority authority_;
  Files guest_ = authority_.Write(folder_, "guest", {.name = "party-9999"});
  Files host_ =
      authority_.Write(folder_, "host",
                       {.name = "party-10000",
                        .alternatives = "DNS:Host.example,URI:urn:fate:party:10000,IP:127.0.0.1"});
};

TEST_F(TlsTest, BothSidesSeeEachOthersCertificateAndPassBytes) {
  Pair pair = Join(*Client(guest_), *Server(host_));
  ASSERT_TRUE(pair.client->certificate() && pair.server->certificate());
  EXPECT_EQ(pair.server->certificate()->subject, "CN=party-9999");
  EXPECT_THAT(pair.server->certificate()->common_names, ElementsAre("party-9999"));
  EXPECT_THAT(pair.client->certificate()->dns, ElementsAre("host.example"));
  EXPECT_THAT(pair.client->certificate()->uris, ElementsAre("urn:fate:party:10000"));
  EXPECT_THAT(pair.client->certificate()->addresses, ElementsAre("127.0.0.1"));
  EXPECT_EQ(pair.client->certificate()->sha256.size(), 64u);
  for (size_t size : {size_t{1}, size_t{16384}, size_t{16385}, size_t{300'000}}) {
    std::string text(size, 'x');
    EXPECT_EQ(Pair::Send(pair.client.get(), pair.server.get(), text), text);
    EXPECT_EQ(Pair::Send(pair.server.get(), pair.client.get(), text), text);
  }
}

TEST_F(TlsTest, SmallPiecesShareARecordAndLargeOnesFillTheirs) {
  Pair pair = Join(*Client(guest_), *Server(host_));
  std::string head(9, 'h'), body(16384, 'b');
  std::vector<iovec> parts;
  for (int i = 0; i < 8; ++i) {
    parts.push_back({head.data(), head.size()});
    parts.push_back({body.data(), body.size()});
  }
  std::string ciphertext;
  size_t taken = pair.client->Encrypt(parts.data(), 16, 128 << 10, &ciphertext);
  EXPECT_EQ(taken, size_t{128} << 10);
  EXPECT_EQ(ciphertext.size(), taken + 8 * (5 + 1 + 16)) << "eight full records";
}

TEST_F(TlsTest, InputLargerThanThePartsIsKept) {
  Pair pair = Join(*Client(guest_), *Server(host_));
  std::string text(100'000, 'x'), ciphertext;
  iovec part{text.data(), text.size()};
  pair.client->Encrypt(&part, 1, text.size(), &ciphertext);
  std::string got;
  for (std::string room(7'000, '\0'); got.size() < text.size();) {
    iovec to{room.data(), room.size()};
    size_t size = pair.server->Decrypt(std::exchange(ciphertext, {}), &to, 1);
    ASSERT_GT(size, 0u);
    got.append(room, 0, size);
  }
  EXPECT_EQ(got, text);
}

TEST_F(TlsTest, AGoodbyeEndsTheConnectionWithoutFailure) {
  Pair pair = Join(*Client(guest_), *Server(host_));
  pair.client->SayGoodbye();
  EXPECT_FALSE(pair.server->over());
  Pair::Send(pair.client.get(), pair.server.get(), "");
  EXPECT_TRUE(pair.server->over());
  EXPECT_TRUE(pair.server->failure().ok());
}

TEST_F(TlsTest, AChangedByteEndsTheConnection) {
  Pair pair = Join(*Client(guest_), *Server(host_));
  std::string text = "hello", ciphertext, room(100, '\0');
  iovec part{text.data(), text.size()}, to{room.data(), room.size()};
  pair.client->Encrypt(&part, 1, text.size(), &ciphertext);
  ciphertext.back() ^= 1;
  EXPECT_EQ(pair.server->Decrypt(ciphertext, &to, 1), 0u);
  EXPECT_THAT(Message(pair.server->failure()), HasSubstr("10.0.0.7:5000"));
}

TEST_F(TlsTest, SessionsAreResumedWithTheirCertificateUntilTheServersFilesChange) {
  auto client = Client(guest_), server = Server(host_);
  EXPECT_FALSE(Join(*client, *server).client->resumed());
  Pair second = Join(*client, *server);
  EXPECT_TRUE(second.client->resumed());
  ASSERT_TRUE(second.server->certificate());
  EXPECT_EQ(second.server->certificate()->subject, "CN=party-9999");
  EXPECT_FALSE(Join(*client, *Server(host_)).client->resumed());
}

TEST_F(TlsTest, AnExpiredCertificateIsNamedWithItsDateOnBothSides) {
  Files old = authority_.Write(folder_, "old", {.name = "party-10001", .until_s = 2});
  auto client = Client(old);
  while (absl::Now() <= client->loaded().own[0].valid_until) absl::SleepFor(absl::Milliseconds(20));
  Pair pair = Join(*client, *Server(host_));
  EXPECT_THAT(Message(pair.server->failure()),
              AllOf(HasSubstr("the certificate of 10.0.0.7:5000, CN=party-10001"),
                    HasSubstr("has expired on 20"), HasSubstr("its owner has to renew it")));
  EXPECT_THAT(Message(pair.client->failure()),
              AllOf(HasSubstr("127.0.0.1:9371 refuses this side's certificate CN=party-10001"),
                    HasSubstr("it has expired; renew it")));
  auto again = Context::ForClient(old);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(again.status()),
              AllOf(HasSubstr("old.crt has expired on"), HasSubstr("renew")));
}

TEST_F(TlsTest, AWrongAuthorityIsNamedOnBothSides) {
  TestAuthority other("other authority");
  Files stranger = other.Write(folder_, "stranger", {.name = "party-10001"});
  stranger.ca = guest_.ca;
  Pair pair = Join(*Client(stranger), *Server(host_));
  EXPECT_THAT(Message(pair.server->failure()),
              AllOf(HasSubstr("CN=party-10001"), HasSubstr("comes from CN=other authority"),
                    HasSubstr("no authority of"), HasSubstr("host-ca.crt"), HasSubstr("add it")));
  EXPECT_THAT(Message(pair.client->failure()), HasSubstr("does not trust its authority"));

  stranger = guest_;
  stranger.ca = other.Write(folder_, "o", {}).ca;
  pair = Join(*Client(stranger), *Server(host_));
  EXPECT_THAT(Message(pair.client->failure()),
              AllOf(HasSubstr("the certificate of 127.0.0.1:9371, CN=party-10000"),
                    HasSubstr("comes from CN=test authority"), HasSubstr("o-ca.crt")));
}

TEST_F(TlsTest, AServerWithAnotherNameIsRefused) {
  Pair pair = Join(*Client(guest_), *Server(host_), "127.0.0.2");
  EXPECT_THAT(Message(pair.client->failure()),
              AllOf(HasSubstr("CN=party-10000 (DNS:host.example"), HasSubstr("IP:127.0.0.1"),
                    HasSubstr("is not for the name 127.0.0.2")));
  EXPECT_FALSE(Join(*Client(guest_), *Server(host_), "host.example").client->over());
  EXPECT_TRUE(Join(*Client(guest_), *Server(host_), "other.example").client->over());
}

TEST_F(TlsTest, AClientWithoutCertificateIsRefusedWhereOneIsDemanded) {
  Files nameless;
  nameless.ca = guest_.ca;
  Pair pair = Join(*Client(nameless), *Server(host_));
  EXPECT_THAT(Message(pair.server->failure()), HasSubstr("10.0.0.7:5000 shows no certificate"));
  EXPECT_THAT(Message(pair.client->failure()),
              HasSubstr("127.0.0.1:9371 demands a certificate; name a certificate and its"));

  pair = Join(*Client(nameless), *Server(host_, ClientCertificates::kOptional));
  EXPECT_FALSE(pair.client->over() || pair.server->over());
  EXPECT_FALSE(pair.server->certificate());
  pair = Join(*Client(guest_), *Server(host_, ClientCertificates::kIgnored));
  EXPECT_FALSE(pair.server->certificate());
}

TEST_F(TlsTest, ACertificateForServersOnlyIsNoClients) {
  Files server_only =
      authority_.Write(folder_, "s", {.name = "party-10001", .usage = "serverAuth"});
  Pair pair = Join(*Client(server_only), *Server(host_));
  EXPECT_THAT(Message(pair.server->failure()), HasSubstr("is not made for TLS clients"));
}

TEST_F(TlsTest, ClearTextIsRecognised) {
  auto server = Server(host_)->NewSession("10.0.0.7:5000");
  server->Receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(server->Handshake(), Session::Progress::kFailed);
  EXPECT_THAT(Message(server->failure()),
              HasSubstr("10.0.0.7:5000 speaks clear text where TLS is expected"));
  auto client = Client(guest_)->NewSession("10.0.0.2:9370", "10.0.0.2");
  EXPECT_EQ(client->Handshake(), Session::Progress::kWaits);
  client->Receive(std::string("\0\0\x06\4\0\0\0\0\0\0\4\0\0\xff\xff", 15));
  EXPECT_EQ(client->Handshake(), Session::Progress::kFailed);
  EXPECT_THAT(Message(client->failure()), HasSubstr("is the port the one for TLS?"));
}

TEST_F(TlsTest, FilesThatCannotBeUsedAreNamedWithTheRemedy) {
  auto error = [](const Files& files) {
    return Message(Context::ForServer(files, ClientCertificates::kRequired).status());
  };
  Files files = host_;
  files.certificate = folder_ / "missing.crt";
  EXPECT_THAT(error(files),
              AllOf(HasSubstr("cannot read"), HasSubstr("missing.crt: No such file")));

  files = host_;
  files.key = guest_.key;
  EXPECT_THAT(error(files), AllOf(HasSubstr("guest.key does not belong to the certificate "),
                                  HasSubstr("CN=party-10000")));

  files.key = folder_.Write("locked.key", authority_.Issue({}).key_pem("word"));
  EXPECT_THAT(error(files), AllOf(HasSubstr("locked.key is protected by a password"),
                                  HasSubstr("openssl pkcs8 -topk8 -nocrypt -in")));
  files.key = "";
  EXPECT_THAT(error(files), HasSubstr("no private key is named for the certificate"));

  files = host_;
  files.ca = folder_.Write("keystore.jks", std::string("\xfe\xed\xfe\xed\0\0\0\2", 8));
  EXPECT_THAT(error(files), AllOf(HasSubstr("keystore.jks is a Java keystore (JKS)"),
                                  HasSubstr("keytool -importkeystore -srckeystore")));
  files.ca = folder_.Write("damaged.crt",
                           host_.ca.empty() ? "" : authority_.root().pem().replace(200, 9, "AAAA"));
  EXPECT_THAT(error(files), AllOf(HasSubstr("damaged.crt: certificate 1 is damaged")));
  files.ca = folder_.Write("empty.crt", "");
  EXPECT_THAT(error(files), HasSubstr("empty.crt holds no certificate in PEM form"));
  files.ca = "";
  EXPECT_THAT(error(files), HasSubstr("name a CA file"));
  EXPECT_THAT(error({}), HasSubstr("needs a certificate and its private key"));
}

TEST_F(TlsTest, KeystoresOfPkcs12ServeInPlaceOfPemFiles) {
  TestCertificate own = authority_.Issue({.name = "party-10000"});
  Files files;
  files.keystore = folder_.Write("own.p12", own.pkcs12("secret"));
  files.keystore_password = "secret";
  files.ca = guest_.ca;
  Pair pair = Join(*Client(guest_), *Server(files));
  ASSERT_TRUE(pair.client->certificate());
  EXPECT_EQ(pair.client->certificate()->subject, "CN=party-10000");
  files.keystore_password = "wrong";
  EXPECT_THAT(Message(Context::ForServer(files, ClientCertificates::kRequired).status()),
              AllOf(HasSubstr("own.p12"), HasSubstr("is its password right?")));
}

TEST_F(TlsTest, StepsOfHandshakesRunOnTheirThread) {
  Handshaker handshaker;
  std::shared_ptr<Session> client = Client(guest_)->NewSession("127.0.0.1:9371", "127.0.0.1");
  std::atomic<int> waits = 0;
  handshaker.Step(client, [&](Session::Progress progress) {
    if (progress == Session::Progress::kWaits) ++waits;
  });
  while (waits == 0) std::this_thread::yield();
  EXPECT_FALSE(client->unsent().empty());
  std::atomic<bool> ran = false;
  std::shared_ptr<Session> left = Client(guest_)->NewSession("127.0.0.1:9371", "127.0.0.1");
  handshaker.Step(std::move(left), [&](auto) { ran = true; });
  handshaker.Step(client, [&](auto) { ++waits; });
  while (waits == 1) std::this_thread::yield();
  EXPECT_FALSE(ran) << "nobody waited for it any more";
}

}  // namespace
}  // namespace fate::tls
