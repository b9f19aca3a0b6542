// Times what works on secrets (dudect.h): a few thousand measurements and a generous bound, or as
// many as FATE_TIMING_MEASUREMENTS says and the bound of the paper.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "crypto/curve/curve25519.h"
#include "crypto/curve/curve25519_kernel.h"
#include "crypto/intersect/rsa.h"
#include "crypto/paillier/private_key.h"
#include "crypto/random.h"
#include "crypto/ring/power.h"
#include "crypto/timing/dudect.h"

namespace fate::crypto {
namespace {

size_t Measurements() {
  const char* const text = std::getenv("FATE_TIMING_MEASUREMENTS");
  return text == nullptr ? 5000 : std::strtoull(text, nullptr, 10);
}

// An early exit shows with 30 and more after 5,000 measurements.
double Bound() { return Measurements() >= 1'000'000 ? 4.5 : 10; }

// A leak stays, the accident of one run (another program, a change of the clock) does not: what is
// beyond the bound is measured again.
void ExpectConstantTime(const TimedOperation& operation) {
  double t = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    t = LargestT(operation, Measurements(), Random::Uint64());
    std::printf("|t| = %.1f\n", t);
    if (t < Bound()) return;
  }
  ADD_FAILURE() << "|t| = " << t << " after " << Measurements() << " measurements, three times: "
                << "time depends on the secret";
}

// Small numbers, so that a million measurements take a minute: the code is the same.
constexpr int kPrimeBits = 128;

BigInt Prime() {
  return (Random::Bits(kPrimeBits - 2) + BigInt::PowerOfTwo(kPrimeBits - 1) +
          BigInt::PowerOfTwo(kPrimeBits - 2))
      .NextPrime();
}

TEST(Dudect, ALeakIsSeen) {
  const BigInt m = Prime();
  const auto ring = Ring::ModuloSquare(m);
  Residues base(ring, {&m, 1});
  std::vector<BigInt> exponents(kSlots);
  Residues out(ring, 1);
  const TimedOperation public_power{
      [&](size_t slot, bool random) {
        exponents[slot] = BigInt::PowerOfTwo(kPrimeBits) + (random ? Random::Bits(kPrimeBits) : 1);
      },
      [&](size_t slot) { PowerAll(*ring, base[0], 1, exponents[slot], out[0]); }};
  EXPECT_GT(LargestT(public_power, 5000, 1), 20);
}

TEST(ConstantTime, PowersByASecretExponent) {
  const BigInt m = Prime();
  for (const Isa isa : SupportedIsas()) {
    const auto ring = Ring::ModuloSquare(m, isa);
    std::vector<BigInt> exponents(kSlots);
    Residues base(ring, std::vector<BigInt>(ring->lanes(), Random::Below(ring->modulus())));
    Residues out(ring, ring->lanes());
    ExpectConstantTime({[&](size_t slot, bool random) {
                          exponents[slot] = BigInt::PowerOfTwo(kPrimeBits - 1);
                          if (random) exponents[slot] += Random::Bits(kPrimeBits - 1);
                        },
                        [&](size_t slot) {
                          PowerSecret(*ring, base[0], ring->lanes(), exponents[slot], kPrimeBits,
                                      out[0]);
                        }});
  }
}

// Plaintexts are as long as the primes in both classes: a short one shows in the limbs that BigInt
// drops, as it does in all that is done with it afterwards.
TEST(ConstantTime, PaillierDecryption) {
  const BigInt p = Prime(), q = Prime();
  for (const Isa isa : SupportedIsas()) {
    const auto key = *paillier::PrivateKey::FromPrimesForTest(p, q, isa);
    const std::shared_ptr<const Ring>& ring = key.public_key().ring();
    const std::vector<BigInt> fixed(ring->lanes(), Random::Below(ring->modulus()));
    std::vector<Residues> slots(kSlots, Residues(ring, fixed));
    ExpectConstantTime({[&](size_t slot, bool random) {
                          std::vector<BigInt> values = fixed;
                          if (random) {
                            for (BigInt& c : values) c = Random::Below(ring->modulus());
                          }
                          ring->Enter(values, slots[slot][0]);
                        },
                        [&](size_t slot) { (void)key.Decrypt(slots[slot]); }});
  }
}

// Values below both primes in both classes, for the reason above.
TEST(ConstantTime, RsaSignatures) {
  const BigInt p = Prime(), q = Prime();
  for (const Isa isa : SupportedIsas()) {
    const auto key = intersect::RsaPrivateKey::FromPrimesForTest(p, q, 65537, isa);
    if (!key.ok()) GTEST_SKIP() << "65537 divides p - 1 or q - 1";
    const BigInt& n = key->public_key().n();
    const std::vector<BigInt> fixed(kMaxLanes, Random::Below(n));
    std::vector<std::vector<BigInt>> slots(kSlots, fixed);
    ExpectConstantTime({[&](size_t slot, bool random) {
                          slots[slot] = fixed;
                          if (!random) return;
                          for (BigInt& value : slots[slot]) value = Random::Below(n);
                        },
                        [&](size_t slot) { (void)key->Sign(slots[slot]); }});
  }
}

// Secrets of one bit beside secrets of all lengths, as many points as fill a vector.
TEST(ConstantTime, MultiplicationOfPointsByASecret) {
  for (const Isa isa : SupportedIsas()) {
    const std::vector<CurvePoint> points(curve25519::KernelOf(isa).lanes, HashToCurve("1"));
    std::vector<std::array<uint8_t, 32>> secrets(kSlots);
    ExpectConstantTime(
        {[&](size_t slot, bool random) {
           secrets[slot] = random ? PsiSecret::Random().bytes() : std::array<uint8_t, 32>{8};
         },
         [&](size_t slot) {
           CurvePoint products[kMaxLanes];
           curve25519::KernelOf(isa).multiply({secrets[slot].data(), 253}, points[0].data(),
                                              products[0].data(), points.size());
         }});
  }
}

// Ids show in nothing but their lengths, squares or not: fixed field elements beside random ones.
TEST(ConstantTime, MappingOfFieldElementsToPoints) {
  for (const Isa isa : SupportedIsas()) {
    const size_t lanes = curve25519::KernelOf(isa).lanes;
    std::vector<std::array<CurvePoint, kMaxLanes>> elements(kSlots);
    const std::array<uint8_t, 32> one = {1};
    ExpectConstantTime({[&](size_t slot, bool random) {
                          elements[slot] = {};
                          if (random) Random::Fill(&elements[slot], sizeof(elements[slot]));
                        },
                        [&](size_t slot) {
                          CurvePoint points[kMaxLanes];
                          curve25519::KernelOf(isa).map_and_multiply(
                              {one.data(), 1}, elements[slot][0].data(), points[0].data(), lanes);
                        }});
  }
}

}  // namespace
}  // namespace fate::crypto
