#pragma once

// Residues modulo one odd number, multiplied many at a time.
//
//   Ring::Modulo(m)          residues mod m, in Montgomery's form (Math. Comp. 1985): x R mod m
//   Ring::ModuloSquare(m)    residues mod m^2, written in base m: x R = x0 + x1 m with two halves
//                            in Montgomery's form mod m. A product takes 5 and a square 3.5
//                            half-size multiplications; without the split they take 8 and 6.
//
// An element at rest is words() 64-bit words in a form that only rings of the same modulus and
// instruction set understand; elements lie one behind the other. In flight, lanes() elements lie
// interleaved in one batch of batch_words() words, aligned to 64 bytes. Load and Store go between
// the two. Reduction is lazy: a residue below 2.1 m (each half) is not always the least, so what
// is compared is what Leave returns. R >= 2^6 m makes that enough without a last subtraction.
//
// No operation on batches branches or addresses memory by a value: in vectors never, on the
// portable path with a Secrecy::kSecret modulus (a public one of more than 20 limbs is multiplied
// by Toom and Cook's method, which is faster and branches on signs). Enter and Leave, which divide,
// do: what they take and give is public, or blinded by the caller (EnterDigits and LeaveDigits do
// not). Immutable; threads may share.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "crypto/big_int.h"
#include "crypto/cpu.h"
#include "crypto/ring/words.h"

namespace fate::crypto {

// The largest m of a ring, in bits.
inline constexpr int kMaxRingBits = 8192;
// Most lanes of any instruction set.
inline constexpr size_t kMaxLanes = 8;

// Whether a modulus is secret, or what is computed by it.
enum class Secrecy { kPublic, kSecret };

class Ring {
 public:
  // m: odd, 3 or more, at most kMaxRingBits bits; isa: supported by this CPU (both checked).
  static std::shared_ptr<const Ring> Modulo(const BigInt& m, Isa isa = BestIsa(),
                                            Secrecy secrecy = Secrecy::kPublic);
  static std::shared_ptr<const Ring> ModuloSquare(const BigInt& m, Isa isa = BestIsa(),
                                                  Secrecy secrecy = Secrecy::kPublic);
  virtual ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  const BigInt& modulus() const { return modulus_; }  // m or m^2
  const BigInt& base() const { return base_; }        // m
  bool is_square() const { return shape_.is_square; }
  Isa isa() const { return isa_; }
  size_t lanes() const { return shape_.lanes; }
  size_t words() const { return shape_.words; }
  size_t batch_words() const { return shape_.batch_words; }
  // The element 1.
  const uint64_t* one() const { return one_.data(); }

  // ---- in and out ----

  // elements: values.size() * words(). 0 <= value < modulus(). A multiplication each, and for a
  // square a division.
  void Enter(std::span<const BigInt> values, uint64_t* elements) const;
  // The least non-negative residues. A multiplication each.
  void Leave(const uint64_t* elements, std::span<BigInt> values) const;
  void Enter(const BigInt& value, uint64_t* element) const { Enter({&value, 1}, element); }
  BigInt Leave(const uint64_t* element) const;

  // Square rings only: value = low + high m, digit by digit. Neither divides, branches on a value
  // nor addresses by one, so that digits may be secret. To enter, 0 <= low, high < 4 m; what
  // leaves is least: 0 <= low, high < m. All spans have one size. A multiplication each.
  void EnterDigits(std::span<const BigInt> low, std::span<const BigInt> high,
                   uint64_t* elements) const;
  void LeaveDigits(const uint64_t* elements, std::span<BigInt> low, std::span<BigInt> high) const {
    LeaveDigitsTimes(plain_one_.data(), elements, low, high);
  }
  // For numbers that can be multiplied by R beforehand. PackDigits makes low + high m = value R an
  // element without a multiplication; LeaveDigitsTimes takes each element times `factor`, which
  // is a number packed without R.
  void PackDigits(std::span<const BigInt> low, std::span<const BigInt> high,
                  uint64_t* elements) const;
  void LeaveDigitsTimes(const uint64_t* factor, const uint64_t* elements, std::span<BigInt> low,
                        std::span<BigInt> high) const;
  // R mod modulus().
  BigInt r() const { return BigInt::PowerOfTwo(shape_.half_bits).Mod(modulus_); }

