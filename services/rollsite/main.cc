#include "relay/socket.h"
#include "rollsite/rollsite.h"

// Read by jemalloc (jemalloc(3)): unused memory goes back to the system within a second or two,
// on a thread of its own. One thread does the work, so few arenas are enough.
extern "C" {
const char* malloc_conf = "narenas:4,dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true";
}

int main(int argc, char** argv) {
  using fate::rollsite::Rollsite;
  fate::relay::UseRenoOnLoopback();
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
