#pragma once

// The process's Prometheus registry (prometheus-cpp). Families are made once at start-up:
//
//   static auto& pops = prometheus::BuildCounter().Name("rollsite_pops_total")
//                           .Help("Queue pops answered").Register(Metrics());
//   pops.Add({{"code", "ok"}}).Increment();

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace fate {

prometheus::Registry& Metrics();

// All families in the Prometheus text format, as served under /metrics. Process figures
// (resident memory, CPU seconds, open files) are added at the time of the call.
std::string MetricsText();

}  // namespace fate
