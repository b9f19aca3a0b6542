#include "algo/binning/encrypted_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "crypto/homomorphic/ciphertexts.h"

namespace fate::algo {
namespace {

using crypto::BigInt;
using crypto::Residues;
using crypto::paillier::AuditCiphertexts;
using crypto::paillier::Encryptor;
using crypto::paillier::PrivateKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PrivateKey& Key() {
  static const auto& key = *new PrivateKey(*PrivateKey::Generate(1024));
  return key;
}

// Rows s0, s1, ... with the labels given and one column: the row's number.
std::string EncodeBlock(const std::vector<double>& labels, const std::string& prefix = "s") {
  dataframe::BlockBuilder builder(1, true, false);
  for (size_t i = 0; i < labels.size(); ++i) {
    builder.Add({prefix + std::to_string(i), "", labels[i], std::nullopt, {double(i)}});
  }
  return builder.Finish();
}

dataframe::Block Decode(const std::string& bytes) { return *dataframe::Block::Decode(bytes); }

TEST(EncryptedLabels, EveryRowIsEncryptedAndMasked) {
  const Encryptor encryptor(Key().public_key());
  const std::string bytes = EncodeBlock({1, 0, 0, 1, 1});
  auto& counters = crypto::paillier::GlobalCounters();
  const uint64_t encryptions = counters.encryptions, masks = counters.masks;
  const auto encrypted = EncryptLabels(encryptor, Decode(bytes));
  ASSERT_TRUE(encrypted.ok()) << encrypted.status();
  EXPECT_EQ(counters.encryptions - encryptions, 5u);
  EXPECT_EQ(counters.masks - masks, 5u);

  const auto labels = ParseLabels(Key().public_key(), *encrypted);
  ASSERT_TRUE(labels.ok()) << labels.status();
  EXPECT_EQ(labels->audit.ciphertexts, 5u);
  EXPECT_EQ(labels->audit.unmasked, 0u);
  EXPECT_THAT(*Key().Decrypt(labels->labels),
              ElementsAre(BigInt(1), BigInt(0), BigInt(0), BigInt(1), BigInt(1)));
  const std::vector<BigInt> integers = labels->labels.Leave();
  EXPECT_NE(integers[0], integers[3]);
  EXPECT_NE(*encrypted, *EncryptLabels(encryptor, Decode(bytes)));
}

TEST(EncryptedLabels, ALabelThatIsNotBinaryIsRefused) {
  const Encryptor encryptor(Key().public_key());
  for (const double label : {2.0, -1.0, 0.5, std::nan("")}) {
    const std::string bytes = EncodeBlock({1, label});
    EXPECT_THAT(Message(EncryptLabels(encryptor, Decode(bytes)).status()), HasSubstr("not binary"));
  }
}

TEST(EncryptedLabels, HostileBlocksAreRefused) {
  const auto& key = Key().public_key();
  const std::string good = *EncryptLabels(Encryptor(key), Decode(EncodeBlock({1, 0})));
  EXPECT_FALSE(ParseLabels(key, "").ok());
  EXPECT_FALSE(ParseLabels(key, good.substr(0, good.size() - 1)).ok());
  EXPECT_FALSE(
      ParseLabels(key, good + std::string(crypto::CiphertextBytes(*key.ring()), '\0')).ok());
  EXPECT_FALSE(
      ParseLabels(key, good + std::string(crypto::CiphertextBytes(*key.ring()), '\xff')).ok());
  EXPECT_FALSE(
      ParseLabels(key, std::string(32 + 129 * crypto::CiphertextBytes(*key.ring()), '\x01')).ok());
}

TEST(EncryptedLabels, AHostSumsByBinWithoutAKey) {
  const auto& key = Key().public_key();
  const std::string bytes = EncodeBlock({1, 1, 0, 1, 0, 1});
  const std::string encrypted = *EncryptLabels(Encryptor(key), Decode(bytes));
  LabelSummer summer(key, {0, 0}, {{{1, 4, 5}}, {{0, 3}, true}});
  ASSERT_TRUE(summer.Add(Decode(bytes), *ParseLabels(key, encrypted)).ok());
  EXPECT_THAT(summer.sizes(), ElementsAre(2, 3, 1, 1, 1));
  EXPECT_THAT(*Key().Decrypt(summer.sums()),
              ElementsAre(BigInt(2), BigInt(1), BigInt(1), BigInt(1), BigInt(1)));
}

TEST(EncryptedLabels, OtherRowsAreNoticed) {
  const auto& key = Key().public_key();
  const std::string guest = EncodeBlock({1, 0}), other = EncodeBlock({1, 0}, "t");
  const std::string encrypted = *EncryptLabels(Encryptor(key), Decode(guest));
  LabelSummer summer(key, {0}, {{{1}}});
  const absl::Status status = summer.Add(Decode(other), *ParseLabels(key, encrypted));
  EXPECT_THAT(Message(status), HasSubstr("run psi before binning"));
  EXPECT_FALSE(summer.Add(Decode(EncodeBlock({1})), *ParseLabels(key, encrypted)).ok());
}

TEST(PackedSums, ReturnTheCountsMasked) {
  const auto& key = Key().public_key();
  const Encryptor encryptor(key);
  std::vector<BigInt> integers;
  std::vector<int64_t> counts;
  for (int i = 0; i < 60; ++i) {  // more than one ciphertext holds
    counts.push_back(i % 5 == 0 ? 0 : (int64_t{1} << kSlotBits) - i);
    integers.emplace_back(counts.back());
  }
  Residues sums = *encryptor.Encrypt(integers);
  // A bin without rows is the unmasked zero.
  for (size_t i = 0; i < sums.size(); i += 5) {
    std::copy_n(key.ring()->one(), key.ring()->words(), sums[i]);
  }
  const auto packed = PackSums(encryptor, sums);
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_EQ(packed->size(), 3u);  // 25 slots at 1024 bits
  EXPECT_EQ(AuditCiphertexts(key, *packed).unmasked, 0u);
  const auto unpacked = UnpackSums(Key(), *packed, counts.size());
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  EXPECT_EQ(*unpacked, counts);
}

TEST(PackedSums, SumsOfEmptyBinsOnlyAreMaskedToo) {
  const auto& key = Key().public_key();
  const auto packed = PackSums(Encryptor(key), NoSums(key, 2));
  ASSERT_TRUE(packed.ok());
  EXPECT_EQ(AuditCiphertexts(key, *packed).unmasked, 0u);
  EXPECT_THAT(*UnpackSums(Key(), *packed, 2), ElementsAre(0, 0));
}

TEST(PackedSums, MoreThanTheCountsIsRefused) {
  const Encryptor encryptor(Key().public_key());
  const Residues one = *encryptor.Encrypt({{BigInt(int64_t{1} << kSlotBits)}});
  EXPECT_FALSE(UnpackSums(Key(), one, 1).ok());
  EXPECT_FALSE(UnpackSums(Key(), one, 26).ok());
  EXPECT_FALSE(UnpackSums(Key(), Residues(Key().public_key().ring(), 0), 1).ok());
}

}  // namespace
}  // namespace fate::algo
