// The speed of libs/crypto, and of GMP and OpenSSL beside it. Speaks as the peers of bench/peers
// do: the name of a case comes in, one a line; a line of JSON with its speed goes out.
//
//   crypto_speed SECONDS_A_ROUND [generic|avx2|avx512|ifma]

#include <sys/resource.h>
#include <time.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "crypto_case.h"

namespace fate::bench {
namespace {

double Now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

nlohmann::json Measure(const Work& work, double seconds) {
  work.run();
  const double cpu = Now(CLOCK_PROCESS_CPUTIME_ID), wall = Now(CLOCK_MONOTONIC);
  double spent = 0;
  int calls = 0;
  for (; spent < seconds; ++calls) {
    work.run();
    spent = Now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  }
  const double wall_s = Now(CLOCK_MONOTONIC) - wall;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return {{"ops_per_cpu_s", calls * work.operations / spent},
          {"ops_per_wall_s", calls * work.operations / wall_s},
          {"cpu_s", spent},
          {"wall_s", wall_s},
          {"peak_mb", static_cast<double>(usage.ru_maxrss) / 1024}};
}

crypto::Isa IsaOf(std::string_view name) {
  for (crypto::Isa isa : crypto::SupportedIsas()) {
    if (crypto::IsaName(isa) == name || (name == "ifma" && isa == crypto::Isa::kIfma)) return isa;
  }
  std::cerr << "crypto_speed: this CPU has no " << name << "\n";
  std::exit(2);
}

int Serve(double seconds, crypto::Isa isa) {
  Cases cases = OurCases(isa);
  cases.merge(PlainCases());
  std::cout << nlohmann::json({{"isa", crypto::IsaName(isa)}}) << std::endl;
  std::map<std::string, Work> prepared;
  for (std::string name; std::getline(std::cin, name);) {
    nlohmann::json answer = {{"error", "there is no such case"}};
    if (const auto found = cases.find(name); found != cases.end()) {
      auto& work = prepared[name];
      if (!work.run) work = found->second();
      answer = Measure(work, seconds);
    }
    answer["case"] = name;
    std::cout << answer << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace fate::bench

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  const auto isa = argc > 2 ? fate::bench::IsaOf(argv[2]) : fate::crypto::BestIsa();
  return fate::bench::Serve(seconds, isa);
}
