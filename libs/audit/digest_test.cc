#include "audit/digest.h"

#include <gtest/gtest.h>

#include <string>

#include "audit/record.h"

namespace fate::audit {
namespace {

std::string Hex(const Hash& hash) {
  std::string text;
  AppendHex(hash, &text);
  return text;
}

std::string Bytes(size_t size, uint32_t seed) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) {
    seed = seed * 1664525 + 1013904223;
    bytes += static_cast<char>(seed >> 24);
  }
  return bytes;
}

TEST(Digest, CoversTheFirstBytesOnlyHoweverTheyCome) {
  const std::string bytes = Bytes(5000, 3);
  for (const uint64_t limit : {1u, 63u, 1024u, 1025u, 4000u, 10'000u}) {
    for (const size_t piece : {1u, 100u, 1024u, 5000u}) {
      Digest digest;
      digest.Reset(limit);
      for (size_t at = 0; at < bytes.size(); at += piece) digest.Add(bytes.substr(at, piece));
      const size_t covered = std::min<size_t>(limit, bytes.size());
      EXPECT_EQ(digest.covered(), covered);
      EXPECT_EQ(Hex(digest.Finish()), Hex(Sha256(bytes.substr(0, covered))))
          << limit << ", " << piece;
    }
  }
}

TEST(Digest, StartsAnew) {
  Digest digest;
  for (const size_t size : {2000u, 10u, 0u}) {
    digest.Reset(UINT64_MAX);
    digest.Add(Bytes(size, 4));
    EXPECT_EQ(Hex(digest.Finish()), Hex(Sha256(Bytes(size, 4))));
  }
}

}  // namespace
}  // namespace fate::audit
