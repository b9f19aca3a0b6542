#include "nodemanager/node_manager.h"

int main(int argc, char** argv) {
  using fate::nodemanager::NodeManager;
  return fate::daemon::Run(argc, argv,
                           {.name = "nodemanager",
                            .about = "Starts, watches and ends the eggs of one node.",
                            .default_config = "conf/eggroll.properties"},
                           &NodeManager::Check, &NodeManager::Start);
}
