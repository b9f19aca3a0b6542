#pragma once

// Rings for the tests of this folder: every instruction set, both forms.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crypto/random.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

struct RingCase {
  Isa isa;
  bool is_square;
};

inline std::vector<RingCase> RingCases() {
  std::vector<RingCase> cases;
  for (const Isa isa : SupportedIsas()) {
    for (const bool is_square : {false, true}) cases.push_back({isa, is_square});
  }
  return cases;
}

inline std::string RingCaseName(const testing::TestParamInfo<RingCase>& info) {
  return std::string(IsaName(info.param.isa)) + (info.param.is_square ? "_square" : "_plain");
}

// A ring with an odd modulus (or its root) of 190 bits without small factors, so that elements
// can be inverted, and plain arithmetic to compare with.
class RingAlgorithmTest : public testing::TestWithParam<RingCase> {
 protected:
  RingAlgorithmTest() {
    const BigInt p = (Random::Bits(94) + BigInt::PowerOfTwo(94)).NextPrime();
    p_ = p;
    const BigInt m = p * (Random::Bits(94) + BigInt::PowerOfTwo(94)).NextPrime();
    ring_ = GetParam().is_square ? Ring::ModuloSquare(m, GetParam().isa)
                                 : Ring::Modulo(m, GetParam().isa);
  }
  std::vector<BigInt> RandomValues(size_t count) const {
    std::vector<BigInt> values(count);
    for (BigInt& value : values) value = Random::Below(ring_->modulus() - 1) + 1;
    return values;
  }
  BigInt Times(const BigInt& a, const BigInt& b) const { return (a * b).Mod(ring_->modulus()); }
  BigInt Power(const BigInt& a, const BigInt& e) const { return a.PowMod(e, ring_->modulus()); }

  std::shared_ptr<const Ring> ring_;
  BigInt p_;  // a factor of the modulus
};

#define FATE_INSTANTIATE_RING_TESTS(Test) \
  INSTANTIATE_TEST_SUITE_P(Rings, Test, testing::ValuesIn(RingCases()), RingCaseName)

}  // namespace fate::crypto
