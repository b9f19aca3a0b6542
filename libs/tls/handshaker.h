#pragma once

// The thread on which handshakes are computed: signing with an RSA key takes about a millisecond,
// in which an event loop would carry no data. Steps run in the order they came.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "tls/session.h"

namespace fate::tls {

class Handshaker {
 public:
  Handshaker();
  // Drops the steps that have not begun.
  ~Handshaker();

  // Runs one step of the session's handshake, then `done` on this object's thread. The session
  // must not be touched until then. A step nobody else waits for any more (the session is held
  // here alone) is skipped. Thread-safe.
  void Step(std::shared_ptr<Session> session, std::function<void(Session::Progress)> done);

 private:
  struct Job {
    std::shared_ptr<Session> session;
    std::function<void(Session::Progress)> done;
  };
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace fate::tls
