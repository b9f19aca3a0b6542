#include "crypto/curve/curve25519.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "crypto/big_int.h"
#include "crypto/curve/curve25519_kernel.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

using curve25519::Kernel;
using curve25519::KernelOf;

// Points that a thread takes at once: enough for their shared inversions to cost little.
constexpr size_t kGrain = 64;
constexpr int kScalarBits = 253;  // of the group order
constexpr size_t kMaxLanes = 8;

std::array<uint8_t, 32> LittleEndian(const BigInt& value) {
  std::string bytes = value.ToBytes(32);
  std::array<uint8_t, 32> result;
  std::copy(bytes.rbegin(), bytes.rend(), result.begin());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return result;
}

// 2^252 + 27742317777372353535851937790883648493
BigInt GroupOrder() {
  return BigInt::PowerOfTwo(252) + *BigInt::FromDecimal("27742317777372353535851937790883648493");
}

// 8 scalar, as an integer: below 2^256.
std::array<uint8_t, 32> TimesEight(const std::array<uint8_t, 32>& scalar) {
  std::array<uint8_t, 32> result;
  unsigned carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    carry |= unsigned{scalar[i]} << 3;
    result[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return result;
}

void HashEach(std::span<const std::string_view> ids, CurvePoint* out) {
  static const HashFunction sha512 = *HashFunction::Named("sha512");
  uint8_t digest[64];
  for (const std::string_view id : ids) {
    sha512.Digest(id, digest);
    std::memcpy(out++->data(), digest, sizeof(CurvePoint));
  }
}

// The field elements that stand for ids: the first halves of their SHA-512. The top bit, which
// would choose a sign, is ignored by all that follows, because only u-coordinates count.
void HashToField(const Kernel& kernel, std::span<const std::string_view> ids, CurvePoint* out) {
  if (kernel.hash == nullptr) return HashEach(ids, out);
  for (size_t at = 0; at < ids.size(); at += kernel.lanes) {
    const auto some = ids.subspan(at, std::min(kernel.lanes, ids.size() - at));
    curve25519::Message messages[kMaxLanes];
    bool all_short = true;
    for (size_t i = 0; i < some.size(); ++i) {
      messages[i] = {some[i].data(), some[i].size()};
      all_short &= some[i].size() <= kernel.hash_size;
    }
    if (all_short) {
      kernel.hash(messages, out[at].data(), some.size());
    } else {
      HashEach(some, out + at);
    }
  }
}

}  // namespace

CurvePoint HashToCurve(std::string_view id, Isa isa) {
  constexpr uint8_t kEight[32] = {8};
  CurvePoint point;
  HashToField(KernelOf(isa), {&id, 1}, &point);
  KernelOf(isa).map_and_multiply({kEight, 4}, point.data(), point.data(), 1);
  return point;
}

PsiSecret PsiSecret::Random() {
  BigInt scalar = (crypto::Random::Below((GroupOrder() >> 3) - 1) + 1) << 3;
  const PsiSecret secret(LittleEndian(scalar));
  scalar.Wipe();
  return secret;
}

PsiSecret::PsiSecret(const std::array<uint8_t, 32>& bytes, Isa isa) : kernel_(&KernelOf(isa)) {
  std::string big_endian(bytes.rbegin(), bytes.rend());
  BigInt value = BigInt::FromBytes(big_endian), reduced = value.Mod(GroupOrder());
  scalar_ = LittleEndian(reduced);
  value.Wipe();
  reduced.Wipe();
  OPENSSL_cleanse(big_endian.data(), big_endian.size());
}

PsiSecret::~PsiSecret() { OPENSSL_cleanse(scalar_.data(), scalar_.size()); }

// scalar (8 P) = (8 scalar) P, one ladder.
std::vector<CurvePoint> PsiSecret::FirstSign(std::span<const std::string_view> ids,
                                             const Parallel& parallel) const {
  std::array<uint8_t, 32> factor = TimesEight(scalar_);
  std::vector<CurvePoint> points(ids.size());
  parallel.For(ids.size(), kGrain, [&](size_t begin, size_t end) {
    HashToField(*kernel_, ids.subspan(begin, end - begin), &points[begin]);
    uint8_t* const first = points[begin].data();
    kernel_->map_and_multiply({factor.data(), kScalarBits + 3}, first, first, end - begin);
  });
  OPENSSL_cleanse(factor.data(), factor.size());
  return points;
}

std::vector<CurvePoint> PsiSecret::SecondSign(std::span<const CurvePoint> points,
                                              const Parallel& parallel) const {
  std::vector<CurvePoint> products(points.size());
  parallel.For(points.size(), kGrain, [&](size_t begin, size_t end) {
    kernel_->multiply({scalar_.data(), kScalarBits}, points[begin].data(), products[begin].data(),
                      end - begin);
  });
  return products;
}

}  // namespace fate::crypto
