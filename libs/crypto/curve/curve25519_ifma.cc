#include "crypto/curve/curve25519_lanes.h"
#include "crypto/curve/field25519_ifma.h"

namespace fate::crypto::curve25519 {

const Kernel kIfmaKernel = Lanes<field25519::Ifma>::kKernel;

}  // namespace fate::crypto::curve25519
