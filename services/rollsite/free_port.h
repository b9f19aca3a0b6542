#pragma once

// A port for a test's program that has to be told one before it listens.

#include <random>
#include <string>

#include "relay/socket.h"

namespace fate::rollsite {

// Below what the system hands out by itself, so that nobody gets it between now and then.
inline int FreePort(const std::string& host) {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    const int port = std::uniform_int_distribution<int>(20'000, 32'000)(random);
    if (relay::Socket::Listen({host, port}).ok()) return port;
  }
}

}  // namespace fate::rollsite
