#pragma once

// Rollsites inside the test process, on 127.0.0.2x and free ports, and small helpers.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/status.h"
#include "base/text.h"
#include "rollsite/rollsite.h"

namespace fate::rollsite {

inline std::string Hex(std::string_view text) { return HexDecode(text).value(); }

template <class Condition>
bool Within(std::chrono::milliseconds limit, Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// One rollsite with its route table in a folder of its own.
class Site {
 public:
  // `table`: the file's text; "": no file.
  Site(
      const std::string& host, const std::string& party, const std::string& table,
      relay::Address cluster_manager = {"127.0.0.1", 1},
      const std::function<void(Config*)>& adjust = [](Config*) {})
      : host_(host) {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("rollsite_test_{}_{}", getpid(), ++count);
    std::filesystem::create_directories(folder_);
    if (!table.empty()) WriteTable(table);
    Config config;
    config.listen.host = host;
    config.listen.port = 0;
    config.admin_port = 0;
    config.party_id = party;
    config.route_table = table_path();
    config.cluster_manager = std::move(cluster_manager);
    config.queues.folder = (folder_ / "queues").string();
    adjust(&config);
    auto started = Rollsite::Start(std::move(config));
    EXPECT_TRUE(started.ok()) << started.status();
    rollsite_ = *std::move(started);
    channel_ = ChannelTo(address());
  }
  ~Site() {
    rollsite_.reset();
    std::filesystem::remove_all(folder_);
  }

  void WriteTable(const std::string& text) {
    std::string temporary = table_path() + ".new";
    std::ofstream(temporary) << text;
    std::filesystem::rename(temporary, table_path());
  }
  std::string table_path() const { return (folder_ / "route_table.json").string(); }
  const std::string& host() const { return host_; }
  int port() const { return rollsite_->port(); }
  std::string address() const { return fmt::format("{}:{}", host_, port()); }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  Rollsite* rollsite() { return rollsite_.get(); }
  void Stop() { rollsite_.reset(); }

 private:
  std::string host_;
  std::filesystem::path folder_;
  std::unique_ptr<Rollsite> rollsite_;
  std::shared_ptr<grpc::Channel> channel_;
};

// {"ip": ..., "port": ...}
inline std::string EndpointJson(const std::string& host, int port) {
  return fmt::format(R"([{{"ip": "{}", "port": {}}}])", host, port);
}

}  // namespace fate::rollsite
