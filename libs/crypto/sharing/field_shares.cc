#include "crypto/sharing/field_shares.h"

#include <cmath>

#include "base/status.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

constexpr int kMinBits = 64, kMaxBits = 16384;
constexpr double kMaxScale = 0x1p53;

FieldMatrix Zeros(Shape shape) { return {shape, std::vector<BigInt>(shape.size())}; }

void AddTo(FieldMatrix& sum, const FieldMatrix& x) {
  for (size_t i = 0; i < sum.elements.size(); ++i) sum.elements[i] += x.elements[i];
}

void SubtractFrom(FieldMatrix& sum, const FieldMatrix& x) {
  for (size_t i = 0; i < sum.elements.size(); ++i) sum.elements[i] -= x.elements[i];
}

void Reduce(FieldMatrix& matrix, const BigInt& q) {
  for (BigInt& element : matrix.elements) mpz_mod(element.mpz(), element.mpz(), q.mpz());
}

absl::Status CheckShape(std::string_view name, const FieldMatrix& matrix, Shape expected) {
  if (matrix.shape == expected && matrix.elements.size() == expected.size()) {
    return absl::OkStatus();
  }
  return InvalidArgumentError("{} is {} x {} with {} elements; {} x {} are expected", name,
                              matrix.shape.rows, matrix.shape.columns, matrix.elements.size(),
                              expected.rows, expected.columns);
}

}  // namespace

absl::StatusOr<ShareField> ShareField::Create(BigInt q, const Encoding& encoding) {
  const int bits = q.IsNegative() ? 0 : q.BitLength();
  if (bits < kMinBits || bits > kMaxBits) {
    return InvalidArgumentError("a field of {} bits cannot hold shares; {} to {} are accepted",
                                bits, kMinBits, kMaxBits);
  }
  const double scale = std::pow(encoding.base, encoding.fraction_digits);
  if (encoding.base < 2 || encoding.fraction_digits < 0 || scale > kMaxScale) {
    return InvalidArgumentError("{} digits in base {} are no fixed point of at most 53 bits",
                                encoding.fraction_digits, encoding.base);
  }
  return ShareField(std::move(q), static_cast<int64_t>(scale));
}

absl::StatusOr<BigInt> ShareField::Encode(double value) const {
  const double scaled = std::trunc(value * static_cast<double>(scale_));
  if (!(std::abs(scaled) < 0x1p63)) {
    return InvalidArgumentError("{} times {} does not fit into 64 bits; share smaller values",
                                value, scale_);
  }
  const BigInt numerator(static_cast<int64_t>(scaled));
  if (mpz_cmpabs((numerator << 1).mpz(), q_.mpz()) >= 0) {
    return InvalidArgumentError("{} does not fit into a field of {} bits; choose a larger one",
                                value, q_.BitLength());
  }
  return numerator.Mod(q_);
}

double ShareField::Decode(const BigInt& element) const {
  BigInt numerator = element.Mod(q_);
  if ((numerator << 1) > q_) numerator -= q_;
  return mpz_get_d(numerator.mpz()) / static_cast<double>(scale_);
}

std::array<FieldMatrix, 2> ShareField::Split(const FieldMatrix& matrix) const {
  FieldMatrix others = Draw(matrix.shape), own = matrix;
  SubtractFrom(own, others);
  Reduce(own, q_);
  return {std::move(own), std::move(others)};
}

FieldMatrix ShareField::Draw(Shape shape) const {
  FieldMatrix matrix = Zeros(shape);
  for (BigInt& element : matrix.elements) element = Random::Below(q_);
  return matrix;
}

absl::StatusOr<FieldMatrix> ShareField::Add(const FieldMatrix& x, const FieldMatrix& y) const {
  RETURN_IF_ERROR(CheckShape("the second summand", y, x.shape));
  FieldMatrix sum = x;
  AddTo(sum, y);
  Reduce(sum, q_);
  return sum;
}

