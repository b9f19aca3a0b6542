#pragma once

// What ciphertexts are made of: the element of a plaintext, g^m, and masks, powers of h.
//
//   PublicSource   fixed-base tables of g and h mod n (ring/fixed_base.h)
//   OwnerSource    for who knows p and q. A mask is two powers, mod p^2 and mod q, with exponents
//                  uniform below the orders of h there, put together by Chinese remainders: as
//                  good as any mask can be, at the price of short ones. And the subgroup of order
//                  p, where plaintexts live, is 1 + p q x mod n: a plaintext costs no power.
//
// All are immutable; threads may share them.

#include <array>
#include <memory>
#include <mutex>
#include <span>

#include "crypto/okamoto_uchiyama/private_key.h"
#include "crypto/ring/fixed_base.h"
#include "crypto/secret_arithmetic.h"

namespace fate::crypto::okamoto_uchiyama {

enum class MaskStrength {
  // Random exponents 128 bits longer than p q, a multiple of the order of h: h^r is within 2^-128
  // of uniform among the powers of h, whatever the key. 1,494 bits at 2048.
  kFull,
  // Exponents of twice the security level, 224 bits at 2048: as good for those who cannot find
  // discrete logarithms of that length, as with Diffie-Hellman (Koshiba and Kurosawa, PKC 2004).
  // Five times as fast, and what SecretFlow's HEU does.
  kShort,
};

// Bits of an exponent for a key of `key_bits`.
int MaskBits(MaskStrength strength, int key_bits);

class Source {
 public:
  explicit Source(PublicKey public_key) : public_key_(std::move(public_key)) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  const PublicKey& public_key() const { return public_key_; }
  // An element that decrypts to each plaintext of [0, 2^max_plaintext_bits), unmasked.
  virtual void Encode(std::span<const BigInt> plaintexts, uint64_t* elements,
                      const Parallel& parallel) const = 0;
  // Multiplies each of `count` elements of the key's ring by a mask of its own, never used before.
  virtual void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const = 0;

 private:
  PublicKey public_key_;
};

class PublicSource : public Source {
 public:
  // Makes a table of up to 6 MiB: the work of a few hundred masks.
  explicit PublicSource(const PublicKey& key, MaskStrength strength = MaskStrength::kFull,
                        const Parallel& parallel = Inline());
  // One of four tables, each made when first needed, by the longest plaintext.
  void Encode(std::span<const BigInt> plaintexts, uint64_t* elements,
              const Parallel& parallel) const override;
  void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const override;

 private:
  struct Powers {
    std::once_flag once;
    std::unique_ptr<const FixedBaseTable> table;
  };
  const FixedBaseTable& PowersOfG(int bits, const Parallel& parallel) const;

  FixedBaseTable powers_of_h_;
  mutable std::array<Powers, 4> powers_of_g_;
};

class OwnerSource : public Source {
 public:
  // `key` may go before this.
  explicit OwnerSource(const PrivateKey& key, const Parallel& parallel = Inline());
  ~OwnerSource() override;
  void Encode(std::span<const BigInt> plaintexts, uint64_t* elements,
              const Parallel& parallel) const override;
  void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const override;

 private:
  // Powers of h in one of the two rings, times the inverse of the other's modulus.
  struct Half {
    Half(std::shared_ptr<const Ring> ring, const BigInt& h, const BigInt& order,
         const BigInt& other, const Parallel& parallel);
    ~Half();
    Residues Draw(size_t count) const;

    std::shared_ptr<const Ring> ring;
    BigInt order;
    FixedBaseTable table;
    Residues factor;
  };
  void MakeMasks(uint64_t* masks, size_t count) const;
  void EncodeSome(std::span<const BigInt> plaintexts, uint64_t* elements) const;

  Half by_p_, by_q_;
  SecretSum combine_;  // q x + p y
  SecretSum code_;     // p q k m
  SecretDivisor mod_n_;
};

}  // namespace fate::crypto::okamoto_uchiyama
