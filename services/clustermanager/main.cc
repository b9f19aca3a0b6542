#include "clustermanager/cluster_manager.h"

int main(int argc, char** argv) {
  using fate::clustermanager::ClusterManager;
  return fate::daemon::Run(argc, argv,
                           {.name = "clustermanager",
                            .about = "Keeps the nodes, sessions and stores of one cluster.",
                            .default_config = "conf/eggroll.properties"},
                           &ClusterManager::Check, &ClusterManager::Start);
}
