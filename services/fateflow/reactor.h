#pragma once

// One thread that waits for processes (pidfd) and for moments in time, and a pool that runs
// what follows. Nothing polls: a component's end is known the moment it happens.

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace fate::flow {

class Reactor {
 public:
  explicit Reactor(int workers);
  ~Reactor();
  // Forgets what is pending, waits for running callbacks. Idempotent; later work is dropped.
  void Stop();

  // Runs on a worker thread.
  void Post(std::function<void()> work);
  // On a worker thread, once the time has passed.
  void After(absl::Duration delay, std::function<void()> work);
  // On a worker thread, once the process has ended; works for children and others.
  // Error: kNotFound when there is no such process.
  absl::Status OnExit(pid_t pid, std::function<void()> work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::flow
