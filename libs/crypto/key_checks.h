#pragma once

// What both schemes ask of a key's modulus.

#include "absl/status/status.h"
#include "crypto/big_int.h"

namespace fate::crypto {

// Key lengths in bits. Below 1024 a key can be factored; beyond 8192 a hostile key costs the
// other side minutes of computing.
inline constexpr int kMinKeyBits = 1024;
inline constexpr int kMaxKeyBits = 8192;
inline constexpr int kDefaultKeyBits = 2048;

// Error: kInvalidArgument "key size 512 is too small, minimum is 1024".
absl::Status CheckKeyBits(int bits);

// Bits of a symmetric key that is as hard to find as the factors of a modulus (NIST SP 800-57;
// ECRYPT-CSA D5.4 in between): 112 for 2048 bits.
int SecurityBits(int key_bits);

// Whether a prime below 1000 divides n, as none does that two large primes make up.
bool HasSmallFactor(const BigInt& n);

}  // namespace fate::crypto
