#pragma once

// Additive secret sharing between two parties modulo q, and products by Beaver's triples: the
// SPDZ of FATE 1.x (spec 6.7). q is a modulus that both know, in FATE the larger of their
// Paillier n; reals are fixed point in base `base` with `fraction_digits` digits.
//
//   x = x_0 + x_1 mod q, y likewise;  [a], [b], [a b] from TripleProduct
//   X = x + a and Y = y + b are opened;  x y = [c] - [a] Y - X [b] + X Y
//
// BigInt arithmetic, not constant in time: for peers of 1.x. Native parties share in Z_2^64
// (ring_shares.h).

#include <array>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"
#include "crypto/sharing/beaver.h"

namespace fate::crypto {

// Residues mod q, or shares of them, row by row.
struct FieldMatrix {
  Shape shape;
  std::vector<BigInt> elements;
};

class ShareField {
 public:
  struct Encoding {
    int base = 10, fraction_digits = 4;
  };
  // q: 64 to 16384 bits; base^fraction_digits at most 2^53.
  static absl::StatusOr<ShareField> Create(BigInt q, const Encoding& encoding);

  const BigInt& q() const { return q_; }

  // value base^digits, truncated towards zero, mod q. Error: kInvalidArgument for what is not
  // finite, or reaches 2^63 or q / 2.
  absl::StatusOr<BigInt> Encode(double value) const;
  // Residues above q / 2 are negative. Exact while numerators are below 2^53.
  double Decode(const BigInt& element) const;

  // Uniform shares, the other party's first drawn.
  std::array<FieldMatrix, 2> Split(const FieldMatrix& matrix) const;
  // Uniform residues.
  FieldMatrix Draw(Shape shape) const;

  // Element by element mod q. Error: kInvalidArgument when shapes differ.
  absl::StatusOr<FieldMatrix> Add(const FieldMatrix& x, const FieldMatrix& y) const;

  // This party's share of a b, where a = a_0 + a_1 and b likewise: own a b, minus r, plus
  // `cross`, what this party decrypts of the other's Enc(a) b_other + r_other. Both draw a, b
  // and r. Error: kInvalidArgument when shapes do not fit.
  absl::StatusOr<FieldMatrix> TripleProduct(ProductKind product, const FieldMatrix& a,
                                            const FieldMatrix& b, const FieldMatrix& r,
                                            const FieldMatrix& cross) const;
  // Whether a cross product of `terms` terms stays below n, so that decryption gives the integer:
  // otherwise the triple would be wrong. Error: kInvalidArgument, with the n it takes.
  absl::Status CheckCross(size_t terms, const BigInt& n) const;

  // A party's share of x y, from its triple and the opened x + a and y + b. In base^(2 digits):
  // TruncateFirst, TruncateSecond. Error: kInvalidArgument when shapes do not fit.
  struct Triple {
    FieldMatrix a, b, c;
  };
  absl::StatusOr<FieldMatrix> FinishAsFirst(ProductKind product, const Triple& triple,
                                            const FieldMatrix& x_plus_a,
                                            const FieldMatrix& y_plus_b) const;
  absl::StatusOr<FieldMatrix> FinishAsSecond(ProductKind product, const Triple& triple,
                                             const FieldMatrix& x_plus_a,
                                             const FieldMatrix& y_plus_b) const;

  // Division of the shared value by base^digits without interaction: off by 1 in the last place,
  // and wrong with a chance of |value| / q.
  void TruncateFirst(FieldMatrix& share) const;
  void TruncateSecond(FieldMatrix& share) const;

 private:
  ShareField(BigInt q, int64_t scale) : q_(std::move(q)), scale_(scale) {}
  // a b mod q.
  absl::StatusOr<FieldMatrix> Multiply(ProductKind product, const FieldMatrix& a,
                                       const FieldMatrix& b) const;

  BigInt q_;
  int64_t scale_;
};

}  // namespace fate::crypto
