// Montgomery multiplication of several numbers at once, for one instruction set: included by the
// files that define `Vector`, a few static functions on 4 or 8 lanes of 64 bits:
//
//   Word, kLanes, kDigitBits, Load, Store, Set (one value in all lanes), Add, And, Shift (right
//   by a digit), Transpose (kLanes Words in place)
//   Low(sum, a, b)    sum + the low digit of a b (IFMA), or the whole product
//   High(sum, a, b)   sum + the high digit of a b, or just sum
//   Digit(a, b)       the low digit of a b
//   kDigitsPerWord, Unpack, Pack   digits in a word at rest, between such words and digits
//
// Products are formed by columns (Comba, IBM Systems Journal 1990), `kTile` columns at a time and
// in tiles of kTile x kTile digits, so that each digit loaded serves kTile products and the sums
// stay in registers. A column sums at most 3 * kMaxSimdDigits products: below 2^64 without carry.
// The reduction runs along with the product: by the time a column is complete, the multiples of m
// that clear the columns before it have been added.

namespace fate::crypto {
namespace {

using Word = Vector::Word;
constexpr size_t kLanes = Vector::kLanes;

inline Word At(const uint64_t* digits, size_t index) {
  return Vector::Load(digits + index * kLanes);
}
inline void Put(uint64_t* digits, size_t index, Word value) {
  Vector::Store(digits + index * kLanes, value);
}

// The sums of 2 kTile neighbouring columns; low and high digits apart, to have chains enough.
template <size_t kTile>
struct Columns {
  static constexpr size_t kCount = 2 * kTile;
  Word low[kCount], high[kCount];

  [[gnu::always_inline]] void Clear() {
    for (size_t i = 0; i < kCount; ++i) low[i] = high[i] = Vector::Set(0);
  }

  // += a[0..kTile) b[0..kTile)
  [[gnu::always_inline]] void AddTile(const uint64_t* a, const uint64_t* b) {
    Word digit[kTile];
    for (size_t i = 0; i < kTile; ++i) digit[i] = At(a, i);
    for (size_t j = 0; j < kTile; ++j) {
      const Word other = At(b, j);
      for (size_t i = 0; i < kTile; ++i) {
        low[i + j] = Vector::Low(low[i + j], digit[i], other);
        high[i + j + 1] = Vector::High(high[i + j + 1], digit[i], other);
      }
    }
  }

  // The tiles of column group g: a's and b's digits [from, to) x [g - from, g - to), in tiles.
  [[gnu::always_inline]] void AddTiles(const uint64_t* a, const uint64_t* b, size_t g, size_t from,
                                       size_t to) {
    for (size_t i = from; i < to; ++i) {
      AddTile(a + i * kTile * kLanes, b + (g - i) * kTile * kLanes);
    }
  }

  [[gnu::always_inline]] void Double() {
    for (size_t i = 0; i < kCount; ++i) {
      low[i] = Vector::Add(low[i], low[i]);
      high[i] = Vector::Add(high[i], high[i]);
    }
  }

  // Low and high sums together, in `low`.
  [[gnu::always_inline]] void Fold() {
    for (size_t i = 0; i < kCount; ++i) low[i] = Vector::Add(low[i], high[i]);
  }

