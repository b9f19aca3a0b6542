// What becomes of a message when something goes wrong between its push and its pop.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "http/client.h"
#include "relay/client_call.h"
#include "relay/raw_client.h"
#include "rollsite/hop_numbers.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kStored[] = "E0000000000|success|";
const relay::Address kNoManager = {"127.0.0.1", 1};

QueueStub::Metadata Numbered(uint64_t number, const std::string& target = "9999") {
  return {.target = target,
          .more = {{"x-fate-producer", "p"}, {"x-fate-seq", std::to_string(number)}}};
}

QueueStub::Metadata Consuming(const std::string& ack = "", bool only = false) {
  QueueStub::Metadata metadata{.more = {{"x-fate-consumer", "c"}}};
  if (!ack.empty()) metadata.more["x-fate-ack"] = ack;
  if (only) metadata.more["x-fate-ack-only"] = "1";
  return metadata;
}

class OneParty : public ::testing::Test {
 protected:
  explicit OneParty(const std::function<void(Config*)>& adjust = [](Config*) {})
      : site_("127.0.0.21", "9999", R"({"route_table": {}, "self_party": ["9999"]})", kNoManager,
              adjust),
        client_(site_.channel()) {}
  transfer_queue::Stats stats() { return site_.rollsite()->queue_stats(); }
  Site site_;
  QueueStub client_;
};

TEST_F(OneParty, ARepeatedPushIsStoredOnce) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client_.Push(Numbered(1), "t", "a"), kStored);
  EXPECT_EQ(client_.Header("x-fate-seq"), "1") << "the sign that the number is known";
  EXPECT_EQ(client_.Push(Numbered(2), "t", "b"), kStored);
  EXPECT_EQ(client_.Pop("t", 100), "E0000000000||a");
  EXPECT_EQ(client_.Pop("t", 100), "E0000000000||b");
  EXPECT_EQ(client_.Pop("t", 100), "E0000000601|CONSUME_MSG_TIMEOUT|");
  EXPECT_EQ(stats().repeated_pushes, 2u);
}

TEST_F(OneParty, AConsumerGetsAMessageUntilItAcknowledges) {
  client_.Push({.target = "9999"}, "t", "a");
  client_.Push({.target = "9999"}, "t", "b");
  EXPECT_EQ(client_.Pop("t", 1000, Consuming()), "E0000000000||a");
  EXPECT_EQ(client_.Pop("t", 1000, Consuming()), "E0000000000||a");
  std::string first = client_.Header("x-fate-offset");
  EXPECT_EQ(client_.Pop("t", 1000, Consuming(first)), "E0000000000||b");
  std::string second = client_.Header("x-fate-offset");
  EXPECT_NE(first, second);
  EXPECT_EQ(stats().messages, 1u);
  EXPECT_EQ(client_.Pop("t", 1000, Consuming(second, /*only=*/true)), kStored);
  EXPECT_EQ(stats().messages, 0u);
}

TEST_F(OneParty, WrongMetadataIsNamed) {
  auto push = [&](std::map<std::string, std::string> more) {
    return client_.Push({.target = "9999", .more = std::move(more)}, "t", "a");
  };
  EXPECT_THAT(push({{"x-fate-producer", "p"}}),
              AllOf(HasSubstr("status 3"), HasSubstr("x-fate-seq is ''")));
  EXPECT_THAT(push({{"x-fate-producer", "p"}, {"x-fate-seq", "0"}}),
              HasSubstr("number the pushes"));
  EXPECT_THAT(push({{"x-fate-producer", std::string(65, 'p')}, {"x-fate-seq", "1"}}),
              HasSubstr("x-fate-producer"));
  EXPECT_THAT(client_.Pop("t", 10, {.more = {{"x-fate-consumer", "c"}, {"x-fate-ack", "7"}}}),
              AllOf(HasSubstr("status 3"), HasSubstr("send the x-fate-offset")));
  EXPECT_EQ(stats().messages, 0u);
}