  // ---- batches ----

  // Lane i becomes elements[i], or 1 where that is null; `elements` has lanes() entries.
  virtual void Load(uint64_t* batch, const uint64_t* const* elements) const = 0;
  // Lane i goes to elements[i], or nowhere where that is null.
  virtual void Store(uint64_t* const* elements, const uint64_t* batch) const = 0;
  // The `count` <= lanes() elements that lie at `first`; other lanes become 1, go nowhere.
  void LoadSome(uint64_t* batch, const uint64_t* first, size_t count) const;
  void StoreSome(uint64_t* first, const uint64_t* batch, size_t count) const;

  // out = a b; out may be a or b.
  virtual void Multiply(uint64_t* out, const uint64_t* a, const uint64_t* b) const = 0;
  virtual void Square(uint64_t* out, const uint64_t* a) const = 0;

 protected:
  struct Shape {
    size_t lanes;       // at most kMaxLanes
    size_t words;       // of an element
    size_t half_words;  // of one half; a square's element starts with two halves
    size_t batch_words;
    int half_bits;  // R = 2^half_bits
    bool is_square;
  };
  Ring(const BigInt& m, Isa isa, const Shape& shape);

  // The digits of one half, 0 <= half < R, as the form keeps them, without a factor R.
  virtual void PackHalf(uint64_t* words, const BigInt& half) const = 0;
  // Writes half_limbs() limbs, however small the half is.
  virtual void UnpackHalf(const uint64_t* words, mp_limb_t* limbs) const = 0;
  size_t half_limbs() const { return static_cast<size_t>(shape_.half_bits) / 64 + 2; }

  // To be called at the end of the constructor of what implements the rest.
  void MakeConstants();

 private:
  void Pack(uint64_t* element, const BigInt& value) const;
  BigInt Unpack(const uint64_t* element) const;
  void UnpackDigits(const uint64_t* element, BigInt& low, BigInt& high) const;
  // What Enter and Leave share: pack(i, element) and unpack(i, element) for each element, and a
  // multiplication of all.
  template <class PackOne>
  void EnterEach(size_t count, uint64_t* elements, const PackOne& pack) const;
  template <class UnpackOne>
  void LeaveEach(const uint64_t* factor, size_t count, const uint64_t* elements,
                 const UnpackOne& unpack) const;

  BigInt base_, modulus_;
  Isa isa_;
  Shape shape_;
  std::vector<uint64_t> one_, r_squared_, plain_one_;
};

// Room for a few batches of a ring, aligned. Overwritten with zeros when it goes.
class Batches {
 public:
  Batches(const Ring& ring, size_t count);
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;
  ~Batches();
  uint64_t* operator[](size_t index) { return first_ + index * batch_words_; }
  const uint64_t* operator[](size_t index) const { return first_ + index * batch_words_; }

 private:
  size_t batch_words_, words_;
  uint64_t* first_;
};

// A vector of elements that knows its ring.
class Residues {
 public:
  Residues() = default;
  // `count` elements, to be written before they are read.
  Residues(std::shared_ptr<const Ring> ring, size_t count)
      : ring_(std::move(ring)), words_(count * ring_->words()) {}
  Residues(std::shared_ptr<const Ring> ring, std::span<const BigInt> values)
      : Residues(std::move(ring), values.size()) {
    ring_->Enter(values, words_.data());
  }

  const Ring& ring() const { return *ring_; }
  const std::shared_ptr<const Ring>& shared_ring() const { return ring_; }
  size_t size() const { return ring_ == nullptr ? 0 : words_.size() / ring_->words(); }
  void resize(size_t count) { words_.resize(count * ring_->words()); }
  uint64_t* operator[](size_t index) { return words_.data() + index * ring_->words(); }
  const uint64_t* operator[](size_t index) const { return words_.data() + index * ring_->words(); }
  std::vector<BigInt> Leave() const {
    std::vector<BigInt> values(size());
    if (ring_ != nullptr) ring_->Leave(words_.data(), values);
    return values;
  }
  // Overwrites the elements with zeros: for those that are secret.
  void Wipe();

 private:
  std::shared_ptr<const Ring> ring_;
  Words words_;
};

}  // namespace fate::crypto
