#include "fate/command.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/status.h"
#include "daemon/daemon.h"

namespace fate::cli {

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kUnavailable:
      return 3;
    case absl::StatusCode::kDeadlineExceeded:
      return 4;
    default:
      return 1;
  }
}

void PrintJson(const Json& document) {
  std::printf("%s\n", document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

void PrintTable(const std::vector<std::vector<std::string>>& rows) {
  std::fputs(FormatTable(rows).c_str(), stdout);
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Federated learning from the command line: try a demo, submit and watch jobs, "
      "look at tables and routes.\n"
      "Exit codes: 0 success, 1 failed, 2 wrong usage, 3 service not reachable, "
      "4 time is over.",
      "fate");
  Invocation invocation;
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  app.add_option("--flow", invocation.globals.flow,
                 "address of the site's fateflow (environment: FATE_FLOW)")
      ->envname("FATE_FLOW");
  app.add_flag("--json", invocation.globals.json, "print JSON instead of text");
  app.fallthrough();
  AddDemoCommand(app, invocation);
  AddToyCommand(app, invocation);
  AddDataCommands(app, invocation);
  AddJobCommands(app, invocation);
  AddRouteCommand(app, invocation);
  AddAuditCommand(app, invocation);
  AddOtherCommands(app, invocation);
  if (argc >= 2 && std::string(argv[1]) == "complete") {  // asked by the shell's completion
    PrintCompletions(app, {argv + 2, argv + argc});
    return 0;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  absl::Status status = invocation.run();
  if (!status.ok()) {
    if (invocation.globals.json) {
      PrintJson({{"error", Message(status)}, {"exit_code", ExitCode(status)}});
    }
    std::fprintf(stderr, "fate: %s\n", Message(status).c_str());
  }
  return ExitCode(status);
}

}  // namespace fate::cli
