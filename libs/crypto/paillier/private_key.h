#pragma once

// The private half of a Paillier key, and decryption of vectors by Chinese remainders.
//
// Constant in time as far as p and q are concerned: ciphertexts are public, and what is computed
// from them with p and q runs on SecretDivisor, the rings of p^2 and q^2, and PowerSecret. Making
// and importing a key is not, and happens once.

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/paillier/public_key.h"
#include "crypto/parallel.h"

namespace fate::crypto::paillier {

// Neither copyable nor serialisable: it stays in the memory of the process that made it, and is
// overwritten when it goes. Threads may share it.
class PrivateKey {
 public:
  // Two primes of bits / 2 bits, both 3 mod 4 and with gcd(p-1, q-1) = 2, so that -x^2 generates
  // all that masks are drawn from (encryptor.h). bits: even. 0.1 s at 2048 bits, 15 s at 8192.
  static absl::StatusOr<PrivateKey> Generate(int bits = kDefaultKeyBits, Isa isa = BestIsa());
  // A key for masks from a subgroup (Paillier, section 6): p - 1 and q - 1 have a prime factor of
  // twice the key's level of security (224 bits at 2048), and the public key a root of masks of
  // those orders. Such masks cost half, the owner's a third, and ciphertexts that have no others
  // decrypt four times as fast; others decrypt too. It assumes in addition that the subgroup's
  // n-th residues cannot be told from others (Groth, TCC 2005); the best attack known takes the
  // root of such a factor in steps, 2^112 (Coron et al., PKC 2011).
  static absl::StatusOr<PrivateKey> GenerateSubgroup(int bits = kDefaultKeyBits,
                                                     Isa isa = BestIsa());
  // A key made elsewhere: FATE's primes need not be 3 mod 4, and its g is n + 1 as here. Error:
  // kInvalidArgument unless p and q are different primes of one length, and n is long enough.
  static absl::StatusOr<PrivateKey> FromPrimes(const BigInt& p, const BigInt& q,
                                               Isa isa = BestIsa());
  static absl::StatusOr<PrivateKey> FromPrimesForTest(const BigInt& p, const BigInt& q,
                                                      Isa isa = BestIsa());

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  const PublicKey& public_key() const { return public_key_; }

  // Plaintexts in [0, n) of ciphertexts of this key's ring (checked: kInvalidArgument).
  absl::StatusOr<std::vector<BigInt>> Decrypt(const Residues& ciphertexts,
                                              const Parallel& parallel = Inline()) const;
  // The same numbers, signed: in [-n/2, n/2].
  absl::StatusOr<std::vector<BigInt>> DecryptSigned(const Residues& ciphertexts,
                                                    const Parallel& parallel = Inline()) const;

  // The primes, p < q, for writing the key in another format. Whoever reads them has the key.
  struct Primes {
    const BigInt& p;
    const BigInt& q;
  };
  Primes ExposePrimes() const;

 private:
  struct Secrets;
  PrivateKey(PublicKey public_key, std::unique_ptr<const Secrets> secrets);

  PublicKey public_key_;
  std::unique_ptr<const Secrets> secrets_;
};

}  // namespace fate::crypto::paillier
