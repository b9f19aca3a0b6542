// The relay in TLS, between gRPC's own TLS, OpenSSL's tools and itself.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <mutex>

#include "base/limits.h"
#include "relay/test_support.h"
#include "tls/test_certificates.h"

namespace fate::relay {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int ConnectTo(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.2", &address.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// Everything until the other side closes.
std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    text.append(buffer, static_cast<size_t>(size));
  }
  return text;
}

class TlsRelayTest : public ::testing::Test {
 protected:
  // What operators have: one authority, a certificate for the relay and one for its clients.
  tls::TestFolder folder_;
  tls::TestAuthority authority_;
  tls::Files relay_files_ = authority_.Write(
      folder_, "relay", {.name = "party-9999", .alternatives = "IP:127.0.0.2,IP:127.0.0.3"});
  tls::Files client_files_ = authority_.Write(folder_, "client", {.name = "party-10000"});
  tls::Handshaker handshaker_;
  std::mutex mutex_;
  std::vector<absl::Status> handshakes_;
  std::shared_ptr<const tls::Context> context_ = ServerContext(relay_files_);
  std::shared_ptr<const TlsClient> tls_client_ = ClientSettings(relay_files_);

  static std::shared_ptr<const tls::Context> ServerContext(const tls::Files& files) {
    return tls::Context::ForServer(files, tls::ClientCertificates::kRequired).value();
  }
  std::shared_ptr<const TlsClient> ClientSettings(const tls::Files& files,
                                                  const std::string& name = "127.0.0.3") {
    TlsClient settings{.id = 1, .server_name = name, .handshaker = &handshaker_};
    settings.context = tls::Context::ForClient(files).value();
    return std::make_shared<TlsClient>(std::move(settings));
  }
  RelayTls Tls(bool to_clients = true, bool to_peers = true) {
    RelayTls tls;
    if (to_clients) {
      tls.server = {.context =
                        [this] {
                          std::lock_guard lock(mutex_);
                          return context_;
                        },
                    .handshaker = &handshaker_,
                    .on_handshake =
                        [this](const absl::Status& result) {
                          std::lock_guard lock(mutex_);
                          handshakes_.push_back(result);
                        }};
    }
    if (to_peers) {
      tls.client = [this] {
        std::lock_guard lock(mutex_);
        return tls_client_;
      };
    }
    return tls;
  }
  template <class Value>
  void Swap(Value* place, Value value) {
    std::lock_guard lock(mutex_);
    *place = std::move(value);
  }
  // The text of the first handshake that failed.
  std::string Refusal() {
    std::string text;
    EXPECT_TRUE(Within(5s, [&] {
      std::lock_guard lock(mutex_);
      for (const auto& result : handshakes_) {
        if (text.empty() && !result.ok()) text = Message(result);
      }
      return !text.empty();
    }));
    return text;
  }

  static std::shared_ptr<grpc::ChannelCredentials> ClientCredentials(const tls::Files& files) {
    grpc::SslCredentialsOptions options{ReadFile(files.ca), ReadFile(files.key),
                                        ReadFile(files.certificate)};
    return grpc::SslCredentials(options);
  }
  static std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const tls::Files& files) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = ReadFile(files.ca);
    options.pem_key_cert_pairs.push_back({ReadFile(files.key), ReadFile(files.certificate)});
    return grpc::SslServerCredentials(options);
  }
  static grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const Packet& request,
                           Packet* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    return DataTransferService::NewStub(channel)->unaryCall(&context, request, response);
  }
  // What a call ends with that the relay passes on in TLS.
  grpc::Status CallOn(int port, const std::shared_ptr<const TlsClient>& settings) {
    Swap(&tls_client_, settings);
    Relay relay({"127.0.0.3", port}, Tls(/*to_clients=*/false));
    Packet response;
    return Call(relay.NewChannel(), PacketOf("echo"), &response);
  }
  static std::string Who(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    Packet response;
    grpc::Status status = CallPath(channel, "/local/who", &context, Packet(), &response);
    return status.ok() ? response.header().operator_() : status.error_message();
  }
};

