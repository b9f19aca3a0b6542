#include "crypto/curve/curve25519_lanes.h"
#include "crypto/curve/field25519_scalar.h"

namespace fate::crypto::curve25519 {

const Kernel kGenericKernel = Lanes<field25519::Scalar>::kKernel;

}  // namespace fate::crypto::curve25519
