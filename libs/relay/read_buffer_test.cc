#include "relay/read_buffer.h"

#include <gtest/gtest.h>

namespace fate::relay {
namespace {

TEST(ReadBufferTest, UsesABlockAgainWhenNobodyHasIt) {
  ReadBuffer buffer;
  const char* const first = buffer.Blocks(1)[0].get();
  EXPECT_EQ(buffer.Blocks(1)[0].get(), first);
  const auto held = buffer.Blocks(1)[0];
  EXPECT_NE(buffer.Blocks(1)[0].get(), first);
  EXPECT_EQ(buffer.Blocks(2 * ReadBuffer::kBlockBytes + 1).size(), 3u);
  EXPECT_EQ(buffer.Blocks(SIZE_MAX / 2).size(), size_t{ReadBuffer::kBlocks});
}

TEST(ReadBufferTest, StreamsOfBulkShareOneWindow) {
  ReadBuffer buffer;
  buffer.BulkBegins();
  EXPECT_EQ(buffer.NearBulkWindow(), 1u << 20);
  for (int i = 1; i < 8; ++i) buffer.BulkBegins();
  EXPECT_EQ(buffer.NearBulkWindow(), (1u << 20) / 8);
  for (int i = 8; i < 1000; ++i) buffer.BulkBegins();
  EXPECT_EQ(buffer.NearBulkWindow(), 64u << 10) << "each needs some";
  for (int i = 0; i < 1000; ++i) buffer.BulkEnds();
  EXPECT_EQ(buffer.NearBulkWindow(), 1u << 20);
}

}  // namespace
}  // namespace fate::relay
