#include "base/slice.h"

#include <gtest/gtest.h>

#include <random>

namespace fate {
namespace {

std::string Joined(const SliceQueue& queue) {
  std::string bytes;
  for (const Slice& slice : queue.slices()) bytes += slice.view();
  return bytes;
}

TEST(SliceQueue, GivesWhatWasPushedInOrderInPiecesOfAnySize) {
  std::mt19937 random(1);
  SliceQueue queue;
  std::string in, out;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 || queue.empty()) {
      const std::string bytes(random() % 9, static_cast<char>('a' + step % 26));
      in += bytes;
      queue.Push(Slice::Copy(bytes));
    } else {
      const size_t limit = 1 + random() % 12;
      const Slice slice = queue.Pop(limit);
      ASSERT_LE(slice.size, limit);
      ASSERT_GT(slice.size, 0u);
      out += slice.view();
    }
    ASSERT_EQ(queue.bytes(), in.size() - out.size());
    ASSERT_EQ(queue.empty(), queue.bytes() == 0);
  }
  EXPECT_EQ(out + Joined(queue), in);
}

TEST(SliceQueue, LetsGoOfWhatWasTaken) {
  SliceQueue queue;
  std::vector<std::weak_ptr<const void>> owners;
  for (int i = 0; i < 100; ++i) {
    Slice slice = Slice::Copy("x");
    owners.push_back(slice.owner);
    queue.Push(std::move(slice));
  }
  for (const auto& owner : owners) {
    EXPECT_FALSE(owner.expired());
    queue.Pop(1);
    EXPECT_TRUE(owner.expired());
  }
  queue.Push(Slice::Copy("y"));
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(SliceQueue, ExtendsTheLastSliceOnlyByWhatFollowsIt) {
  const auto block = std::make_shared<std::string>("abcdef");
  const char* const data = block->data();
  SliceQueue queue;
  EXPECT_FALSE(queue.Extend(data, 2));
  queue.Push({block, data, 2});
  EXPECT_TRUE(queue.Extend(data + 2, 1));
  EXPECT_FALSE(queue.Extend(data + 4, 1));
  EXPECT_EQ(queue.slices().size(), 1u);
  EXPECT_EQ(Joined(queue), "abc");
  EXPECT_EQ(queue.bytes(), 3u);
}

}  // namespace
}  // namespace fate
