#include "transfer_queue/sequence_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace fate::transfer_queue {
namespace {

using Seen = SequenceSet::Seen;

TEST(SequenceSet, NumbersInOrderAreOneRange) {
  SequenceSet set;
  for (uint64_t n = 1; n <= 1000; ++n) {
    EXPECT_EQ(set.Check(n), Seen::kNew);
    set.Add(n);
    EXPECT_EQ(set.Check(n), Seen::kTaken);
  }
  EXPECT_EQ(set.ToText(), "0 1-1000");
}

TEST(SequenceSet, KnowsWhatItTookInAnyOrderAndSurvivesItsText) {
  std::mt19937 random(7);
  SequenceSet set;
  std::set<uint64_t> taken;
  for (int i = 0; i < 20'000; ++i) {
    uint64_t n = random() % 90 + 1;
    ASSERT_EQ(set.Check(n) == Seen::kTaken, taken.count(n) == 1) << n << " in " << set.ToText();
    if (taken.insert(n).second) {
      set.Add(n);
    } else if (random() % 2) {
      set.Remove(n);
      taken.erase(n);
    }
    auto copy = SequenceSet::Parse(set.ToText());
    ASSERT_TRUE(copy) << set.ToText();
    ASSERT_EQ(copy->ToText(), set.ToText());
  }
}

TEST(SequenceSet, ForgetsTheLowestBeyondItsBound) {
  SequenceSet set;
  for (uint64_t n = 2; n <= 2 * (SequenceSet::kMaxRanges + 1); n += 2) set.Add(n);
  EXPECT_EQ(set.Check(2), Seen::kForgotten);
  EXPECT_EQ(set.Check(1), Seen::kForgotten) << "whether it came cannot be told";
  EXPECT_EQ(set.Check(3), Seen::kNew);
  EXPECT_EQ(set.Check(4), Seen::kTaken);
}

TEST(SequenceSet, RefusesDamagedTexts) {
  for (const char* text :
       {"", "x", "0 1", "0 2-1", "0 1-2 2-3", "5 4-9", "0 1-2 ", "-1", "0 a-b"}) {
    EXPECT_FALSE(SequenceSet::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace fate::transfer_queue
