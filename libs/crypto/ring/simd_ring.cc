#include "crypto/ring/simd_ring.h"

#include <cstring>

namespace fate::crypto {
namespace {

// Bits of R beyond those of m, so that sums need no last subtraction.
constexpr size_t kSlackBits = 6;

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

const SimdKernel& KernelOf(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx2) return Avx2Kernel();
  if (isa == Isa::kAvx512) return Avx512Kernel();
  if (isa == Isa::kIfma) return IfmaKernel();
#endif
  std::abort();
}

SimdShape ShapeOf(const BigInt& m, bool is_square, const SimdKernel& kernel) {
  const auto digit_bits = static_cast<size_t>(kernel.digit_bits);
  const size_t needed =
      (static_cast<size_t>(m.BitLength()) + kSlackBits + digit_bits - 1) / digit_bits;
  SimdShape shape{};
  // Tiles of five digits where they waste less; two digits to a word need an even count.
  shape.tile = kernel.digits_per_word == 1 && RoundUp(needed, 5) < RoundUp(needed, 4) ? 5 : 4;
  shape.digits = RoundUp(needed, shape.tile);
  shape.is_square = is_square;
  shape.words = RoundUp(shape.digits / kernel.digits_per_word * (is_square ? 2 : 1), kernel.lanes);
  return shape;
}

}  // namespace

SimdRing::SimdRing(const BigInt& m, bool is_square, Isa isa)
    : SimdRing(m, KernelOf(isa), ShapeOf(m, is_square, KernelOf(isa)), isa) {}

SimdRing::SimdRing(const BigInt& m, const SimdKernel& kernel, const SimdShape& shape, Isa isa)
    : Ring(m, isa,
           {.lanes = kernel.lanes,
            .words = shape.words,
            .half_words = shape.digits / kernel.digits_per_word,
            .batch_words = shape.digits * (shape.is_square ? 2 : 1) * kernel.lanes,
            .half_bits = static_cast<int>(shape.digits) * kernel.digit_bits,
            .is_square = shape.is_square}),
      kernel_(kernel),
      shape_(shape),
      constants_(*this, 2) {
  std::vector<uint64_t> element(words());
  std::vector<const uint64_t*> lanes(kernel.lanes, element.data());
  PackHalf(element.data(), m);
  kernel_.load(shape_, constants_[0], lanes.data());
  const auto modulus = static_cast<uint64_t>(mpz_get_ui(m.mpz()));
  PackHalf(element.data(), m - 1);
  kernel_.load(shape_, constants_[1], lanes.data());
  explicit_bzero(element.data(), element.size() * sizeof(uint64_t));
  shape_.m = constants_[0];
  shape_.m_minus_1 = constants_[1];
  uint64_t inverse = 1;  // Newton: 1, 2, 4 ... 64 right bits
  for (int i = 0; i < 6; ++i) inverse *= 2 - modulus * inverse;
  shape_.negative_inverse = -inverse & ((uint64_t{1} << kernel.digit_bits) - 1);
  MakeConstants();
}

void SimdRing::PackHalf(uint64_t* words, const BigInt& half) const {
  std::memset(words, 0, HalfWords() * sizeof(uint64_t));
  const auto bits = static_cast<size_t>(kernel_.digit_bits);
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  const mp_limb_t* limbs = mpz_limbs_read(half.mpz());
  const size_t size = mpz_size(half.mpz());
  for (size_t digit = 0; digit < shape_.digits; ++digit) {
    const size_t bit = digit * bits, limb = bit / 64, shift = bit % 64;
    if (limb >= size) break;
    uint64_t value = limbs[limb] >> shift;
    if (shift + bits > 64 && limb + 1 < size) value |= limbs[limb + 1] << (64 - shift);
    const size_t per_word = kernel_.digits_per_word;
    words[digit / per_word] |= (value & mask) << (32 * (digit % per_word));
  }
}

void SimdRing::UnpackHalf(const uint64_t* words, mp_limb_t* limbs) const {
  const auto bits = static_cast<size_t>(kernel_.digit_bits);
  std::memset(limbs, 0, half_limbs() * sizeof(mp_limb_t));
  for (size_t digit = 0; digit < shape_.digits; ++digit) {
    const size_t per_word = kernel_.digits_per_word;
    uint64_t part = words[digit / per_word];
    if (per_word == 2) part = part >> (32 * (digit % 2)) & 0xFFFFFFFF;
    const size_t bit = digit * bits, limb = bit / 64, shift = bit % 64;
    limbs[limb] |= part << shift;
    if (shift + bits > 64) limbs[limb + 1] |= part >> (64 - shift);
  }
}

void SimdRing::Load(uint64_t* batch, const uint64_t* const* elements) const {
  const uint64_t* present[kMaxLanes];
  for (size_t lane = 0; lane < lanes(); ++lane) {
    present[lane] = elements[lane] == nullptr ? one() : elements[lane];
  }
  kernel_.load(shape_, batch, present);
}

}  // namespace fate::crypto