TEST_F(TlsRelayTest, CarriesCallsOfAnySizeInTlsOnBothLegs) {
  Backend backend(0, ServerCredentials(relay_files_));
  Relay relay({"127.0.0.3", backend.port_}, Tls());
  auto channel = relay.NewChannel(ClientCredentials(client_files_));
  for (size_t bytes : {size_t{0}, size_t{1000}, size_t{16'384}, size_t{70'000}, size_t{20} << 20}) {
    Packet request = PacketOf("echo", bytes), response;
    grpc::Status status = Call(channel, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(request.SerializeAsString(), response.SerializeAsString()) << bytes;
  }
  EXPECT_EQ(Who(channel), "127.0.0.1 TLS CN=party-10000");
}

TEST_F(TlsRelayTest, CarriesLongStreamsInTlsBothWays) {
  Backend backend(0, ServerCredentials(relay_files_));
  Relay relay({"127.0.0.3", backend.port_}, Tls());
  DataTransferService::Stub stub(relay.NewChannel(ClientCredentials(client_files_)));
  grpc::ClientContext context;
  Metadata answer;
  auto writer = stub.push(&context, &answer);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->Write(PacketOf("", 1 << 20)));
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(answer.ack(), 100 << 20);
  grpc::ClientContext pull_context;
  Metadata ask;
  ask.set_seq(100);
  auto reader = stub.pull(&pull_context, ask);
  Packet packet;
  int packets = 0;
  while (reader->Read(&packet)) ++packets;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(packets, 100);
}

TEST_F(TlsRelayTest, AStalledReaderStopsTheSenderInTlsToo) {
  Backend backend(0, ServerCredentials(relay_files_));
  Relay relay({"127.0.0.3", backend.port_}, Tls());
  auto channel = relay.NewChannel(ClientCredentials(client_files_));
  std::atomic<int> writes = 0;
  grpc::ClientContext context;
  std::thread pusher([&] {
    Metadata answer;
    auto writer = DataTransferService::NewStub(channel)->push(&context, &answer);
    writer->Write(PacketOf("hang"));
    while (writer->Write(PacketOf("", 1 << 20))) ++writes;
    writer->Finish();
  });
  EXPECT_TRUE(Within(5s, [&] { return backend.hanging_ == 1; }));
  int seen = -1;
  EXPECT_TRUE(Within(10s, [&] {  // until nothing moves any more
    std::this_thread::sleep_for(100ms);
    return std::exchange(seen, writes.load()) == writes;
  }));
  Packet response;
  EXPECT_TRUE(Call(channel, PacketOf("echo", 1000), &response).ok());
  EXPECT_LT(writes, 12);
  context.TryCancel();
  pusher.join();
}

TEST_F(TlsRelayTest, AClientWithoutCertificateIsRefusedAndNamed) {
  Relay relay({"127.0.0.3", 1}, Tls());
  tls::Files nameless;
  nameless.ca = client_files_.ca;
  Packet response;
  grpc::SslCredentialsOptions options{ReadFile(nameless.ca), "", ""};
  grpc::Status status =
      Call(relay.NewChannel(grpc::SslCredentials(options)), PacketOf("echo"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("127.0.0.1:"), HasSubstr("shows no certificate")));
}

