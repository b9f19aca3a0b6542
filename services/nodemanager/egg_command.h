#pragma once

// How an egg is started (spec/eggroll-control-plane.md 9.1; eggroll-compute-and-storage.md 2.4):
// our binary directly, or upstream's shell script with bash. Either way the command line holds
// "--session-id S", "--server-node-id N" and "--processor-id P" as separate words.

#include <string>

#include "absl/status/statusor.h"
#include "base/properties.h"
#include "daemon/eggroll_settings.h"
#include "nodemanager/process_keeper.h"

namespace fate::nodemanager {

struct EggProgram {
  std::string path;    // absolute
  std::string folder;  // working directory of a script: EGGROLL_HOME
  bool is_script = false;
  std::string python_path, python_venv;  // options of the script, "" leaves them out

  // eggroll.resourcemanager.bootstrap.egg_pair.exepath, else egg_pair in `own_folder`. A relative
  // path is below `home` (EGGROLL_HOME), or below the working directory when that is empty.
  // Error: kInvalidArgument naming file, line, key and remedy when nothing can be run there.
  static absl::StatusOr<EggProgram> Find(const Properties& properties, const std::string& home,
                                         const std::string& own_folder);
};

ProcessCommand EggCommand(const EggProgram& program, const daemon::EggrollSettings& settings,
                          int64_t node_id, const std::string& session, int64_t processor_id);

// The folder of the running program.
std::string OwnFolder();

}  // namespace fate::nodemanager
