// Bodies of uploads come from outside: no input may crash the reader.

#include <cstdint>
#include <cstdlib>

#include "fateflow/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate::flow;
  fate::http::Request request{.headers = {{"content-type", "multipart/form-data; boundary=XX"}},
                              .body = std::string(reinterpret_cast<const char*>(data), size)};
  auto fields = FormFields(request);
  auto saved = SaveFormFile(request, "file", "/dev/null");
  // A body that cannot be read gives neither fields nor a file.
  if (!fields.ok() && saved.ok()) std::abort();
  return 0;
}
