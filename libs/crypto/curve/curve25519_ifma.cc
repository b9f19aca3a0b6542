#include "crypto/curve/curve25519_lanes.h"
#include "crypto/curve/field25519_ifma.h"
#include "crypto/curve/sha512_lanes.h"

namespace fate::crypto::curve25519 {
namespace {

using Curve = Lanes<field25519::Ifma>;
using Sha512 = Sha512Lanes<field25519::Ifma>;

}  // namespace

const Kernel kIfmaKernel = {Curve::kLanes, &Curve::Multiply<false>, &Curve::Multiply<true>,
                            &Sha512::Hash, Sha512::kMaxSize};

}  // namespace fate::crypto::curve25519
