#pragma once

// Masked encryption: c = (1 + n m) mask mod n^2, a new mask every time. With the public key the
// mask is h^r for a random r of half the modulus' length, h = (-x^2)^n (Damgard, Jurik, Nielsen,
// IJIS 2010, section 4.2); the powers come from a fixed-base table (fixed_base.h), whose making
// costs as much as 20 encryptions. An encryptor is immutable and may be shared between threads.

#include <atomic>
#include <cstdint>

#include "crypto/fixed_base.h"
#include "crypto/paillier.h"

namespace fate::crypto {

// What this process has done, for tests and audits that count.
struct PaillierCounters {
  std::atomic<uint64_t> encryptions{0};
  std::atomic<uint64_t> masks{0};
};
PaillierCounters& GlobalPaillierCounters();

class PaillierEncryptor {
 public:
  explicit PaillierEncryptor(const PaillierPublicKey& public_key);
  PaillierEncryptor(const PaillierEncryptor&) = delete;
  PaillierEncryptor& operator=(const PaillierEncryptor&) = delete;

  const PaillierPublicKey& public_key() const { return public_key_; }
  // Enc(m); m may be negative, |m| < n / 2. About 0.6 ms at 2048 bits.
  Ciphertext Encrypt(const BigInt& m) const;
  // The same plaintext under a new mask: what hides how a ciphertext was computed.
  Ciphertext Rerandomize(const Ciphertext& c) const;

 private:
  PaillierPublicKey public_key_;
  FixedBase base_;
};

// The same ciphertexts for the one who knows p and q: both halves of the mask are powers modulo
// p^2 and q^2, four times cheaper a multiplication. `key` must outlive this.
class PaillierOwnerEncryptor {
 public:
  explicit PaillierOwnerEncryptor(const PaillierPrivateKey& key);
  PaillierOwnerEncryptor(const PaillierOwnerEncryptor&) = delete;
  PaillierOwnerEncryptor& operator=(const PaillierOwnerEncryptor&) = delete;

  // About 0.3 ms at 2048 bits.
  Ciphertext Encrypt(const BigInt& m) const;

 private:
  const PaillierPrivateKey& key_;
  Montgomery p_squared_, q_squared_;
  FixedBase p_base_, q_base_;
  BigInt p_squared_inverse_;  // mod q^2
};

}  // namespace fate::crypto
