#pragma once

// A case of the benchmark of cryptography: what to time, on operands that were prepared before.

#include <functional>
#include <map>
#include <string>

#include "crypto/cpu.h"

namespace fate::bench {

struct Work {
  std::function<void()> run;
  double operations;  // made by one call of run
};

// By name: prepares operands.
using Cases = std::map<std::string, std::function<Work()>>;

Cases OurCases(crypto::Isa isa);
// GMP and OpenSSL, as one would use them without this library.
Cases PlainCases();

}  // namespace fate::bench
