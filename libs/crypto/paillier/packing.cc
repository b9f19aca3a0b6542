#include "crypto/paillier/packing.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

constexpr int kMaxPlaintextBits = 8192;

// round(x 2^precision) of a finite x >= 0, exactly.
BigInt Scale(double x, int precision) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  BigInt mantissa(static_cast<int64_t>(std::ldexp(fraction, 53)));
  const int shift = exponent - 53 + precision;
  if (shift >= 0) return mantissa <<= shift;
  if (shift < -54) return 0;
  mantissa += BigInt::PowerOfTwo(-shift - 1);
  return mantissa >>= -shift;
}

// x 2^-precision, rounded once to the nearest double.
double Unscale(const BigInt& x, int precision) {
  const int surplus = std::max(x.BitLength() - 64, 0);
  uint64_t top = mpz_get_ui((x >> surplus).mpz());
  if (surplus > 0 && mpz_scan1(x.mpz(), 0) < static_cast<mp_bitcnt_t>(surplus)) top |= 1;
  return std::ldexp(static_cast<double>(top), surplus - precision);
}

}  // namespace

absl::StatusOr<Packing> Packing::Create(int slot_bits, int slots, int plaintext_bits) {
  if (slot_bits < 1 || slots < 1 || plaintext_bits > kMaxPlaintextBits ||
      slots > plaintext_bits / slot_bits) {
    return InvalidArgumentError("{} slots of {} bits do not fit into a plaintext of {} bits", slots,
                                slot_bits, plaintext_bits);
  }
  return Packing(slot_bits, slots);
}

absl::StatusOr<Packing> Packing::Fill(int slot_bits, int plaintext_bits) {
  return Create(slot_bits, slot_bits < 1 ? 0 : plaintext_bits / slot_bits, plaintext_bits);
}

absl::StatusOr<std::vector<BigInt>> Packing::Pack(std::span<const BigInt> numbers) const {
  std::vector<BigInt> packed(plaintexts(numbers.size()));
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i].IsNegative() || numbers[i].BitLength() > slot_bits_) {
      return OutOfRangeError("number {} of {} is {}, for a slot of {} bits", i, numbers.size(),
                             numbers[i].IsNegative()
                                 ? "negative"
                                 : fmt::format("too large with {} bits", numbers[i].BitLength()),
                             slot_bits_);
    }
    BigInt& plaintext = packed[i / size_t(slots_)];
    plaintext <<= slot_bits_;
    plaintext += numbers[i];
  }
  return packed;
}

absl::StatusOr<std::vector<BigInt>> Packing::Unpack(std::span<const BigInt> plaintexts,
                                                    size_t count) const {
  if (plaintexts.size() != this->plaintexts(count)) {
    return InvalidArgumentError("{} plaintexts of {} slots for {} numbers", plaintexts.size(),
                                slots_, count);
  }
  std::vector<BigInt> numbers(count);
  for (size_t i = 0; i < plaintexts.size(); ++i) {
    const size_t first = i * size_t(slots_), end = std::min(first + size_t(slots_), count);
    if (plaintexts[i].IsNegative() ||
        plaintexts[i].BitLength() > static_cast<int>(end - first) * slot_bits_) {
      return OutOfRangeError(
          "plaintext {} of {} does not fit into its {} slots of {} bits: a sum overflowed, or it "
          "was packed otherwise",
          i, plaintexts.size(), end - first, slot_bits_);
    }
    BigInt rest = plaintexts[i];
    for (size_t slot = end; slot-- > first; rest >>= slot_bits_) {
      mpz_fdiv_r_2exp(numbers[slot].mpz(), rest.mpz(), static_cast<mp_bitcnt_t>(slot_bits_));
    }
  }
  return numbers;
}

absl::StatusOr<std::vector<BigInt>> Packing::PackUnsigned(std::span<const uint64_t> numbers) const {
  std::vector<BigInt> integers(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) mpz_set_ui(integers[i].mpz(), numbers[i]);
  return Pack(integers);
}

absl::StatusOr<std::vector<uint64_t>> Packing::UnpackUnsigned(std::span<const BigInt> plaintexts,
                                                              size_t count) const {
  ASSIGN_OR_RETURN(const std::vector<BigInt> integers, Unpack(plaintexts, count));
  std::vector<uint64_t> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    if (integers[i].BitLength() > 64) {
      return OutOfRangeError("number {} of {} has {} bits, more than 64", i, count,
                             integers[i].BitLength());
    }
    numbers[i] = mpz_get_ui(integers[i].mpz());
  }
  return numbers;
}

absl::StatusOr<std::vector<BigInt>> Packing::PackFloats(std::span<const double> numbers,
                                                        int precision) const {
  std::vector<BigInt> integers(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!std::isfinite(numbers[i]) || numbers[i] < 0) {
      return OutOfRangeError("number {} of {} is {}: only finite numbers of at least 0 are packed",
                             i, numbers.size(), numbers[i]);
    }
    integers[i] = Scale(numbers[i], precision);
  }
  return Pack(integers);
}

absl::StatusOr<std::vector<double>> Packing::UnpackFloats(std::span<const BigInt> plaintexts,
                                                          size_t count, int precision) const {
  ASSIGN_OR_RETURN(const std::vector<BigInt> integers, Unpack(plaintexts, count));
  std::vector<double> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = Unscale(integers[i], precision);
  return numbers;
}

absl::StatusOr<std::vector<BigInt>> Packing::PackSigned(std::span<const int64_t> numbers,
                                                        int bits) const {
  if (bits < 0 || bits >= slot_bits_) {
    return InvalidArgumentError("signed numbers of {} bits need slots of {}, not {}", bits,
                                bits + 1, slot_bits_);
  }
  const BigInt offset = BigInt::PowerOfTwo(bits);
  std::vector<BigInt> integers(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    integers[i] = BigInt(numbers[i]);
    if (integers[i].BitLength() > bits) {
      return OutOfRangeError("number {} of {} has {} bits, more than {}", i, numbers.size(),
                             integers[i].BitLength(), bits);
    }
    integers[i] += offset;
  }
  return Pack(integers);
}

absl::StatusOr<std::vector<BigInt>> Packing::UnpackSigned(std::span<const BigInt> plaintexts,
                                                          size_t count, int bits,
                                                          uint64_t terms) const {
  BigInt offset;
  mpz_set_ui(offset.mpz(), terms);
  offset <<= bits;
  if (bits < 0 || terms == 0 || (offset + offset - 1).BitLength() > slot_bits_) {
    return InvalidArgumentError("slots of {} bits are too narrow for sums of {} numbers of {} bits",
                                slot_bits_, terms, bits);
  }
  ASSIGN_OR_RETURN(std::vector<BigInt> numbers, Unpack(plaintexts, count));
  for (BigInt& number : numbers) {
    number -= offset;
    if (number >= offset || number <= -offset) {
      return OutOfRangeError("a sum is too large for {} numbers of {} bits", terms, bits);
    }
  }
  return numbers;
}

}  // namespace fate::crypto
