// Plays an egg in the tests of the nodemanager: beats once it "listens", ends on SIGTERM and with
// its parent. The session's id decides how it behaves:
//   ...silent     never beats          ...fails     writes a line to stderr and exits with code 3
//   ...stubborn   ignores SIGTERM
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>

#include "base/properties.h"
#include "base/status.h"
#include "eggroll/meta.pb.h"
#include "rpc/command.h"
#include "session/commands.h"

namespace {

using com::webank::eggroll::core::meta::Processor;

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// An egg goes on when nobody hears it.
void Beat(const std::string& node_manager, Processor egg, const char* status) {
  egg.set_status(status);
  auto answer = fate::rpc::CommandClient().Call<Processor>(
      node_manager, fate::session::commands::kProcessorHeartbeat, egg, absl::Seconds(5));
  if (!answer.ok()) std::fprintf(stderr, "%s\n", fate::Message(answer.status()).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  std::string session = options.at("--session-id");
  if (EndsWith(session, "fails")) {
    std::fprintf(stderr, "the data folder is not writable\n");
    return 3;
  }
  if (options.contains("--host")) prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  auto properties = fate::Properties::Load(options.at("--config"));
  if (!properties.ok()) return 1;
  std::string node_manager = properties->Get("eggroll.resourcemanager.nodemanager.host") + ":" +
                             options.at("--node-manager");
  int id = std::stoi(options.at("--processor-id"));
  Processor egg;
  egg.set_id(id);
  egg.set_servernodeid(std::stoll(options.at("--server-node-id")));
  egg.set_processortype("egg_pair");
  egg.set_pid(getpid());
  for (auto* endpoint : {egg.mutable_commandendpoint(), egg.mutable_transferendpoint()}) {
    endpoint->set_host("localhost");
    endpoint->set_port(endpoint == &egg.commandendpoint() ? 40000 + id : 50000 + id);
  }
  (*egg.mutable_options())["eggroll.session.id"] = session;
  if (!EndsWith(session, "silent")) Beat(node_manager, egg, "RUNNING");
  int signal_number = 0;
  do {
    sigwait(&signals, &signal_number);
  } while (EndsWith(session, "stubborn"));
  Beat(node_manager, egg, "STOPPED");
  return 0;
}
