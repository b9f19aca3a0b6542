#include <gtest/gtest.h>

#include "base/status.h"
#include "base/text.h"
#include "crypto/agreement/modp_key.h"
#include "crypto/agreement/x25519.h"

namespace fate::crypto {
namespace {

std::string_view View(const std::array<uint8_t, 32>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

X25519Key CountingFrom(int first) {
  std::array<uint8_t, 32> bytes;
  for (size_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(static_cast<size_t>(first) + i);
  return X25519Key(bytes);
}

// spec 16.4
TEST(X25519, KnownAnswers) {
  X25519Key a = CountingFrom(0), b = CountingFrom(0x20);
  EXPECT_EQ(HexEncode(View(a.public_key())),
            "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f");
  EXPECT_EQ(HexEncode(View(b.public_key())),
            "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254");
  const auto public_a = a.public_key();
  const SharedSecret at_a = std::move(a).Agree(View(b.public_key())).value();
  const SharedSecret at_b = std::move(b).Agree(View(public_a)).value();
  EXPECT_EQ(HexEncode(View(at_a.bytes)),
            "9663aa1da97e848a914a436d04163dfbb89178f107f1b5b77ed3854203382854");
  EXPECT_EQ(at_a.bytes, at_b.bytes);
}

TEST(X25519, RandomKeysAgreeAndDiffer) {
  X25519Key a = X25519Key::Random(), b = X25519Key::Random();
  EXPECT_NE(a.public_key(), b.public_key());
  const auto public_a = a.public_key();
  EXPECT_EQ(std::move(a).Agree(View(b.public_key()))->bytes,
            std::move(b).Agree(View(public_a))->bytes);
}

TEST(X25519, AKeyServesOnce) {
  X25519Key a = X25519Key::Random();
  const X25519Key b = X25519Key::Random();
  ASSERT_TRUE(std::move(a).Agree(View(b.public_key())).ok());
  EXPECT_EQ(std::move(a).Agree(View(b.public_key())).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(X25519, AKeyOfAnotherSizeIsRefused) {
  for (const size_t size : {0u, 31u, 33u}) {
    const absl::Status status = X25519Key::Random().Agree(std::string(size, 'k')).status();
    EXPECT_EQ(Message(status),
              fmt::format("the peer's X25519 public key has {} bytes, not 32", size));
  }
}

TEST(X25519, PointsOfSmallOrderAreRefused) {
  const std::string zero(32, '\0'), one = '\1' + std::string(31, '\0');
  const std::string order_8 =
      *HexDecode("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
  for (const std::string& point : {zero, one, order_8}) {
    const absl::Status status = X25519Key::Random().Agree(point).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << HexEncode(point);
  }
}

TEST(ModpKey, TwoClientsAgreeInBothGroups) {
  for (const ModpGroup& group : {Rfc2409Group2(), Rfc5114Group1024()}) {
    EXPECT_EQ(group.p.BitLength(), 1024);
    EXPECT_TRUE(group.p.IsProbablePrime());
    const ModpKey a = ModpKey::Random(group).value(), b = ModpKey::Random(group).value();
    EXPECT_NE(a.public_value(), b.public_value());
    EXPECT_EQ(a.Agree(b.public_value()).value(), b.Agree(a.public_value()).value());
  }
}

// RFC 5114, section 2.1: q, the order of g.
TEST(ModpKey, TheGeneratorOfRfc5114HasOrderQ) {
  const ModpGroup group = Rfc5114Group1024();
  const BigInt q = *BigInt::FromHex("f518aa8781a8df278aba4e7d64b7cb9d49462353");
  EXPECT_EQ(group.g.PowMod(q, group.p), BigInt(1));
}

TEST(ModpKey, BadGroupsAreRefused) {
  const ModpGroup good = Rfc2409Group2();
  EXPECT_FALSE(ModpKey::Random({good.p + 2, 2}).ok());  // composite
  EXPECT_FALSE(ModpKey::Random({good.p + 1, 2}).ok());  // even
  EXPECT_FALSE(ModpKey::Random({good.p >> 1, 2}).ok());
  EXPECT_FALSE(ModpKey::Random({-good.p, 2}).ok());
  for (const BigInt& g : {BigInt(-1), BigInt(0), BigInt(1), good.p - 1, good.p}) {
    EXPECT_FALSE(ModpKey::Random({good.p, g}).ok());
  }
}

TEST(ModpKey, ValuesThatGiveTheSecretAwayAreRefused) {
  const ModpGroup group = Rfc2409Group2();
  const ModpKey key = ModpKey::Random(group).value();
  for (const BigInt& peer : {BigInt(-2), BigInt(0), BigInt(1), group.p - 1, group.p, group.p + 5}) {
    EXPECT_EQ(key.Agree(peer).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace fate::crypto