absl::StatusOr<FieldMatrix> ShareField::Multiply(ProductKind product, const FieldMatrix& a,
                                                 const FieldMatrix& b) const {
  ASSIGN_OR_RETURN(const Shape shape, ProductShape(product, a.shape, b.shape));
  FieldMatrix result = Zeros(shape);
  if (product == ProductKind::kElementwise) {
    for (size_t i = 0; i < result.elements.size(); ++i) {
      mpz_mul(result.elements[i].mpz(), a.elements[i].mpz(), b.elements[i].mpz());
    }
  } else {
    for (size_t i = 0; i < shape.rows; ++i) {
      for (size_t j = 0; j < shape.columns; ++j) {
        mpz_ptr sum = result.elements[i * shape.columns + j].mpz();
        for (size_t k = 0; k < b.shape.rows; ++k) {
          mpz_addmul(sum, a.elements[i * b.shape.rows + k].mpz(),
                     b.elements[k * shape.columns + j].mpz());
        }
      }
    }
  }
  Reduce(result, q_);
  return result;
}

absl::StatusOr<FieldMatrix> ShareField::TripleProduct(ProductKind product, const FieldMatrix& a,
                                                      const FieldMatrix& b, const FieldMatrix& r,
                                                      const FieldMatrix& cross) const {
  ASSIGN_OR_RETURN(FieldMatrix c, Multiply(product, a, b));
  RETURN_IF_ERROR(CheckShape("the mask of the cross product", r, c.shape));
  RETURN_IF_ERROR(CheckShape("the decrypted cross product", cross, c.shape));
  SubtractFrom(c, r);
  AddTo(c, cross);
  Reduce(c, q_);
  return c;
}

absl::Status ShareField::CheckCross(size_t terms, const BigInt& n) const {
  const BigInt greatest = BigInt(static_cast<int64_t>(terms)) * q_ * q_ + q_;
  if (greatest < n) return absl::OkStatus();
  return InvalidArgumentError(
      "cross products of {} terms in a field of {} bits take {} bits, the Paillier modulus has {}; "
      "use a smaller field or a longer key",
      terms, q_.BitLength(), greatest.BitLength() + 1, n.BitLength());
}

absl::StatusOr<FieldMatrix> ShareField::FinishAsSecond(ProductKind product, const Triple& triple,
                                                       const FieldMatrix& x_plus_a,
                                                       const FieldMatrix& y_plus_b) const {
  RETURN_IF_ERROR(CheckShape("opened x + a", x_plus_a, triple.a.shape));
  RETURN_IF_ERROR(CheckShape("opened y + b", y_plus_b, triple.b.shape));
  ASSIGN_OR_RETURN(const FieldMatrix left, Multiply(product, triple.a, y_plus_b));
  ASSIGN_OR_RETURN(const FieldMatrix right, Multiply(product, x_plus_a, triple.b));
  FieldMatrix share = triple.c;
  SubtractFrom(share, left);
  SubtractFrom(share, right);
  Reduce(share, q_);
  return share;
}

absl::StatusOr<FieldMatrix> ShareField::FinishAsFirst(ProductKind product, const Triple& triple,
                                                      const FieldMatrix& x_plus_a,
                                                      const FieldMatrix& y_plus_b) const {
  ASSIGN_OR_RETURN(const FieldMatrix share, FinishAsSecond(product, triple, x_plus_a, y_plus_b));
  ASSIGN_OR_RETURN(const FieldMatrix opened, Multiply(product, x_plus_a, y_plus_b));
  return Add(share, opened);
}

void ShareField::TruncateFirst(FieldMatrix& share) const {
  for (BigInt& element : share.elements) element = q_ - (q_ - element) / scale_;
}

void ShareField::TruncateSecond(FieldMatrix& share) const {
  for (BigInt& element : share.elements) element /= scale_;
}

}  // namespace fate::crypto
