#pragma once

// The private half of an Okamoto-Uchiyama key, and decryption of vectors:
//   m = L(c^e mod p^2) / L(g^e mod p^2) mod p,  L(x) = (x - 1) / p,
// with e = p - 1 in general. Keys made here have p - 1 = t u for a prime t of twice the security
// level's bits, and g = x^u, so that e = t does, three times shorter (Coron, Naccache and Paillier,
// Electronics Letters 1999). To find t, and p with it, takes the square root of t steps: 2^112 at
// 2048 bits.
//
// Constant in time as far as p is concerned. Making and importing a key is not. At 2048 bits on
// AVX-512 IFMA a number takes 24 us, and 65 us under an imported key.

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/okamoto_uchiyama/public_key.h"
#include "crypto/parallel.h"

namespace fate::crypto::okamoto_uchiyama {

// Neither copyable nor serialisable: it stays in the memory of the process that made it, and is
// overwritten when it goes. Threads may share it.
class PrivateKey {
 public:
  // p of bits / 3 bits. 0.1 s at 2048 bits, 10 s at 8192.
  static absl::StatusOr<PrivateKey> Generate(int bits = kDefaultKeyBits, Isa isa = BestIsa());
  // A key made elsewhere, FATE's say. Error: kInvalidArgument unless p and q are different primes,
  // n = p^2 q is long enough with p a third of it, and g^(p-1) mod p^2 is not 1.
  static absl::StatusOr<PrivateKey> FromPrimes(const BigInt& p, const BigInt& q, const BigInt& g,
                                               Isa isa = BestIsa());
  // Of any length.
  static absl::StatusOr<PrivateKey> FromPrimesForTest(const BigInt& p, const BigInt& q,
                                                      const BigInt& g, Isa isa = BestIsa());

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  const PublicKey& public_key() const { return public_key_; }

  // Plaintexts in [0, p) of ciphertexts of this key's ring (checked: kInvalidArgument), for the
  // key's owner alone: numbers that are given away go through DecryptForOther.
  absl::StatusOr<std::vector<BigInt>> Decrypt(const Residues& ciphertexts,
                                              const Parallel& parallel = Inline()) const;

  // The same for another party, which may have chosen the ciphertexts. A plaintext beyond p would
  // come out less a multiple of p; who put it in subtracts, and has p. So all must be below
  // 2^bound_bits, what an honest computation stays under. Whatever is wrong, a number or a
  // ciphertext, there is one and the same error, kOutOfRange. A plaintext beyond p gets through
  // with a chance of 2^bound_bits / p; bound_bits <= max_other_bits() keeps that below 2^-127
  // (checked: kInvalidArgument).
  absl::StatusOr<std::vector<BigInt>> DecryptForOther(const Residues& ciphertexts, int bound_bits,
                                                      const Parallel& parallel = Inline()) const;
  // 128 bits less than p has.
  int max_other_bits() const;

  // The primes, for writing the key in another format. Whoever reads them has the key.
  struct Primes {
    const BigInt& p;
    const BigInt& q;
  };
  Primes ExposePrimes() const;
  // e: t for a key made here, else p - 1. As secret as the primes.
  const BigInt& ExposeOrder() const;

 private:
  struct Secrets;
  PrivateKey(PublicKey public_key, std::unique_ptr<const Secrets> secrets);
  // Decrypts into `plaintexts`; false when one is no ciphertext.
  bool DecryptAll(const Residues& ciphertexts, std::span<BigInt> plaintexts,
                  const Parallel& parallel) const;

  PublicKey public_key_;
  std::unique_ptr<const Secrets> secrets_;
};

// L(g^order mod p^2) for a multiple of g's order mod p.
BigInt LogOfPower(const BigInt& g, const BigInt& order, const BigInt& p);

}  // namespace fate::crypto::okamoto_uchiyama
