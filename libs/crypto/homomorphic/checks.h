#pragma once

// Preconditions that the operations on ciphertexts share.

#include "absl/status/status.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// Error: kInvalidArgument unless both have elements of one ring, or one is empty.
absl::Status CheckSameRing(const Residues& a, const Residues& b);
// Error: kInvalidArgument unless first + count <= a.size().
absl::Status CheckRange(const Residues& a, size_t first, size_t count);

}  // namespace fate::crypto
