#pragma once

// What numpy's RandomState and torch's CPU generator draw from a Mersenne Twister seeded by
// init_genrand, which is std::mt19937 (spec 6.7). Bit-exact with numpy 1.x and torch 1.12.
//
// For wire compatibility only: the state follows from 624 outputs, and a seed, of which both
// use the low 32 bits, from a few outputs and 2^32 trials.

#include <cstdint>
#include <random>

namespace fate::crypto {

inline std::mt19937 SeededTwister(uint64_t seed) {
  return std::mt19937(static_cast<uint32_t>(seed));
}

// numpy's rand(): uniform in [0, 1) with 53 bits.
double NumpyUniform(std::mt19937& twister);

// torch's uniform_() of float32: uniform in [0, 1) with 24 bits.
float TorchUniform(std::mt19937& twister);

// torch's randint(low, high) of int64: in [low, high), which must hold 2^32 values or more.
int64_t TorchRandInt(std::mt19937& twister, int64_t low, int64_t high);

}  // namespace fate::crypto
