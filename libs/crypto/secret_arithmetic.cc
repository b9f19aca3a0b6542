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
  explicit_bzero(limbs.data(), limbs.size() * sizeof(mp_limb_t));
}

}  // namespace

SecretDivisor::SecretDivisor(const BigInt& divisor)
    : divisor_(ToLimbs(divisor, mpz_size(divisor.mpz()))) {}

SecretDivisor::~SecretDivisor() { Wipe(divisor_); }

void SecretDivisor::Divide(const BigInt& value, int bits, BigInt& quotient,
                           BigInt& remainder) const {
  const size_t size = std::max(LimbsOf(bits), divisor_.size());
  const auto n = static_cast<mp_size_t>(size), d = static_cast<mp_size_t>(divisor_.size());
  StackLimbs<6 * kMaxLimbs> stack;
  mp_limb_t* const number = stack.Take(size);
  mp_limb_t* const result = stack.Take(size - divisor_.size() + 1);
  Read(value, number, size);
  mp_limb_t* const scratch = stack.Take(static_cast<size_t>(mpn_sec_div_qr_itch(n, d)));
  result[n - d] = mpn_sec_div_qr(result, number, n, divisor_.data(), d, scratch);
  Write(result, size - divisor_.size() + 1, quotient);
  Write(number, divisor_.size(), remainder);
}

void SecretDivisor::Reduce(const BigInt& value, int bits, BigInt& remainder) const {
  const size_t size = std::max(LimbsOf(bits), divisor_.size());
  const auto n = static_cast<mp_size_t>(size), d = static_cast<mp_size_t>(divisor_.size());
  StackLimbs<6 * kMaxLimbs> stack;
  mp_limb_t* const number = stack.Take(size);
  Read(value, number, size);
  mp_limb_t* const scratch = stack.Take(static_cast<size_t>(mpn_sec_div_r_itch(n, d)));
  mpn_sec_div_r(number, n, divisor_.data(), d, scratch);
  Write(number, divisor_.size(), remainder);
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
