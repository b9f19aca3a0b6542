#include <cstdlib>

#include "dag/dag.h"

// Whatever parses must resolve at every site and survive the way through JSON.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fate::dag::Dag;
  auto dag = Dag::ParseText({reinterpret_cast<const char*>(data), size});
  if (!dag.ok()) return 0;
  for (const auto& site : dag->Sites()) {
    for (const auto& name : dag->TasksOf(site)) {
      if (!dag->TaskAt(site, name).ok()) std::abort();
    }
  }
  auto again = Dag::Parse(dag->ToJson());
  if (!again.ok() || again->ToJson() != dag->ToJson()) std::abort();
  return 0;
}
