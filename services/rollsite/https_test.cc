// The invoke of the HTTP interface over HTTPS: spec/rollsite.md 5.1 and 5.9.
#include <arpa/inet.h>
#include <sys/socket.h>

#include "http/client.h"
#include "rollsite/free_port.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"
#include "tls/session.h"
#include "tls/test_certificates.h"

namespace fate::rollsite {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kInvoke[] = "/v1/interconn/chan/invoke";
constexpr char kPushOfP[] = R"({"payload": "CgF0EgFw"})";  // topic t, payload p

// A client of one call. What came, or "no answer: " and why.
class HttpsClient {
 public:
  HttpsClient(int port, const tls::Files& files)
      : context_(tls::Context::ForClient(files).value()),
        session_(context_->NewSession("the listener", "127.0.0.31", tls::Application::kHttp1)),
        fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
    inet_pton(AF_INET, "127.0.0.31", &to.sin_addr);
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~HttpsClient() { close(fd_); }

  std::string Send(const std::string& request) {
    while (session_->Handshake() == tls::Session::Progress::kWaits) {
      Flush();
      const std::string bytes = Receive();
      if (bytes.empty()) return "no answer: the handshake was cut off";
      session_->Receive(bytes);
    }
    Flush();
    if (session_->over()) return "no answer: " + ToText(session_->failure());
    const iovec all{const_cast<char*>(request.data()), request.size()};
    std::string ciphertext;
    session_->Encrypt(&all, 1, request.size(), &ciphertext);
    SendBytes(ciphertext);
    return Answer();
  }
  // Waits for the end of the connection; whether the server announced it.
  bool EndsWithAGoodbye() {
    for (std::string bytes = Receive(); !bytes.empty(); bytes = Receive()) {
      char plain[1024];
      const iovec part{plain, sizeof plain};
      session_->Decrypt(bytes, &part, 1);
    }
    return session_->over() && session_->failure().ok();
  }

 private:
  void Flush() { SendBytes(std::exchange(session_->unsent(), {})); }
  void SendBytes(const std::string& bytes) const {
    for (size_t at = 0; at < bytes.size();) {
      const ssize_t sent = send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += static_cast<size_t>(sent);
    }
  }
  std::string Receive() const {
    std::string bytes(16 << 10, '\0');
    const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return bytes;
  }
  std::string Answer() {
    std::string text;
    for (;;) {
      std::string plain(64 << 10, '\0');
      const iovec part{plain.data(), plain.size()};
      const std::string bytes = session_->has_received() ? "" : Receive();
      const bool ended = bytes.empty() && !session_->has_received();
      text += plain.substr(0, session_->Decrypt(bytes, &part, 1));
      if (!text.empty() && text.ends_with('}')) return text;
      if (ended || session_->over()) break;
    }
    return "no answer: " + (session_->failure().ok() ? text : ToText(session_->failure()));
  }

  std::shared_ptr<tls::Context> context_;
  std::unique_ptr<tls::Session> session_;
  const int fd_;
};

// G is party 9999 at 127.0.0.31.
class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest()
      : g_("127.0.0.31", "9999", R"({"route_table": {}, "self_party": ["9999"]})", {"127.0.0.1", 1},
           [this](Config* config) {
             config->http_port = FreePort("127.0.0.31");
             config->tls.https.listen = true;
             config->tls.https.address = {"127.0.0.31", 0};
             config->tls.https.files = FilesFor("9999", "127.0.0.31");
           }) {}

  tls::Files FilesFor(const std::string& party, const std::string& address) {
    return authority_.Write(folder_, party,
                            {.name = "party-" + party, .alternatives = "IP:" + address});
  }
  static std::string Request(const std::string& path, const std::string& body,
                             const std::string& source, const std::string& more = "") {
    return fmt::format(
        "POST {} HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
        "x-ptp-tech-provider-code: FATE\r\nx-ptp-session-id: s\r\n"
        "x-ptp-target-node-id: 9999\r\nx-ptp-source-node-id: {}\r\n"
        "x-ptp-uri: /org.ppc.ptp.PrivateTransferTransport/push\r\n"
        "{}content-length: {}\r\n\r\n{}",
        path, source, more, body.size(), body);
  }
  std::string Post(const tls::Files& files, const std::string& path, const std::string& body,
                   const std::string& source = "10000") {
    return HttpsClient(g_.rollsite()->https_port(), files).Send(Request(path, body, source));
  }
  size_t Messages() { return g_.rollsite()->queue_stats().messages; }

