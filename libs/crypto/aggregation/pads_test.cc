#include "crypto/aggregation/pads.h"

#include <gtest/gtest.h>

#include <limits>

#include "crypto/aggregation/secure_sum.h"
#include "crypto/agreement/modp_key.h"

namespace fate::crypto {
namespace {

// spec 7.2
TEST(Pads, UuidsAreMd5OfTheIndex) {
  EXPECT_EQ(ClientUuid(0).value(), "cfcd208495d565ef66e7dff9f98764da");
  EXPECT_EQ(ClientUuid(1).value(), "c4ca4238a0b923820dcc509a6f75849b");
}

Padder WithPeer(int index, int other, const BigInt& secret) {
  return Padder::Create(ClientUuid(index).value(), {{ClientUuid(other).value(), secret}}).value();
}

// numpy 1.26, with FATE 1.11's RandomPads: seed = secret & 0xffffffff.
TEST(Padder, KnownAnswers) {
  const BigInt secret = BigInt::PowerOfTwo(1000) + 123456789012345;
  Padder zero = WithPeer(0, 1, secret), one = WithPeer(1, 0, secret);
  const std::vector<double> x{1.5, -2.25, 1000.125}, y{0.5, 1.0, -3.75};
  EXPECT_EQ(zero.Pad(x, 227.0 / 455).value(),
            (std::vector{0.6503167869708413, -1.7125909295051804, 498.527630547206}));
  EXPECT_EQ(one.Pad(y, 228.0 / 455).value(),
            (std::vector{0.34858431193025763, 1.091162358076609, -1.4432898878653186}));
  EXPECT_EQ(zero.PadRow("row7", x, 1.0, kTablePadAmplifier).value(),
            (std::vector{-404.2258751030489, -268.4855745553914, 669.1150864582617}));
}

// spec 18, E1, for 1.x
TEST(Padder, PadsOfThreeClientsCancelInEveryRound) {
  constexpr int kClients = 3;
  std::vector<ModpKey> keys;
  for (int i = 0; i < kClients; ++i) keys.push_back(ModpKey::Random(Rfc5114Group1024()).value());
  std::vector<Padder> clients;
  for (size_t i = 0; i < kClients; ++i) {
    std::map<std::string, BigInt> secrets;
    for (size_t j = 0; j < kClients; ++j) {
      if (i == j) continue;
      secrets[ClientUuid(static_cast<int>(j)).value()] =
          keys[i].Agree(keys[j].public_value()).value();
    }
    clients.push_back(Padder::Create(ClientUuid(static_cast<int>(i)).value(), secrets).value());
  }
  const std::vector<std::vector<double>> values{{0.25, -10}, {1e-9, 5}, {-7.5, 1}};
  const std::vector<double> samples{227, 228, 114};
  for (int round = 0; round < 3; ++round) {
    ArraySum sum, rows;
    for (size_t i = 0; i < kClients; ++i) {
      const std::vector<double> padded = clients[i].Pad(values[i], samples[i] / 569).value();
      const std::vector<double> row = clients[i].PadRow("k", values[i], 1.0, 1000).value();
      EXPECT_NE(padded[0], values[i][0] * samples[i] / 569);
      const std::span<const double> view(padded), row_view(row);
      ASSERT_TRUE(sum.Add(std::span(&view, 1)).ok());
      ASSERT_TRUE(rows.Add(std::span(&row_view, 1)).ok());
    }
    for (size_t k = 0; k < 2; ++k) {
      const double weighted = 227 * values[0][k] + 228 * values[1][k] + 114 * values[2][k];
      EXPECT_NEAR(sum.arrays()[0][k], weighted / 569, 1e-9);
      EXPECT_NEAR(rows.arrays()[0][k], values[0][k] + values[1][k] + values[2][k], 1e-9);
    }
  }
}

TEST(Padder, AClientAloneOrWithItselfAndValuesThatAreNoNumbersAreRefused) {
  EXPECT_FALSE(Padder::Create("a", {}).ok());
  EXPECT_FALSE(Padder::Create("a", {{"a", 1}}).ok());
  Padder padder = Padder::Create("a", {{"b", 1}}).value();
  const std::vector<double> values{1, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(padder.Pad(values, 1.0).ok());
  EXPECT_FALSE(padder.PadRow("k", values, 1.0, 1000).ok());
}

}  // namespace
}  // namespace fate::crypto
