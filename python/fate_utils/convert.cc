#include "fate_utils/convert.h"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

#include "base/status.h"

namespace fate::python {
namespace {

namespace py = pybind11;

template <typename T>
constexpr std::string_view kTypeName = "";
template <>
constexpr std::string_view kTypeName<double> = "float64";
template <>
constexpr std::string_view kTypeName<float> = "float32";
template <>
constexpr std::string_view kTypeName<int64_t> = "int64";
template <>
constexpr std::string_view kTypeName<int32_t> = "int32";
template <>
constexpr std::string_view kTypeName<uint64_t> = "uint64";
template <>
constexpr std::string_view kTypeName<uint32_t> = "uint32";

template <typename T>
bool HasType(const py::buffer_info& info) {
  if (info.itemsize != sizeof(T) || info.format.empty()) return false;
  const char code = info.format.back();
  if (info.format.size() > 2 || (info.format.size() == 2 && !std::strchr("@=<", info.format[0]))) {
    return false;
  }
  if (std::is_floating_point_v<T>) return std::strchr("fd", code) != nullptr;
  return std::strchr(std::is_signed_v<T> ? "ilq" : "ILQ", code) != nullptr;
}

std::string TypeOf(py::handle object) {
  return py::str(py::type::handle_of(object).attr("__name__"));
}

// Copies the part of an array below one index of each axis before `axis`.
template <typename T>
void CopyFrom(const py::buffer_info& info, size_t axis, const char* from, T*& to) {
  if (axis == info.shape.size()) {
    std::memcpy(to++, from, sizeof(T));
    return;
  }
  for (py::ssize_t i = 0; i < info.shape[axis]; ++i) {
    CopyFrom(info, axis + 1, from + i * info.strides[axis], to);
  }
}

}  // namespace

void ThrowIfError(const absl::Status& status) {
  if (status.ok()) return;
  const std::string message = Message(status);
  if (absl::IsInvalidArgument(status) || absl::IsOutOfRange(status)) throw py::value_error(message);
  throw std::runtime_error(message);
}

template <typename T>
Array<T> ArrayOf(py::handle object, int dimensions) {
  if (!PyObject_CheckBuffer(object.ptr())) {
    throw py::type_error(
        fmt::format("expected an array of {}, not {}", kTypeName<T>, TypeOf(object)));
  }
  const py::buffer_info info = py::reinterpret_borrow<py::buffer>(object).request();
  if (!HasType<T>(info) || (dimensions >= 0 && info.ndim != dimensions)) {
    throw py::type_error(fmt::format(
        "expected an array of {} with {} dimensions, not one of {}-byte elements '{}' with {}",
        kTypeName<T>, dimensions < 0 ? "any" : std::to_string(dimensions), info.itemsize,
        info.format, info.ndim));
  }
  Array<T> array{std::vector<T>(static_cast<size_t>(info.size)), info.shape};
  T* to = array.values.data();
  CopyFrom(info, 0, static_cast<const char*>(info.ptr), to);
  return array;
}

template <typename T>
py::object ToNumpy(const std::vector<T>& values, const std::vector<py::ssize_t>& shape) {
  py::tuple lengths(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) lengths[i] = shape[i];
  py::object array = py::module_::import("numpy").attr("empty")(lengths, kTypeName<T>.data());
  const py::buffer_info info = py::reinterpret_borrow<py::buffer>(array).request(true);
  if (!values.empty()) std::memcpy(info.ptr, values.data(), values.size() * sizeof(T));
  return array;
}

template Array<double> ArrayOf(py::handle, int);
template Array<float> ArrayOf(py::handle, int);
template Array<int32_t> ArrayOf(py::handle, int);
template Array<int64_t> ArrayOf(py::handle, int);
template Array<uint32_t> ArrayOf(py::handle, int);
template Array<uint64_t> ArrayOf(py::handle, int);
template py::object ToNumpy(const std::vector<double>&, const std::vector<py::ssize_t>&);
template py::object ToNumpy(const std::vector<float>&, const std::vector<py::ssize_t>&);

py::list ToState(std::string_view bytes) {
  py::list state(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    PyList_SET_ITEM(state.ptr(), static_cast<py::ssize_t>(i),
                    PyLong_FromLong(static_cast<uint8_t>(bytes[i])));
  }
  return state;
}

std::string FromState(py::handle state) {
  if (py::isinstance<py::bytes>(state)) return std::string(BytesView(state));
  const auto items = py::reinterpret_steal<py::object>(
      PySequence_Fast(state.ptr(), "a state is a list of integers from 0 to 255"));
  if (!items) throw py::error_already_set();
  std::string bytes(static_cast<size_t>(PySequence_Fast_GET_SIZE(items.ptr())), '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    const long value =
        PyLong_AsLong(PySequence_Fast_GET_ITEM(items.ptr(), static_cast<py::ssize_t>(i)));
    if (value == -1 && PyErr_Occurred()) throw py::error_already_set();
    if (value < 0 || value > 255) {
      throw py::value_error(fmt::format("a state holds bytes, not {} (at {})", value, i));
    }
    bytes[i] = static_cast<char>(value);
  }
  return bytes;
}

std::string_view BytesView(py::handle bytes) {
  if (!py::isinstance<py::bytes>(bytes)) {
    throw py::type_error(
        fmt::format("'{}' object cannot be converted to 'PyBytes'", TypeOf(bytes)));
  }
  return {PyBytes_AS_STRING(bytes.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
}

BytesList::BytesList(py::handle sequence) {
  const auto items = py::reinterpret_steal<py::object>(
      PySequence_Fast(sequence.ptr(), "expected a sequence of bytes objects"));
  if (!items) throw py::error_already_set();
  const auto count = static_cast<size_t>(PySequence_Fast_GET_SIZE(items.ptr()));
  owners.reserve(count);
  views.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const py::handle item = PySequence_Fast_GET_ITEM(items.ptr(), static_cast<py::ssize_t>(i));
    views.push_back(BytesView(item));
    owners.push_back(py::reinterpret_borrow<py::bytes>(item));
  }
}

std::vector<size_t> IndicesOf(py::handle sequence) {
  const auto items = py::reinterpret_steal<py::object>(
      PySequence_Fast(sequence.ptr(), "expected a sequence of non-negative integers"));
  if (!items) throw py::error_already_set();
  std::vector<size_t> indices(static_cast<size_t>(PySequence_Fast_GET_SIZE(items.ptr())));
  for (size_t i = 0; i < indices.size(); ++i) {
    PyObject* const item = PySequence_Fast_GET_ITEM(items.ptr(), static_cast<py::ssize_t>(i));
    // Numbers of NumPy and tensors of PyTorch are no int, but have an index.
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(item));
    if (!number) throw py::error_already_set();
    indices[i] = PyLong_AsSize_t(number.ptr());
    if (indices[i] == static_cast<size_t>(-1) && PyErr_Occurred()) throw py::error_already_set();
  }
  return indices;
}

}  // namespace fate::python
