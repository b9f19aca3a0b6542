#include "crypto/intersect/ecdh.h"

namespace fate::crypto::intersect {

std::vector<CurvePoint> FirstSign(const PsiSecret& secret, const IdHash& hash,
                                  std::span<const std::string_view> ids, const Parallel& parallel) {
  constexpr size_t kGrain = 64;
  std::vector<std::string> digests(ids.size());
  parallel.For(ids.size(), kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) digests[i] = hash.Bytes(ids[i]);
  });
  return secret.FirstSign(std::vector<std::string_view>(digests.begin(), digests.end()), parallel);
}

}  // namespace fate::crypto::intersect
