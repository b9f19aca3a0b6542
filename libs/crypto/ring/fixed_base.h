#pragma once

// Many powers of one base: the comb of Lim and Lee (CRYPTO '94). The exponent's bits are laid out
// in `teeth` rows; one table entry holds the product of the base's powers for one column of bits,
// and the columns are cut into blocks with a table each, so that few squarings remain.
//
// The numbers of teeth and blocks are the cheapest whose tables stay within `table_bytes`. With 6
// MiB a power of 1024 bits modulo a 4096-bit number costs 111 multiplications, where a plain one
// costs 1200; the table takes 9,000 multiplications and 1,000 squarings to make.
//
// Every exponent costs the same multiplications, whatever its bits, but the entries read depend
// on them: use it where nobody watches the memory of this process. Immutable; threads may share.

#include <memory>
#include <vector>

#include "crypto/parallel.h"
#include "crypto/ring/exponents.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

class FixedBaseTable {
 public:
  static constexpr size_t kDefaultBytes = size_t{6} << 20;

  // base: an element of `ring`.
  FixedBaseTable(std::shared_ptr<const Ring> ring, const uint64_t* base, int exponent_bits,
                 size_t table_bytes = kDefaultBytes, const Parallel& parallel = Inline());
  FixedBaseTable(const FixedBaseTable&) = delete;
  FixedBaseTable& operator=(const FixedBaseTable&) = delete;
  ~FixedBaseTable();

  const Ring& ring() const { return *ring_; }
  int exponent_bits() const { return exponent_bits_; }

  // out[i] = base^exponents[i], each exponent below 2^exponent_bits (checked).
  void Power(const Exponents& exponents, uint64_t* out, const Parallel& parallel = Inline()) const;
  // out[i] = factors[i] base^exponents[i]; out may be factors.
  void PowerTimes(const uint64_t* factors, const Exponents& exponents, uint64_t* out,
                  const Parallel& parallel = Inline()) const;

 private:
  void ChooseShape(size_t table_bytes);
  void MakeTable(const uint64_t* base, const Parallel& parallel);
  void MakeBlock(size_t block);
  uint64_t* Entry(size_t block, size_t index) {
    return table_.data() + ((block << teeth_) + index) * ring_->words();
  }
  const uint64_t* Entry(size_t block, size_t index) const {
    return table_.data() + ((block << teeth_) + index) * ring_->words();
  }
  // columns[c]: the entry's index for column c of exponent `index`.
  void ReadColumns(const Exponents& exponents, size_t index, uint16_t* columns) const;
  // result = the powers of one batch; columns: lanes() runs of padded_columns_.
  void PowerBatch(const uint16_t* columns, uint64_t* result, uint64_t* factor) const;

  std::shared_ptr<const Ring> ring_;
  int exponent_bits_;
  size_t teeth_ = 1, blocks_ = 1;
  size_t columns_ = 0, block_columns_ = 0;
  size_t padded_columns_ = 0;  // a multiple of 8
  Words table_;
};

}  // namespace fate::crypto
