// Documents come from other programs: whatever the bytes, reading ends with a value that can be
// written and read again, or with an error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "yaml/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto value = fate::yaml::Parse(std::string(reinterpret_cast<const char*>(data), size));
  if (value.ok() && !fate::yaml::Parse(fate::yaml::Write(*value)).ok()) std::abort();
  return 0;
}
