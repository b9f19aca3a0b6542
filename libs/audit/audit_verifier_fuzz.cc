// A log from outside: files are separated by a zero byte. The verifier must end, and what it
// accepts must be a chain.

#include <cstdlib>

#include "audit/test_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fate::audit::Log log;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::string_view file : fate::Split(text, '\0')) log.files.emplace_back(file);
  const auto report = log.Verify();
  if (report.ok() && report->last - report->first + 1 != report->records) std::abort();
  return 0;
}
