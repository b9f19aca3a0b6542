#pragma once

// The component program: where it is and what its components take and give
// (spec/fate-flow.md 15.2, 19). Thread-safe.

#include <map>
#include <mutex>
#include <string>

#include "fateflow/answer.h"

namespace fate::flow {

inline constexpr char kFateProvider[] = "fate";
inline constexpr char kFlowProvider[] = "fate_flow";

class Components {
 public:
  // `program`: path of fate_component; empty: beside this program.
  Components(std::string program, std::string temp_dir);

  const std::string& program() const { return program_; }

  // {"inputs": {"data": [D], "model": [D]}, "outputs": {"data", "model", "metric"}}, asked from
  // the program once per component, role and stage. Error: what the program said.
  absl::StatusOr<Json> Define(const std::string& component, const std::string& role,
                              const std::string& stage);

 private:
  const std::string program_, temp_dir_;
  std::mutex mutex_;
  std::map<std::string, Json> defines_;
};

// "fate:0.1.0@local" from "fate:0.1.0@local", "fate:0.1.0", "fate" or "": what is missing or "*"
// comes from the defaults. Error: "Not found provider[...]" for one that is not registered.
absl::StatusOr<std::string> ProviderOf(const std::string& text, const std::string& component);
std::string DefaultProvider(const std::string& name);

}  // namespace fate::flow
