#pragma once

// HTTP/2 by raw bytes, for tests of what well-behaved libraries never send.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>

namespace fate::relay::raw {

enum Type : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
  kUnknown = 0xbb
};
inline constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;

inline std::string Number(uint64_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
  return text;
}

inline uint32_t NumberAt(std::string_view bytes, size_t from, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[from + static_cast<size_t>(i)]);
  }
  return value;
}

inline std::string Frame(Type type, uint8_t flags, uint32_t stream, std::string_view payload = "") {
  return Number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         Number(stream, 4) + std::string(payload);
}

inline std::string Preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, 0); }

// A literal header, not indexed; name and value below 127 bytes.
inline std::string Literal(std::string_view name, std::string_view value) {
  return '\0' + Number(name.size(), 1) + std::string(name) + Number(value.size(), 1) +
         std::string(value);
}

inline std::string RequestBlock(std::string_view path) {
  return "\x83\x86\x04" + Number(path.size(), 1) + std::string(path) + Literal(":authority", "x") +
         Literal("te", "trailers") + Literal("content-type", "application/grpc");
}

class Client {
 public:
  explicit Client(int port, const char* host = "127.0.0.2")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, host, &address.sin_addr);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;

  // False once the other side has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Takes what has come, waiting up to `limit` for something. False at the end.
  bool Receive(std::chrono::milliseconds limit) {
    pollfd poll_fd{fd_, POLLIN, 0};
    if (poll(&poll_fd, 1, static_cast<int>(limit.count())) <= 0) return true;
    char buffer[65536];
    ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    received_.append(buffer, static_cast<size_t>(size));
    return true;
  }

  // Until the other side closes; false if it does not.
  bool ReceiveAll(std::chrono::milliseconds limit) {
    auto deadline = std::chrono::steady_clock::now() + limit;
    while (Receive(std::chrono::milliseconds(100))) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }

  // Calls `visit(type, flags, stream, payload)` for every whole frame received so far.
  template <class Visit>
  void ForEachFrame(Visit visit) const {
    std::string_view rest = received_;
    while (rest.size() >= 9 && rest.size() >= 9 + NumberAt(rest, 0, 3)) {
      const size_t size = NumberAt(rest, 0, 3);
      visit(static_cast<Type>(rest[3]), static_cast<uint8_t>(rest[4]), NumberAt(rest, 5, 4),
            rest.substr(9, size));
      rest.remove_prefix(9 + size);
    }
  }

  // The code of the last GOAWAY; -1: none came.
  int GoAwayCode() const {
    int code = -1;
    ForEachFrame([&](Type type, uint8_t, uint32_t, std::string_view payload) {
      if (type == kGoAway) code = static_cast<int>(NumberAt(payload, 4, 4));
    });
    return code;
  }
  // The code of the last RST_STREAM for `stream`; -1: none came.
  int ResetCode(uint32_t stream) const {
    int code = -1;
    ForEachFrame([&](Type type, uint8_t, uint32_t id, std::string_view payload) {
      if (type == kResetStream && id == stream) code = static_cast<int>(NumberAt(payload, 0, 4));
    });
    return code;
  }
  bool Has(Type type, uint32_t stream) const {
    bool found = false;
    ForEachFrame([&](Type frame, uint8_t, uint32_t id, std::string_view) {
      found = found || (frame == type && id == stream);
    });
    return found;
  }
  const std::string& received() const { return received_; }

 private:
  int fd_;
  std::string received_;
};

}  // namespace fate::relay::raw
