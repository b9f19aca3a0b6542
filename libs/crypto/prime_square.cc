#include "crypto/prime_square.h"

#include "crypto/ring/power.h"

namespace fate::crypto {
PrimeSquareLog::PrimeSquareLog(const BigInt& p, const BigInt& exponent, int exponent_bits,
                               const BigInt& h, Isa isa)
    : ring_(Ring::ModuloSquare(p, isa, Secrecy::kSecret)),
      by_prime_(p),
      by_square_(ring_->modulus()),
      square_bits_(ring_->modulus().BitLength()),
      exponent_(exponent),
      h_(h),
      exponent_bits_(exponent_bits),
      h_factor_(ring_, 1) {
  const BigInt zero;
  ring_->PackDigits({&h_, 1}, {&zero, 1}, h_factor_[0]);
}

PrimeSquareLog::~PrimeSquareLog() {
  exponent_.Wipe();
  h_.Wipe();
  h_factor_.Wipe();
}

bool PrimeSquareLog::Log(std::span<const BigInt> values, int value_bits,
                         std::span<BigInt> logs) const {
  const size_t count = values.size();
  SecretInts low(count), high(count);
  for (size_t i = 0; i < count; ++i) {
    by_square_.Reduce(values[i], value_bits, low[i]);
    by_prime_.Divide(low[i], square_bits_, high[i], low[i]);
  }
  Residues x(ring_, count);
  ring_->EnterDigits(low, high, x[0]);
  PowerSecret(*ring_, x[0], count, exponent_, exponent_bits_, x[0]);
  ring_->LeaveDigitsTimes(h_factor_[0], x[0], low, logs);
  x.Wipe();
  bool all = true;
  for (size_t i = 0; i < count; ++i) all = all & (low[i] == h_);  // always equal in a good vector
  return all;
}

}  // namespace fate::crypto
