#include "crypto/paillier/prime_half.h"

#include <cstring>

#include "crypto/ring/batch_loop.h"
#include "crypto/ring/power.h"

namespace fate::crypto::paillier {
namespace {

// x[i] = x[i] factor.
void MultiplyAll(const Ring& ring, Residues& x, const uint64_t* factor) {
  const uint64_t* factors[kMaxLanes];
  std::fill_n(factors, ring.lanes(), factor);
  ForEachBatch(ring, x.size(), 2, Inline(), [&](Batches& batch, size_t at, size_t count) {
    ring.LoadSome(batch[0], x[at], count);
    ring.Load(batch[1], factors);
    ring.Multiply(batch[0], batch[0], batch[1]);
    ring.StoreSome(x[at], batch[0], count);
  });
}

}  // namespace

PrimeHalf::PrimeHalf(const BigInt& p, const BigInt& q, Isa isa)
    : ring_(Ring::ModuloSquare(p, isa)),
      by_prime_(p),
      by_square_(ring_->modulus()),
      square_bits_(ring_->modulus().BitLength()),
      order_(p - 1),
      h_((-q).InverseMod(p).value_or(BigInt())),
      h_element_(ring_, {&h_, 1}) {}

PrimeHalf::~PrimeHalf() {
  order_.Wipe();
  h_.Wipe();
  h_element_.Wipe();
}

bool PrimeHalf::Decrypt(std::span<const BigInt> ciphertexts, std::span<BigInt> plaintexts) const {
  const size_t count = ciphertexts.size();
  SecretInts low(count), high(count);
  for (size_t i = 0; i < count; ++i) {
    by_square_.Reduce(ciphertexts[i], 4 * prime().BitLength(), low[i]);
    by_prime_.Divide(low[i], square_bits_, high[i], low[i]);
  }
  Residues x(ring_, count);
  ring_->EnterDigits(low, high, x[0]);
  PowerSecret(*ring_, x[0], count, order_, prime().BitLength(), x[0]);
  MultiplyAll(*ring_, x, h_element_[0]);
  ring_->LeaveDigits(x[0], low, plaintexts);
  x.Wipe();
  bool all = true;
  for (size_t i = 0; i < count; ++i) all = all & (low[i] == h_);  // always equal in a good vector
  return all;
}

}  // namespace fate::crypto::paillier
