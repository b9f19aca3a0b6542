#pragma once

// The instruction sets that this library has code for. The best one is found once, at run time;
// tests name each of SupportedIsas() in turn.

#include <string_view>
#include <vector>

namespace fate::crypto {

enum class Isa {
  kGeneric,  // portable C++ and GMP, which has its own dispatch
  kAvx2,     // AVX2: 4 lanes of 32 x 32 bit products
  kAvx512,   // AVX-512 F, DQ, BW, VL: 8 lanes of 32 x 32 bit products
  kIfma,     // AVX-512 IFMA: 8 lanes of 52 x 52 bit products
};

std::string_view IsaName(Isa isa);
bool IsSupported(Isa isa);
// In rising order, kGeneric first.
std::vector<Isa> SupportedIsas();
Isa BestIsa();

}  // namespace fate::crypto
