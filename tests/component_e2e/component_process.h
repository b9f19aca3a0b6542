#pragma once

// One fate_component process with its task configuration and its files, for tests.

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "support/local_party.h"

namespace fate::testing {

struct TaskSpec {
  std::string task;  // id of the task, the same at all parties
  std::string component;
  std::string role, party_id;
  std::vector<std::pair<std::string, std::string>> parties;  // role, party id
  nlohmann::json parameters = nlohmann::json::object();
  nlohmann::json inputs = nlohmann::json::object();
  std::string stage = "default";
};

class ComponentProcess {
 public:
  // Asks the program what the component gives, writes the configuration and starts the task. What
  // the task leaves lies below the party's folder.
  ComponentProcess(const LocalParty& party, const TaskSpec& spec);
  ~ComponentProcess();  // kills it when it still runs

  // The exit code, -1 when it did not end in time.
  int Wait(absl::Duration timeout = absl::Seconds(60));
  void Signal(int number) const;
  pid_t pid() const { return pid_; }

  nlohmann::json Result() const;  // of task_result.yaml
  // An entry of io_meta.outputs, as the input of another task.
  nlohmann::json Output(const std::string& kind, const std::string& key) const;
  nlohmann::json Model(const std::string& key) const;
  nlohmann::json Metrics() const;
  std::string Log(const std::string& level) const;
  std::string Stdout() const;
  const nlohmann::json& conf() const { return conf_; }

 private:
  nlohmann::json Config(const LocalParty& party, const TaskSpec& spec);
  nlohmann::json OutputArtifacts(const TaskSpec& spec) const;

  std::string folder_;
  nlohmann::json conf_;
  pid_t pid_ = -1;
};

// Runs fate_component to its end: its exit code.
int RunFateComponent(const std::vector<std::string>& arguments, const std::string& output_path,
                     const std::string& task_config = "");

}  // namespace fate::testing
