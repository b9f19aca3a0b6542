#pragma once

// SHA-256 of the bytes of one direction of a call, all of them or only the first `limit`: a digest
// costs 0.7 s of a core for each GB, more than twice what passing that GB on costs.

#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace fate::audit {

using Hash = std::array<uint8_t, 32>;

// Of first + second.
Hash Sha256(std::string_view first, std::string_view second = {});

class Digest {
 public:
  // Starts anew; 0: nothing is digested.
  void Reset(uint64_t limit) {
    limit_ = limit;
    covered_ = 0;
  }
  void Add(std::string_view bytes);
  // Of the first covered() bytes. Ends it until Reset.
  Hash Finish();
  uint64_t covered() const { return covered_; }

 private:
  SHA256_CTX state_;  // once something is covered
  uint64_t limit_ = 0, covered_ = 0;
};

}  // namespace fate::audit
