#pragma once

// A look-up in a table that tells nothing about the index: every entry is read.

#include <cstddef>
#include <cstdint>

#include "crypto/cpu.h"

namespace fate::crypto {

// out = entry `index` of `entries` at `table`, `words` words each (a multiple of 8 where `isa`
// has vectors, both aligned to 64 bytes then).
void Select(Isa isa, uint64_t* out, const uint64_t* table, size_t entries, size_t words,
            size_t index);

void SelectAvx2(uint64_t* out, const uint64_t* table, size_t entries, size_t words, size_t index);
void SelectAvx512(uint64_t* out, const uint64_t* table, size_t entries, size_t words, size_t index);

}  // namespace fate::crypto
