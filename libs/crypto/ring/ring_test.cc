#include "crypto/ring/ring.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace fate::crypto {
namespace {

struct Case {
  Isa isa;
  int bits;
  bool is_square;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Isa isa : SupportedIsas()) {
    for (const int bits :
         {2, 63, 64, 65, 200, 511, 512, 1024, 1031, 1536, 2048, 3072, 4096, 8192}) {
      for (const bool is_square : {false, true}) cases.push_back({isa, bits, is_square});
    }
  }
  return cases;
}

class RingTest : public testing::TestWithParam<Case> {
 protected:
  RingTest() {
    BigInt m = Random::Bits(GetParam().bits) + BigInt::PowerOfTwo(GetParam().bits);
    m = m.Mod(BigInt::PowerOfTwo(GetParam().bits));
    if (m < BigInt::PowerOfTwo(GetParam().bits - 1)) m += BigInt::PowerOfTwo(GetParam().bits - 1);
    if (!m.IsOdd()) m += 1;
    Make(m);
  }
  void Make(const BigInt& m) {
    ring_ = GetParam().is_square ? Ring::ModuloSquare(m, GetParam().isa)
                                 : Ring::Modulo(m, GetParam().isa);
  }
  // The edges, then random values.
  std::vector<BigInt> Values(size_t count) const {
    const BigInt& modulus = ring_->modulus();
    std::vector<BigInt> values{0, 1, modulus - 1, modulus - 2, ring_->base(), ring_->base() - 1};
    for (BigInt& value : values) value = value.Mod(modulus);
    while (values.size() < count) values.push_back(Random::Below(modulus));
    return values;
  }
  std::vector<BigInt> Multiply(const std::vector<BigInt>& a, const std::vector<BigInt>& b) const {
    Residues left(ring_, a), right(ring_, b), product(ring_, a.size());
    Batches batches(*ring_, 2);
    for (size_t at = 0; at < a.size(); at += ring_->lanes()) {
      const size_t count = std::min(ring_->lanes(), a.size() - at);
      ring_->LoadSome(batches[0], left[at], count);
      ring_->LoadSome(batches[1], right[at], count);
      ring_->Multiply(batches[0], batches[0], batches[1]);
      ring_->StoreSome(product[at], batches[0], count);
    }
    return product.Leave();
  }
  std::shared_ptr<const Ring> ring_;
};

TEST_P(RingTest, UsesTheInstructionSetThatWasAskedFor) { EXPECT_EQ(ring_->isa(), GetParam().isa); }

TEST_P(RingTest, ValuesComeOutAsTheyWentIn) {
  const std::vector<BigInt> values = Values(21);
  EXPECT_EQ(Residues(ring_, values).Leave(), values);
}

TEST_P(RingTest, DigitsComeOutLeastAndEnterInAnyForm) {
  if (!ring_->is_square()) return;
  const BigInt& m = ring_->base();
  const std::vector<BigInt> values = Values(21);
  std::vector<BigInt> low(values.size()), high(values.size());
  Residues residues(ring_, values);
  residues.ring().LeaveDigits(residues[0], low, high);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(low[i], values[i].Mod(m));
    EXPECT_EQ(high[i], values[i] / m);
    low[i] += m * BigInt(static_cast<int64_t>(i % 4));
    high[i] += m * BigInt(static_cast<int64_t>(i / 4 % 4));
  }
  ring_->EnterDigits(low, high, residues[0]);
  const std::vector<BigInt> entered = residues.Leave();
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(entered[i], (low[i] + high[i] * m).Mod(ring_->modulus()));
  }
}

