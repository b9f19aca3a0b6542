#include "crypto/paillier/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <random>

#include "base/status.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/paillier/encryptor.h"
#include "crypto/paillier/test_keys.h"

namespace fate::crypto {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Packing, GradientsEqualTheVectors) {  // section 16.1, shift 63
  const Packing packing = *Packing::Create(63, 2, 1023);
  const auto pack = [&](double g, double h) {
    return (*packing.PackFloats(std::vector<double>{g, h}, 52))[0].ToHex();
  };
  EXPECT_EQ(pack(-0.5 + 1, 0.25), "40000000000000004000000000000");
  EXPECT_EQ(pack(0.5 + 1, 0.25), "c0000000000000004000000000000");
}

std::vector<double> Gradients(size_t pairs) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(0, 2);
  std::vector<double> numbers(2 * pairs);
  for (double& number : numbers) number = uniform(random);
  return numbers;
}

TEST(Packing, RandomPairsComeBack) {  // section 18, D3
  const Packing packing = *Packing::Create(63, 2, 1023);
  const std::vector<double> numbers = Gradients(17);
  const auto packed = packing.PackFloats(numbers, 52);
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_EQ(packed->size(), 17u);
  const auto unpacked = packing.UnpackFloats(*packed, numbers.size(), 52);
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  for (size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_LT(std::abs((*unpacked)[i] - numbers[i]), std::ldexp(1, -51));
  }
}

TEST(Packing, SqueezedCiphertextsUnpackToTheirNumbers) {  // section 18, D3
  const auto& key = paillier::TestKey();
  const Packing pairs = *Packing::Create(63, 2, 1023), all = *Packing::Create(63, 16, 1023);
  const std::vector<double> numbers = Gradients(8);
  const auto packed = *pairs.PackFloats(numbers, 52);
  const Residues encrypted = *paillier::Encryptor(key.public_key()).Encrypt(packed);
  const Residues squeezed = *Squeeze(encrypted, 8, 126);
  ASSERT_EQ(squeezed.size(), 1u);
  const std::vector<BigInt> plaintexts = *key.Decrypt(squeezed);
  const auto unpacked = all.UnpackFloats(plaintexts, 16, 52);
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  EXPECT_EQ(*unpacked, *pairs.UnpackFloats(packed, 16, 52));
}

TEST(Packing, AShortLastPlaintextStartsAtItsLowestSlots) {
  const Packing packing = *Packing::Create(8, 3, 24);
  const std::vector<uint64_t> numbers = {1, 2, 3, 4, 5};
  const auto packed = packing.PackUnsigned(numbers);
  EXPECT_THAT(*packed, ElementsAre(BigInt(0x010203), BigInt(0x0405)));
  EXPECT_EQ(*packing.UnpackUnsigned(*packed, 5), numbers);
  EXPECT_THAT(*packing.PackUnsigned({}), ElementsAre());
}

TEST(Packing, WhatDoesNotFitIsRefused) {
  EXPECT_FALSE(Packing::Create(40, 26, 1023).ok());
  EXPECT_FALSE(Packing::Create(0, 1, 1023).ok());
  EXPECT_FALSE(Packing::Create(8, 0, 1023).ok());
  EXPECT_FALSE(Packing::Create(1 << 30, 4, 1023).ok());
  EXPECT_FALSE(Packing::Fill(1024, 1023).ok());
  EXPECT_FALSE(Packing::Fill(0, 1023).ok());
  EXPECT_EQ(Packing::Fill(40, 1023)->slots(), 25);
  const Packing packing = *Packing::Create(8, 3, 24);
  EXPECT_THAT(Message(packing.PackUnsigned(std::vector<uint64_t>{1, 256}).status()),
              HasSubstr("number 1 of 2 is too large with 9 bits, for a slot of 8"));
  EXPECT_THAT(Message(packing.Pack(std::vector<BigInt>{-1}).status()), HasSubstr("is negative"));
  for (const double bad : {-0.5, std::nan(""), HUGE_VAL, 16.0}) {
    EXPECT_FALSE(packing.PackFloats(std::vector<double>{bad}, 4).ok()) << bad;
  }
  EXPECT_THAT(*packing.PackFloats(std::vector<double>{15.96}, 4), ElementsAre(BigInt(255)));
  EXPECT_FALSE(packing.PackFloats(std::vector<double>{15.97}, 4).ok()) << "rounds to 256";
}