TEST_F(TlsRelayTest, WhyAServerRefusesThisSideReachesTheCaller) {
  Relay server({"127.0.0.3", 1}, Tls(true, false));
  auto through = [&](const tls::Files& files) {
    Swap(&tls_client_, ClientSettings(files, "127.0.0.2"));
    Relay relay({"127.0.0.2", server.port_}, Tls(false, true));
    Packet response;
    grpc::Status status = Call(relay.NewChannel(), PacketOf("echo"), &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    return status.error_message();
  };
  tls::Files nameless;
  nameless.ca = client_files_.ca;
  for (int i = 0; i < 10; ++i) {  // the alert races with the first frames
    EXPECT_THAT(through(nameless),
                AllOf(HasSubstr("party 10000: 127.0.0.2:"), HasSubstr("demands a certificate"),
                      HasSubstr("is its rollsite running?")));
  }
  tls::Files stranger =
      tls::TestAuthority("other").Write(folder_, "stranger", {.name = "party-10001"});
  stranger.ca = client_files_.ca;
  EXPECT_THAT(through(stranger), AllOf(HasSubstr("refuses this side's certificate CN=party-10001"),
                                       HasSubstr("does not trust its authority")));
}

TEST_F(TlsRelayTest, APeerWhoseCertificateIsWrongIsNamedWithTheRemedy) {
  Backend other_name(0, ServerCredentials(client_files_));
  grpc::Status status = CallOn(other_name.port_, ClientSettings(relay_files_));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("party 10000: the certificate of 127.0.0.3:"),
                                            HasSubstr("CN=party-10000 (IP:127.0.0.1)"),
                                            HasSubstr("is not for the name 127.0.0.3")));
  tls::TestAuthority other("other authority");
  Backend stranger(0, ServerCredentials(other.Write(folder_, "stranger", {})));
  EXPECT_THAT(CallOn(stranger.port_, ClientSettings(relay_files_)).error_message(),
              AllOf(HasSubstr("comes from CN=other authority"), HasSubstr("relay-ca.crt"),
                    HasSubstr("add it there")));
  Backend expired(0, ServerCredentials(authority_.Write(
                         folder_, "expired",
                         {.alternatives = "IP:127.0.0.3", .from_s = -7200, .until_s = -3600})));
  EXPECT_THAT(CallOn(expired.port_, ClientSettings(relay_files_)).error_message(),
              AllOf(HasSubstr("has expired on 20"), HasSubstr("its owner has to renew it")));
}

TEST_F(TlsRelayTest, ClearTextOnOneSideOnlyIsRecognised) {
  Backend clear;
  EXPECT_THAT(CallOn(clear.port_, ClientSettings(relay_files_)).error_message(),
              AllOf(HasSubstr("127.0.0.3:"), HasSubstr("speaks clear text"),
                    HasSubstr("is the port the one for TLS?")));
  Relay server({"127.0.0.3", 1}, Tls(true, false));
  Relay relay({"127.0.0.2", server.port_});
  Packet response;
  grpc::Status status = Call(relay.NewChannel(), PacketOf("echo"), &response);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("speaks TLS"), HasSubstr("switch TLS on")));
  EXPECT_THAT(Refusal(), HasSubstr("speaks clear text where TLS is expected"));
}

// A client that is no gRPC: OpenSSL itself, up to some version of TLS.
int LastVersion(int port, const tls::Files& files, int version, const char* ciphers) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set_cipher_list(context, ciphers);
  SSL_CTX_use_certificate_file(context, files.certificate.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  SSL* ssl = SSL_new(context);
  int fd = ConnectTo(port);
  SSL_set_fd(ssl, fd);
  int result = SSL_connect(ssl) == 1 ? SSL_version(ssl) : 0;
  ERR_clear_error();
  SSL_free(ssl);
  close(fd);
  SSL_CTX_free(context);
  return result;
}