  tls::TestFolder folder_;
  tls::TestAuthority authority_;
  Site g_;
};

TEST_F(HttpsTest, InvokeIsServedToAPartyWithACertificate) {
  const auto answer = Post(FilesFor("10000", "127.0.0.32"), kInvoke, kPushOfP);
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("E0000000000")));
  EXPECT_EQ(QueueStub(g_.channel()).Pop("t", 5000), "E0000000000||p");
}

TEST_F(HttpsTest, AConnectionEndsWithAGoodbye) {
  HttpsClient client(g_.rollsite()->https_port(), FilesFor("10000", "127.0.0.32"));
  EXPECT_THAT(client.Send(Request(kInvoke, kPushOfP, "10000", "connection: close\r\n")),
              StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(client.EndsWithAGoodbye());
}

TEST_F(HttpsTest, WithoutACertificateNobodyIsServed) {
  tls::Files files = FilesFor("10000", "127.0.0.32");
  files.certificate.clear();
  files.key.clear();
  EXPECT_THAT(Post(files, kInvoke, kPushOfP), StartsWith("no answer: "));
  EXPECT_EQ(Messages(), 0u);
}

TEST_F(HttpsTest, ACertificateOfAnotherAuthorityIsRefused) {
  tls::Files files = tls::TestAuthority("another").Write(folder_, "x", {.name = "party-10000"});
  files.ca = FilesFor("10000", "127.0.0.32").ca;
  EXPECT_THAT(Post(files, kInvoke, kPushOfP), StartsWith("no answer: "));
  EXPECT_EQ(Messages(), 0u);
}

TEST_F(HttpsTest, AClientThatSpeaksInClearTextGetsNoAnswer) {
  const auto answer = http::Fetch(
      {.method = "POST",
       .url = fmt::format("http://127.0.0.31:{}{}", g_.rollsite()->https_port(), kInvoke),
       .body = kPushOfP});
  EXPECT_FALSE(answer.ok() && answer->status == 200);
  EXPECT_EQ(Messages(), 0u);
}

TEST_F(HttpsTest, OnlyInvokeIsServed) {
  const tls::Files files = FilesFor("10000", "127.0.0.32");
  for (const char* path :
       {"/v1/interconn/chan/push", "/v1/interconn/chan/pop", "/v1/interconn/chan/release",
        "/v1/inner/router/get", "/v1/inner/router/set", "/interconn/chan/invoke", "/metrics"}) {
    EXPECT_THAT(Post(files, path, R"({"topic": "t", "payload": "cA=="})"),
                AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("only POST /v1/interconn/chan/invoke")))
        << path;
  }
  EXPECT_EQ(Messages(), 0u);
}

TEST_F(HttpsTest, APartyThatSpeaksForAnotherIsRefusedNamingBoth) {
  EXPECT_THAT(Post(FilesFor("10000", "127.0.0.32"), kInvoke, kPushOfP, "10001"),
              AllOf(Not(HasSubstr("E0000000000")),
                    HasSubstr("speaks for 10000, but the call comes from party 10001")));
  EXPECT_EQ(Messages(), 0u);
}

// Several pieces of TLS and of the body.
TEST_F(HttpsTest, OurOwnRoutesOfProtocolHttpReachIt) {
  const tls::Files files = FilesFor("10000", "127.0.0.32");
  Site h("127.0.0.32", "10000",
         fmt::format(R"({{"route_table": {{"9999": {{"default": [{{"protocol": "http",
                         "url": "https://127.0.0.31:{}", "caFile": "{}", "certChainFile": "{}",
                         "privateKeyFile": "{}"}}]}}}}, "self_party": ["10000"]}})",
                     g_.rollsite()->https_port(), files.ca, files.certificate, files.key));
  std::string large(3'000'000, 'x');
  for (size_t i = 0; i < large.size(); i += 4099) large[i] = static_cast<char>(i);
  const QueueStub::Metadata from_10000 = {.target = "9999",
                                          .more = {{"x-ptp-source-node-id", "10000"}}};
  EXPECT_EQ(QueueStub(h.channel()).Push(from_10000, "t", large), "E0000000000|success|");
  EXPECT_TRUE(QueueStub(g_.channel()).Pop("t", 5000) == "E0000000000||" + large);
}

