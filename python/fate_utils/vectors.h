#pragma once

// The vectors of the submodules paillier and ou. The two have classes of their own in Python; `Tag`
// tells them apart.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/status.h"
#include "crypto/encoding/fate_vectors.h"
#include "fate_utils/ciphertext_vector.h"

namespace fate::python {

namespace py = pybind11;

template <typename Tag>
struct Vector : CiphertextVector {
  using CiphertextVector::CiphertextVector;
};

// One ciphertext beside a number that can be encrypted.
template <typename Tag>
struct Scalar {
  Vector<Tag> vector;
};

template <typename Tag>
struct Plaintext {
  crypto::FixedPointNumber number;
};

// Numbers as FATE's coder leaves them: a significand and an exponent each. Immutable.
template <typename Tag>
struct PlaintextVector {
  std::shared_ptr<const std::vector<crypto::FixedPointNumber>> numbers =
      std::make_shared<const std::vector<crypto::FixedPointNumber>>();
};

template <typename Tag>
PlaintextVector<Tag> MakePlaintexts(std::vector<crypto::FixedPointNumber> numbers) {
  return {std::make_shared<const std::vector<crypto::FixedPointNumber>>(std::move(numbers))};
}

// A public key in Python; null until its state is set, as FATE's PK() is.
template <typename Tag>
struct PK {
  std::shared_ptr<const Key> key;

