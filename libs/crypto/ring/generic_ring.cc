#include "crypto/ring/generic_ring.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace fate::crypto {
namespace {

static_assert(sizeof(mp_limb_t) == sizeof(uint64_t) && GMP_NAIL_BITS == 0);

// Bits of R beyond those of m.
constexpr size_t kSlackBits = 6;
constexpr size_t kMaxLimbs = kMaxRingBits / 64 + 1;
// For mpn_sec_mul and mpn_sec_sqr.
constexpr mp_size_t kMaxScratch = 4 * kMaxLimbs;

size_t LimbsFor(const BigInt& m) {
  return (static_cast<size_t>(m.BitLength()) + kSlackBits + 63) / 64;
}

mp_limb_t* Limbs(uint64_t* words) { return reinterpret_cast<mp_limb_t*>(words); }
const mp_limb_t* Limbs(const uint64_t* words) { return reinterpret_cast<const mp_limb_t*>(words); }

}  // namespace

GenericRing::GenericRing(const BigInt& m, bool is_square, Secrecy secrecy)
    : Ring(m, Isa::kGeneric,
           {.lanes = 1,
            .words = LimbsFor(m) * (is_square ? 2 : 1),
            .half_words = LimbsFor(m),
            .batch_words = LimbsFor(m) * (is_square ? 2 : 1),
            .half_bits = static_cast<int>(64 * LimbsFor(m)),
            .is_square = is_square}),
      secrecy_(secrecy),
      limbs_(LimbsFor(m)),
      m_(limbs_) {
  const auto size = static_cast<mp_size_t>(limbs_);
  const mp_size_t scratch = std::max(mpn_sec_mul_itch(size, size), mpn_sec_sqr_itch(size));
  if (scratch > kMaxScratch) std::abort();  // another GMP than those known
  PackHalf(m_.data(), m);
  uint64_t inverse = 1;  // Newton: 1, 2, 4 ... 64 right bits
  for (int i = 0; i < 6; ++i) inverse *= 2 - m_[0] * inverse;
  negative_inverse_ = -inverse;
  MakeConstants();
}

void GenericRing::PackHalf(uint64_t* words, const BigInt& half) const {
  const size_t size = mpz_size(half.mpz());
  std::memset(words, 0, limbs_ * sizeof(uint64_t));
  std::memcpy(words, mpz_limbs_read(half.mpz()), size * sizeof(uint64_t));
}

void GenericRing::UnpackHalf(const uint64_t* words, mp_limb_t* limbs) const {
  std::memset(limbs, 0, half_limbs() * sizeof(mp_limb_t));
  std::memcpy(limbs, words, limbs_ * sizeof(uint64_t));
}

void GenericRing::Load(uint64_t* batch, const uint64_t* const* elements) const {
  std::memcpy(batch, elements[0] == nullptr ? one() : elements[0], words() * sizeof(uint64_t));
}

void GenericRing::Store(uint64_t* const* elements, const uint64_t* batch) const {
  if (elements[0] != nullptr) std::memcpy(elements[0], batch, words() * sizeof(uint64_t));
}

void GenericRing::Reduce(uint64_t* out, uint64_t* product) const {
  const auto size = static_cast<mp_size_t>(limbs_);
  uint64_t carries[kMaxLimbs];
  for (size_t i = 0; i < limbs_; ++i) {
    const uint64_t q = product[i] * negative_inverse_;
    carries[i] = mpn_addmul_1(Limbs(product + i), Limbs(m_.data()), size, q);
    product[i] = q;  // the sum's limb is 0: its place keeps q
  }
  mpn_add_n(Limbs(out), Limbs(product + limbs_), Limbs(carries), size);
}

void GenericRing::ReduceHigh(uint64_t* out, uint64_t* cross, const uint64_t* q) const {
  const auto size = static_cast<mp_size_t>(limbs_);
  // cross + m R - q instead of cross - q: not negative, the same modulo m once divided by R.
  mpn_add_n(Limbs(cross + limbs_), Limbs(cross + limbs_), Limbs(m_.data()), size);
  const mp_limb_t borrow = mpn_sub_n(Limbs(cross), Limbs(cross), Limbs(q), size);
  mpn_sub_1(Limbs(cross + limbs_), Limbs(cross + limbs_), size, borrow);
  Reduce(out, cross);
}

void GenericRing::MultiplyHalves(uint64_t* out, const uint64_t* a, const uint64_t* b) const {
  const auto size = static_cast<mp_size_t>(limbs_);
  if (secrecy_ == Secrecy::kPublic) return mpn_mul_n(Limbs(out), Limbs(a), Limbs(b), size);
  uint64_t scratch[kMaxScratch];
  mpn_sec_mul(Limbs(out), Limbs(a), size, Limbs(b), size, Limbs(scratch));
}

void GenericRing::SquareHalf(uint64_t* out, const uint64_t* a) const {
  const auto size = static_cast<mp_size_t>(limbs_);
  if (secrecy_ == Secrecy::kPublic) return mpn_sqr(Limbs(out), Limbs(a), size);
  uint64_t scratch[kMaxScratch];
  mpn_sec_sqr(Limbs(out), Limbs(a), size, Limbs(scratch));
}

void GenericRing::Multiply(uint64_t* out, const uint64_t* a, const uint64_t* b) const {
  const auto size = static_cast<mp_size_t>(limbs_);
  uint64_t low[2 * kMaxLimbs];
  MultiplyHalves(low, a, b);
  if (!is_square()) return Reduce(out, low);
  uint64_t cross[2 * kMaxLimbs], other[2 * kMaxLimbs];
  MultiplyHalves(cross, a, b + limbs_);
  MultiplyHalves(other, a + limbs_, b);
  mpn_add_n(Limbs(cross), Limbs(cross), Limbs(other), 2 * size);
  Reduce(out, low);
  ReduceHigh(out + limbs_, cross, low);
}

void GenericRing::Square(uint64_t* out, const uint64_t* a) const {
  const auto size = static_cast<mp_size_t>(limbs_);
  uint64_t low[2 * kMaxLimbs];
  SquareHalf(low, a);
  if (!is_square()) return Reduce(out, low);
  uint64_t cross[2 * kMaxLimbs];
  MultiplyHalves(cross, a, a + limbs_);
  mpn_lshift(Limbs(cross), Limbs(cross), 2 * size, 1);
  Reduce(out, low);
  ReduceHigh(out + limbs_, cross, low);
}

}  // namespace fate::crypto
