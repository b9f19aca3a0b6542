#include "algo/binning/encrypted_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::algo {
namespace {

using crypto::Ciphertext;
using crypto::PaillierEncryptor;
using crypto::PaillierPrivateKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const PaillierPrivateKey& Key() {
  static const auto& key = *new PaillierPrivateKey(*PaillierPrivateKey::Generate(1024));
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
  const PaillierEncryptor encryptor(Key().public_key());
  const std::string bytes = EncodeBlock({1, 0, 0, 1, 1});
  auto& counters = crypto::GlobalPaillierCounters();
  const uint64_t encryptions = counters.encryptions, masks = counters.masks;
  const auto encrypted = EncryptLabels(encryptor, Decode(bytes));
  ASSERT_TRUE(encrypted.ok()) << encrypted.status();
  EXPECT_EQ(counters.encryptions - encryptions, 5u);
  EXPECT_EQ(counters.masks - masks, 5u);

  const auto labels = ParseLabels(Key().public_key(), *encrypted);
  ASSERT_TRUE(labels.ok()) << labels.status();
  std::vector<int64_t> decrypted;
  for (const Ciphertext& label : labels->labels) {
    EXPECT_FALSE(Key().public_key().IsUnmasked(label));
    decrypted.push_back(Key().Decrypt(label).ToInt64());
  }
  EXPECT_THAT(decrypted, ElementsAre(1, 0, 0, 1, 1));
  EXPECT_NE(labels->labels[0], labels->labels[3]);
  EXPECT_NE(*encrypted, *EncryptLabels(encryptor, Decode(bytes)));
}

TEST(EncryptedLabels, ALabelThatIsNotBinaryIsRefused) {
  const PaillierEncryptor encryptor(Key().public_key());
  for (const double label : {2.0, -1.0, 0.5, std::nan("")}) {
    const std::string bytes = EncodeBlock({1, label});
    EXPECT_THAT(Message(EncryptLabels(encryptor, Decode(bytes)).status()), HasSubstr("not binary"));
  }
}

TEST(EncryptedLabels, HostileBlocksAreRefused) {
  const auto& key = Key().public_key();
  const std::string good = *EncryptLabels(PaillierEncryptor(key), Decode(EncodeBlock({1, 0})));
  EXPECT_FALSE(ParseLabels(key, "").ok());
  EXPECT_FALSE(ParseLabels(key, good.substr(0, good.size() - 1)).ok());
  EXPECT_FALSE(ParseLabels(key, good + std::string(key.ciphertext_bytes(), '\0')).ok());
  EXPECT_FALSE(ParseLabels(key, good + std::string(key.ciphertext_bytes(), '\xff')).ok());
  EXPECT_FALSE(ParseLabels(key, std::string(32 + 129 * key.ciphertext_bytes(), '\x01')).ok());
}

TEST(EncryptedLabels, AHostSumsByBinWithoutAKey) {
  const auto& key = Key().public_key();
  const std::string bytes = EncodeBlock({1, 1, 0, 1, 0, 1});
  const std::string encrypted = *EncryptLabels(PaillierEncryptor(key), Decode(bytes));
  LabelSummer summer(key, {0, 0}, {{{1, 4, 5}}, {{0, 3}, true}});
  ASSERT_TRUE(summer.Add(Decode(bytes), *ParseLabels(key, encrypted)).ok());
  std::vector<int64_t> sizes, sums;
  for (size_t bin = 0; bin < 3; ++bin) {
    sizes.push_back(summer.size(0, bin));
    sums.push_back(Key().Decrypt(summer.Sum(0, bin)).ToInt64());
  }
  EXPECT_THAT(sizes, ElementsAre(2, 3, 1));
  EXPECT_THAT(sums, ElementsAre(2, 1, 1));
  EXPECT_EQ(summer.size(1, 1), 1);
  EXPECT_EQ(Key().Decrypt(summer.Sum(1, 1)).ToInt64(), 1);
}

TEST(EncryptedLabels, OtherRowsAreNoticed) {
  const auto& key = Key().public_key();
  const std::string guest = EncodeBlock({1, 0}), other = EncodeBlock({1, 0}, "t");
  const std::string encrypted = *EncryptLabels(PaillierEncryptor(key), Decode(guest));
  LabelSummer summer(key, {0}, {{{1}}});
  const absl::Status status = summer.Add(Decode(other), *ParseLabels(key, encrypted));
  EXPECT_THAT(Message(status), HasSubstr("run psi before binning"));
  EXPECT_FALSE(summer.Add(Decode(EncodeBlock({1})), *ParseLabels(key, encrypted)).ok());
}

TEST(PackedSums, ReturnTheCountsMasked) {
  const auto& key = Key().public_key();
  const PaillierEncryptor encryptor(key);
  std::vector<Ciphertext> sums;
  std::vector<int64_t> counts;
  for (int i = 0; i < 60; ++i) {  // more than one ciphertext holds
    counts.push_back(i % 5 == 0 ? 0 : (int64_t{1} << kSlotBits) - i);
    // A bin without rows is the unmasked zero.
    sums.push_back(i % 5 == 0 ? key.EncodeUnmasked(0) : encryptor.Encrypt(counts.back()));
  }
  const auto packed = PackSums(encryptor, sums);
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_EQ(packed->size(), 3u);  // 25 slots at 1024 bits
  for (const Ciphertext& c : *packed) EXPECT_FALSE(key.IsUnmasked(c));
  const auto unpacked = UnpackSums(Key(), *packed, counts.size());
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  EXPECT_EQ(*unpacked, counts);
}

TEST(PackedSums, SumsOfEmptyBinsOnlyAreMaskedToo) {
  const auto& key = Key().public_key();
  const PaillierEncryptor encryptor(key);
  const std::vector<Ciphertext> zeros(2, key.EncodeUnmasked(0));
  const auto packed = PackSums(encryptor, zeros);
  ASSERT_TRUE(packed.ok());
  EXPECT_FALSE(key.IsUnmasked(packed->at(0)));
  EXPECT_THAT(*UnpackSums(Key(), *packed, 2), ElementsAre(0, 0));
}

TEST(PackedSums, MoreThanTheCountsIsRefused) {
  const PaillierEncryptor encryptor(Key().public_key());
  const std::vector<Ciphertext> one = {encryptor.Encrypt(int64_t{1} << kSlotBits)};
  EXPECT_FALSE(UnpackSums(Key(), one, 1).ok());
  EXPECT_FALSE(UnpackSums(Key(), one, 26).ok());
  EXPECT_FALSE(UnpackSums(Key(), {}, 1).ok());
}

}  // namespace
}  // namespace fate::algo
