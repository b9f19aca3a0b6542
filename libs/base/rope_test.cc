#include "base/rope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace fate {
namespace {

Slice Block(std::string bytes) { return Slice::Take(std::move(bytes)); }

TEST(Rope, GivesBackWhatWasAppendedInAnyPieces) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string expected;
    Rope rope;
    for (int i = 0; i < 12; ++i) {
      std::string bytes(random() % 3 ? random() % 20'000 : random() % 70'000, '\0');
      for (char& c : bytes) c = static_cast<char>(random());
      expected += bytes;
      Slice whole = Block(bytes);
      size_t cut = bytes.empty() ? 0 : random() % bytes.size();  // two slices of one block
      rope.Append({whole.owner, whole.data, cut}, random() % 9999);
      whole.RemovePrefix(cut);
      rope.Append(whole, random() % 9999);
    }
    ASSERT_EQ(rope.size(), expected.size());
    ASSERT_TRUE(rope.ToString() == expected);
    if (expected.empty()) continue;
    size_t from = random() % expected.size(), size = random() % (expected.size() - from);
    ASSERT_TRUE(rope.Sub(from, size).ToString() == expected.substr(from, size));
  }
}

TEST(Rope, KeepsLargePiecesAndDropsBlocksOfWhichItHoldsLittle) {
  Slice large = Block(std::string(60'000, 'a')), half_used = Block(std::string(64'000, 'b'));
  Rope rope;
  rope.Append(large);
  EXPECT_EQ(rope.pieces()[0].data, large.data) << "not copied";
  rope.Append({half_used.owner, half_used.data, 10'000});
  EXPECT_EQ(half_used.owner.use_count(), 2);
  rope.Append(Block(std::string(40'000, 'c')));
  EXPECT_EQ(half_used.owner.use_count(), 1) << "10 kB would have kept a block of 64 kB";
  EXPECT_EQ(rope.size(), 110'000u);
}

TEST(Rope, ManySmallPiecesBecomeOne) {
  Rope rope;
  for (int i = 0; i < 100; ++i) {
    rope.Append(Block(std::string(100, 'x')), static_cast<size_t>(99 - i) * 100);
  }
  EXPECT_EQ(rope.pieces().size(), 1u);
  EXPECT_EQ(rope.size(), 10'000u);
}

TEST(RopeReader, ReadsAcrossPieces) {
  std::string bytes = "\x96\x01" + std::string(9000, 'p') + "\x05";
  Rope rope;
  for (size_t i = 0; i < bytes.size(); i += 8999) {
    rope.Append(Block(bytes.substr(i, 8999)));
  }
  RopeReader reader(rope);
  uint64_t value = 0;
  ASSERT_TRUE(reader.Varint(&value));
  EXPECT_EQ(value, 150u);
  Rope part;
  ASSERT_TRUE(reader.Take(8000, &part));
  EXPECT_EQ(part.ToString(), std::string(8000, 'p'));
  ASSERT_TRUE(reader.Skip(1000));
  EXPECT_EQ(reader.left(), 1u);
  ASSERT_TRUE(reader.Varint(&value));
  EXPECT_EQ(value, 5u);
  EXPECT_FALSE(reader.Varint(&value)) << "at the end";
  EXPECT_FALSE(reader.Skip(1));
  EXPECT_FALSE(RopeReader(Rope("\xff\xff")).Varint(&value)) << "cut off";
  Rope endless{std::string(20, '\xff')};
  EXPECT_FALSE(RopeReader(endless).Varint(&value)) << "longer than ten bytes";
}

}  // namespace
}  // namespace fate
