#pragma once

// Ends a task from outside: on SIGTERM or SIGINT, or when the flow server that started it has been
// gone for a minute (a restarted flow server takes running tasks over, so a short absence is fine).

#include <functional>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace fate::component {

class Guard {
 public:
  struct Options {
    int flow_pid = 0;      // process that started the task; 0: nobody to watch
    std::string flow_url;  // asked once that process is gone; any answer means alive
    absl::Duration patience = absl::Seconds(60);
    absl::Duration poll_interval = absl::Seconds(5);
  };
  // Blocks the signals in the calling thread, so that later threads inherit it: construct it
  // before any other thread starts. `stop` is called at most once, on the guard's thread.
  Guard(Options options, std::function<void(const std::string& reason)> stop);
  ~Guard();

 private:
  void Watch();
  // How long the watched process may still be gone before the task ends.
  bool FlowIsGoneForGood();
  Options options_;
  std::function<void(const std::string&)> stop_;
  int done_ = -1, signals_ = -1, flow_ = -1;
  absl::Time last_seen_;
  std::thread thread_;
};

}  // namespace fate::component
