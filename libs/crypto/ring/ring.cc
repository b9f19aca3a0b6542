#include "crypto/ring/ring.h"

#include <cstdlib>
#include <new>

#include "crypto/ring/generic_ring.h"
#include "crypto/ring/simd_ring.h"

namespace fate::crypto {
namespace {

void CheckModulus(const BigInt& m, Isa isa) {
  if (m.IsOdd() && m > BigInt(1) && m.BitLength() <= kMaxRingBits && IsSupported(isa)) return;
  std::abort();  // a caller's mistake: every key checks its modulus before
}

std::shared_ptr<const Ring> Make(const BigInt& m, bool is_square, Isa isa) {
  CheckModulus(m, isa);
  if (isa == Isa::kGeneric) return std::make_shared<const GenericRing>(m, is_square);
  return std::make_shared<const SimdRing>(m, is_square, isa);
}

}  // namespace

std::shared_ptr<const Ring> Ring::Modulo(const BigInt& m, Isa isa) { return Make(m, false, isa); }

std::shared_ptr<const Ring> Ring::ModuloSquare(const BigInt& m, Isa isa) {
  return Make(m, true, isa);
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
  BigInt value = UnpackHalf(element);
  if (shape_.is_square) value += UnpackHalf(element + shape_.half_words) * base_;
  while (value >= modulus_) value -= modulus_;  // below 2.1 (m + m m): a few times
  return value;
}

void Ring::Enter(std::span<const BigInt> values, uint64_t* elements) const {
  Batches batches(*this, 2);
  const uint64_t* factor[kMaxLanes];
  for (size_t lane = 0; lane < lanes(); ++lane) factor[lane] = r_squared_.data();
  Load(batches[1], factor);
  for (size_t at = 0; at < values.size(); at += lanes()) {
    const size_t count = std::min(lanes(), values.size() - at);
    uint64_t* const first = elements + at * words();
    for (size_t i = 0; i < count; ++i) Pack(first + i * words(), values[at + i]);
    LoadSome(batches[0], first, count);
    Multiply(batches[0], batches[0], batches[1]);
    StoreSome(first, batches[0], count);
  }
}

void Ring::Leave(const uint64_t* elements, std::span<BigInt> values) const {
  Batches batches(*this, 2);
  std::vector<uint64_t> plain(lanes() * words());
  const uint64_t* factor[kMaxLanes];
  for (size_t lane = 0; lane < lanes(); ++lane) factor[lane] = plain_one_.data();
  Load(batches[1], factor);
  for (size_t at = 0; at < values.size(); at += lanes()) {
    const size_t count = std::min(lanes(), values.size() - at);
    LoadSome(batches[0], elements + at * words(), count);
    Multiply(batches[0], batches[0], batches[1]);
    StoreSome(plain.data(), batches[0], count);
    for (size_t i = 0; i < count; ++i) values[at + i] = Unpack(plain.data() + i * words());
  }
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
