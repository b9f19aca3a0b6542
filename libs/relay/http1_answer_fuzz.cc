#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "relay/http1_answer.h"

// The first byte says in which pieces the rest comes in; what comes out must not depend on it.
namespace {

std::string Show(std::string_view text, size_t step) {
  fate::relay::Http1Answer answer(1 << 12);
  bool good = true;
  for (size_t at = 0; good && at < text.size(); at += step) {
    good = answer.Add(text.substr(at, step)).ok();
  }
  if (answer.body().size() > 1 << 12) std::abort();
  if (!good || !answer.End().ok()) return "wrong";
  return std::to_string(answer.status()) + answer.body();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (Show(text, data[0] % 16 + 1) != Show(text, text.size() + 1)) std::abort();
  return 0;
}