TEST(Packing, OverflownOrForeignPlaintextsAreRefused) {
  const Packing packing = *Packing::Create(8, 3, 24);
  const auto unpack = [&](const BigInt& plaintext, size_t count) {
    return packing.Unpack({&plaintext, 1}, count).status();
  };
  EXPECT_TRUE(unpack(0xFFFFFF, 3).ok());
  EXPECT_THAT(Message(unpack(0x1000000, 3)), HasSubstr("overflowed"));
  EXPECT_FALSE(unpack(0x10000, 2).ok());
  EXPECT_FALSE(unpack(-1, 3).ok());
  EXPECT_FALSE(unpack(1, 4).ok());
  EXPECT_FALSE(unpack(1, 0).ok());
}

RC_GTEST_PROP(PackingProperty, SumsOfSignedNumbersUnpackToTheSums, ()) {
  const int bits = *rc::gen::inRange(1, 50);
  const uint64_t terms = *rc::gen::inRange<uint64_t>(1, 9);
  const Packing packing = *Packing::Fill(bits + 4, 1023);
  const size_t count = *rc::gen::inRange<size_t>(0, 60);
  const int64_t bound = int64_t{1} << bits;
  std::vector<BigInt> plaintexts(packing.plaintexts(count)), sums(count);
  for (uint64_t term = 0; term < terms; ++term) {
    const auto numbers = *rc::gen::container<std::vector<int64_t>>(
        count, rc::gen::inRange<int64_t>(1 - bound, bound));
    const auto packed = packing.PackSigned(numbers, bits);
    RC_ASSERT(packed.ok());
    for (size_t i = 0; i < plaintexts.size(); ++i) plaintexts[i] += (*packed)[i];
    for (size_t i = 0; i < count; ++i) sums[i] += numbers[i];
  }
  const auto unpacked = packing.UnpackSigned(plaintexts, count, bits, terms);
  RC_ASSERT(unpacked.ok());
  RC_ASSERT(*unpacked == sums);
}

TEST(Packing, SignedNumbersAndTermsHaveTheirBounds) {
  const Packing packing = *Packing::Create(8, 3, 24);
  const auto pack = [&](int64_t number, int bits) {
    return packing.PackSigned({&number, 1}, bits).status();
  };
  EXPECT_TRUE(pack(127, 7).ok());
  EXPECT_TRUE(pack(-127, 7).ok());
  EXPECT_FALSE(pack(128, 7).ok());
  EXPECT_FALSE(pack(-128, 7).ok());
  EXPECT_FALSE(pack(1, 8).ok());
  const auto unpack = [&](const BigInt& plaintext, uint64_t terms) {
    return packing.UnpackSigned({&plaintext, 1}, 1, 6, terms).status();
  };
  EXPECT_TRUE(unpack(128, 2).ok());
  EXPECT_TRUE(unpack(100, 2).ok());
  EXPECT_FALSE(unpack(200, 3).ok()) << "three terms of 7 bits may need 9";
  EXPECT_FALSE(unpack(0, 1).ok());
  EXPECT_FALSE(unpack(128, 1).ok());
  EXPECT_FALSE(unpack(0, 0).ok());
}

TEST(Packing, FloatsRoundLikeDoubles) {
  const Packing packing = *Packing::Create(200, 1, 1023);
  for (const double x : {0.0, 5e-324, 1e-9, 0.1, 1.0, 1.5, 1e15, 123456789.123}) {
    const auto packed = packing.PackFloats({&x, 1}, 60);
    ASSERT_TRUE(packed.ok()) << x;
    const double back = (*packing.UnpackFloats(*packed, 1, 60))[0];
    EXPECT_LE(std::abs(back - x), std::max(std::ldexp(1, -61), x * 0x1p-53)) << x;
  }
}

}  // namespace
}  // namespace fate::crypto
