#include "crypto/curve/curve25519_kernel.h"

#include <cstdlib>

namespace fate::crypto::curve25519 {

const Kernel& KernelOf(Isa isa) {
  if (!IsSupported(isa)) std::abort();
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
      return kAvx2Kernel;
    case Isa::kAvx512:
      return kAvx512Kernel;
    case Isa::kIfma:
      return kIfmaKernel;
#endif
    default:
      return kGenericKernel;
  }
}

}  // namespace fate::crypto::curve25519
