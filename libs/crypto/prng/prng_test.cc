#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/prng/chacha.h"
#include "crypto/prng/mersenne.h"
#include "crypto/prng/shuffle.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

using Seed = std::array<uint8_t, 32>;

Seed Counting() {
  Seed seed;
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<uint8_t>(i);
  return seed;
}

// spec 16.4
TEST(ChaCha20, FirstWordsUnderTheSeedsOfTheSpecification) {
  ChaCha20 zero(Seed{});
  for (const uint64_t word :
       {0x903df1a0ade0b876u, 0x28bd8653e56a5d40u, 0x1aed8da0b819d2bdu, 0xc70d778bccef36a8u}) {
    EXPECT_EQ(zero.Next64(), word);
  }
  ChaCha20 counting(Counting());
  for (const uint64_t word :
       {0x6a19c5d97d2bfd39u, 0x494adcb87703bd8du, 0xcc6adebc6fd8358au, 0x9224ead84c7dccb2u}) {
    EXPECT_EQ(counting.Next64(), word);
  }
}

// OpenSSL's key stream from the block of the given index on.
std::vector<uint8_t> OpenSslStream(const Seed& key, uint32_t block, size_t size) {
  uint8_t counter_and_nonce[16] = {};
  for (int i = 0; i < 4; ++i) counter_and_nonce[i] = static_cast<uint8_t>(block >> 8 * i);
  std::vector<uint8_t> stream(size);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int written = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context, EVP_chacha20(), nullptr, key.data(), counter_and_nonce), 1);
  EXPECT_EQ(
      EVP_EncryptUpdate(context, stream.data(), &written, stream.data(), static_cast<int>(size)),
      1);
  EVP_CIPHER_CTX_free(context);
  return stream;
}

TEST(ChaCha20, IsTheKeyStreamOfOpenSslFromAnyWordOn) {
  Seed key;
  Random::Fill(key.data(), key.size());
  for (const uint64_t first : {0u, 1u, 15u, 16u, 17u, 63u, 64u, 1000u, 123457u}) {
    const auto stream = OpenSslStream(key, static_cast<uint32_t>(first / 16), 4 * (16 + 300));
    ChaCha20 words(key, first);
    for (size_t i = first % 16; i < 300; ++i) {
      uint32_t expected = 0;
      for (size_t k = 0; k < 4; ++k) expected |= uint32_t{stream[4 * i + k]} << 8 * k;
      ASSERT_EQ(words.Next32(), expected) << first << " " << i;
    }
  }
}

TEST(ChaCha20, TheBlockCounterHas64Bits) {
  // Block 2^32: a 32-bit counter would begin again.
  ChaCha20 late(Seed{}, uint64_t{16} << 32), first(Seed{});
  EXPECT_NE(late.Next64(), first.Next64());
  ChaCha20 before(Seed{}, (uint64_t{16} << 32) - 1), at(Seed{}, uint64_t{16} << 32);
  before.Next32();
  EXPECT_EQ(before.Next64(), at.Next64());
}