// A client without acknowledgement that goes away while its answer is being sent.
TEST_F(OneParty, AMessageThatCouldNotBeWrittenReturnsToTheHead) {
  std::string large(30 << 20, 'l');
  client_.Push({.target = "9999"}, "t", large);
  client_.Push({.target = "9999"}, "t", "second");
  struct Silent final : relay::StreamHandler {  // reads nothing
    void OnData(relay::Slice) override {}
    void OnEnd(relay::Headers) override {}
    void OnClosed(const absl::Status&) override {}
  };
  relay::EventLoop loop;
  auto upstreams = std::make_unique<relay::Upstreams>(&loop);
  relay::Headers head =
      relay::RequestHead("/org.ppc.ptp.PrivateTransferTransport/pop", "x", absl::Seconds(60));
  head.push_back({"x-ptp-tech-provider-code", "FATE"});
  head.push_back({"x-ptp-session-id", "s"});
  relay::Stream* stream = upstreams->Open({{"127.0.0.21", site_.port()}}, relay::Lane::kBulk, head,
                                          /*end=*/false, std::make_shared<Silent>());
  PopInbound pop;
  pop.set_topic("t");
  std::string message = pop.SerializeAsString();
  stream->SendData(relay::Slice::Take(relay::FrameHead(message.size()) + message));
  stream->SendEnd();
  std::thread thread([&] { loop.Run(); });
  EXPECT_TRUE(Within(5s, [&] { return stats().delivering == 1; }));
  loop.Stop();
  thread.join();
  upstreams.reset();
  EXPECT_TRUE(Within(5s, [&] { return stats().returned_messages == 1; }));
  EXPECT_TRUE(client_.Pop("t", 1000) == "E0000000000||" + large);
  EXPECT_EQ(client_.Pop("t", 1000), "E0000000000||second");
  EXPECT_EQ(stats().messages, 0u);
}

QueueStub::Metadata From(const std::string& party) {
  return {.target = "9999", .more = {{"x-ptp-source-node-id", party}}};
}

class SmallMemory : public OneParty {
 protected:
  SmallMemory()
      : OneParty([](Config* config) {
          config->queues.limits.memory_bytes = 4 << 20;
          config->queues.limits.queue_memory_bytes = 2 << 20;
          config->queues.limits.disk_bytes = 40 << 20;
        }) {}
};

