#include "crypto/ring/power.h"

#include <cstring>

#include "crypto/ring/fixed_base.h"
#include "crypto/ring/ring_cases.h"
#include "crypto/ring/select.h"

namespace fate::crypto {
namespace {

// Exponents of `bits` bits: the edges, then random ones.
std::vector<BigInt> ExponentsOf(int bits, size_t count) {
  std::vector<BigInt> exponents{0, 1, 2, BigInt::PowerOfTwo(bits) - 1,
                                BigInt::PowerOfTwo(bits - 1)};
  while (exponents.size() < count) exponents.push_back(Random::Bits(bits));
  exponents.resize(count);
  return exponents;
}

class PowerTest : public RingAlgorithmTest {};

TEST_P(PowerTest, EachElementHasItsOwnExponent) {
  for (const int bits : {1, 2, 7, 23, 53, 63, 64, 65, 140, 700}) {
    const std::vector<BigInt> values = RandomValues(19), exponents = ExponentsOf(bits, 19);
    Residues powers(ring_, values);
    PowerEach(*ring_, powers[0], Exponents(exponents), powers[0]);
    const std::vector<BigInt> result = powers.Leave();
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(result[i], Power(values[i], exponents[i])) << bits << " bits, element " << i;
    }
  }
}

TEST_P(PowerTest, ExponentsOfOneWordAreTaken) {
  const std::vector<uint64_t> exponents{0, UINT64_MAX, 12345};
  const std::vector<BigInt> values = RandomValues(3);
  const Residues a(ring_, values);
  Residues powers(ring_, 3);
  PowerEach(*ring_, a[0], Exponents(exponents), powers[0]);
  EXPECT_EQ(powers.Leave(), (std::vector<BigInt>{1, Power(values[1], BigInt::PowerOfTwo(64) - 1),
                                                 Power(values[2], 12345)}));
}

TEST_P(PowerTest, OneExponentServesAllElements) {
  for (const BigInt& exponent :
       {BigInt(0), BigInt(1), BigInt(2), BigInt(3), BigInt(12), BigInt::PowerOfTwo(140),
        BigInt::PowerOfTwo(53) - 1, Random::Bits(23), Random::Bits(300), Random::Bits(1000)}) {
    const std::vector<BigInt> values = RandomValues(11);
    const Residues a(ring_, values);
    Residues powers(ring_, values.size());
    PowerAll(*ring_, a[0], a.size(), exponent, powers[0]);
    const std::vector<BigInt> result = powers.Leave();
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(result[i], Power(values[i], exponent));
  }
}

TEST_P(PowerTest, SecretExponentsGiveTheSamePowers) {
  for (const int bits : {1, 4, 5, 64, 190, 511}) {
    for (const BigInt& exponent : ExponentsOf(bits, 7)) {
      if (exponent.BitLength() > bits) continue;
      const std::vector<BigInt> values = RandomValues(9);
      Residues a(ring_, values);
      PowerSecret(*ring_, a[0], a.size(), exponent, bits, a[0]);
      const std::vector<BigInt> result = a.Leave();
      for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(result[i], Power(values[i], exponent));
    }
  }
}

TEST_P(PowerTest, TablesOfOneBaseGivePowersWhateverTheirSize) {
  const WorkerPool pool(3);
  for (const int bits : {1, 8, 61, 190, 1024}) {
    for (const size_t table_bytes : {size_t{0}, size_t{20} << 10, size_t{200} << 10}) {
      const BigInt base = RandomValues(1)[0];
      const Residues element(ring_, std::vector{base});
      const FixedBaseTable table(ring_, element[0], bits, table_bytes, pool);
      std::vector<BigInt> exponents = ExponentsOf(bits, 21);
      for (BigInt& exponent : exponents) exponent = exponent.Mod(BigInt::PowerOfTwo(bits));
      Residues powers(ring_, exponents.size());
      table.Power(Exponents(exponents), powers[0], pool);
      const std::vector<BigInt> result = powers.Leave();
      table.PowerTimes(powers[0], Exponents(exponents), powers[0]);
      const std::vector<BigInt> squares = powers.Leave();
      for (size_t i = 0; i < exponents.size(); ++i) {
        const BigInt expected = Power(base, exponents[i]);
        ASSERT_EQ(result[i], expected) << bits << " bits, " << table_bytes << " bytes";
        ASSERT_EQ(squares[i], Times(expected, expected));
      }
    }
  }
}

TEST_P(PowerTest, ThreadsShareTheWork) {
  const WorkerPool pool(3);
  const std::vector<BigInt> values = RandomValues(203), exponents = ExponentsOf(30, 203);
  const Residues a(ring_, values);
  Residues powers(ring_, 203), alone(ring_, 203);
  PowerEach(*ring_, a[0], Exponents(exponents), powers[0], pool);
  PowerEach(*ring_, a[0], Exponents(exponents), alone[0]);
  EXPECT_EQ(powers.Leave(), alone.Leave());
  PowerSecret(*ring_, a[0], 203, 12345, 20, powers[0], pool);
  PowerAll(*ring_, a[0], 203, 12345, alone[0], pool);
  EXPECT_EQ(powers.Leave(), alone.Leave());
}

FATE_INSTANTIATE_RING_TESTS(PowerTest);

TEST(SelectTest, GivesTheEntryAskedForOnEveryInstructionSet) {
  constexpr size_t kEntries = 16, kWords = 40;
  alignas(64) uint64_t table[kEntries * kWords], out[kWords];
  Random::Fill(table, sizeof(table));
  for (const Isa isa : SupportedIsas()) {
    for (size_t index = 0; index < kEntries; ++index) {
      Select(isa, out, table, kEntries, kWords, index);
      EXPECT_EQ(std::memcmp(out, table + index * kWords, sizeof(out)), 0) << IsaName(isa);
    }
  }
}

}  // namespace
}  // namespace fate::crypto
