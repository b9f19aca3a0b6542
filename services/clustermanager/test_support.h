#pragma once

// What the tests of the managers share: a folder, free ports, a configuration, waiting.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace fate::testing {

class TempDir {
 public:
  TempDir() {
    std::string pattern = std::filesystem::temp_directory_path() / "fate-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A port nobody listens on, below those that the system gives to outgoing connections: a daemon
// that is started again must find it free.
inline int FreePort() {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    int port = std::uniform_int_distribution<int>(20'000, 32'000)(random);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET,
                        .sin_port = htons(static_cast<uint16_t>(port)),
                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (bound) return port;
  }
}

// False when the condition has not come true within the limit.
inline bool WaitFor(const std::function<bool()>& condition,
                    absl::Duration limit = absl::Seconds(20)) {
  absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// A folder with conf, data, logs and the ports of one party.
class PartyFiles {
 public:
  explicit PartyFiles(const std::string& extra_lines = "") {
    std::string prefix = "eggroll.resourcemanager.";
    std::ofstream file(config());
    file << "[eggroll]\n"
         << prefix << "clustermanager.jdbc.url=jdbc:sqlite:" << database() << "\n"
         << prefix << "clustermanager.host=127.0.0.1\n"
         << prefix << "clustermanager.port=" << manager_port << "\n"
         << prefix << "clustermanager.admin.port=" << manager_admin_port << "\n"
         << prefix << "nodemanager.host=127.0.0.1\n"
         << prefix << "nodemanager.port=" << node_port << "\n"
         << prefix << "nodemanager.admin.port=" << node_admin_port << "\n"
         << "eggroll.data.dir=" << dir_.path() << "/data\n"
         << "eggroll.logs.dir=" << dir_.path() << "/logs\n"
         << extra_lines;
  }
  std::string config() const { return dir_.path() + "/eggroll.properties"; }
  std::string database() const { return dir_.path() + "/meta.db"; }
  std::string path() const { return dir_.path(); }
  std::string manager() const { return "127.0.0.1:" + std::to_string(manager_port); }
  std::string node() const { return "127.0.0.1:" + std::to_string(node_port); }

  int manager_port = FreePort(), manager_admin_port = FreePort();
  int node_port = FreePort(), node_admin_port = FreePort();

 private:
  TempDir dir_;
};

}  // namespace fate::testing