TEST_F(SmallMemory, WhatDoesNotFitGoesToDiskAndComesBackInOrder) {
  std::string filler(100'000, 'f');
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(client_.Push({.target = "9999"}, "t", std::to_string(i) + filler), kStored);
  }
  EXPECT_EQ(stats().messages, 200u);
  EXPECT_LT(stats().memory_bytes, 4u << 20);
  EXPECT_GT(stats().disk_bytes, 15u << 20);
  for (int i = 0; i < 200; ++i) {
    std::string answer = client_.Pop("t", 10'000);
    ASSERT_TRUE(answer.ends_with("|" + std::to_string(i) + filler)) << i;
  }
  EXPECT_EQ(stats().disk_bytes, 0u);
  EXPECT_EQ(stats().lost_messages, 0u);
}

TEST_F(SmallMemory, QuotasAreRefusalsThatSayWhatToDo) {
  std::string filler(1 << 20, 'f');
  std::string answer;
  for (int i = 0; i < 50 && answer.find("part of the disk") == std::string::npos; ++i) {
    answer = client_.Push(From(fmt::format("{}", 10000 + i)), fmt::format("t{}", i % 3), filler);
  }
  EXPECT_THAT(answer,
              AllOf(HasSubstr("status 8 code E0000000700: PARTY_9999"),
                    HasSubstr("part of the disk is full"),
                    HasSubstr("eggroll.rollsite.queue.disk.bytes"), HasSubstr("pop or release")));
  EXPECT_EQ(client_.Release("s"), kStored);
  EXPECT_EQ(stats().disk_bytes, 0u);
  EXPECT_EQ(client_.Push({.target = "9999"}, "t", filler), kStored);
}

TEST_F(OneParty, AMessageOfTwoGigabytesIsRefusedBeforeItIsSent) {
  relay::EventLoop loop;
  relay::Upstreams upstreams(&loop);
  absl::Status status;
  auto call = relay::ClientCall::Start(&upstreams,
                                       {.address = {"127.0.0.21", site_.port()},
                                        .path = "/org.ppc.ptp.PrivateTransferTransport/push",
                                        .metadata = {{"x-ptp-tech-provider-code", "FATE"},
                                                     {"x-ptp-session-id", "s"},
                                                     {"x-ptp-target-node-id", "9999"}},
                                        .timeout = absl::Seconds(10)},
                                       [&](absl::StatusOr<std::string> answer) {
                                         status = answer.status();
                                         loop.Stop();
                                       });
  call->Send(relay::Slice::Take(relay::FrameHead((size_t{1} << 31) - 1) + "begin"));
  loop.Run();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(Message(status), AllOf(HasSubstr("2147483647 bytes"), HasSubstr("smaller parts")));
}

// Between two gateways: passes everything on but the first `meals` answers, with which it breaks
// the connection.
class AnswerEater {
 public:
  AnswerEater(const std::string& host, int port, int meals)
      : host_(host), to_(port), meals_(meals) {
    listener_ = Listen(&port_);
    thread_ = std::thread([this] {
      while (true) {
        int client = accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        pairs_.emplace_back([this, client] { Pass(client); });
      }
    });
  }
  ~AnswerEater() {
    stop_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& pair : pairs_) pair.join();
    close(listener_);
  }
  int port() const { return port_; }
  int meals_left() const { return meals_; }

 private:
  static sockaddr_in AddressOf(const std::string& host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
  }
  static int Listen(int* port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = AddressOf("127.0.0.25", 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd, 16), 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    *port = ntohs(address.sin_port);
    return fd;
  }
  static bool SendAll(int fd, std::string_view bytes) {
    return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }

  void Pass(int client) {
    int server = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = AddressOf(host_, to_);
    bool good = connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    std::string answers;  // frames of the server that are not complete yet
    while (good && !stop_) {
      pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      poll(ends, 2, 100);
      char buffer[65536];
      if (ends[0].revents) {
        ssize_t size = recv(client, buffer, sizeof buffer, 0);
        good = size > 0 && SendAll(server, {buffer, static_cast<size_t>(size)});
      }
      if (good && ends[1].revents) {
        ssize_t size = recv(server, buffer, sizeof buffer, 0);
        if (size <= 0) break;
        answers.append(buffer, static_cast<size_t>(size));
        good = PassFrames(client, &answers);
      }
    }
    close(client);
    close(server);
  }

  // False when an answer (a HEADERS frame) was eaten.
  bool PassFrames(int client, std::string* bytes) {
    while (bytes->size() >= 9) {
      auto byte = [&](size_t i) {
        return static_cast<size_t>(static_cast<unsigned char>((*bytes)[i]));
      };
      size_t size = 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
      if (bytes->size() < size) return true;
      if (byte(3) == 1 && meals_ > 0) {
        --meals_;
        return false;
      }
      if (!SendAll(client, bytes->substr(0, size))) return false;
      bytes->erase(0, size);
    }
    return true;
  }

  const std::string host_;
  const int to_;
  std::atomic<int> meals_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  std::vector<std::thread> pairs_;
};

std::string TableTo(const std::string& party, const std::string& host, int port) {
  return fmt::format(R"({{"route_table": {{"{}": {{"default": {}}}}}, "self_party": ["9999"]}})",
                     party, EndpointJson(host, port));
}

