// fate_component: runs one task of a job. See README.md.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "fate_component/execute.h"

namespace {

struct Options {
  std::string name, role, stage = "default", output_path;
  std::string config, result_path;
  std::string environment = "FATE_TASK_CONFIG";
  std::string process_tag;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs one task of a federated job at one party.", "fate_component");
  app.set_version_flag("--version", std::string("fate_component ") + FATE_VERSION);
  app.require_subcommand(1);
  Options options;
  auto* component = app.add_subcommand("component", "work on one component");
  component->require_subcommand(1);

  auto* define =
      component->add_subcommand("artifact-type", "write what a component takes and gives");
  define->add_option("--name", options.name, "component")->required();
  define->add_option("--role", options.role, "role of this party")->required();
  define->add_option("--stage", options.stage, "stage of the task")->capture_default_str();
  define->add_option("--output-path", options.output_path, "file to write")->required();

  auto* execute = component->add_subcommand("execute", "run a task");
  execute->add_option("--config", options.config, "task configuration")->required();
  execute->add_option("--execution-final-meta-path", options.result_path, "result file to write")
      ->required();
  execute->add_option("--process-tag", options.process_tag, "shown in process listings only");

  auto* cleanup = component->add_subcommand("cleanup", "end what a killed task left running");
  cleanup->add_option("--env-name", options.environment, "variable with the configuration")
      ->capture_default_str();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (auto status = fate::log::Init({.service = "fate_component"}); !status.ok()) return 2;
  if (define->parsed()) {
    return fate::component::WriteDefine(options.name, options.role, options.stage,
                                        options.output_path);
  }
  if (execute->parsed()) return fate::component::Execute(options.config, options.result_path);
  return fate::component::CleanUp(options.environment);
}