TEST_F(TlsRelayTest, OnlySafeVersionsAndSuitesAreSpoken) {
  Relay relay({"127.0.0.3", 1}, Tls());
  constexpr char kAll[] = "ALL:@SECLEVEL=0";
  EXPECT_EQ(LastVersion(relay.port_, client_files_, TLS1_3_VERSION, kAll), TLS1_3_VERSION);
  EXPECT_EQ(LastVersion(relay.port_, client_files_, TLS1_2_VERSION, kAll), TLS1_2_VERSION);
  EXPECT_EQ(LastVersion(relay.port_, client_files_, TLS1_1_VERSION, kAll), 0);
  EXPECT_THAT(Refusal(), HasSubstr("a version of TLS that is not safe"));
  EXPECT_EQ(LastVersion(relay.port_, client_files_, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"), 0);
  EXPECT_EQ(LastVersion(relay.port_, client_files_, TLS1_2_VERSION, "AES128-GCM-SHA256"), 0);
}

TEST_F(TlsRelayTest, OpensslsOwnClientIsServed) {
  Relay relay({"127.0.0.3", 1}, Tls());
  std::string command = fmt::format(
      "openssl s_client -connect {} -alpn h2 -CAfile {} -cert {} -key {} -verify_ip 127.0.0.2 "
      "</dev/null 2>&1",
      relay.address(), client_files_.ca, client_files_.certificate, client_files_.key);
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_TRUE(pipe);
  std::string output;
  char buffer[4096];
  while (size_t size = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  EXPECT_EQ(pclose(pipe), 0) << output;
  EXPECT_THAT(output, AllOf(HasSubstr("TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256"),
                            HasSubstr("ALPN protocol: h2"), HasSubstr("Verification: OK")));
}

TEST_F(TlsRelayTest, RenewedCertificatesServeNewConnectionsAndCutNoStream) {
  Backend backend(0, ServerCredentials(relay_files_));
  Relay relay({"127.0.0.3", backend.port_}, Tls());
  auto credentials = ClientCredentials(client_files_);
  std::atomic<bool> stop = false;
  std::atomic<int> writes = 0;
  bool survived = false;
  std::thread pusher([&] {
    DataTransferService::Stub stub(relay.NewChannel(credentials));
    grpc::ClientContext context;
    Metadata answer;
    auto writer = stub.push(&context, &answer);
    while (!stop && writer->Write(PacketOf("", 100'000))) ++writes;
    writer->WritesDone();
    survived = writer->Finish().ok() && answer.ack() == 100'000 * int64_t{writes};
  });
  for (int round = 0; round < 5; ++round) {
    int before = writes;
    EXPECT_TRUE(Within(10s, [&] { return writes > before + 10; }));
    // From another authority: whoever connects now needs one of its certificates.
    tls::TestAuthority renewed("renewed");
    tls::Files files = renewed.Write(folder_, fmt::format("renewed{}", round),
                                     {.name = "party-9999", .alternatives = "IP:127.0.0.2"});
    tls::Files theirs =
        renewed.Write(folder_, fmt::format("theirs{}", round), {.name = "party-10000"});
    Swap(&context_, ServerContext(files));
    tls::Files both = relay_files_;  // the backend's authority is still the first one
    Swap(&tls_client_, ClientSettings(both));
    EXPECT_EQ(Who(relay.NewChannel(ClientCredentials(theirs))), "127.0.0.1 TLS CN=party-10000");
    EXPECT_THAT(Who(relay.NewChannel(credentials)), Not(HasSubstr("TLS CN=")));
    Packet response;
    EXPECT_TRUE(
        Call(relay.NewChannel(ClientCredentials(theirs)), PacketOf("echo", 1000), &response).ok());
  }
  stop = true;
  pusher.join();
  EXPECT_TRUE(survived);
}

TEST_F(TlsRelayTest, AFloodOfHalfOpenConnectionsLocksNobodyOut) {
  Relay relay({"127.0.0.3", 1}, Tls());
  std::vector<int> idle;
  for (size_t i = 0; i < kMaxTlsHandshakes + 200; ++i) {
    idle.push_back(ConnectTo(relay.port_));
    std::string_view hello = i % 3 == 0 ? std::string_view("\x16\x03\x01\x02\0\1", 6) : "";
    EXPECT_EQ(send(idle.back(), hello.data(), hello.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(hello.size()));
  }
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Who(relay.NewChannel(ClientCredentials(client_files_))),
            "127.0.0.1 TLS CN=party-10000");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_THAT(Refusal(), HasSubstr("too many TLS handshakes at a time"));
  EXPECT_EQ(ReadAll(idle.front()), "") << "the oldest was given up";
  EXPECT_EQ(ReadAll(idle.back()), "") << "the others by their deadline";
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  for (int fd : idle) close(fd);
}

TEST_F(TlsRelayTest, AnotherProtocolInsideTlsIsRefused) {
  Relay relay({"127.0.0.3", 1}, Tls());
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_use_certificate_file(context, client_files_.certificate.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, client_files_.key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>("\x08http/1.1"), 9);
  SSL* ssl = SSL_new(context);
  int fd = ConnectTo(relay.port_);
  SSL_set_fd(ssl, fd);
  EXPECT_NE(SSL_connect(ssl), 1);
  ERR_clear_error();
  EXPECT_THAT(Refusal(), HasSubstr("does not offer HTTP/2 (ALPN h2)"));
  SSL_free(ssl);
  close(fd);
  SSL_CTX_free(context);
}

}  // namespace
}  // namespace fate::relay
