// Any bytes as a pickled text: what is accepted must be readable again after writing it.
#include <cstdlib>

#include "wire/pickle_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = fate::wire::UnpickleText({reinterpret_cast<const char*>(data), size});
  if (!text.ok()) return 0;
  auto again = fate::wire::UnpickleText(fate::wire::PickleText(*text));
  if (!again.ok() || *again != *text) std::abort();
  return 0;
}
