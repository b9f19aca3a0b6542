#include "crypto/ring/ring.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "crypto/ring/generic_ring.h"
#include "crypto/ring/simd_ring.h"

namespace fate::crypto {
namespace {

void CheckModulus(const BigInt& m, Isa isa) {
  if (m.IsOdd() && m > BigInt(1) && m.BitLength() <= kMaxRingBits && IsSupported(isa)) return;
  std::abort();  // a caller's mistake: every key checks its modulus before
}

std::shared_ptr<const Ring> Make(const BigInt& m, bool is_square, Isa isa, Secrecy secrecy) {
  CheckModulus(m, isa);
  if (isa == Isa::kGeneric) return std::make_shared<const GenericRing>(m, is_square, secrecy);
  return std::make_shared<const SimdRing>(m, is_square, isa);
}

// Limbs of the largest half: R is at most 2^(312 * 27), the bound of simd_kernel.h.
constexpr size_t kMaxHalfLimbs = 312 * 27 / 64 + 2;

void Write(const mp_limb_t* limbs, size_t size, BigInt& value) {
  const auto count = static_cast<mp_size_t>(size);
  mpn_copyi(mpz_limbs_write(value.mpz(), count), limbs, count);
  mpz_limbs_finish(value.mpz(), count);
}

// out = (half + carry) mod m for 0 <= half + carry < 4 m, and how often m went into it, in time
// that depends on m's length alone. half: at least as long as m and a limb; overwritten.
mp_limb_t MakeLeast(mp_limb_t* half, mp_limb_t carry, const BigInt& m, BigInt& out) {
  const auto size = static_cast<mp_size_t>(mpz_size(m.mpz())) + 1;
  mp_limb_t modulus[kMaxHalfLimbs], difference[kMaxHalfLimbs];
  mpn_copyi(modulus, mpz_limbs_read(m.mpz()), size - 1);
  modulus[size - 1] = 0;
  mpn_add_1(half, half, size, carry);
  mp_limb_t quotient = 0;
  for (int i = 0; i < 3; ++i) {
    const mp_limb_t fits = 1 - mpn_sub_n(difference, half, modulus, size);
    mpn_cnd_sub_n(fits, half, half, modulus, size);
    quotient += fits;
  }
  Write(half, static_cast<size_t>(size - 1), out);
  explicit_bzero(modulus, static_cast<size_t>(size) * sizeof(mp_limb_t));
  explicit_bzero(difference, static_cast<size_t>(size) * sizeof(mp_limb_t));
  return quotient;
}

}  // namespace

std::shared_ptr<const Ring> Ring::Modulo(const BigInt& m, Isa isa, Secrecy secrecy) {
  return Make(m, false, isa, secrecy);
}

std::shared_ptr<const Ring> Ring::ModuloSquare(const BigInt& m, Isa isa, Secrecy secrecy) {
  return Make(m, true, isa, secrecy);
}

Ring::Ring(const BigInt& m, Isa isa, const Shape& shape)
    : base_(m), modulus_(shape.is_square ? m * m : m), isa_(isa), shape_(shape) {}

Ring::~Ring() {
  base_.Wipe();
  modulus_.Wipe();
  for (std::vector<uint64_t>* words : {&one_, &r_squared_}) {
    explicit_bzero(words->data(), words->size() * sizeof(uint64_t));
  }
}

void Ring::MakeConstants() {
  one_.resize(words());
  r_squared_.resize(words());
  plain_one_.resize(words());
  const BigInt r = BigInt::PowerOfTwo(shape_.half_bits).Mod(modulus_);
  Pack(one_.data(), r);
  Pack(r_squared_.data(), (r * r).Mod(modulus_));
  Pack(plain_one_.data(), BigInt(1));
}

void Ring::Pack(uint64_t* element, const BigInt& value) const {
  if (!shape_.is_square) return PackHalf(element, value);
  const BigInt high = value / base_;
  PackHalf(element, value - high * base_);
  PackHalf(element + shape_.half_words, high);
}

BigInt Ring::Unpack(const uint64_t* element) const {
  mp_limb_t limbs[kMaxHalfLimbs];
  BigInt value, high;
  UnpackHalf(element, limbs);
  Write(limbs, half_limbs(), value);
  if (shape_.is_square) {
    UnpackHalf(element + shape_.half_words, limbs);
    Write(limbs, half_limbs(), high);
    value += high * base_;
  }
  while (value >= modulus_) value -= modulus_;  // below 2.1 (m + m m): a few times
  return value;
}

void Ring::UnpackDigits(const uint64_t* element, BigInt& low, BigInt& high) const {
  mp_limb_t limbs[kMaxHalfLimbs];
  UnpackHalf(element, limbs);
  const mp_limb_t carry = MakeLeast(limbs, 0, base_, low);
  UnpackHalf(element + shape_.half_words, limbs);
  MakeLeast(limbs, carry, base_, high);
  explicit_bzero(limbs, sizeof(limbs));
}

template <class PackOne>
void Ring::EnterEach(size_t count, uint64_t* elements, const PackOne& pack) const {
  Batches batches(*this, 2);
  const uint64_t* factor[kMaxLanes];
  std::fill_n(factor, lanes(), r_squared_.data());
  Load(batches[1], factor);
  for (size_t at = 0; at < count; at += lanes()) {
    const size_t some = std::min(lanes(), count - at);
    for (size_t i = at; i < at + some; ++i) pack(i, elements + i * words());
    LoadSome(batches[0], elements + at * words(), some);
    Multiply(batches[0], batches[0], batches[1]);
    StoreSome(elements + at * words(), batches[0], some);
  }
}

template <class UnpackOne>
void Ring::LeaveEach(const uint64_t* factor, size_t count, const uint64_t* elements,
                     const UnpackOne& unpack) const {
  Batches batches(*this, 2);
  std::vector<uint64_t> plain(lanes() * words());
  const uint64_t* factors[kMaxLanes];
  std::fill_n(factors, lanes(), factor);
  Load(batches[1], factors);
  for (size_t at = 0; at < count; at += lanes()) {
    const size_t some = std::min(lanes(), count - at);
    LoadSome(batches[0], elements + at * words(), some);
    Multiply(batches[0], batches[0], batches[1]);
    StoreSome(plain.data(), batches[0], some);
    for (size_t i = 0; i < some; ++i) unpack(at + i, plain.data() + i * words());
  }
  explicit_bzero(plain.data(), plain.size() * sizeof(uint64_t));
}

void Ring::Enter(std::span<const BigInt> values, uint64_t* elements) const {
  EnterEach(values.size(), elements,
            [&](size_t i, uint64_t* element) { Pack(element, values[i]); });
}

void Ring::Leave(const uint64_t* elements, std::span<BigInt> values) const {
  LeaveEach(plain_one_.data(), values.size(), elements,
            [&](size_t i, const uint64_t* element) { values[i] = Unpack(element); });
}

void Ring::EnterDigits(std::span<const BigInt> low, std::span<const BigInt> high,
                       uint64_t* elements) const {
  EnterEach(low.size(), elements, [&](size_t i, uint64_t* element) {
    PackDigits(low.subspan(i, 1), high.subspan(i, 1), element);
  });
}

void Ring::PackDigits(std::span<const BigInt> low, std::span<const BigInt> high,
                      uint64_t* elements) const {
  for (size_t i = 0; i < low.size(); ++i) {
    PackHalf(elements + i * words(), low[i]);
    PackHalf(elements + i * words() + shape_.half_words, high[i]);
  }
}

void Ring::LeaveDigitsTimes(const uint64_t* factor, const uint64_t* elements, std::span<BigInt> low,
                            std::span<BigInt> high) const {
  LeaveEach(factor, low.size(), elements,
            [&](size_t i, const uint64_t* element) { UnpackDigits(element, low[i], high[i]); });
}

BigInt Ring::Leave(const uint64_t* element) const {
  BigInt value;
  Leave(element, {&value, 1});
  return value;
}

void Ring::LoadSome(uint64_t* batch, const uint64_t* first, size_t count) const {
  const uint64_t* elements[kMaxLanes] = {};
  for (size_t lane = 0; lane < count; ++lane) elements[lane] = first + lane * words();
  Load(batch, elements);
}

void Ring::StoreSome(uint64_t* first, const uint64_t* batch, size_t count) const {
  uint64_t* elements[kMaxLanes] = {};
  for (size_t lane = 0; lane < count; ++lane) elements[lane] = first + lane * words();
  Store(elements, batch);
}

void Residues::Wipe() {
  if (!words_.empty()) explicit_bzero(words_.data(), words_.size() * sizeof(uint64_t));
}

Batches::Batches(const Ring& ring, size_t count)
    : batch_words_(ring.batch_words()),
      words_(batch_words_ * count),
      first_(static_cast<uint64_t*>(
          ::operator new (words_ * sizeof(uint64_t), std::align_val_t{64}))) {}

Batches::~Batches() {
  explicit_bzero(first_, words_ * sizeof(uint64_t));
  ::operator delete (first_, std::align_val_t{64});
}

}  // namespace fate::crypto
