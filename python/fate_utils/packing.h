#pragma once

// What the coders of both schemes do: several numbers in one plaintext (spec 6.3).

#include <pybind11/stl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "crypto/paillier/packing.h"
#include "fate_utils/vectors.h"

namespace fate::python {

// pack_floats, unpack_floats and the same of unsigned integers. bits_of: of a coder's plaintexts.
template <typename Tag, typename Coder, typename BitsOf>
void DefinePacking(py::class_<Coder>& c, BitsOf bits_of) {
  const auto packing = [=](const Coder& coder, size_t bits, size_t count) {
    const auto to_int = [](size_t value) {
      return static_cast<int>(std::min<size_t>(value, 1 << 20));
    };
    return ValueOrThrow(crypto::Packing::Create(to_int(bits), to_int(count), bits_of(coder)));
  };
  const auto to_plaintexts = [](std::vector<crypto::BigInt> integers) {
    std::vector<crypto::FixedPointNumber> numbers;
    for (auto& integer : integers) numbers.push_back({std::move(integer), 0});
    return MakePlaintexts<Tag>(std::move(numbers));
  };
  const auto to_integers = [](const PlaintextVector<Tag>& packed) {
    std::vector<crypto::BigInt> integers;
    for (const auto& number : *packed.numbers) integers.push_back(number.significand);
    return integers;
  };
  c.def(
       "pack_floats",
       [=](const Coder& coder, const std::vector<double>& floats, size_t offset_bit,
           size_t pack_num, int precision) {
         return to_plaintexts(
             ValueOrThrow(packing(coder, offset_bit, pack_num).PackFloats(floats, precision)));
       },
       py::arg("float_tensor"), py::arg("offset_bit"), py::arg("pack_num"), py::arg("precision"))
      .def(
          "unpack_floats",
          [=](const Coder& coder, const PlaintextVector<Tag>& packed, size_t offset_bit,
              size_t pack_num, int precision, size_t total_num) {
            py::list list;
            for (double value :
                 ValueOrThrow(packing(coder, offset_bit, pack_num)
                                  .UnpackFloats(to_integers(packed), total_num, precision))) {
              list.append(value);
            }
            return list;
          },
          py::arg("packed"), py::arg("offset_bit"), py::arg("pack_num"), py::arg("precision"),
          py::arg("total_num"))
      .def(
          "pack_u64_vec",
          [=](const Coder& coder, py::handle values, size_t shift_bit, size_t pack_num) {
            const std::vector<size_t> numbers = IndicesOf(values);
            return to_plaintexts(ValueOrThrow(packing(coder, shift_bit, pack_num)
                                                  .PackUnsigned({numbers.begin(), numbers.end()})));
          },
          py::arg("data"), py::arg("num_shift_bit"), py::arg("num_elem_each_pack"))
      .def(
          "unpack_u64_vec",
          [=](const Coder& coder, const PlaintextVector<Tag>& packed, size_t shift_bit,
              size_t pack_num, size_t total_num) {
            py::list list;
            for (uint64_t value :
                 ValueOrThrow(packing(coder, shift_bit, pack_num)
                                  .UnpackUnsigned(to_integers(packed), total_num))) {
              list.append(value);
            }
            return list;
          },
          py::arg("packed"), py::arg("num_shift_bit"), py::arg("num_elem_each_pack"),
          py::arg("total_num"));
}

}  // namespace fate::python
