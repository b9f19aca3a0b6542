#pragma once

// A TCP proxy that does what networks do: delays, throttles, falls silent, cuts and resets. It
// stands between two gateways; what it does can be changed while connections run.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "relay/socket.h"

namespace fate::fault {

struct Fault {
  std::chrono::milliseconds delay{0};  // of each piece, each way
  uint64_t bytes_per_second = 0;       // each way; 0: no limit
  bool silent = false;                 // accepts, takes nothing and says nothing
  enum class End { kNone, kClose, kReset } end = End::kNone;
  uint64_t end_after_bytes = 0;  // of what the client has sent, for each connection
};

class Proxy {
 public:
  explicit Proxy(relay::Address target);  // listens on 127.0.0.26, any free port
  ~Proxy();

  void Set(const Fault& fault);
  // Resets the connections there are.
  void ResetAll();
  int port() const { return port_; }
  int connections() const { return accepted_; }

 private:
  struct Link {
    int client = -1, server = -1;
    std::atomic<uint64_t> client_bytes = 0;
    std::atomic<bool> over = false;
    std::thread up, down;
  };
  void Accept();
  void Pump(Link* link, bool up);
  bool Pass(Link* link, bool up, const char* bytes, size_t size);
  void End(Link* link, Fault::End how);
  Fault current();

  const relay::Address target_;
  int listener_ = -1, port_ = 0;
  std::mutex mutex_;
  Fault fault_;
  std::vector<std::unique_ptr<Link>> links_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> accepted_ = 0;
  std::thread thread_;
};

}  // namespace fate::fault