// spec 16.4
TEST(ExpandSeed, KnownAnswers) {
  const auto hex = [](uint64_t seed) {
    const Seed bytes = ExpandSeed(seed);
    return HexEncode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  EXPECT_EQ(hex(0), "ecf273f981b5cd4587f0467306ad6cadd0d0a3e33317e767f29bea72d78a7dfe");
  EXPECT_EQ(hex(42), "a48fa17b58323d0aeab8a1cc690114b82b8cc87518b4f7548d446ea1e4df20f2");
}

// spec 16.4
TEST(Mersenne, NumpyUniformSeed1) {
  std::mt19937 twister = SeededTwister(1);
  for (const double value : {0.417022004702574, 0.7203244934421581, 0.00011437481734488664}) {
    EXPECT_EQ(NumpyUniform(twister), value);
  }
}

// spec 6.7
TEST(Mersenne, TorchUniformSeed42) {
  std::mt19937 twister = SeededTwister(42);
  for (const float value : {0.88226926F, 0.91500396F, 0.38286376F, 0.95930564F}) {
    EXPECT_EQ(TorchUniform(twister), value);
  }
}

// torch 1.12.1: torch.randint(-2**63, 2**63 - 1, (4,), generator=g), g.manual_seed(seed).
TEST(Mersenne, TorchRandIntOverTheRing) {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
  const auto draw = [](int64_t seed) {
    std::mt19937 twister = SeededTwister(static_cast<uint64_t>(seed));
    std::vector<int64_t> values(4);
    for (int64_t& value : values) value = TorchRandInt(twister, kLow, kHigh);
    return values;
  };
  const std::vector<int64_t> seed_42{-2314326399425823309, 8314211556539077902, 4279532810384561223,
                                     1819927849474927636};
  EXPECT_EQ(draw(42), seed_42);
  EXPECT_EQ(draw((int64_t{1} << 40) + 42), seed_42);  // torch drops the high half as well
  EXPECT_EQ(draw(-1), (std::vector<int64_t>{-7422378986580066014, 7607120784305990727,
                                            5331760257347419712, 5165154706003526138}));
  EXPECT_EQ(draw(kLow + 7), (std::vector<int64_t>{-7815732517915138876, 5163590386780219894,
                                                  -1136149262272507693, 4122204982959224423}));
  std::mt19937 twister = SeededTwister(42);
  EXPECT_EQ(TorchRandInt(twister, kLow + 1, kHigh), -2314326399425823308);
}

// fate_utils 0.1.0: HistogramIndexer(1, [count]).get_shuffler(seed).get_global_perm_index().
TEST(Shuffle, IsThatOfFateUtils) {
  EXPECT_EQ(Shuffled(10, 0), (std::vector<size_t>{5, 2, 9, 1, 6, 3, 4, 0, 7, 8}));
  EXPECT_EQ(Shuffled(10, 42), (std::vector<size_t>{7, 3, 9, 5, 0, 8, 6, 4, 2, 1}));
  EXPECT_EQ(Shuffled(5, 7), (std::vector<size_t>{1, 4, 3, 0, 2}));
  const std::vector<size_t> hundred = Shuffled(100, (uint64_t{1} << 63) + 12345);
  EXPECT_EQ((std::vector<size_t>{hundred.begin(), hundred.begin() + 8}),
            (std::vector<size_t>{74, 14, 26, 20, 8, 0, 97, 44}));
  EXPECT_EQ(hundred.back(), 28u);
  EXPECT_TRUE(Shuffled(0, 1).empty());
}

TEST(Shuffle, AStepMovesRunsOfElements) {
  const std::vector<size_t> order{2, 0, 1};
  EXPECT_EQ(WithStep(order, 2), (std::vector<size_t>{4, 5, 0, 1, 2, 3}));
  EXPECT_EQ(Inverse(order), (std::vector<size_t>{1, 2, 0}));
}

RC_GTEST_PROP(Shuffle, InverseUndoesIt, (uint16_t count, uint64_t seed)) {
  const std::vector<size_t> order = Shuffled(count % 2000, seed), back = Inverse(order);
  for (size_t i = 0; i < order.size(); ++i) RC_ASSERT(order[back[i]] == i);
}

TEST(Shuffle, EveryOrderOfThreeComesEquallyOften) {
  std::array<int, 27> seen{};
  constexpr int kTrials = 12000;
  for (uint64_t seed = 0; seed < kTrials; ++seed) {
    const std::vector<size_t> order = Shuffled(3, seed);
    ++seen[9 * order[0] + 3 * order[1] + order[2]];
  }
  // 2000 expected of each, standard deviation 41.
  EXPECT_EQ(std::count_if(seen.begin(), seen.end(), [](int n) { return n > 1750 && n < 2250; }), 6);
}

}  // namespace
}  // namespace fate::crypto
