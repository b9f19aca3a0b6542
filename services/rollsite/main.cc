#include "rollsite/rollsite.h"

int main(int argc, char** argv) {
  using fate::rollsite::Rollsite;
  return fate::daemon::Run(argc, argv,
                           {.name = "rollsite",
                            .about = "Carries everything that crosses parties: pushes, partner "
                                     "calls and message queues.",
                            .default_config = "conf/eggroll.properties",
                            .log_setting = &fate::rollsite::LogSetting,
                            .check_more = &Rollsite::CheckAll},
                           &Rollsite::Check,
                           [](const std::string& config) { return Rollsite::Start(config); });
}
