#pragma once

// What the subcommands of `fate` share: global options, exit codes and printing.
//
// Exit codes: 0 success; 1 the job or request failed; 2 wrong usage; 3 a service cannot be
// reached; 4 the time given with --timeout is over.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "fate/flow_client.h"

namespace fate::cli {

struct Globals {
  std::string flow = "http://127.0.0.1:9380";
  bool json = false;
};

// Set by a subcommand's callback; run after parsing.
struct Invocation {
  Globals globals;
  std::function<absl::Status()> run;
};

int ExitCode(const absl::Status& status);

// One JSON document on standard output.
void PrintJson(const Json& document);
// Rows with aligned columns; the first row is the heading.
void PrintTable(const std::vector<std::vector<std::string>>& rows);
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

void AddJobCommands(CLI::App& app, Invocation& invocation);    // submit status stop log
void AddToyCommand(CLI::App& app, Invocation& invocation);     // toy
void AddDataCommands(CLI::App& app, Invocation& invocation);   // upload table
void AddDemoCommand(CLI::App& app, Invocation& invocation);    // demo
void AddRouteCommand(CLI::App& app, Invocation& invocation);   // route
void AddAuditCommand(CLI::App& app, Invocation& invocation);   // audit
void AddOtherCommands(CLI::App& app, Invocation& invocation);  // version completion

// The subcommands and long options that may follow `words`, one a line.
void PrintCompletions(const CLI::App& app, const std::vector<std::string>& words);

// The whole program.
int Main(int argc, char** argv);

}  // namespace fate::cli