  const std::shared_ptr<const Key>& get() const {
    if (key == nullptr) throw std::runtime_error("this PK has no key yet; keygen makes one");
    return key;
  }
};

std::vector<crypto::Interval> IntervalsOf(const py::sequence& intervals);
// A shape of one or two dimensions as rows and columns.
std::pair<size_t, size_t> ShapeOf(py::handle shape, bool is_left);
// Which runs of values go to which runs of sums: row i to the places positions[i], where
// `masks` is empty or true; rows that are masked out have no positions.
std::vector<crypto::Contribution> ContributionsOf(const py::sequence& positions,
                                                  const py::sequence* masks);
// How many of an array's elements to change, given the ends of both.
size_t CountOf(std::optional<size_t> size, size_t a_first, size_t a_size, size_t b_first,
               size_t b_size);

// What was decrypted, beside the exponents of the ciphertexts.
std::vector<crypto::FixedPointNumber> NumbersOf(const crypto::FixedPointVector& ciphertexts,
                                                std::vector<crypto::BigInt> plaintexts);

template <typename Tag>
Vector<Tag> Sum(const PK<Tag>& key, const CiphertextVector& a, const CiphertextVector& b,
                bool is_difference) {
  return Vector<Tag>(a.Apply(key.get(), b, [=](const auto& x, const auto& y, const auto& parallel) {
    return is_difference ? crypto::Subtract(x, y, parallel) : crypto::Add(x, y, parallel);
  }));
}

template <typename Tag>
void CheckSameSize(const Vector<Tag>& a, size_t size) {
  if (a.size() == size) return;
  throw py::value_error(fmt::format("vectors of {} and {} elements do not fit", a.size(), size));
}

// a[sa + i] += or -= b[sb + i]; error as FATE's: RuntimeError.
template <typename Tag>
void ChangeRange(Vector<Tag>& a, const Vector<Tag>& b, size_t sa, size_t sb,
                 std::optional<size_t> size, const PK<Tag>& key, bool is_difference) {
  const size_t count = CountOf(size, sa, a.size(), sb, b.size());
  const Vector<Tag> part(b.Range(sb, count));
  a.ChangeBy(key.get(), part, [=](auto& x, const auto& y, const auto& parallel) {
    return is_difference ? crypto::SubtractFrom(x, sa, y, parallel)
                         : crypto::AddInto(x, sa, y, parallel);
  });
}

// The same within one vector: what is read is what was there before.
template <typename Tag>
void ChangeWithin(Vector<Tag>& a, size_t sa, size_t sb, std::optional<size_t> size,
                  const PK<Tag>& key, bool is_difference) {
  if (sa != sb) return ChangeRange(a, a, sa, sb, size, key, is_difference);
  const size_t count = CountOf(size, sa, a.size(), sa, a.size());
  a.ChangeBy(key.get(), [=](auto& x, const auto& parallel) {
    return is_difference ? crypto::SubtractWithin(x, sa, sa, count, parallel)
                         : crypto::AddWithin(x, sa, sa, count, parallel);
  });
}

template <typename Tag>
void Update(Vector<Tag>& sums, const Vector<Tag>& values, const py::sequence& positions,
            const py::sequence* masks, size_t stride, const PK<Tag>& key) {
  const std::vector<crypto::Contribution> contributions = ContributionsOf(positions, masks);
  sums.ChangeBy(key.get(), values, [&](auto& x, const auto& y, const auto& parallel) {
    return crypto::AddContributions(x, y, contributions, stride, parallel);
  });
}

template <typename Tag>
Vector<Tag> MatrixProduct(const Vector<Tag>& a, const PK<Tag>& key,
                          const PlaintextVector<Tag>& plain, py::handle lshape, py::handle rshape,
                          bool plain_is_left) {
  const auto [rows, columns] = ShapeOf(lshape, !plain_is_left);
  const auto [plain_rows, plain_columns] = ShapeOf(rshape, plain_is_left);
  const bool fits = plain_is_left ? plain_columns == rows : columns == plain_rows;
  if (!fits || a.size() != rows * columns || plain.numbers->size() != plain_rows * plain_columns) {
    throw py::value_error(
        fmt::format("a matrix of {} x {} ciphertexts (given {}) and one of {} x {} numbers (given "
                    "{}) cannot be "
                    "multiplied in this order",
                    rows, columns, a.size(), plain_rows, plain_columns, plain.numbers->size()));
  }
  const size_t inner = plain_is_left ? rows : columns;
  return Vector<Tag>(a.Apply(key.get(), [&](const auto& x, const auto& parallel) {
    return plain_is_left ? crypto::MultiplyLeft(*plain.numbers, x, inner, parallel)
                         : crypto::MultiplyRight(x, *plain.numbers, inner, parallel);
  }));
}

template <typename Tag>
Vector<Tag> Multiply(const Vector<Tag>& a, const PK<Tag>& key,
                     const std::vector<crypto::FixedPointNumber>& numbers) {
  return Vector<Tag>(a.Apply(key.get(), [&](const auto& x, const auto& parallel) {
    return crypto::MultiplyPlain(x, numbers, parallel);
  }));
}

template <typename Tag>
Vector<Tag> CatOf(const std::vector<const CiphertextVector*>& parts) {
  return Vector<Tag>(CiphertextVector::Concatenate(parts));
}

template <typename Tag>
std::vector<const CiphertextVector*> PartsOf(const py::sequence& vectors) {
  std::vector<const CiphertextVector*> parts;
  for (py::handle vector : vectors) parts.push_back(vector.cast<const Vector<Tag>*>());
  return parts;
}

template <typename Tag>
py::list ToList(const Vector<Tag>& a) {
  py::list list;
  for (size_t i = 0; i < a.size(); ++i) list.append(Vector<Tag>(a.Range(i, 1)));
  return list;
}

template <typename Tag>
Vector<Tag> IntervalsSlice(const Vector<Tag>& a, const py::sequence& intervals) {
  std::vector<size_t> indices;
  for (const crypto::Interval& interval : IntervalsOf(intervals)) {
    if (interval.end > a.size()) {
      throw std::runtime_error(fmt::format("end index out of range: start={}, end={}, data_size={}",
                                           interval.begin, interval.end, a.size()));
    }
    for (size_t i = interval.begin; i < interval.end; ++i) indices.push_back(i);
  }
  return Vector<Tag>(a.Gather(indices));
}

template <typename Tag>
void DefineArithmetic(py::class_<Vector<Tag>>& c) {
  using V = Vector<Tag>;
  using K = PK<Tag>;
  using S = Scalar<Tag>;
  using P = PlaintextVector<Tag>;
  const auto checked = [](const V& a, const V& b) -> const V& {
    CheckSameSize(a, b.size());
    return b;
  };
  c.def(
       "add",
       [=](const V& a, const K& pk, const V& other) {
         return Sum(pk, a, checked(a, other), false);
       },
       py::arg("pk"), py::arg("other"))
      .def(
          "sub",
          [=](const V& a, const K& pk, const V& other) {
            return Sum(pk, a, checked(a, other), true);
          },
          py::arg("pk"), py::arg("other"))
      .def(
          "rsub",
          [=](const V& a, const K& pk, const V& other) {
            return Sum(pk, checked(a, other), a, true);
          },
          py::arg("pk"), py::arg("other"), "other - self")
      .def(
          "add_scalar",
          [](const V& a, const K& pk, const S& other) { return Sum(pk, a, other.vector, false); },
          py::arg("pk"), py::arg("other"))
      .def(
          "sub_scalar",
          [](const V& a, const K& pk, const S& other) { return Sum(pk, a, other.vector, true); },
          py::arg("pk"), py::arg("other"))
      .def(
          "rsub_scalar",
          [](const V& a, const K& pk, const S& other) {
            const V repeated(other.vector.Gather(std::vector<size_t>(a.size(), 0)));
            return Sum(pk, repeated, a, true);
          },
          py::arg("pk"), py::arg("other"), "other - self")
      .def(
          "mul",
          [](const V& a, const K& pk, const P& other) {
            CheckSameSize(a, other.numbers->size());
            return Multiply(a, pk, *other.numbers);
          },
          py::arg("pk"), py::arg("other"))
      .def(
          "mul_scalar",
          [](const V& a, const K& pk, const Plaintext<Tag>& other) {
            return Multiply(a, pk, {other.number});
          },
          py::arg("pk"), py::arg("other"))
      .def(
          "matmul",
          [](const V& a, const K& pk, const P& other, py::handle lshape, py::handle rshape) {
            return MatrixProduct(a, pk, other, lshape, rshape, false);
          },
          py::arg("pk"), py::arg("other"), py::arg("lshape"), py::arg("rshape"), "self times other")
      .def(
          "rmatmul",
          [](const V& a, const K& pk, const P& other, py::handle lshape, py::handle rshape) {
            return MatrixProduct(a, pk, other, lshape, rshape, true);
          },
          py::arg("pk"), py::arg("other"), py::arg("lshape"), py::arg("rshape"),
          "other times self");
}

template <typename Tag>
void DefineChanges(py::class_<Vector<Tag>>& c) {
  using V = Vector<Tag>;
  using K = PK<Tag>;
  c.def(
       "iadd",
       [](V& a, const K& pk, const V& other) {
         CheckSameSize(a, other.size());
         ChangeRange(a, other, 0, 0, a.size(), pk, false);
       },
       py::arg("pk"), py::arg("other"))
      .def(
          "idouble", [](V& a, const K& pk) { ChangeWithin(a, 0, 0, a.size(), pk, false); },
          py::arg("pk"))
      .def(
          "iadd_vec",
          [](V& a, const V& other, size_t sa, size_t sb, std::optional<size_t> size, const K& pk) {
            ChangeRange(a, other, sa, sb, size, pk, false);
          },
          py::arg("other"), py::arg("sa"), py::arg("sb"), py::arg("size").none(true), py::arg("pk"))
      .def(
          "isub_vec",
          [](V& a, const V& other, size_t sa, size_t sb, std::optional<size_t> size, const K& pk) {
            ChangeRange(a, other, sa, sb, size, pk, true);
          },
          py::arg("other"), py::arg("sa"), py::arg("sb"), py::arg("size").none(true), py::arg("pk"))
      .def(
          "iadd_vec_self",
          [](V& a, size_t sa, size_t sb, std::optional<size_t> size, const K& pk) {
            ChangeWithin(a, sa, sb, size, pk, false);
          },
          py::arg("sa"), py::arg("sb"), py::arg("size").none(true), py::arg("pk"))
      .def(
          "isub_vec_self",
          [](V& a, size_t sa, size_t sb, std::optional<size_t> size, const K& pk) {
            ChangeWithin(a, sa, sb, size, pk, true);
          },
          py::arg("sa"), py::arg("sb"), py::arg("size").none(true), py::arg("pk"))
      .def(
          "iadd_slice",
          [](V& a, const K& pk, size_t position, const py::sequence& other) {
            std::vector<const CiphertextVector*> parts;
            for (py::handle item : other) parts.push_back(&item.cast<const Scalar<Tag>&>().vector);
            ChangeRange(a, CatOf<Tag>(parts), position, 0, parts.size(), pk, false);
          },
          py::arg("pk"), py::arg("position"), py::arg("other"))
      .def(
          "iupdate",
          [](V& a, const V& other, const py::sequence& indexes, size_t stride, const K& pk) {
            Update(a, other, indexes, nullptr, stride, pk);
          },
          py::arg("other"), py::arg("indexes"), py::arg("stride"), py::arg("pk"))
      .def(
          "iupdate_with_masks",
          [](V& a, const V& other, const py::sequence& indexes, const py::sequence& masks,
             size_t stride, const K& pk) { Update(a, other, indexes, &masks, stride, pk); },
          py::arg("other"), py::arg("indexes"), py::arg("masks"), py::arg("stride"), py::arg("pk"))
      .def(
          "chunking_cumsum_with_step",
          [](V& a, const K& pk, py::handle chunk_sizes, size_t step) {
            const std::vector<size_t> sizes = IndicesOf(chunk_sizes);
            a.ChangeBy(pk.get(), [&](auto& x, const auto& parallel) {
              return crypto::CumulativeSum(x, sizes, step, parallel);
            });
          },
          py::arg("pk"), py::arg("chunk_sizes"), py::arg("step"))
      .def(
          "i_shuffle",
          [](V& a, py::handle indexes) {
            const std::vector<size_t> order = IndicesOf(indexes);
            CheckSameSize(a, order.size());
            a = V(a.Gather(order));
          },
          py::arg("indexes"), "self[i] = self[indexes[i]]");
}

template <typename Tag>
void DefineOrder(py::class_<Vector<Tag>>& c) {
  using V = Vector<Tag>;
  using K = PK<Tag>;
  c.def_static(
       "zeros", [](size_t size) { return V(Ciphertexts::Zeros(size)); }, py::arg("size"))
      .def(
          "slice", [](const V& a, size_t start, size_t size) { return V(a.Range(start, size)); },
          py::arg("start"), py::arg("size"))
      .def(
          "slice_indexes",
          [](const V& a, py::handle indexes) { return V(a.Gather(IndicesOf(indexes))); },
          py::arg("indexes"))
      .def("intervals_slice", &IntervalsSlice<Tag>, py::arg("intervals"))
      .def(
          "shuffle",
          [](const V& a, py::handle indexes) {
            const std::vector<size_t> order = IndicesOf(indexes);
            CheckSameSize(a, order.size());
            return V(a.Gather(order));
          },
          py::arg("indexes"), "result[i] = self[indexes[i]]")
      .def(
          "cat",
          [](const V& a, const py::sequence& others) {
            std::vector<const CiphertextVector*> parts = PartsOf<Tag>(others);
            parts.insert(parts.begin(), &a);
            return CatOf<Tag>(parts);
          },
          py::arg("others"))
      .def("tolist", &ToList<Tag>)
      .def(
          "intervals_sum_with_step",
          [](const V& a, const K& pk, const py::sequence& intervals, size_t step) {
            const std::vector<crypto::Interval> list = IntervalsOf(intervals);
            return V(a.Apply(pk.get(), [&](const auto& x, const auto& parallel) {
              return crypto::SumIntervals(x, list, step, parallel);
            }));
          },
          py::arg("pk"), py::arg("intervals"), py::arg("step"))
      .def(
          "pack_squeeze",
          [](const V& a, size_t pack_num, int offset_bit, const K& pk) {
            return V(a.Apply(pk.get(), [=](const auto& x, const auto& parallel) {
              return crypto::Squeeze(x, pack_num, offset_bit, parallel);
            }));
          },
          py::arg("pack_num"), py::arg("offset_bit"), py::arg("pk"));
}

template <typename Tag>
void DefineVectors(py::module_ m) {
  using V = Vector<Tag>;
  using P = PlaintextVector<Tag>;
  py::class_<Plaintext<Tag>>(m, "Plaintext").def(py::init<>());
  py::class_<Scalar<Tag>>(m, "Ciphertext");

  py::class_<P> plain(m, "PlaintextVector");
  plain.def(py::init<>())
      .def("__len__", [](const P& p) { return p.numbers->size(); })
      .def("__str__", [](const P& p) { return fmt::format("{} plaintexts", p.numbers->size()); })
      .def(
          "get_stride",
          [](const P& p, size_t index, size_t stride) {
            const size_t size = p.numbers->size();
            if (stride > size || (stride > 0 && index > size / stride - 1)) {
              throw py::index_error(
                  fmt::format("there is no run {} of {} in {} plaintexts", index, stride, size));
            }
            const auto first = p.numbers->begin() + static_cast<ptrdiff_t>(index * stride);
            return MakePlaintexts<Tag>({first, first + static_cast<ptrdiff_t>(stride)});
          },
          py::arg("index"), py::arg("stride"))
      .def("tolist", [](const P& p) {
        py::list list;
        for (const auto& number : *p.numbers) list.append(Plaintext<Tag>{number});
        return list;
      });
  DefineState(
      plain, [](const P& p) { return ToState(crypto::SerializePlaintexts(*p.numbers)); },
      [](py::handle state) {
        return MakePlaintexts<Tag>(
            ValueOrThrow(crypto::ParsePlaintexts(FromState(state), 2 * 8192)));
      });

  py::class_<V> vector(m, "CiphertextVector");
  vector.def(py::init<>()).def("__len__", &V::size).def("__str__", &V::ToText);
  DefineArithmetic<Tag>(vector);
  DefineChanges<Tag>(vector);
  DefineOrder<Tag>(vector);
  DefineState(
      vector, [](const V& v) { return v.GetState(); },
      [](py::handle state) { return V(ValueOrThrow(Ciphertexts::Parse(FromState(state)))); });

  struct Evaluator {};
  py::class_<Evaluator>(m, "Evaluator")
      .def_static(
          "cat", [](const py::sequence& list) { return CatOf<Tag>(PartsOf<Tag>(list)); },
          py::arg("vec_list"))
      .def_static(
          "slice_indexes",
          [](const V& a, py::handle indexes) { return V(a.Gather(IndicesOf(indexes))); },
          py::arg("a"), py::arg("indexes"));
}

}  // namespace fate::python