class HttpsSettings : public ::testing::Test {
 protected:
  static absl::StatusOr<TlsSettings> Read(const std::string& text) {
    return TlsSettings::Read(Properties::Parse(text, "broker.properties").value(), "10.0.0.1");
  }
};

// spec/rollsite.md 5.3
TEST_F(HttpsSettings, OsxsKeysMeanWhatTheyMeanThere) {
  EXPECT_FALSE(Read("https.server.cert.chain.file=c.pem\n")->https.listen);
  const auto pem = Read(
      "open.https.server=true\nhttps.server.cert.chain.file=c.pem\n"
      "https.server.private.key.file=k.pem\nhttps.server.ca.file=ca.pem\n");
  ASSERT_TRUE(pem.ok()) << pem.status();
  EXPECT_TRUE(pem->https.listen);
  EXPECT_FALSE(pem->listen) << "gRPC's listener is another matter";
  EXPECT_EQ(pem->https.address, (relay::Address{"10.0.0.1", 8809}));
  EXPECT_EQ(pem->https.files.ca, "ca.pem");
  const auto stores = Read(
      "open.https.server=true\nhttps.port=8810\nhttps.server.keystore.file=k.p12\n"
      "https.server.keystore.file.password=x\nhttps.server.trust.keystore.file=t.p12\n"
      "https.client.trust.keystore.file.password=y\n");
  ASSERT_TRUE(stores.ok()) << stores.status();
  EXPECT_EQ(stores->https.address.port, 8810);
  EXPECT_EQ(stores->https.files.keystore_password, "x");
  EXPECT_EQ(stores->https.files.truststore_password, "y");
}

TEST_F(HttpsSettings, WrongOnesAreRefusedByName) {
  const auto wrong = [](const std::string& text) { return Message(Read(text).status()); };
  const std::string open = "open.https.server=true\n";
  EXPECT_THAT(wrong(open), AllOf(HasSubstr("broker.properties:1"), HasSubstr("open.https.server"),
                                 HasSubstr("https.server.cert.chain.file")));
  EXPECT_THAT(wrong(open + "https.server.cert.chain.file=c.pem\n"),
              HasSubstr("set https.server.private.key.file too"));
  EXPECT_THAT(wrong(open + "https.server.cert.chain.file=c.pem\n"
                           "https.server.private.key.file=k.pem\n"),
              HasSubstr("name their authorities in https.server.ca.file"));
  EXPECT_THAT(wrong("open.https.server=yes please\n"), HasSubstr("open.https.server"));
  EXPECT_THAT(wrong(open + "https.port=70000\n"), HasSubstr("https.port"));
}

// What `--check-config` says.
TEST_F(HttpsSettings, FilesThatCannotBeUsedAreNamedWithTheRemedy) {
  const tls::TestFolder folder;
  TlsSettings settings;
  settings.https.listen = true;
  settings.https.files.keystore = folder.Write("k.jks", "\xfe\xed\xfe\xed");
  settings.https.files.truststore = settings.https.files.keystore;
  const auto table =
      routing::RouteTable::Parse(R"({"route_table": {}, "self_party": ["1"]})", "t", "");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(Message(TlsStore::Check(settings, *table)),
              AllOf(HasSubstr("https.server"), HasSubstr("k.jks"), HasSubstr("keytool")));
}

TEST_F(HttpsSettings, WithoutTheHttpInterfaceThereIsNoHttpsAndThatIsSaid) {
  const tls::TestFolder folder;
  const std::string text =
      "grpc.port=9370\nopen.https.server=true\nhttps.server.cert.chain.file=c.pem\n"
      "https.server.private.key.file=k.pem\nhttps.server.ca.file=ca.pem\nopen.http.server=";
  const auto off = Config::Load(folder.Write("broker.properties", text + "false\n"));
  ASSERT_TRUE(off.ok()) << off.status();
  EXPECT_FALSE(off->tls.https.listen);
  ASSERT_EQ(off->warnings.size(), 1u);
  EXPECT_THAT(off->warnings[0],
              AllOf(HasSubstr("open.https.server"), HasSubstr("open.http.server=true")));
  const auto on = Config::Load(folder.Write("broker.properties", text + "true\n"));
  ASSERT_TRUE(on.ok()) << on.status();
  EXPECT_TRUE(on->tls.https.listen);
  EXPECT_EQ(on->warnings.size(), 0u);
}

}  // namespace
}  // namespace fate::rollsite
