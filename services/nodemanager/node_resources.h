#pragma once

// What this machine offers (spec/eggroll-control-plane.md 6.2): VCPU_CORE and PHYSICAL_MEMORY.

#include <string>
#include <vector>

#include "session/model.h"

namespace fate::nodemanager {

// Texts of /proc/cpuinfo, /proc/loadavg and /proc/meminfo.
// Cores are distinct (physical id, core id) pairs, 1 if none is listed.
std::vector<session::Resource> ParseResources(const std::string& cpuinfo,
                                              const std::string& loadavg,
                                              const std::string& meminfo);
std::vector<session::Resource> ReadResources();

}  // namespace fate::nodemanager
