#include "crypto/hash.h"

#include "fate_utils/convert.h"
#include "fate_utils/module.h"

namespace fate::python {
namespace {

namespace py = pybind11;

py::bytearray Sm3(py::handle message) {
  static const auto sm3 = ValueOrThrow(crypto::HashFunction::Named("sm3"));
  const std::string digest = sm3.Digest(BytesView(message));
  return {digest.data(), digest.size()};
}

}  // namespace

void DefineHash(py::module_ m) {
  m.def("sm3_hash", &Sm3, py::arg("a"), "32 bytes, as a bytearray.");
}

}  // namespace fate::python
