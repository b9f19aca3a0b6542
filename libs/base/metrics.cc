#include "base/metrics.h"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace fate {
namespace {

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  long total_pages = 0, resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return static_cast<double>(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return t.tv_sec + t.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

prometheus::Registry& Metrics() {
  static auto* registry = new prometheus::Registry;
  return *registry;
}

std::string MetricsText() {
  static auto& resident = prometheus::BuildGauge()
                              .Name("process_resident_memory_bytes")
                              .Help("Resident memory size in bytes")
                              .Register(Metrics())
                              .Add({});
  static auto& cpu = prometheus::BuildGauge()
                         .Name("process_cpu_seconds_total")
                         .Help("Total user and system CPU time spent in seconds")
                         .Register(Metrics())
                         .Add({});
  resident.Set(ResidentBytes());
  cpu.Set(CpuSeconds());
  return prometheus::TextSerializer().Serialize(Metrics().Collect());
}

}  // namespace fate