TEST_P(RingTest, DigitsWithAFactorOfTheirOwnCostNoMultiplication) {
  if (!ring_->is_square()) return;
  const BigInt& m = ring_->base();
  const std::vector<BigInt> values = Values(13);
  std::vector<BigInt> low(values.size()), high(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    (values[i] * ring_->r()).Mod(ring_->modulus()).FloorDivide(m, high[i], low[i]);
  }
  Residues residues(ring_, values.size());
  ring_->PackDigits(low, high, residues[0]);
  EXPECT_EQ(residues.Leave(), values);

  Residues factor(ring_, 1);
  BigInt factor_low, factor_high;
  values.back().FloorDivide(m, factor_high, factor_low);
  ring_->PackDigits({&factor_low, 1}, {&factor_high, 1}, factor[0]);
  ring_->LeaveDigitsTimes(factor[0], residues[0], low, high);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(low[i] + high[i] * m, (values[i] * values.back()).Mod(ring_->modulus()));
  }
}

TEST_P(RingTest, ProductsAndSquaresEqualPlainArithmetic) {
  const std::vector<BigInt> a = Values(37);
  std::vector<BigInt> b = Values(37);
  std::reverse(b.begin(), b.end());
  const std::vector<BigInt> products = Multiply(a, b);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(products[i], (a[i] * b[i]).Mod(ring_->modulus()));

  Residues squares(ring_, a);
  Batches batch(*ring_, 1);
  for (size_t at = 0; at < a.size(); at += ring_->lanes()) {
    const size_t count = std::min(ring_->lanes(), a.size() - at);
    ring_->LoadSome(batch[0], squares[at], count);
    ring_->Square(batch[0], batch[0]);
    ring_->StoreSome(squares[at], batch[0], count);
  }
  const std::vector<BigInt> values = squares.Leave();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(values[i], (a[i] * a[i]).Mod(ring_->modulus()));
}

// Reduction is lazy: a chain of products of the largest digits must not overflow.
TEST_P(RingTest, LongChainsOfProductsStayInBounds) {
  const int bits = GetParam().bits;
  for (const BigInt& m : {BigInt::PowerOfTwo(bits) - 1, BigInt::PowerOfTwo(bits - 1) + 1}) {
    if (m < BigInt(3)) continue;
    Make(m);
    Residues x(ring_, std::vector<BigInt>(ring_->lanes(), ring_->modulus() - 1));
    Batches batches(*ring_, 2);
    ring_->LoadSome(batches[0], x[0], ring_->lanes());
    ring_->LoadSome(batches[1], x[0], ring_->lanes());
    BigInt expected = ring_->modulus() - 1;
    const BigInt factor = expected;
    for (int i = 0; i < 50; ++i) {
      ring_->Square(batches[0], batches[0]);
      ring_->Multiply(batches[0], batches[0], batches[1]);
      expected = (expected * expected * factor).Mod(ring_->modulus());
    }
    ring_->StoreSome(x[0], batches[0], ring_->lanes());
    for (const BigInt& value : x.Leave()) ASSERT_EQ(value, expected);
  }
}

TEST_P(RingTest, LanesGoWhereTheyAreSent) {
  const std::vector<BigInt> values = Values(ring_->lanes());
  const Residues source(ring_, values);
  Residues target(ring_, std::vector<BigInt>(ring_->lanes(), BigInt(0)));
  std::vector<const uint64_t*> from(ring_->lanes(), nullptr);
  std::vector<uint64_t*> to(ring_->lanes());
  from[0] = source[ring_->lanes() - 1];
  for (size_t lane = 0; lane < ring_->lanes(); ++lane) to[lane] = target[lane];
  Batches batch(*ring_, 1);
  ring_->Load(batch[0], from.data());
  ring_->Store(to.data(), batch[0]);
  const std::vector<BigInt> stored = target.Leave();
  EXPECT_EQ(stored[0], values[ring_->lanes() - 1]);
  for (size_t lane = 1; lane < stored.size(); ++lane) EXPECT_EQ(stored[lane], BigInt(1));
}

INSTANTIATE_TEST_SUITE_P(Rings, RingTest, testing::ValuesIn(Cases()), [](const auto& info) {
  return std::string(IsaName(info.param.isa)) + (info.param.is_square ? "_square_" : "_") +
         std::to_string(info.param.bits);
});

}  // namespace
}  // namespace fate::crypto
