#pragma once

// What libnghttp2 and a Connection say to each other. The library's user data is the Connection, a
// stream's is the Stream.

#include <nghttp2/nghttp2.h>

#include "relay/connection.h"

namespace fate::relay {

// What lies ready for the socket beyond which no further frames are made.
inline constexpr size_t kOutputBytes = 256 << 10;

struct ConnectionCallbacks {
  static nghttp2_session* NewSession(Connection* connection);
  static void SubmitSettings(nghttp2_session* session, Connection::Side side, bool near);
  // The stream's id. `end`: nothing follows; else what the stream queues.
  static int32_t SubmitRequest(nghttp2_session* session, const Headers& headers, bool end,
                               Stream* stream);
  static void SubmitResponse(nghttp2_session* session, const Headers& headers, bool end,
                             Stream* stream);

 private:
  static Stream* FindStream(Connection* connection, int32_t id);
  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* user);
  static int OnFrameReceived(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static void DeliverHead(Connection* connection, Stream* stream, Headers headers, bool end);
  static int OnDataChunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                         size_t size, void* user);
  static int OnStreamClose(nghttp2_session* session, int32_t id, uint32_t error_code, void* user);
  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user);
  static int OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static void ResetLater(Connection* connection, int32_t id);
  static int OnFrameNotSent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user);
  static ssize_t FrameLimit(nghttp2_session*, uint8_t, int32_t, int32_t, int32_t,
                            uint32_t peer_limit, void* user);
  static ssize_t ReadData(nghttp2_session* session, int32_t id, uint8_t*, size_t limit,
                          uint32_t* flags, nghttp2_data_source* source, void*);
  static int SendData(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_head, size_t size,
                      nghttp2_data_source* source, void* user);
  static nghttp2_session_callbacks* Make();
  static nghttp2_option* MakeOptions();
};

}  // namespace fate::relay