// 9999 reaches 10000 through an AnswerEater.
class LostAnswers : public ::testing::Test {
 protected:
  explicit LostAnswers(int meals = 1, size_t kept_bytes = 64 << 20)
      : h_("127.0.0.22", "10000", R"({"route_table": {}, "self_party": ["10000"]})"),
        eater_("127.0.0.22", h_.port(), meals),
        g_("127.0.0.21", "9999", TableTo("10000", "127.0.0.25", eater_.port()), kNoManager,
           [kept_bytes](Config* config) { config->queues.kept_bytes = kept_bytes; }),
        at_g_(g_.channel()),
        at_h_(h_.channel()) {}
  Site h_;
  AnswerEater eater_;
  Site g_;
  QueueStub at_g_, at_h_;
};

TEST_F(LostAnswers, ALostAnswerIsFoundAgain) {
  EXPECT_EQ(at_g_.Push({.target = "10000"}, "t", "a"), kStored);
  EXPECT_EQ(eater_.meals_left(), 0);
  EXPECT_EQ(at_g_.Push({.target = "10000"}, "t", "b"), kStored);
  EXPECT_EQ(h_.rollsite()->queue_stats().messages, 2u);
  EXPECT_EQ(at_h_.Pop("t", 1000), "E0000000000||a");
  EXPECT_EQ(at_h_.Pop("t", 1000), "E0000000000||b");
}

TEST_F(LostAnswers, ANumberOfThePusherGoesThroughUnchanged) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(at_g_.Push(Numbered(7, "10000"), "t", "a"), kStored);
  EXPECT_EQ(at_g_.Header("x-fate-seq"), "7");
  EXPECT_EQ(at_h_.Push(Numbered(7, "10000"), "t", "a"), kStored) << "also by another way";
  EXPECT_EQ(h_.rollsite()->queue_stats().messages, 1u);
}

// The queries get lost, too; and the request breaks in the middle.
class ManyMeals : public LostAnswers {
 protected:
  ManyMeals() : LostAnswers(3) {}
};

TEST_F(ManyMeals, QueriesAreRepeatedToo) {
  EXPECT_EQ(at_g_.Push({.target = "10000"}, "t", "a"), kStored);
  EXPECT_EQ(eater_.meals_left(), 0);
  EXPECT_EQ(h_.rollsite()->queue_stats().messages, 1u);
}

class NothingKept : public LostAnswers {
 protected:
  NothingKept() : LostAnswers(1, 0) {}
};

TEST_F(NothingKept, AMessageThatIsNotKeptIsStillAskedAbout) {
  EXPECT_EQ(at_g_.Push({.target = "10000"}, "t", std::string(3 << 20, 'x')), kStored);
  EXPECT_EQ(eater_.meals_left(), 0);
  EXPECT_EQ(h_.rollsite()->queue_stats().messages, 1u);
}