  // The next group: the upper columns move down.
  [[gnu::always_inline]] void Advance() {
    for (size_t i = 0; i < kTile; ++i) {
      low[i] = low[i + kTile];
      low[i + kTile] = Vector::Set(0);
    }
    for (size_t i = 0; i < kCount; ++i) high[i] = Vector::Set(0);
  }
};

// [from, to) of the first factor's tiles in group g, of `tiles` tiles each.
struct TileRange {
  size_t from, to;
};
inline TileRange RangeOf(size_t g, size_t tiles) {
  return {g < tiles ? 0 : g - tiles + 1, g < tiles ? g + 1 : tiles};
}

// ---- what is summed up, by column groups ----

template <size_t kTile>
struct Product {
  const uint64_t *a, *b;
  [[gnu::always_inline]] void AddTo(Columns<kTile>& columns, size_t g, size_t tiles) const {
    const TileRange range = RangeOf(g, tiles);
    columns.AddTiles(a, b, g, range.from, range.to);
  }
};

// a^2: tiles off the diagonal once, doubled.
template <size_t kTile>
struct SquareProduct {
  const uint64_t* a;
  [[gnu::always_inline]] void AddTo(Columns<kTile>& columns, size_t g, size_t tiles) const {
    Columns<kTile> twice;
    twice.Clear();
    twice.AddTiles(a, a, g, RangeOf(g, tiles).from, (g + 1) / 2);
    for (size_t i = 0; i < columns.kCount; ++i) {
      columns.low[i] = Vector::Add(columns.low[i], Vector::Add(twice.low[i], twice.low[i]));
      columns.high[i] = Vector::Add(columns.high[i], Vector::Add(twice.high[i], twice.high[i]));
    }
    const size_t middle = g / 2;
    if (g % 2 == 0) columns.AddTile(a + middle * kTile * kLanes, a + middle * kTile * kLanes);
  }
};

// The upper half of a product in base m: a0 b1 + a1 b0 - q, where q m is what the reduction of
// a0 b0 has added. -q = (R - 1 - q) + 1 - R: the complement's digits go into the lower columns,
// and m - 1 into the upper ones, so that nothing falls below zero.
template <size_t kTile>
inline void AddUpperTerms(Columns<kTile>& columns, const SimdShape& shape, const uint64_t* q,
                          size_t g, size_t tiles) {
  const Word mask = Vector::Set((uint64_t{1} << Vector::kDigitBits) - 1);
  if (g == 0) columns.low[0] = Vector::Add(columns.low[0], Vector::Set(1));
  for (size_t i = 0; i < kTile; ++i) {
    const Word term = g < tiles ? Vector::Xor(mask, At(q, g * kTile + i))
                                : At(shape.m_minus_1, (g - tiles) * kTile + i);
    columns.low[i] = Vector::Add(columns.low[i], term);
  }
}

template <size_t kTile>
struct CrossProduct {
  const SimdShape& shape;
  const uint64_t *a, *b, *q;
  [[gnu::always_inline]] void AddTo(Columns<kTile>& columns, size_t g, size_t tiles) const {
    const TileRange range = RangeOf(g, tiles);
    const size_t half = shape.digits * kLanes;
    columns.AddTiles(a, b + half, g, range.from, range.to);
    columns.AddTiles(a + half, b, g, range.from, range.to);
    AddUpperTerms<kTile>(columns, shape, q, g, tiles);
  }
};

template <size_t kTile>
struct CrossSquare {
  const SimdShape& shape;
  const uint64_t *a, *q;
  [[gnu::always_inline]] void AddTo(Columns<kTile>& columns, size_t g, size_t tiles) const {
    const TileRange range = RangeOf(g, tiles);
    Columns<kTile> twice;
    twice.Clear();
    twice.AddTiles(a, a + shape.digits * kLanes, g, range.from, range.to);
    for (size_t i = 0; i < columns.kCount; ++i) {
      columns.low[i] = Vector::Add(columns.low[i], Vector::Add(twice.low[i], twice.low[i]));
      columns.high[i] = Vector::Add(columns.high[i], Vector::Add(twice.high[i], twice.high[i]));
    }
    AddUpperTerms<kTile>(columns, shape, q, g, tiles);
  }
};

// ---- the reduction ----

// Chooses the digits of q for one group of columns, which become 0; returns the carry.
template <size_t kTile>
[[gnu::always_inline]] inline Word Clear(Columns<kTile>& columns, const SimdShape& shape,
                                         uint64_t* q, Word carry) {
  const Word inverse = Vector::Set(shape.negative_inverse);
  for (size_t s = 0; s < kTile; ++s) {
    const Word column = Vector::Add(columns.low[s], carry);
    const Word digit = Vector::Digit(column, inverse);
    Put(q, s, digit);
    carry = Vector::Shift(Vector::Low(column, digit, At(shape.m, 0)));
    columns.low[s + 1] = Vector::High(columns.low[s + 1], digit, At(shape.m, 0));
    for (size_t j = 1; j < kTile; ++j) {
      columns.low[s + j] = Vector::Low(columns.low[s + j], digit, At(shape.m, j));
      columns.low[s + j + 1] = Vector::High(columns.low[s + j + 1], digit, At(shape.m, j));
    }
  }
  return carry;
}

// out = (the sum of `terms` + q m) / R; q: the digits chosen. out must not overlap the factors.
template <size_t kTile, class Terms>
inline void Reduce(const SimdShape& shape, uint64_t* out, uint64_t* q, const Terms& terms) {
  const size_t tiles = shape.digits / kTile;
  const Word mask = Vector::Set((uint64_t{1} << Vector::kDigitBits) - 1);
  Columns<kTile> columns;
  columns.Clear();
  Word carry = Vector::Set(0);
  for (size_t g = 0; g < tiles; ++g) {
    terms.AddTo(columns, g, tiles);
    columns.AddTiles(q, shape.m, g, 0, g);
    columns.Fold();
    carry = Clear<kTile>(columns, shape, q + g * kTile * kLanes, carry);
    columns.Advance();
  }
  for (size_t g = tiles; g < 2 * tiles; ++g) {
    terms.AddTo(columns, g, tiles);
    columns.AddTiles(q, shape.m, g, g - tiles + 1, tiles);
    columns.Fold();
    for (size_t s = 0; s < kTile; ++s) {
      const Word column = Vector::Add(columns.low[s], carry);
      Put(out, (g - tiles) * kTile + s, Vector::And(column, mask));
      carry = Vector::Shift(column);
    }
    columns.Advance();
  }
}

constexpr size_t kMaxHalf = kMaxSimdDigits * kLanes;

inline void CopyHalf(uint64_t* out, const uint64_t* from, size_t digits) {
  for (size_t i = 0; i < digits; ++i) Put(out, i, At(from, i));
}

template <size_t kTile>
void MultiplyTiled(const SimdShape& shape, uint64_t* out, const uint64_t* a, const uint64_t* b) {
  alignas(64) uint64_t low[kMaxHalf], high[kMaxHalf], q[kMaxHalf], unused[kMaxHalf];
  Reduce<kTile>(shape, low, q, Product<kTile>{a, b});
  if (shape.is_square) {
    Reduce<kTile>(shape, high, unused, CrossProduct<kTile>{shape, a, b, q});
    CopyHalf(out + shape.digits * kLanes, high, shape.digits);
  }
  CopyHalf(out, low, shape.digits);
}

template <size_t kTile>
void SquareTiled(const SimdShape& shape, uint64_t* out, const uint64_t* a) {
  alignas(64) uint64_t low[kMaxHalf], high[kMaxHalf], q[kMaxHalf], unused[kMaxHalf];
  Reduce<kTile>(shape, low, q, SquareProduct<kTile>{a});
  if (shape.is_square) {
    Reduce<kTile>(shape, high, unused, CrossSquare<kTile>{shape, a, q});
    CopyHalf(out + shape.digits * kLanes, high, shape.digits);
  }
  CopyHalf(out, low, shape.digits);
}

void MultiplyBatch(const SimdShape& shape, uint64_t* out, const uint64_t* a, const uint64_t* b) {
  shape.tile == 4 ? MultiplyTiled<4>(shape, out, a, b) : MultiplyTiled<5>(shape, out, a, b);
}

void SquareBatch(const SimdShape& shape, uint64_t* out, const uint64_t* a) {
  shape.tile == 4 ? SquareTiled<4>(shape, out, a) : SquareTiled<5>(shape, out, a);
}

// ---- between elements at rest and batches ----

constexpr size_t kDigitsPerWord = Vector::kDigitsPerWord;

void LoadBatch(const SimdShape& shape, uint64_t* batch, const uint64_t* const* elements) {
  const size_t digits = shape.digits * (shape.is_square ? 2 : 1);
  for (size_t at = 0; at < shape.words; at += kLanes) {
    Word rows[kLanes];
    for (size_t lane = 0; lane < kLanes; ++lane) rows[lane] = Vector::LoadAny(elements[lane] + at);
    Vector::Transpose(rows);
    for (size_t i = 0; i < kLanes; ++i) {
      const size_t digit = (at + i) * kDigitsPerWord;
      if (digit >= digits) break;
      Vector::Unpack(batch + digit * kLanes, rows[i]);
    }
  }
}

void StoreBatch(const SimdShape& shape, uint64_t* const* elements, const uint64_t* batch) {
  const size_t digits = shape.digits * (shape.is_square ? 2 : 1);
  for (size_t at = 0; at < shape.words; at += kLanes) {
    Word rows[kLanes];
    for (size_t i = 0; i < kLanes; ++i) {
      const size_t digit = (at + i) * kDigitsPerWord;
      rows[i] = digit < digits ? Vector::Pack(batch + digit * kLanes) : Vector::Set(0);
    }
    Vector::Transpose(rows);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      if (elements[lane] != nullptr) Vector::StoreAny(elements[lane] + at, rows[lane]);
    }
  }
}

constexpr SimdKernel kKernel{kLanes,     Vector::kDigitBits, kDigitsPerWord, LoadBatch,
                             StoreBatch, MultiplyBatch,      SquareBatch};

}  // namespace
}  // namespace fate::crypto
