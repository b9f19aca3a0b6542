#include <cstdint>
#include <string_view>

#include "routing/route_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto table = fate::routing::RouteTable::Parse(text, "fuzz.json", "9999");
  if (!table.ok()) return 0;
  for (std::string_view party : {"9999", "10000", "default", ""}) {
    for (std::string_view role : {"", "default", "fateflow"}) {
      (void)table->Find(party, role, 1);
      (void)table->Explain(party, role);
    }
  }
  return 0;
}
