#include "crypto/curve/curve25519_lanes.h"
#include "crypto/curve/field25519_scalar.h"

namespace fate::crypto::curve25519 {
namespace {

using Curve = Lanes<field25519::Scalar>;

}  // namespace

const Kernel kGenericKernel = {Curve::kLanes, &Curve::Multiply<false>, &Curve::Multiply<true>,
                               nullptr, 0};

}  // namespace fate::crypto::curve25519
