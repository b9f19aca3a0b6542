#pragma once

// Intersection on Curve25519 as FATE 1.9 and later 1.x have it (spec 5.2): like PSI of 2.x
// (curve25519.h), but what is hashed to the curve are the bytes of a salted digest of the id.

#include <span>
#include <string_view>
#include <vector>

#include "crypto/curve/curve25519.h"
#include "crypto/intersect/id_hash.h"

namespace fate::crypto::intersect {

// secret * HashToCurve(hash.Bytes(id)). The second multiplication is secret.SecondSign.
std::vector<CurvePoint> FirstSign(const PsiSecret& secret, const IdHash& hash,
                                  std::span<const std::string_view> ids,
                                  const Parallel& parallel = Inline());

}  // namespace fate::crypto::intersect
