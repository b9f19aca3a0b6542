// Load for bench/rollsite.py, and the sink behind the proxies.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/status.h"
#include "base/text.h"
#include "rollsite_load/modes.h"
#include "rollsite_load/sink.h"
#include "tls/context.h"
#include "tls/handshaker.h"

namespace fate::bench {
namespace {

[[noreturn]] void Die(const absl::Status& why) {
  std::cerr << "rollsite_load: " << Message(why) << std::endl;
  std::exit(1);
}

// "127.0.0.1:9370"
relay::Address ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) Die(InvalidArgumentError("{} is no host:port", text));
  return {text.substr(0, colon), ParseInt<int>(text.substr(colon + 1)).value_or(0)};
}

tls::Handshaker* TheHandshaker() {
  static tls::Handshaker handshaker;
  return &handshaker;
}

std::shared_ptr<const relay::TlsClient> TlsOf(const tls::Files& files) {
  if (files.ca.empty()) return nullptr;
  auto context = tls::Context::ForClient(files);
  if (!context.ok()) Die(context.status());
  return std::make_shared<const relay::TlsClient>(
      relay::TlsClient{.id = 1, .context = *context, .handshaker = TheHandshaker()});
}

int RunSink(const relay::Address& listen, const tls::Files& files) {
  relay::EventLoop loop;
  relay::TlsServer tls;
  if (!files.ca.empty()) {
    auto context = tls::Context::ForServer(files, tls::ClientCertificates::kRequired);
    if (!context.ok()) Die(context.status());
    tls.context = [context = *context] { return context; };
    tls.handshaker = TheHandshaker();
  }
  auto server = relay::Server::StartTls(
      &loop, listen, tls,
      [](relay::Stream* stream, const relay::Headers& head, bool) { Sink(stream, head); });
  if (!server.ok()) Die(server.status());
  std::cout << (*server)->port() << std::endl;
  loop.Run();
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Load and sink of the rollsite benchmark; one line of JSON each");
  app.require_subcommand(1);
  Options options;
  std::string to, at;
  tls::Files files;
  app.add_option("--ca", files.ca, "TLS with these authorities (PEM)");
  app.add_option("--certificate", files.certificate, "own certificate");
  app.add_option("--key", files.key, "its key");
  auto add = [&](const char* name, const char* what, const char* address = "--to") {
    auto* command = app.add_subcommand(name, what);
    command->add_option(address, to, "host:port")->required();
    return command;
  };
  auto* sink = add("sink", "takes everything; prints its port", "--listen");
  auto* unary = add("unary", "calls for a while");
  auto* push = add("push", "push streams");
  auto* park = add("park", "pops that wait; a line on stdin wakes them");
  auto* queue = add("queue", "pushes at --to, pops at --at");
  queue->add_option("--at", at, "host:port")->required();
  for (auto* command : {unary, push, park, queue}) {
    command->add_option("--party", options.party, "destination");
    command->add_option("--bytes", options.bytes, "of a message");
    command->add_option("--connections", options.connections, "0: a new one for every call");
  }
  unary->add_option("--concurrency", options.concurrency, "calls at a time");
  unary->add_option("--seconds", options.seconds, "how long");
  unary->add_option("--stalled", options.stalled, "downloads that stall meanwhile");
  unary->add_flag("--queue-push", options.queue_push, "push of a queue instead of unaryCall");
  push->add_option("--streams", options.streams, "at a time");
  push->add_option("--delay-ms", options.delay_ms, "of the sink, between packets of 1 MB");
  for (auto* command : {push, park, queue}) command->add_option("--messages", options.messages);
  for (auto* command : {park, queue}) command->add_option("--topics", options.topics);
  CLI11_PARSE(app, argc, argv);

  options.to = ParseAddress(to);
  if (sink->parsed()) return RunSink(options.to, files);
  options.tls = TlsOf(files);
  if (!at.empty()) options.at = ParseAddress(at);
  if (unary->parsed()) return RunUnary(options);
  if (push->parsed()) return RunPush(options);
  return park->parsed() ? RunPark(options) : RunQueue(options);
}

}  // namespace
}  // namespace fate::bench

int main(int argc, char** argv) { return fate::bench::Main(argc, argv); }
