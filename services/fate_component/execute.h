#pragma once

// The three commands of fate_component (spec/fate-flow.md 15.1). Each returns the exit code.

#include <string>

namespace fate::component {

// Step 2: writes the define file.
int WriteDefine(const std::string& component, const std::string& role, const std::string& stage,
                const std::string& output_path);

// Step 3: runs the task. The result file is written whatever happens.
int Execute(const std::string& config_path, const std::string& result_path);

// Step 5: ends the session of a task that was killed and removes what it left on the eggs.
// `environment`: the variable that holds {computing, federation}.
int CleanUp(const std::string& environment);

}  // namespace fate::component
