#include <cstdio>
#include <memory>

#include "base/status.h"
#include "daemon/daemon.h"
#include "fate/command.h"

namespace fate::cli {
namespace {

// Completion by the program itself: subcommands and options of the words typed so far.
constexpr char kBash[] = R"sh(_fate() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$(fate complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _fate fate
)sh";
constexpr char kZsh[] = R"sh(#compdef fate
_fate() {
  local -a candidates
  candidates=("${(@f)$(fate complete -- ${words[2,CURRENT-1]} 2>/dev/null)}")
  compadd -- $candidates || _files
}
compdef _fate fate
)sh";
constexpr char kFish[] =
    "complete -c fate -a '(fate complete -- (commandline -opc)[2..-1] 2>/dev/null)'\n";

absl::Status ShowVersion(const Globals& globals) {
  auto flow = FlowClient(globals.flow).Get("/v2/server/fateflow");
  if (globals.json) {
    PrintJson(
        {{"fate", daemon::Version()}, {"fateflow", flow.ok() ? (*flow)["data"] : Json(nullptr)}});
  } else {
    std::printf("fate %s\n", daemon::Version());
    if (flow.ok()) {
      for (const auto& [instance, record] : (*flow)["data"].items()) {
        std::printf("%s %s\n", instance.c_str(), record.value("version", "").c_str());
      }
    } else {
      std::printf("fateflow at %s: not reachable\n", globals.flow.c_str());
    }
  }
  return absl::OkStatus();
}

}  // namespace

void PrintCompletions(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  for (const std::string& word : words) {
    for (const CLI::App* sub : command->get_subcommands([](const CLI::App*) { return true; })) {
      if (sub->get_name() == word) command = sub;
    }
  }
  for (const CLI::App* sub : command->get_subcommands([](const CLI::App*) { return true; })) {
    std::printf("%s\n", sub->get_name().c_str());
  }
  for (const CLI::App* level = command; level != nullptr; level = level == &app ? nullptr : &app) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) std::printf("--%s\n", name.c_str());
    }
  }
}

void AddOtherCommands(CLI::App& app, Invocation& invocation) {
  auto* version = app.add_subcommand("version", "version of this tool and of the site's fateflow");
  version->callback([&invocation] {
    invocation.run = [&invocation] { return ShowVersion(invocation.globals); };
  });
  auto shell = std::make_shared<std::string>();
  auto* completion =
      app.add_subcommand("completion", "shell completion: eval \"$(fate completion bash)\"");
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([&invocation, shell] {
    invocation.run = [shell] {
      std::fputs(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish, stdout);
      return absl::OkStatus();
    };
  });
}

}  // namespace fate::cli
