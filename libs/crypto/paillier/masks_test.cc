#include "crypto/paillier/masks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "crypto/paillier/encryptor.h"
#include "crypto/paillier/mask_pool.h"
#include "crypto/paillier/test_keys.h"
#include "crypto/random.h"

namespace fate::crypto::paillier {
namespace {

// `count` masks as integers.
std::vector<BigInt> Masks(const MaskSource& source, size_t count) {
  const auto& ring = source.public_key().ring();
  Residues masks(ring, std::vector<BigInt>(count, BigInt(1)));
  source.Mask(masks[0], count, Inline());
  return masks.Leave();
}

std::vector<std::shared_ptr<const MaskSource>> Sources() {
  std::vector<std::shared_ptr<const MaskSource>> sources;
  for (const MaskStrength strength : {MaskStrength::kFull, MaskStrength::kShort}) {
    for (const PrivateKey* key : {&TestKey(), &SubgroupKey()}) {
      sources.push_back(std::make_shared<const PublicMasks>(key->public_key(), strength));
      sources.push_back(std::make_shared<const OwnerMasks>(*key, strength));
    }
  }
  return sources;
}

TEST(Masks, ExponentsHaveTheLengthsStated) {
  const PublicKey &key = TestKey(2048).public_key(), &subgroup = SubgroupKey().public_key();
  EXPECT_EQ(MaskBits(MaskStrength::kFull, key), 1024);
  EXPECT_EQ(MaskBits(MaskStrength::kShort, key), 448);
  EXPECT_EQ(MaskBits(MaskStrength::kFull, TestKey(1024).public_key()), 512);
  EXPECT_EQ(MaskBits(MaskStrength::kFull, subgroup), 448);  // 2 * 160 + 128
  EXPECT_EQ(MaskBits(MaskStrength::kShort, ToyKey().public_key()), 32);
}

// An n-th residue encrypts 0: its power phi(n) is 1.
TEST(Masks, TheyAreNthResidues) {
  for (const auto& source : Sources()) {
    const bool is_subgroup = !source->public_key().mask_root().IsZero();
    const auto [p, q] = (is_subgroup ? SubgroupKey() : TestKey()).ExposePrimes();
    for (const BigInt& mask : Masks(*source, 9)) {
      EXPECT_EQ(mask.PowMod((p - 1) * (q - 1), source->public_key().n_squared()), BigInt(1));
    }
  }
}

// Of `count` fair coins, the heads lie within 5 standard deviations of a half: a good generator
// fails once in two million.
void ExpectFair(size_t heads, size_t count, const std::string& what) {
  const double deviation = std::abs(2.0 * double(heads) - double(count)) / std::sqrt(double(count));
  EXPECT_LT(deviation, 5) << what << ": " << heads << " of " << count;
}

TEST(Masks, BitsAreBalancedAndBytesUniform) {
  constexpr size_t kMasks = 400;
  for (const auto& source : Sources()) {
    const BigInt& n = source->public_key().n();
    size_t ones = 0;
    std::vector<size_t> bytes(256);
    const std::vector<BigInt> masks = Masks(*source, kMasks);
    // The low halves of both digits mod n: bits that the top of n does not bend.
    for (const BigInt& mask : masks) {
      for (BigInt digit : {mask.Mod(n), mask / n}) {
        for (int i = 0; i < 512; ++i) ones += digit.Bit(i);
        for (int i = 0; i < 64; ++i) {
          ++bytes[static_cast<size_t>(digit.Mod(256).ToInt64())];
          digit >>= 8;
        }
      }
    }
    ExpectFair(ones, kMasks * 1024, "ones among bits");
    const double expected = kMasks * 128 / 256.0;
    double chi_square = 0;
    for (const size_t count : bytes) {
      chi_square += (double(count) - expected) * (double(count) - expected) / expected;
    }
    // 255 degrees of freedom: 255 +- 22.6; 5.5 standard deviations either way.
    EXPECT_LT(chi_square, 380);
    EXPECT_GT(chi_square, 130);
  }
}

// h = -x^2 with primes 3 mod 4: every mask has Jacobi symbol 1, and half of them are squares.
TEST(Masks, AllHaveJacobiSymbolOneAndHalfAreSquares) {
  constexpr size_t kMasks = 400;
  const auto [p, q] = TestKey().ExposePrimes();
  const PublicMasks source(TestKey().public_key());
  size_t squares = 0;
  for (const BigInt& mask : Masks(source, kMasks)) {
    const int symbol = mpz_jacobi(mask.mpz(), p.mpz());
    EXPECT_EQ(symbol, mpz_jacobi(mask.mpz(), q.mpz()));
    squares += symbol == 1;
  }
  ExpectFair(squares, kMasks, "squares among masks");
}

TEST(MaskPool, HandsOutEveryMaskOnceAndNeverWaits) {
  const auto source = std::make_shared<const PublicMasks>(TestKey().public_key());
  const MaskPool pool(source, 100);
  ASSERT_TRUE(pool.WaitUntilFull(60'000));
  EXPECT_EQ(pool.available(), 100u);
  std::vector<BigInt> masks = Masks(pool, 30);
  for (const BigInt& mask : Masks(pool, 300)) masks.push_back(mask);  // more than there are
  std::sort(masks.begin(), masks.end());
  EXPECT_EQ(std::adjacent_find(masks.begin(), masks.end()), masks.end());
  EXPECT_NE(masks[0], BigInt(1));
  EXPECT_TRUE(pool.WaitUntilFull(60'000)) << "it fills again";
}

TEST(MaskPool, AnEncryptorOnItEncrypts) {
  const auto source = std::make_shared<const OwnerMasks>(TestKey());
  const Encryptor encryptor(std::make_shared<const MaskPool>(source, 50));
  const WorkerPool pool(3);
  std::vector<BigInt> values;
  for (int i = 0; i < 120; ++i) values.push_back(BigInt(i - 60));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(*TestKey().DecryptSigned(*encryptor.Encrypt(values, pool)), values);
  }
}

TEST(MaskPool, SeveralThreadsTakeFromIt) {
  const MaskPool pool(std::make_shared<const PublicMasks>(TestKey().public_key()), 64);
  std::vector<std::vector<BigInt>> taken(3);
  std::vector<std::thread> threads;
  for (auto& masks : taken) threads.emplace_back([&] { masks = Masks(pool, 100); });
  for (std::thread& thread : threads) thread.join();
  std::vector<BigInt> all;
  for (auto& masks : taken) all.insert(all.end(), masks.begin(), masks.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

TEST(MaskPool, ItStopsWhileItWorks) {
  const auto source = std::make_shared<const PublicMasks>(TestKey().public_key());
  for (int i = 0; i < 5; ++i) const MaskPool pool(source, 50'000);
  const MaskPool empty(source, 0);
  EXPECT_EQ(Masks(empty, 3).size(), 3u);
}

}  // namespace
}  // namespace fate::crypto::paillier
