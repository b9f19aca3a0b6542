#include "storage_service/storage_service.h"

int main(int argc, char** argv) {
  using fate::storage_service::StorageService;
  return fate::daemon::Run(
      argc, argv,
      {.name = "storage_service",
       .about = "Serves the tables of this node to clients outside of a session.",
       .default_config = "conf/eggroll.properties"},
      &StorageService::Check,
      [](const std::string& config) { return StorageService::Start(config); });
}
