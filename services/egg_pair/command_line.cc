#include "egg_pair/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>

#include "base/names.h"
#include "base/properties.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::egg_pair {
namespace {

// CLI11 knows short names of one letter only.
const std::map<std::string, std::string>& LongNames() {
  static const auto* names = new std::map<std::string, std::string>{
      {"-cm", "--cluster-manager"}, {"-nm", "--node-manager"}, {"-sn", "--server-node-id"},
      {"-prid", "--processor-id"},  {"-s", "--session-id"},    {"-c", "--config"}};
  return *names;
}

std::string ValueOf(const std::vector<std::string>& arguments, const std::string& name) {
  auto it = std::ranges::find(arguments, name);
  return it == arguments.end() || it + 1 == arguments.end() ? "" : *(it + 1);
}

template <class Integer>
absl::Status ReadPort(const CLI::Option* option, Integer* port) {
  if (option->count() == 0) return absl::OkStatus();
  auto value = ParseInt<int>(option->results().back());
  if (!value || *value < 0 || *value > 65535) {
    return InvalidArgumentError("--port '{}' is no port", Escape(option->results().back()));
  }
  *port = *value;
  return absl::OkStatus();
}

}  // namespace

void AddOptions(CLI::App& app, CommandLine* options) {
  auto ports = CLI::Range(0, 65535);
  app.add_option("--cluster-manager", options->cluster_manager, "host:port")->required();
  app.add_option("--node-manager", options->node_manager_port, "port that gets the heartbeats")
      ->required()
      ->check(ports);
  app.add_option("-t,--transfer-port", options->transfer_port, "0: any free port")->check(ports);
  app.add_option("--server-node-id", options->server_node_id, "node of this egg")->required();
  app.add_option("--processor-id", options->processor_id, "number of this egg")->required();
  app.add_option("--host", options->host, "address to listen on; the egg ends with its parent");
  for (const char* unused : {"-d,--data-dir", "--python-path", "--python-venv"}) {
    app.add_option(unused, "accepted, without effect")->expected(1);
  }
}

absl::Status Complete(const CLI::App& app, CommandLine* options) {
  const CLI::Option* session = app.get_option("--session-id");
  if (session->count() > 0) options->session_id = session->results().back();
  if (options->session_id.empty()) return InvalidArgumentError("session id is missing");
  return ReadPort(app.get_option("--port"), &options->command_port);
}

absl::StatusOr<std::vector<std::string>> Normalize(std::vector<std::string> arguments) {
  for (std::string& argument : arguments) {
    auto it = LongNames().find(argument);
    if (it != LongNames().end()) argument = it->second;
  }
  std::string session = ValueOf(arguments, "--session-id");
  auto properties = Properties::Load(ValueOf(arguments, "--config"));
  bool has_log_file = std::ranges::count(arguments, "--log-file") > 0;
  if (session.empty() || has_log_file || !properties.ok()) return arguments;
  std::string logs_dir = properties->Get("eggroll.logs.dir");
  if (logs_dir.empty()) return arguments;
  ASSIGN_OR_RETURN(SessionId id, SessionId::Parse(session));
  std::string folder = fmt::format("{}/{}/eggs", logs_dir, id.str());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return UnavailableError("cannot make folder {}: {}", folder, error.message());
  std::string processor = ValueOf(arguments, "--processor-id");
  arguments.insert(arguments.end(), {"--log-file", folder + "/LOG-" + processor});
  return arguments;
}

}  // namespace fate::egg_pair
