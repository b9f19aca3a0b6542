#include "fate_utils/settings.h"

#include <fmt/format.h>
#include <pybind11/pybind11.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/text.h"

namespace fate::python {
namespace {

constexpr int kMostThreads = 256;

int g_threads = 0;  // 0: not asked for yet
pid_t g_owner = 0;
// Never deleted: a call on another thread may still use it, and a child cannot join threads that
// it does not have.
const crypto::Parallel* g_pool = nullptr;

int Checked(int threads, std::string_view source) {
  if (threads < 1 || threads > kMostThreads) {
    throw pybind11::value_error(
        fmt::format("{} asks for {} threads; give 1 to {}", source, threads, kMostThreads));
  }
  return threads;
}

int ThreadsOfEnvironment() {
  const char* text = std::getenv("FATE_UTILS_THREADS");
  if (text == nullptr || *text == '\0') return 1;
  const auto number = ParseInt<int>(text);
  return Checked(number.value_or(0), "FATE_UTILS_THREADS");
}

}  // namespace

const crypto::Parallel& Threads() {
  if (g_threads == 0) g_threads = ThreadsOfEnvironment();
  if (g_threads == 1) return crypto::Inline();
  if (g_pool == nullptr || g_owner != getpid()) {
    g_pool = new crypto::WorkerPool(g_threads);
    g_owner = getpid();
  }
  return *g_pool;
}

crypto::Isa InstructionSet() {
  const char* name = std::getenv("FATE_UTILS_ISA");
  if (name == nullptr || *name == '\0') return crypto::BestIsa();
  std::string known;
  for (crypto::Isa isa : crypto::SupportedIsas()) {
    if (crypto::IsaName(isa) == name) return isa;
    known += fmt::format(" {}", crypto::IsaName(isa));
  }
  throw pybind11::value_error(fmt::format("FATE_UTILS_ISA is {}; this CPU has{}", name, known));
}

void SetThreads(int threads) {
  g_threads = Checked(threads, "set_threads");
  g_pool = nullptr;
}

}  // namespace fate::python
