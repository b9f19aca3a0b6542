#pragma once

// HTTP/2's frames and error codes (RFC 9113, 6 and 7).

#include <cstdint>
#include <string_view>

namespace fate::http2 {

enum FrameType : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kResetFrame = 3,
  kSettingsFrame = 4,
  kPushPromiseFrame = 5,
  kPingFrame = 6,
  kGoAwayFrame = 7,
  kWindowUpdateFrame = 8,
  kContinuationFrame = 9,
};

enum FrameFlag : uint8_t {
  kEndStream = 0x1,
  kAck = 0x1,
  kEndHeaders = 0x4,
  kPadded = 0x8,
  kHasPriority = 0x20,
};

enum Setting : uint16_t {
  kHeaderTableSize = 1,
  kEnablePush = 2,
  kMaxConcurrentStreams = 3,
  kInitialWindowSize = 4,
  kMaxFrameSize = 5,
  kMaxHeaderListSize = 6,
};

enum ErrorCode : uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kFlowControlError = 3,
  kSettingsTimeout = 4,
  kStreamClosed = 5,
  kFrameSizeError = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kCompressionError = 9,
  kConnectError = 10,
  kEnhanceYourCalm = 11,
  kInadequateSecurity = 12,
  kHttp11Required = 13,
};

// "PROTOCOL_ERROR"; "an unknown error" for what no RFC knows.
std::string_view ErrorName(uint32_t code);

inline constexpr size_t kFrameHeadBytes = 9;
inline constexpr uint32_t kUsualFrameBytes = 16 << 10;  // that every peer takes
inline constexpr int64_t kUsualWindowBytes = 65'535, kMostWindowBytes = 0x7fffffff;
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct FrameHead {
  uint32_t size;
  uint8_t type, flags;
  int32_t stream;
};

inline uint32_t ReadNumber(const char* bytes, int count) {
  uint32_t number = 0;
  for (int i = 0; i < count; ++i) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

inline void WriteNumber(uint32_t number, int count, char* bytes) {
  for (int i = 0; i < count; ++i) bytes[i] = static_cast<char>(number >> (8 * (count - 1 - i)));
}

inline FrameHead ReadFrameHead(const char* bytes) {
  return {ReadNumber(bytes, 3), static_cast<uint8_t>(bytes[3]), static_cast<uint8_t>(bytes[4]),
          static_cast<int32_t>(ReadNumber(bytes + 5, 4) & 0x7fffffff)};
}

inline void WriteFrameHead(const FrameHead& head, char* bytes) {
  WriteNumber(head.size, 3, bytes);
  bytes[3] = static_cast<char>(head.type);
  bytes[4] = static_cast<char>(head.flags);
  WriteNumber(static_cast<uint32_t>(head.stream), 4, bytes + 5);
}

}  // namespace fate::http2
