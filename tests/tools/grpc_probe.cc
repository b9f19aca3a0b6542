// Asks a gRPC server for its health and, by reflection, for its services: grpc_probe HOST:PORT.
// Prints "health SERVING" and one "service NAME" a line; exit code 1 when either call fails.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using grpc::ByteBuffer;

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
}

ByteBuffer ToBuffer(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return ByteBuffer(&slice, 1);
}

std::string ToString(const ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const auto& slice : slices) bytes.append(slice.begin(), slice.end());
  return bytes;
}

// One call with one request message; the first answer, "" on failure.
std::string Call(grpc::GenericStub& stub, const std::string& method, const std::string& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  auto wait = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  if (!wait()) return "";
  call->Write(ToBuffer(request), nullptr);
  if (!wait()) return "";
  call->WritesDone(nullptr);
  if (!wait()) return "";
  ByteBuffer answer;
  call->Read(&answer, nullptr);
  std::string bytes = wait() ? ToString(answer) : "";
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  if (!status.ok())
    std::fprintf(stderr, "%s: %s\n", method.c_str(), status.error_message().c_str());
  return status.ok() ? bytes : "";
}

// Names in a ServerReflectionResponse: field 6, in it repeated field 1, in it field 1.
void PrintServices(const std::string& response) {
  for (size_t i = 0; i + 3 < response.size(); ++i) {
    // ServiceResponse {name}: 0a <n+2> 0a <n> name
    auto byte = [&](size_t at) { return static_cast<unsigned char>(response[at]); };
    size_t size = byte(i + 3);
    if (byte(i) == 0x0a && byte(i + 1) == size + 2 && byte(i + 2) == 0x0a &&
        i + 4 + size <= response.size()) {
      std::printf("service %s\n", response.substr(i + 4, size).c_str());
      i += 3 + size;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s HOST:PORT\n", argv[0]), 2;
  grpc::GenericStub stub(grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  std::string health = Call(stub, "/grpc.health.v1.Health/Check", "");
  bool serving = health == std::string("\x08\x01");
  std::printf("health %s\n", serving ? "SERVING" : "not serving");
  std::string listing =
      Call(stub, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
  PrintServices(listing);
  return serving && !listing.empty() ? 0 : 1;
}
