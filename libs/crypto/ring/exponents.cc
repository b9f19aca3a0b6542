#include "crypto/ring/exponents.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "crypto/random.h"

namespace fate::crypto {

Exponents::Exponents(std::span<const uint64_t> values)
    : words_(values.begin(), values.end()), width_(1) {}

Exponents::Exponents(std::span<const BigInt> values) : width_(1) {
  for (const BigInt& value : values) {
    if (value.IsNegative()) std::abort();  // a caller's mistake: signs are taken off before
    width_ = std::max(width_, mpz_size(value.mpz()));
  }
  words_.resize(values.size() * width_);
  for (size_t i = 0; i < values.size(); ++i) {
    const mpz_srcptr z = values[i].mpz();
    std::memcpy(words_.data() + i * width_, mpz_limbs_read(z), mpz_size(z) * sizeof(uint64_t));
  }
}

Exponents::Exponents(std::vector<uint64_t> words, size_t width)
    : words_(std::move(words)), width_(width) {}

Exponents Exponents::Random(size_t count, int bits) {
  const size_t width = (static_cast<size_t>(bits) + 63) / 64;
  std::vector<uint64_t> words(count * width);
  crypto::Random::Fill(words.data(), words.size() * sizeof(uint64_t));
  if (bits % 64 != 0) {
    const uint64_t top = (uint64_t{1} << (bits % 64)) - 1;
    for (size_t i = width - 1; i < words.size(); i += width) words[i] &= top;
  }
  return Exponents(std::move(words), width);
}

Exponents Exponents::RandomBelow(size_t count, const BigInt& bound) {
  Exponents drawn = Random(count, bound.BitLength());
  const auto limbs = static_cast<mp_size_t>(drawn.width_);
  for (size_t i = 0; i < count; ++i) {
    uint64_t* const value = drawn.words_.data() + i * drawn.width_;
    while (mpn_cmp(value, mpz_limbs_read(bound.mpz()), limbs) >= 0) {
      const Exponents again = Random(1, bound.BitLength());
      std::copy_n(again.words_.data(), drawn.width_, value);
    }
  }
  return drawn;
}

Exponents::~Exponents() { explicit_bzero(words_.data(), words_.size() * sizeof(uint64_t)); }

int Exponents::bits() const {
  int bits = 0;
  for (size_t i = 0; i < size(); ++i) bits = std::max(bits, this->bits(i));
  return bits;
}

int Exponents::bits(size_t index) const {
  for (size_t word = width_; word-- > 0;) {
    const uint64_t value = words_[index * width_ + word];
    if (value != 0) return static_cast<int>(64 * word) + std::bit_width(value);
  }
  return 0;
}

BigInt Exponents::ToBigInt(size_t index) const {
  BigInt value;
  mpz_import(value.mpz(), width_, -1, sizeof(uint64_t), 0, 0, words_.data() + index * width_);
  return value;
}

}  // namespace fate::crypto
