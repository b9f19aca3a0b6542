#include <cstdint>
#include <cstdlib>

#include "rollsite/party_map.h"

// A certificate that no entry names may speak for nobody.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto map = rollsite::PartyMap::Parse(text, "map.json");
  if (!map.ok()) return 0;
  tls::Certificate known{.subject = "CN=a", .common_names = {"a"}, .dns = {"b"}, .uris = {"c"}};
  (void)map->Of(known).ToString();
  tls::Certificate stranger{.sha256 = "00"};
  if (map->Of(stranger).any && text.find("SHA256:") == std::string_view::npos) std::abort();
  return 0;
}
