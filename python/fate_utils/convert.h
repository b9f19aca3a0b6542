#pragma once

// Between Python's objects and this library's. Arrays come in through the buffer protocol and go
// out as NumPy's, whatever its version; like FATE's module this one converts no element type by
// itself. All of it is for holders of the interpreter's lock.

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::python {

// kInvalidArgument and kOutOfRange become ValueError, everything else RuntimeError.
void ThrowIfError(const absl::Status& status);

template <typename T>
T ValueOrThrow(absl::StatusOr<T> result) {
  ThrowIfError(result.status());
  return *std::move(result);
}

// An array's elements in order of their indices (the last runs fastest).
template <typename T>
struct Array {
  std::vector<T> values;
  std::vector<pybind11::ssize_t> shape;
};

// double, float, int32_t, int64_t, uint32_t, uint64_t. Throws TypeError unless `object` is an array
// (anything with a buffer) of just that type and, unless it is -1, of `dimensions` dimensions.
template <typename T>
Array<T> ArrayOf(pybind11::handle object, int dimensions);
template <typename T>
std::vector<T> VectorOf(pybind11::handle object) {
  return ArrayOf<T>(object, 1).values;
}

// numpy.ndarray of double or float.
template <typename T>
pybind11::object ToNumpy(const std::vector<T>& values, const std::vector<pybind11::ssize_t>& shape);
template <typename T>
pybind11::object ToNumpy(const std::vector<T>& values) {
  return ToNumpy(values, {static_cast<pybind11::ssize_t>(values.size())});
}

// FATE pickles most objects as a list of small integers (spec/federated-algorithms.md 6.4). From
// a sequence of integers or from bytes; throws TypeError for anything else.
pybind11::list ToState(std::string_view bytes);
std::string FromState(pybind11::handle state);

// Pickles made by FATE's module are opened without a call of __init__ and then given their state;
// its objects also take a new one later. get: const T& to an object; set: an object to a T.
template <typename T, typename Get, typename Set>
void DefineState(pybind11::class_<T>& c, Get get, Set set) {
  c.def("__getstate__", get);
  const auto assign = [set](pybind11::object self, pybind11::handle state) {
    T value = set(state);
    self.attr("__init__")();  // does nothing when it was called before
    self.cast<T&>() = std::move(value);
  };
  // Under its own name pybind11 takes it for a constructor, and ignores a second call.
  c.attr("__setstate__") =
      pybind11::cpp_function(assign, pybind11::name("set_state"), pybind11::is_method(c));
}

// A sequence of bytes objects, kept alive with views of their contents.
struct BytesList {
  explicit BytesList(pybind11::handle sequence);
  std::vector<pybind11::bytes> owners;
  std::vector<std::string_view> views;
};
// The contents of a bytes object; good as long as that is.
std::string_view BytesView(pybind11::handle bytes);

// Non-negative integers of a sequence.
std::vector<size_t> IndicesOf(pybind11::handle sequence);

}  // namespace fate::python
