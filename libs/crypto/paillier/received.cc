#include "crypto/paillier/received.h"

#include <algorithm>
#include <atomic>

#include "base/status.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/ring/product.h"

namespace fate::crypto::paillier {
namespace {

// Ciphertexts that are converted with one scratch.
constexpr size_t kChunk = 64;

absl::Status CheckRange(const PublicKey& key, std::span<const BigInt> integers) {
  const BigInt lowest = -key.n_squared();
  for (size_t i = 0; i < integers.size(); ++i) {
    if (!integers[i].IsZero() && integers[i] > lowest && integers[i] < key.n_squared()) continue;
    return InvalidArgumentError(
        "ciphertext {} of {} is {} for a key of {} bits; it was made for another key or altered", i,
        integers.size(), integers[i].IsZero() ? "0" : "out of range", key.bits());
  }
  return absl::OkStatus();
}

// Whoever finds a common factor of a ciphertext and n has the private key: a product of all tells.
absl::Status CheckInvertible(const PublicKey& key, const Residues& ciphertexts,
                             std::span<const BigInt> integers, const Parallel& parallel) {
  std::vector<const uint64_t*> factors(ciphertexts.size());
  for (size_t i = 0; i < factors.size(); ++i) factors[i] = ciphertexts[i];
  Residues product(key.ring(), 1);
  const Product all{product[0], nullptr, factors.data(), factors.size()};
  MultiplyOut(*key.ring(), {&all, 1}, parallel);
  if (BigInt::Gcd(product.Leave()[0], key.n()) == 1) return absl::OkStatus();
  const auto bad = std::find_if(integers.begin(), integers.end(),
                                [&](const BigInt& c) { return BigInt::Gcd(c, key.n()) != 1; });
  return InvalidArgumentError(
      "ciphertext {} of {} shares a factor with n, as none of a key of {} bits does; it was made "
      "for another key or altered",
      bad - integers.begin(), integers.size(), key.bits());
}

}  // namespace

absl::StatusOr<Residues> AdmitCiphertexts(const PublicKey& key, std::span<const BigInt> integers,
                                          CiphertextAudit* audit, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckRange(key, integers));
  Residues ciphertexts(key.ring(), integers.size());
  std::atomic<uint64_t> unmasked = 0, negative = 0;
  parallel.For(integers.size(), key.ring()->lanes(), [&](size_t begin, size_t end) {
    std::vector<BigInt> low(std::min(kChunk, end - begin)), high(low.size());
    uint64_t ones = 0, below = 0;
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t count = std::min(kChunk, end - at);
      for (size_t i = 0; i < count; ++i) {
        integers[at + i].FloorDivide(key.n(), high[i], low[i]);
        ones += low[i] == 1;
        if (!high[i].IsNegative()) continue;
        ++below;
        high[i] += key.n();
      }
      key.ring()->EnterDigits(std::span(low).first(count), std::span(high).first(count),
                              ciphertexts[at]);
    }
    unmasked += ones;
    negative += below;
  });
  RETURN_IF_ERROR(CheckInvertible(key, ciphertexts, integers, parallel));
  if (audit != nullptr) {
    audit->ciphertexts += integers.size();
    audit->unmasked += unmasked;
    audit->negative += negative;
  }
  return ciphertexts;
}

absl::StatusOr<Residues> AdmitCiphertexts(const PublicKey& key, std::string_view bytes,
                                          CiphertextAudit* audit, const Parallel& parallel) {
  const size_t width = CiphertextBytes(*key.ring());
  if (bytes.size() % width != 0) {
    return InvalidArgumentError("{} bytes of ciphertexts where a key of {} bits makes {} each",
                                bytes.size(), key.bits(), width);
  }
  std::vector<BigInt> integers(bytes.size() / width);
  for (size_t i = 0; i < integers.size(); ++i) {
    integers[i] = BigInt::FromBytes(bytes.substr(i * width, width));
  }
  return AdmitCiphertexts(key, integers, audit, parallel);
}

CiphertextAudit AuditCiphertexts(const PublicKey& key, const Residues& ciphertexts,
                                 const Parallel& parallel) {
  std::atomic<uint64_t> unmasked = 0;
  parallel.For(ciphertexts.size(), key.ring()->lanes(), [&](size_t begin, size_t end) {
    std::vector<BigInt> low(std::min(kChunk, end - begin)), high(low.size());
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t count = std::min(kChunk, end - at);
      const std::span<BigInt> remainders = std::span(low).first(count);
      key.ring()->LeaveDigits(ciphertexts[at], remainders, std::span(high).first(count));
      unmasked += static_cast<uint64_t>(std::ranges::count(remainders, BigInt(1)));
    }
  });
  return {ciphertexts.size(), unmasked, 0};
}

}  // namespace fate::crypto::paillier
