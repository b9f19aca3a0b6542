// Decodes what one side of an HTTP/2 connection sent (a raw capture, preface included) and parses
// every gRPC message as the type its path promises. Prints one JSON line for each stream:
//
//   {"path": "...", "type": "Packet", "messages": 3, "bytes": 1234, "first": {...}}
//
// Exit code 1 when a frame, a path or a message is not what spec/rollsite.md 2 says; fields that
// the schema does not know count as a failure.
#include <google/protobuf/util/json_util.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "eggroll/transfer.pb.h"
#include "osx/osx.pb.h"
#include "proxy/proxy.pb.h"

namespace {

using google::protobuf::Message;
using Json = nlohmann::ordered_json;
namespace proxy = com::webank::ai::eggroll::api::networking::proxy;

struct Stream {
  std::string path, body;
};
using Streams = std::map<int32_t, Stream>;

int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void* context) {
  if (std::string(name, name + name_size) == ":path") {
    auto& streams = *static_cast<Streams*>(context);
    streams[frame->hd.stream_id].path.assign(value, value + value_size);
  }
  return 0;
}

int OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
           void* context) {
  (*static_cast<Streams*>(context))[stream].body.append(reinterpret_cast<const char*>(data), size);
  return 0;
}

std::unique_ptr<Message> TypeOf(const std::string& path) {
  if (path.find("DataTransferService/") != std::string::npos)
    return std::make_unique<proxy::Packet>();
  if (path == "/org.ppc.ptp.PrivateTransferProtocol/invoke") {
    return std::make_unique<org::ppc::ptp::Inbound>();
  }
  return nullptr;
}

bool HasUnknownFields(const Message& message) {
  const auto* reflection = message.GetReflection();
  if (!reflection->GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE ||
        field->is_map()) {
      continue;
    }
    if (!field->is_repeated() && HasUnknownFields(reflection->GetMessage(message, field)))
      return true;
  }
  return false;
}

Json ToJson(const Message& message) {
  std::string text;
  auto status = google::protobuf::util::MessageToJsonString(message, &text);
  return status.ok() ? Json::parse(text) : Json(std::string(status.message()));
}

// The RollSiteHeader inside a pushed packet, readable.
void AddRollSiteHeader(const Message& message, Json& line) {
  const auto* packet = dynamic_cast<const proxy::Packet*>(&message);
  if (packet == nullptr || packet->header().ext().empty()) return;
  com::webank::eggroll::core::transfer::RollSiteHeader header;
  bool readable = header.ParseFromString(packet->header().ext()) && !HasUnknownFields(header);
  line["roll_site_header"] = readable ? ToJson(header) : Json(nullptr);
}

bool DumpStream(const Stream& stream) {
  auto message = TypeOf(stream.path);
  if (message == nullptr) {
    std::fprintf(stderr, "unexpected path %s\n", stream.path.c_str());
    return false;
  }
  Json line = {{"path", stream.path},
               {"type", message->GetDescriptor()->name()},
               {"messages", 0},
               {"bytes", stream.body.size()}};
  size_t offset = 0;
  int count = 0;
  while (offset + 5 <= stream.body.size()) {
    const auto* head = reinterpret_cast<const unsigned char*>(stream.body.data()) + offset;
    size_t size =
        (size_t{head[1]} << 24) | (size_t{head[2]} << 16) | (size_t{head[3]} << 8) | head[4];
    if (head[0] != 0 || offset + 5 + size > stream.body.size()) break;
    if (!message->ParseFromArray(stream.body.data() + offset + 5, static_cast<int>(size)) ||
        HasUnknownFields(*message)) {
      std::fprintf(stderr, "%s: message %d does not parse\n", stream.path.c_str(), count);
      return false;
    }
    if (count == 0) {
      line["first"] = ToJson(*message);
      AddRollSiteHeader(*message, line);
    }
    ++count;
    offset += 5 + size;
  }
  line["messages"] = count;
  std::printf("%s\n", line.dump().c_str());
  return offset == stream.body.size();
}

// Plays the receiving side: small steps, so that the windows of the stand-in session are opened
// again before the next bytes. The number of bytes understood.
size_t Feed(nghttp2_session* session, const std::string& bytes) {
  constexpr size_t kStep = 4096;
  nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x7fffffff};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &window, 1);
  for (size_t offset = 0; offset < bytes.size(); offset += kStep) {
    const uint8_t* unused = nullptr;
    while (nghttp2_session_mem_send(session, &unused) > 0) {
    }
    size_t size = std::min(kStep, bytes.size() - offset);
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data()) + offset;
    if (nghttp2_session_mem_recv(session, data, size) != static_cast<ssize_t>(size)) return offset;
  }
  return bytes.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s CAPTURE\n", argv[0]), 2;
  std::ifstream file(argv[1], std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Streams streams;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new(&session, callbacks, &streams);
  size_t used = Feed(session, bytes);
  nghttp2_session_del(session);
  nghttp2_session_callbacks_del(callbacks);
  bool good = used == bytes.size() && !streams.empty();
  if (!good) std::fprintf(stderr, "no HTTP/2 after byte %zu\n", used);
  for (const auto& [id, stream] : streams) good = DumpStream(stream) && good;
  return good ? 0 : 1;
}
