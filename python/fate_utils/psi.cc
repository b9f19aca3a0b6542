// Curve25519 of FATE's PSI (spec/federated-algorithms.md 5.1).

#include <fmt/format.h>

#include <cstring>

#include "crypto/curve/curve25519.h"
#include "fate_utils/convert.h"
#include "fate_utils/module.h"
#include "fate_utils/settings.h"

namespace fate::python {
namespace {

namespace py = pybind11;
using crypto::CurvePoint;
using crypto::PsiSecret;

std::array<uint8_t, 32> Bytes32(std::string_view bytes, std::string_view what) {
  std::array<uint8_t, 32> array;
  if (bytes.size() != array.size()) {
    throw py::value_error(fmt::format("{} has 32 bytes, not {}", what, bytes.size()));
  }
  std::memcpy(array.data(), bytes.data(), array.size());
  return array;
}

PsiSecret Create(const py::args& args) {
  if (args.size() > 1) throw py::type_error("accept zero or one positional args");
  if (args.empty() || args[0].is_none())
    return PsiSecret(PsiSecret::Random().bytes(), InstructionSet());
  const std::string bytes = FromState(args[0]);
  if (bytes.size() != 32) {
    throw py::type_error(fmt::format("expected a sequence of length 32 (got {})", bytes.size()));
  }
  return PsiSecret(Bytes32(bytes, "a secret"), InstructionSet());
}

py::bytes ToBytes(const void* first, size_t size) {
  return {static_cast<const char*>(first), size};
}

py::list ToList(const std::vector<CurvePoint>& points) {
  py::list list(points.size());
  for (size_t i = 0; i < points.size(); ++i) list[i] = ToBytes(points[i].data(), points[i].size());
  return list;
}

py::list EncryptVector(const PsiSecret& secret, py::handle ids) {
  const BytesList list(ids);
  std::vector<CurvePoint> points;
  {
    const crypto::Parallel& threads = Threads();
    py::gil_scoped_release release;
    points = secret.FirstSign(list.views, threads);
  }
  return ToList(points);
}

py::list DiffieHellmanVector(const PsiSecret& secret, py::handle publics) {
  std::vector<CurvePoint> points;
  for (std::string_view bytes : BytesList(publics).views) {
    points.push_back(Bytes32(bytes, "a point of diffie_hellman"));
  }
  {
    const crypto::Parallel& threads = Threads();
    py::gil_scoped_release release;
    points = secret.SecondSign(points, threads);
  }
  return ToList(points);
}

py::object Encrypt(const PsiSecret& secret, py::handle id) {
  py::list ids(1);
  ids[0] = id;
  return EncryptVector(secret, ids)[0];
}

py::object DiffieHellman(const PsiSecret& secret, py::handle point) {
  py::list points(1);
  points[0] = point;
  return DiffieHellmanVector(secret, points)[0];
}

py::bytes Scalar(const PsiSecret& secret) {
  return ToBytes(secret.bytes().data(), secret.bytes().size());
}

}  // namespace

void DefinePsi(py::module_ m) {
  py::class_<PsiSecret> c(m, "Curve25519");
  c.def(py::init(&Create), "Curve25519() draws a secret, Curve25519(32 bytes) takes one.")
      .def("get_private_key", &Scalar)
      .def("encrypt", &Encrypt, py::arg("bytes"), "The hash of an id, times the secret.")
      .def("encrypt_vec", &EncryptVector, py::arg("vec"))
      .def("diffie_hellman", &DiffieHellman, py::arg("their_public"), "A point times the secret.")
      .def("diffie_hellman_vec", &DiffieHellmanVector, py::arg("vec"));
  DefineState(c, &Scalar, [](py::handle state) {
    return PsiSecret(Bytes32(BytesView(state), "a pickled secret"), InstructionSet());
  });
}

}  // namespace fate::python