// A gateway that knows no numbers, as Java's; it counts what it is pushed.
class OtherGateway final : public PrivateTransferProtocol::Service {
 public:
  OtherGateway() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.24:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  grpc::Status invoke(grpc::ServerContext* context, const Inbound*, Outbound* response) override {
    auto uri = context->client_metadata().find("x-ptp-uri");
    std::string_view text(uri->second.data(), uri->second.size());
    bool is_push = text.ends_with("PrivateTransferTransport/push");
    if (is_push) ++pushes;
    response->set_code(is_push ? "E0000000000" : "E0000000500");
    response->set_message(is_push ? "success" : "uri is unknown");
    return grpc::Status::OK;
  }
  std::atomic<int> pushes = 0;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

TEST(OtherGateways, AreNeverSentAMessageTwice) {
  OtherGateway java;
  AnswerEater eater("127.0.0.24", java.port, 1);
  Site g("127.0.0.21", "9999", TableTo("10000", "127.0.0.25", eater.port()));
  QueueStub client(g.channel());
  EXPECT_THAT(client.Push({.target = "10000"}, "t", "a"),
              AllOf(HasSubstr("status 14 code E0000000607"),
                    HasSubstr("whether the message was stored is not known")));
  EXPECT_EQ(java.pushes, 1);
  EXPECT_EQ(client.Push({.target = "10000"}, "t", "b"), kStored);
  EXPECT_EQ(java.pushes, 2);
}

// gRPC does not promise that a message's five bytes of length come in one piece: a socket's read
// may end among them.
TEST(OtherGateways, GetAMessageThatArrivesByteByByte) {
  namespace raw = relay::raw;
  Site receiver("127.0.0.22", "10000", R"({"route_table": {}, "self_party": ["10000"]})");
  Site sender("127.0.0.21", "9999",
              fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}},
                              "self_party": ["9999"]}})",
                          EndpointJson("127.0.0.22", receiver.port())));
  org::ppc::ptp::PushInbound push;
  push.set_topic("t");
  push.set_payload("payload");
  const std::string bytes = push.SerializeAsString();
  const std::string message = raw::Number(0, 1) + raw::Number(bytes.size(), 4) + bytes;
  std::string request =
      raw::Preface() + raw::Frame(raw::kHeaders, raw::kEndHeaders, 1,
                                  raw::RequestBlock("/org.ppc.ptp.PrivateTransferTransport/push") +
                                      raw::Literal("x-ptp-tech-provider-code", "FATE") +
                                      raw::Literal("x-ptp-session-id", "s") +
                                      raw::Literal("x-ptp-target-node-id", "10000"));
  for (size_t i = 0; i < message.size(); ++i) {
    request += raw::Frame(raw::kData, i + 1 == message.size() ? raw::kEndStream : 0, 1,
                          message.substr(i, 1));
  }
  raw::Client client(sender.port(), "127.0.0.21");
  ASSERT_TRUE(client.Send(request));
  QueueStub stub(receiver.channel());
  const std::string popped = stub.Pop("t", 5000);  // it may have come before the message
  EXPECT_TRUE(popped == "E0000000000||payload" || popped == "E0000000000|success|payload")
      << popped;
}

TEST(HopNumbers, AreOfOneTopicAndNeverGivenTwice) {
  HopNumbers numbers(/*max_topics=*/2);
  auto a1 = numbers.Next("10000", "s", "a"), a2 = numbers.Next("10000", "s", "a");
  EXPECT_EQ(a1.id, a2.id);
  EXPECT_EQ(a1.sequence, 1u);
  EXPECT_EQ(a2.sequence, 2u);
  auto b = numbers.Next("10000", "s", "b");
  EXPECT_NE(a1.id, b.id);
  EXPECT_EQ(numbers.Next("10000", "s", "a").sequence, 3u);
  EXPECT_NE(numbers.Next("20000", "s", "a").id, a1.id) << "another party's queue; b is forgotten";
  EXPECT_EQ(numbers.Next("10000", "s", "a").sequence, 4u);
  auto again = numbers.Next("10000", "s", "b");
  EXPECT_NE(again.id, b.id) << "as another producer, for its numbers start anew";
  EXPECT_EQ(again.sequence, 1u);
  EXPECT_EQ(numbers.size(), 2u);
  EXPECT_NE(numbers.Single().id, numbers.Single().id);
  EXPECT_NE(HopNumbers(1).Single().id, HopNumbers(1).Single().id) << "another run";
}

