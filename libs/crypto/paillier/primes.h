#pragma once

// Random primes for keys.

#include "crypto/big_int.h"

namespace fate::crypto {

// A prime of `bits` >= 16 bits, 3 mod 4, with its two top bits set, so that the product of two
// has 2 bits bits. The first such prime after a random number (Brandt and Damgard, CRYPTO '92,
// bound what is lost against a uniform one). Error probability below 2^-100. About 30 ms at 1024
// bits. Not constant in time; the caller wipes it.
BigInt RandomPrime3Mod4(int bits);
// The same, and p - 1 is a multiple of the odd number t, which has half of the bits at most.
BigInt RandomPrimeWithFactor(int bits, const BigInt& t);

}  // namespace fate::crypto
