#include "nodemanager/node_resources.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"

namespace fate::nodemanager {
namespace {

std::pair<std::string_view, std::string_view> Field(std::string_view line) {
  size_t colon = line.find(':');
  if (colon == line.npos) return {};
  return {Trim(line.substr(0, colon)), Trim(line.substr(colon + 1))};
}

int64_t CountCores(const std::string& cpuinfo) {
  std::set<std::pair<std::string_view, std::string_view>> cores;
  std::string_view physical;
  for (std::string_view line : Split(cpuinfo, '\n')) {
    auto [key, value] = Field(line);
    if (key == "physical id") physical = value;
    if (key == "core id") cores.emplace(physical, value);
  }
  return std::max<int64_t>(1, static_cast<int64_t>(cores.size()));
}

std::map<std::string_view, int64_t> ParseMeminfo(const std::string& meminfo) {
  std::map<std::string_view, int64_t> values;
  for (std::string_view line : Split(meminfo, '\n')) {
    auto [key, value] = Field(line);
    values[key] = ParseInt<int64_t>(value.substr(0, value.find(' '))).value_or(0);
  }
  return values;
}

std::string ReadText(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

std::vector<session::Resource> ParseResources(const std::string& cpuinfo,
                                              const std::string& loadavg,
                                              const std::string& meminfo) {
  int64_t cores = CountCores(cpuinfo);
  double load = ParseDouble(std::string_view(loadavg).substr(0, loadavg.find(' '))).value_or(0);
  auto memory = ParseMeminfo(meminfo);
  int64_t total_kib = memory["MemTotal"] - memory["HardwareCorrupted"] -
                      memory["HugePages_Total"] * memory["Hugepagesize"];
  int64_t free_kib = memory["MemFree"] + memory["Inactive(file)"];
  return {
      {.type = "VCPU_CORE", .total = cores, .used = std::min(cores, static_cast<int64_t>(load))},
      {.type = "PHYSICAL_MEMORY",
       .total = total_kib * 1024,
       .used = (total_kib - free_kib) * 1024}};
}

std::vector<session::Resource> ReadResources() {
  return ParseResources(ReadText("/proc/cpuinfo"), ReadText("/proc/loadavg"),
                        ReadText("/proc/meminfo"));
}

}  // namespace fate::nodemanager
