#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/status.h"
#include "egg_pair/command_line.h"
#include "egg_pair/egg_pair.h"

namespace {

// Batches go back to the system when they are freed. With the defaults of malloc a shuffle left
// three times as much memory behind as it used (fragments in an arena for each thread).
void ReturnFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_ARENA_MAX, 2);
}

}  // namespace

int main(int argc, char** argv) {
  namespace egg_pair = fate::egg_pair;
  ReturnFreedMemory();
  auto arguments = egg_pair::Normalize({argv, argv + argc});
  if (!arguments.ok()) {
    std::fprintf(stderr, "egg_pair: %s\n", fate::Message(arguments.status()).c_str());
    return 2;
  }
  std::vector<char*> pointers;
  for (std::string& argument : *arguments) pointers.push_back(argument.data());
  egg_pair::CommandLine options;
  const CLI::App* parsed = nullptr;
  return fate::daemon::Run(
      static_cast<int>(pointers.size()), pointers.data(),
      {.name = "egg_pair",
       .about = "Runs the tasks of one session on the partitions of this node.",
       .default_config = "conf/eggroll.properties",
       .extra_options =
           [&](CLI::App& app) {
             egg_pair::AddOptions(app, &options);
             parsed = &app;
           }},
      &egg_pair::CheckConfig,
      [&](const std::string& config) -> absl::StatusOr<std::unique_ptr<fate::daemon::Running>> {
        if (auto status = Complete(*parsed, &options); !status.ok()) return status;
        return egg_pair::Start(options, config);
      });
}
