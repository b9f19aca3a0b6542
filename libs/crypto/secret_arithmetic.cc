#include "crypto/secret_arithmetic.h"

#include <algorithm>
#include <cstring>

namespace fate::crypto {
namespace {

constexpr size_t kMaxLimbs = 16384 / 64;

size_t LimbsOf(int bits) { return (static_cast<size_t>(bits) + 63) / 64; }

// Limbs on the stack, overwritten when they go: those that were asked for.
template <size_t kSize>
class StackLimbs {
 public:
  StackLimbs() {}  // NOLINT: limbs_ starts as it is
  StackLimbs(const StackLimbs&) = delete;
  StackLimbs& operator=(const StackLimbs&) = delete;
  ~StackLimbs() { explicit_bzero(limbs_, used_ * sizeof(mp_limb_t)); }
  mp_limb_t* Take(size_t count) {
    if (used_ + count > kSize) std::abort();  // a caller's mistake: bits beyond the bound
    used_ += count;
    return limbs_ + used_ - count;
  }

 private:
  mp_limb_t limbs_[kSize];
  size_t used_ = 0;
};

void Read(const BigInt& value, mp_limb_t* limbs, size_t size) {
  const size_t present = mpz_size(value.mpz());
  if (present > size) std::abort();  // a caller's mistake
  std::copy_n(mpz_limbs_read(value.mpz()), present, limbs);
  std::fill_n(limbs + present, size - present, 0);
}

void Write(const mp_limb_t* limbs, size_t size, BigInt& value) {
  const auto count = static_cast<mp_size_t>(size);
  std::copy_n(limbs, size, mpz_limbs_write(value.mpz(), count));
  mpz_limbs_finish(value.mpz(), count);
}

std::vector<mp_limb_t> ToLimbs(const BigInt& value, size_t size) {
  std::vector<mp_limb_t> limbs(size);
  Read(value, limbs.data(), size);
  return limbs;
}

void Wipe(std::vector<mp_limb_t>& limbs) {
  if (!limbs.empty()) explicit_bzero(limbs.data(), limbs.size() * sizeof(mp_limb_t));
}

// out = a b, of both sizes together.
template <class Stack>
void Multiply(mp_limb_t* out, const mp_limb_t* a, size_t a_size, const mp_limb_t* b, size_t b_size,
              Stack& stack) {
  if (a_size < b_size) return Multiply(out, b, b_size, a, a_size, stack);
  const auto n = static_cast<mp_size_t>(a_size), m = static_cast<mp_size_t>(b_size);
  mpn_sec_mul(out, a, n, b, m, stack.Take(static_cast<size_t>(mpn_sec_mul_itch(n, m))));
}

// number = its remainder, quotient (limbs - size + 1) the quotient; number and divisor have a limb
// of 0 on top. Handbook of Applied Cryptography, 14.42, for any length up to twice the divisor's.
template <class Stack>
void DivideByReciprocal(const std::vector<mp_limb_t>& divisor,
                        const std::vector<mp_limb_t>& reciprocal, mp_limb_t* number, size_t limbs,
                        mp_limb_t* quotient, Stack& stack) {
  const size_t size = divisor.size() - 1, count = limbs - size + 1;
  mp_limb_t* const estimate = stack.Take(2 * count);
  Multiply(estimate, number + size - 1, count, reciprocal.data() + reciprocal.size() - count, count,
           stack);
  std::copy_n(estimate + count, count, quotient);  // the quotient, or one or two less
  mp_limb_t* const product = stack.Take(count + size);
  Multiply(product, quotient, count, divisor.data(), size, stack);
  const auto n = static_cast<mp_size_t>(size + 1);
  mpn_sub_n(number, number, product, n);
  mp_limb_t missing = 0;
  for (int i = 0; i < 2; ++i) {
    const mp_limb_t fits = 1 - mpn_sub_n(product, number, divisor.data(), n);
    mpn_cnd_sub_n(fits, number, number, divisor.data(), n);
    missing += fits;
  }
  mpn_add_1(quotient, quotient, static_cast<mp_size_t>(count), missing);
}

}  // namespace

SecretDivisor::SecretDivisor(const BigInt& divisor)
    : divisor_(ToLimbs(divisor, mpz_size(divisor.mpz()) + 1)) {
  const size_t size = divisor_.size() - 1;
  BigInt reciprocal = BigInt::PowerOfTwo(static_cast<int>(128 * size)) / divisor;
  if (mpz_size(reciprocal.mpz()) <= size + 1) reciprocal_ = ToLimbs(reciprocal, size + 1);
  reciprocal.Wipe();
}

SecretDivisor::~SecretDivisor() {
  Wipe(divisor_);
  Wipe(reciprocal_);
}

void SecretDivisor::Divide(const BigInt& value, int bits, BigInt* quotient,
                           BigInt& remainder) const {
  const size_t size = divisor_.size() - 1, limbs = std::max(LimbsOf(bits), size);
  StackLimbs<6 * kMaxLimbs> stack;
  mp_limb_t* const number = stack.Take(limbs + 1);
  mp_limb_t* const result = stack.Take(limbs - size + 1);
  Read(value, number, limbs + 1);
  if (limbs - size < reciprocal_.size()) {
    DivideByReciprocal(divisor_, reciprocal_, number, limbs, result, stack);
  } else {
    const auto n = static_cast<mp_size_t>(limbs), d = static_cast<mp_size_t>(size);
    result[n - d] = mpn_sec_div_qr(result, number, n, divisor_.data(), d,
                                   stack.Take(static_cast<size_t>(mpn_sec_div_qr_itch(n, d))));
  }
  if (quotient != nullptr) Write(result, limbs - size + 1, *quotient);
  Write(number, size, remainder);
}

SecretSum::SecretSum(const BigInt& a, const BigInt& b)
    : a_(ToLimbs(a, std::max(mpz_size(a.mpz()), mpz_size(b.mpz())))), b_(ToLimbs(b, a_.size())) {}

SecretSum::~SecretSum() {
  Wipe(a_);
  Wipe(b_);
}

void SecretSum::Evaluate(const BigInt& x, const BigInt& y, int bits, BigInt& out) const {
  const size_t wide = std::max(LimbsOf(bits), a_.size()),
               narrow = std::min(LimbsOf(bits), a_.size());
  StackLimbs<9 * kMaxLimbs / 2> stack;
  mp_limb_t* const sum = stack.Take(wide + narrow + 1);
  mp_limb_t* const product = stack.Take(wide + narrow);
  mp_limb_t* const factor = stack.Take(LimbsOf(bits));
  const auto n = static_cast<mp_size_t>(wide), m = static_cast<mp_size_t>(narrow);
  mp_limb_t* const scratch = stack.Take(static_cast<size_t>(mpn_sec_mul_itch(n, m)));
  const auto multiply = [&](mp_limb_t* result, const mp_limb_t* constant, const BigInt& variable) {
    Read(variable, factor, LimbsOf(bits));
    const bool is_wide = a_.size() == wide;
    mpn_sec_mul(result, is_wide ? constant : factor, n, is_wide ? factor : constant, m, scratch);
  };
  multiply(sum, a_.data(), x);
  multiply(product, b_.data(), y);
  sum[wide + narrow] = mpn_add_n(sum, sum, product, n + m);
  Write(sum, wide + narrow + 1, out);
}

SecretCrt::SecretCrt(const BigInt& p, const BigInt& q)
    : p_(ToLimbs(p, mpz_size(q.mpz()))), q_(ToLimbs(q, p_.size())) {
  BigInt inverse = p.InverseMod(q).value_or(BigInt());
  p_inverse_ = ToLimbs(inverse, p_.size());
  inverse.Wipe();
}

SecretCrt::~SecretCrt() {
  for (auto* limbs : {&p_, &q_, &p_inverse_}) Wipe(*limbs);
}

void SecretCrt::Combine(const BigInt& a, const BigInt& b, BigInt& out) const {
  const size_t size = p_.size();
  const auto n = static_cast<mp_size_t>(size);
  StackLimbs<12 * kMaxLimbs> stack;
  mp_limb_t* const low = stack.Take(2 * size);  // a, then nothing
  mp_limb_t* const difference = stack.Take(size + 1);
  mp_limb_t* const product = stack.Take(2 * size + 1);
  Read(a, low, 2 * size);
  Read(b, difference, size + 1);
  difference[size] = mpn_add_n(difference, difference, q_.data(), n);
  difference[size] -= mpn_sub_n(difference, difference, low, n);  // b + q - a, below 2 q
  mpn_sec_mul(product, difference, n + 1, p_inverse_.data(), n,
              stack.Take(static_cast<size_t>(mpn_sec_mul_itch(n + 1, n))));
  mpn_sec_div_r(product, 2 * n + 1, q_.data(), n,
                stack.Take(static_cast<size_t>(mpn_sec_div_r_itch(2 * n + 1, n))));
  mp_limb_t* const result = stack.Take(2 * size);
  mpn_sec_mul(result, product, n, p_.data(), n,
              stack.Take(static_cast<size_t>(mpn_sec_mul_itch(n, n))));
  mpn_add_n(result, result, low, 2 * n);
  Write(result, 2 * size, out);
}

}  // namespace fate::crypto