TEST(HopNumbers, OfAReleasedSessionAreForgotten) {
  HopNumbers numbers;
  for (int session = 0; session < 100; ++session) {
    for (int topic = 0; topic < 100; ++topic) {
      numbers.Next("10000", fmt::format("s{}", session), fmt::format("t{}", topic));
    }
  }
  const auto kept = numbers.Next("10000", "s1", "t1");
  const auto forgotten = numbers.Next("10000", "s2", "t1");
  EXPECT_EQ(numbers.size(), 10'000u);
  numbers.Forget("s2", "t1");
  EXPECT_EQ(numbers.size(), 9'999u);
  EXPECT_NE(numbers.Next("10000", "s2", "t1").id, forgotten.id);
  numbers.Forget("never seen", "");
  EXPECT_EQ(numbers.Next("10000", "s1", "t1").id, kept.id);
  for (int session = 0; session < 100; ++session) numbers.Forget(fmt::format("s{}", session), "");
  EXPECT_EQ(numbers.size(), 0u);
  const auto again = numbers.Next("10000", "s1", "t1");
  EXPECT_NE(again.id, kept.id);
  EXPECT_EQ(again.sequence, 1u);
}

double MetricOf(Site* site, const std::string& name) {
  auto page = http::Fetch(
      {.url = fmt::format("http://{}:{}/metrics", site->host(), site->rollsite()->admin_port())});
  if (!page.ok()) return -1;
  const size_t at = page->body.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::strtod(&page->body[at + name.size() + 2], nullptr);
}

TEST(OtherGateways, NothingIsLeftOfReleasedSessionsOnEitherSide) {
  Site receiver("127.0.0.22", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
                kNoManager, [](Config* config) { config->queues.limits.late = absl::Seconds(1); });
  Site sender("127.0.0.21", "9999",
              fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}},
                              "self_party": ["9999"]}})",
                          EndpointJson("127.0.0.22", receiver.port())));
  QueueStub pusher(sender.channel()), popper(receiver.channel());
  constexpr int kSessions = 10, kTopics = 30;
  for (int session = 0; session < kSessions; ++session) {
    for (int topic = 0; topic < kTopics; ++topic) {
      ASSERT_EQ(pusher.Push({.session = fmt::format("s{}", session), .target = "10000"},
                            fmt::format("t{}", topic), "a"),
                kStored);
    }
  }
  EXPECT_EQ(MetricOf(&sender, "rollsite_hop_topics"), kSessions * kTopics);
  EXPECT_EQ(receiver.rollsite()->queue_stats().queues, size_t{kSessions * kTopics});
  for (int session = 0; session < kSessions; ++session) {
    pusher.Release(fmt::format("s{}", session));
    popper.Release(fmt::format("s{}", session));
  }
  EXPECT_EQ(MetricOf(&sender, "rollsite_hop_topics"), 0);
  EXPECT_EQ(receiver.rollsite()->queue_stats().queues, 0u);
  EXPECT_TRUE(Within(5s, [&] { return receiver.rollsite()->queue_stats().released_topics == 0; }));
}

// What a gateway sends again because its answer was lost, when the receiver is through with the
// session; also when that one was restarted in between.
TEST(OtherGateways, ALatePushOfAReleasedSessionIsNotDelivered) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("late_{}", getpid());
  const auto start = [&folder] {
    return std::make_unique<Site>("127.0.0.22", "9999",
                                  R"({"route_table": {}, "self_party": ["9999"]})", kNoManager,
                                  [&folder](Config* config) {
                                    config->queues.folder = folder.string();
                                    config->queues.limits.durable = true;
                                  });
  };
  auto site = start();
  {
    QueueStub client(site->channel());
    EXPECT_EQ(client.Push(Numbered(1), "t", "a"), kStored);
    EXPECT_EQ(client.Pop("t", 1000), "E0000000000||a");
    EXPECT_EQ(client.Release("s"), kStored);
    EXPECT_EQ(client.Push(Numbered(1), "t", "a"), kStored) << "its answer was lost";
    EXPECT_EQ(client.Pop("t", 50), "E0000000601|CONSUME_MSG_TIMEOUT|");
  }
  site.reset();
  site = start();
  {
    QueueStub client(site->channel());
    EXPECT_EQ(client.Push(Numbered(1), "t", "a"), kStored);
    EXPECT_EQ(client.Pop("t", 50), "E0000000601|CONSUME_MSG_TIMEOUT|");
    EXPECT_EQ(client.Push(Numbered(2), "t", "b"), kStored) << "the session goes on";
    EXPECT_EQ(client.Pop("t", 1000), "E0000000000||b");
  }
  site.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fate::rollsite
