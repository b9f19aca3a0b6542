#pragma once

// What hides plaintexts: random n-th residues mod n^2, multiplied into ciphertexts.
//
//   PublicMasks   h^r with h = (-x^2)^n for a random x (Damgard, Jurik, Nielsen, IJIS 2010,
//                 section 4.2). r has half the length of n: such powers look like those of
//                 full-length exponents if factoring n is hard (Goldreich and Rosen, J. Cryptology
//                 2003), and with those the scheme is as hard to break as Paillier's own.
//   OwnerMasks    for who knows p and q: the same h^r, computed mod p^2 and mod q^2 and put
//                 together by Chinese remainders. 1.5 times as fast.
//
//   Of a subgroup key h is y^n, y being the key's mask root, and r so long that h^r is uniform;
//   the owner, who knows the orders, takes a shorter exponent for each prime.
//
//   MaskPool      computed in advance by another (mask_pool.h).
//
// Keys made elsewhere may have primes that are not 3 mod 4. The masks are as good: -x^2 then need
// not generate every residue of Jacobi symbol 1, but a random x still generates a group of which
// n-th residues cannot be told apart from other elements unless n-th residues can (Paillier's
// assumption), and a ciphertext's Jacobi symbol, (1 + n m) being 1 mod n, is its mask's alone.
//
// All are immutable; threads may share them.

#include <memory>

#include "crypto/paillier/private_key.h"
#include "crypto/ring/fixed_base.h"
#include "crypto/secret_arithmetic.h"

namespace fate::crypto::paillier {

enum class MaskStrength {
  // Exponents of n/2 bits: no assumption beyond those above.
  kFull,
  // Exponents of 448 bits: as strong as the key's length as long as discrete logarithms with short
  // exponents are hard in a group of unknown order. The best attacks known take 2^224 steps
  // (van Oorschot and Wiener, EUROCRYPT '96), more than factoring 15360 bits; RFC 7919 uses 400
  // bits in groups of 8192. About 2.3 times as fast at 2048 bits, 7 times at 8192.
  kShort,
};

// Bits of an exponent of PublicMasks. For a subgroup key, kFull means 128 bits more than the
// masks' order has: their distribution is uniform but for 2^-128.
int MaskBits(MaskStrength strength, const PublicKey& key);

class MaskSource {
 public:
  explicit MaskSource(PublicKey public_key) : public_key_(std::move(public_key)) {}
  MaskSource(const MaskSource&) = delete;
  MaskSource& operator=(const MaskSource&) = delete;
  virtual ~MaskSource() = default;

  const PublicKey& public_key() const { return public_key_; }
  // Multiplies each of `count` elements of the key's ring by a mask of its own, never used before.
  virtual void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const = 0;

 private:
  PublicKey public_key_;
};

class PublicMasks : public MaskSource {
 public:
  // Makes a table of up to 6 MiB: the work of about 90 masks.
  explicit PublicMasks(const PublicKey& key, MaskStrength strength = MaskStrength::kFull,
                       const Parallel& parallel = Inline());
  // 70 us at 2048 bits on AVX-512 IFMA.
  void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const override;

 private:
  FixedBaseTable table_;
};

class OwnerMasks : public MaskSource {
 public:
  // `key` may go before this.
  explicit OwnerMasks(const PrivateKey& key, MaskStrength strength = MaskStrength::kFull,
                      const Parallel& parallel = Inline());
  void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const override;

 private:
  // Powers of h mod p^2, times R q^-2 with the R of the ring of n^2.
  struct Half {
    Half(const BigInt& p, const BigInt& q, const BigInt& h, int exponent_bits, const Ring& ring,
         const Parallel& parallel);
    ~Half() { factor.Wipe(); }
    // Digits base p of h^exponents[i] R q^-2.
    void Power(const Exponents& exponents, std::span<BigInt> low, std::span<BigInt> high) const;

    std::shared_ptr<const Ring> ring;
    FixedBaseTable table;
    Residues factor;  // R q^-2 mod p^2, without this ring's own R
  };
  OwnerMasks(const PublicKey& key, const PrivateKey::Primes& primes, const BigInt& h,
             int exponent_bits, const Parallel& parallel);
  void Make(Residues& masks, size_t count) const;

  int prime_bits_;
  Half by_p_, by_q_;
  SecretSum low_, high_;  // q^2 x + p^2 y, q x + p y
  SecretDivisor by_n_;
};

}  // namespace fate::crypto::paillier
