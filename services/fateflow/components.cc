#include "fateflow/components.h"

#include <filesystem>

#include "absl/time/clock.h"
#include "base/status.h"
#include "daemon/daemon.h"
#include "fateflow/layout.h"
#include "fateflow/process.h"
#include "yaml/yaml.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kDefineTimeout = absl::Seconds(10);

std::string Beside() {
  std::error_code error;
  return (fs::read_symlink("/proc/self/exe", error).parent_path() / "fate_component").string();
}

}  // namespace

Components::Components(std::string program, std::string temp_dir)
    : program_(program.empty() ? Beside() : std::move(program)), temp_dir_(std::move(temp_dir)) {}

absl::StatusOr<Json> Components::Define(const std::string& component, const std::string& role,
                                        const std::string& stage) {
  std::string key = component + " " + role + " " + stage;
  {
    std::lock_guard lock(mutex_);
    if (auto found = defines_.find(key); found != defines_.end()) return found->second;
  }
  std::string stem = fmt::format("{}/define-{}", temp_dir_, absl::ToUnixNanos(absl::Now()));
  ProcessSpec spec{.command = {program_, "component", "artifact-type", "--name", component,
                               "--role", role, "--stage", stage, "--output-path", stem + ".yaml"},
                   .directory = temp_dir_,
                   .output = stem + ".log"};
  absl::Status ran = RunToEnd(spec, kDefineTimeout);
  auto text = ReadTextFile(stem + ".yaml");
  fs::remove(stem + ".yaml");
  fs::remove(stem + ".log");
  RETURN_IF_ERROR(Annotate(ran, "cannot read what component " + component + " takes and gives"));
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(Json define, yaml::Parse(*text));
  std::lock_guard lock(mutex_);
  return defines_[key] = define;
}

std::string DefaultProvider(const std::string& name) {
  return fmt::format("{}:{}@local", name, daemon::Version());
}

absl::StatusOr<std::string> ProviderOf(const std::string& text, const std::string& component) {
  bool of_flow = component == "upload" || component == "download";
  std::string name = of_flow ? kFlowProvider : kFateProvider;
  std::string version = "*", device = "*", rest = text;
  if (size_t at = rest.find('@'); at != std::string::npos) {
    device = rest.substr(at + 1);
    rest.resize(at);
  }
  if (size_t colon = rest.find(':'); colon != std::string::npos) {
    version = rest.substr(colon + 1);
    rest.resize(colon);
  }
  if (!rest.empty() && rest != "*" && !of_flow) name = rest;
  if (name != kFateProvider && name != kFlowProvider) {
    return NotFoundError("Not found provider[{}]", text);
  }
  bool version_known = version.empty() || version == "*" || version == daemon::Version() ||
                       version.starts_with("2.");  // requests written for upstream's providers
  bool device_known = device.empty() || device == "*" || device == "local";
  if (!version_known || !device_known) return NotFoundError("Not found provider[{}]", text);
  return DefaultProvider(name);
}

}  // namespace fate::flow
