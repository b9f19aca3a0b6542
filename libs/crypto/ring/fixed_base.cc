#include "crypto/ring/fixed_base.h"

#include <array>
#include <cstdlib>
#include <cstring>

#include "crypto/ring/batch_loop.h"
#include "crypto/ring/prefetch.h"

namespace fate::crypto {
namespace {

constexpr size_t kMaxTeeth = 12;

// The bits of a byte, a word each.
using Spread = std::array<std::array<uint16_t, 8>, 256>;
constexpr Spread kSpread = [] {
  Spread spread{};
  for (size_t byte = 0; byte < 256; ++byte) {
    for (size_t bit = 0; bit < 8; ++bit) spread[byte][bit] = byte >> bit & 1;
  }
  return spread;
}();

}  // namespace

FixedBaseTable::FixedBaseTable(std::shared_ptr<const Ring> ring, const uint64_t* base,
                               int exponent_bits, size_t table_bytes, const Parallel& parallel)
    : ring_(std::move(ring)), exponent_bits_(exponent_bits) {
  if (exponent_bits < 1) std::abort();  // a caller's mistake
  ChooseShape(table_bytes);
  MakeTable(base, parallel);
}

FixedBaseTable::~FixedBaseTable() {
  explicit_bzero(table_.data(), table_.size() * sizeof(uint64_t));
}

void FixedBaseTable::ChooseShape(size_t table_bytes) {
  const auto bits = static_cast<size_t>(exponent_bits_);
  const size_t max_entries = table_bytes / (ring_->words() * sizeof(uint64_t));
  size_t best_cost = SIZE_MAX;
  for (size_t teeth = 1; teeth <= kMaxTeeth; ++teeth) {
    const size_t columns = (bits + teeth - 1) / teeth;
    const size_t affordable = std::max(max_entries >> teeth, size_t{1});
    const size_t block_columns = (columns + affordable - 1) / affordable;
    if (teeth > 1 && (max_entries >> teeth) == 0) break;
    const size_t cost = 4 * columns + 3 * (block_columns - 1);  // a square: 3/4 of a product
    if (cost >= best_cost) continue;
    best_cost = cost;
    teeth_ = teeth, columns_ = columns, block_columns_ = block_columns;
  }
  blocks_ = (columns_ + block_columns_ - 1) / block_columns_;
  padded_columns_ = (columns_ + 7) / 8 * 8;
}

// Entry 2^row of block b is base^(2^(row * columns + b * block_columns)).
void FixedBaseTable::MakeTable(const uint64_t* base, const Parallel& parallel) {
  table_.resize((blocks_ << teeth_) * ring_->words());
  Batches power(*ring_, 1);
  ring_->LoadSome(power[0], base, 1);
  for (size_t row = 0; row < teeth_; ++row) {
    for (size_t column = 0; column < columns_; ++column) {
      if (column % block_columns_ == 0) {
        ring_->StoreSome(Entry(column / block_columns_, size_t{1} << row), power[0], 1);
      }
      ring_->Square(power[0], power[0]);
    }
  }
  parallel.For(blocks_, 1, [&](size_t begin, size_t end) {
    for (size_t block = begin; block < end; ++block) MakeBlock(block);
  });
}

// The entries between two powers of 2: the upper power times each of the entries below it.
void FixedBaseTable::MakeBlock(size_t block) {
  Batches batches(*ring_, 2);
  std::memcpy(Entry(block, 0), ring_->one(), ring_->words() * sizeof(uint64_t));
  for (size_t top = 2; top < size_t{1} << teeth_; top *= 2) {
    const std::vector<const uint64_t*> factor(ring_->lanes(), Entry(block, top));
    ring_->Load(batches[1], factor.data());
    for (size_t low = 1; low < top; low += ring_->lanes()) {
      const size_t count = std::min(ring_->lanes(), top - low);
      ring_->LoadSome(batches[0], Entry(block, low), count);
      ring_->Multiply(batches[0], batches[0], batches[1]);
      ring_->StoreSome(Entry(block, top + low), batches[0], count);
    }
  }
}

void FixedBaseTable::ReadColumns(const Exponents& exponents, size_t index,
                                 uint16_t* columns) const {
  std::memset(columns, 0, padded_columns_ * sizeof(uint16_t));
  for (size_t row = 0; row < teeth_; ++row) {
    for (size_t column = 0; column < columns_; column += 8) {
      const size_t count = std::min(columns_ - column, size_t{8});
      const auto& bits = kSpread[exponents.Digit(index, static_cast<int>(row * columns_ + column),
                                                 static_cast<int>(count))];
      for (size_t i = 0; i < 8; ++i) {
        columns[column + i] |= static_cast<uint16_t>(bits[i] << row);
      }
    }
  }
}

void FixedBaseTable::PowerBatch(const uint16_t* columns, uint64_t* result, uint64_t* factor) const {
  const size_t lanes = ring_->lanes();
  const uint64_t* entries[2][kMaxLanes];  // of this step and of the next
  // Steps in order: the blocks for the last column of each, then for the one before...
  const auto look_up = [&](size_t block, size_t k, const uint64_t** entry) {
    const size_t column = block * block_columns_ + k;
    for (size_t lane = 0; lane < lanes; ++lane) {
      entry[lane] =
          column < columns_ ? Entry(block, columns[lane * padded_columns_ + column]) : nullptr;
      Prefetch(entry[lane], ring_->words());
    }
  };
  look_up(0, block_columns_ - 1, entries[0]);
  size_t turn = 0;
  for (size_t k = block_columns_; k-- > 0;) {
    if (k + 1 < block_columns_) ring_->Square(result, result);
    for (size_t block = 0; block < blocks_; ++block, turn ^= 1) {
      const bool first = k + 1 == block_columns_ && block == 0;
      ring_->Load(first ? result : factor, entries[turn]);
      if (block + 1 < blocks_) {
        look_up(block + 1, k, entries[turn ^ 1]);
      } else if (k > 0) {
        look_up(0, k - 1, entries[turn ^ 1]);
      }
      if (!first && entries[turn][0] != nullptr) ring_->Multiply(result, result, factor);
    }
  }
}

void FixedBaseTable::Power(const Exponents& exponents, uint64_t* out,
                           const Parallel& parallel) const {
  PowerTimes(nullptr, exponents, out, parallel);
}

void FixedBaseTable::PowerTimes(const uint64_t* factors, const Exponents& exponents, uint64_t* out,
                                const Parallel& parallel) const {
  if (exponents.bits() > exponent_bits_) std::abort();  // a caller's mistake
  const size_t words = ring_->words(), lanes = ring_->lanes();
  parallel.For(exponents.size(), lanes, [&](size_t begin, size_t end) {
    Batches batches(*ring_, 2);
    std::vector<uint16_t> columns(lanes * padded_columns_);
    for (size_t at = begin; at < end; at += lanes) {
      const size_t count = std::min(lanes, end - at);
      for (size_t lane = 0; lane < count; ++lane) {
        ReadColumns(exponents, at + lane, columns.data() + lane * padded_columns_);
      }
      PowerBatch(columns.data(), batches[0], batches[1]);
      if (factors != nullptr) {
        ring_->LoadSome(batches[1], factors + at * words, count);
        ring_->Multiply(batches[0], batches[0], batches[1]);
      }
      ring_->StoreSome(out + at * words, batches[0], count);
    }
    explicit_bzero(columns.data(), columns.size() * sizeof(uint16_t));
  });
}

}  // namespace fate::crypto
