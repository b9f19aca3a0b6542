#pragma once

// Keys that the tests of this folder share: making one takes longer than most tests.

#include <map>

#include "crypto/paillier/private_key.h"

namespace fate::crypto::paillier {

// A key of `bits`, made once.
inline const PrivateKey& TestKey(int bits = 1024) {
  static auto& keys = *new std::map<int, PrivateKey>;
  const auto found = keys.find(bits);
  return found != keys.end() ? found->second
                             : keys.emplace(bits, *PrivateKey::Generate(bits)).first->second;
}

inline const PrivateKey& SubgroupKey() {
  static const auto& key = *new PrivateKey(*PrivateKey::GenerateSubgroup(1024));
  return key;
}

// The same key on another instruction set.
inline PrivateKey OnIsa(const PrivateKey& key, Isa isa) {
  const PrivateKey::Primes primes = key.ExposePrimes();
  return *PrivateKey::FromPrimesForTest(primes.p, primes.q, isa);
}

// The toy key of section 16.1.
inline PrivateKey ToyKey(Isa isa = BestIsa()) {
  return *PrivateKey::FromPrimesForTest(BigInt(3135138029), BigInt(2147496017), isa);
}

}  // namespace fate::crypto::paillier
