#pragma once

// What ties an egg to its node manager: a heartbeat at once and then every interval, and the
// wish to end when the node manager says that the session is over or when the parent process
// is gone. One thread.

#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eggroll/meta.pb.h"

namespace fate::egg_pair {

class Lifeline {
 public:
  using Processor = com::webank::eggroll::core::meta::Processor;
  struct Options {
    std::string node_manager;  // "host:port"
    absl::Duration interval = absl::Seconds(10);
    bool ends_with_parent = false;
  };
  // `end` runs at most once, on the lifeline's thread.
  Lifeline(Options options, Processor self, std::function<void(const std::string& why)> end);
  // Says STOPPED, as far as somebody listens.
  ~Lifeline();

 private:
  void Run();
  void Beat();
  void End(const std::string& why);

  const Options options_;
  Processor self_;
  std::function<void(const std::string&)> end_;
  int parent_fd_ = -1;
  int stop_fd_ = -1;
  std::thread thread_;
};

}  // namespace fate::egg_pair
