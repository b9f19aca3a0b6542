// Secure aggregation (spec/federated-algorithms.md 7.1): keys, masks of a client, the sum.

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cstring>
#include <optional>

#include "crypto/aggregation/secure_sum.h"
#include "crypto/agreement/x25519.h"
#include "fate_utils/convert.h"
#include "fate_utils/module.h"
#include "fate_utils/settings.h"

namespace fate::python {
namespace {

namespace py = pybind11;
using Shape = std::vector<py::ssize_t>;

class DiffieHellman {
 public:
  py::bytes PublicKey() const { return ToBytes(key_.public_key()); }

  py::bytes Agree(py::handle other_public_key) {
    const std::string_view other = BytesView(other_public_key);
    if (is_used_) throw py::type_error("Private key not found");
    if (other.size() != 32) {
      throw py::type_error("slice with incorrect length, should be 32 bytes");
    }
    is_used_ = true;
    return ToBytes(ValueOrThrow(std::move(key_).Agree(other)).bytes);
  }

 private:
  static py::bytes ToBytes(const std::array<uint8_t, 32>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  crypto::X25519Key key_ = crypto::X25519Key::Random();
  bool is_used_ = false;
};

crypto::SharedSecret SeedOf(py::handle seed) {
  const std::string bytes = FromState(seed);
  crypto::SharedSecret secret;
  if (bytes.size() != secret.bytes.size()) throw py::type_error("Seed should be a 32-byte array");
  std::memcpy(secret.bytes.data(), bytes.data(), bytes.size());
  return secret;
}

class RandomMix {
 public:
  RandomMix(const py::dict& seeds, int rank) : masker_(Create(seeds, rank)) {
    for (const auto& [other, seed] : seeds) ranks_.push_back(other.cast<int>());
  }

  py::tuple MixOne(py::handle input, std::optional<double> weight) {
    const Array<double> array = ArrayOf<double>(input, -1);
    const crypto::Parallel& threads = Threads();
    absl::StatusOr<crypto::MaskedArray> masked;
    {
      py::gil_scoped_release release;
      masked = masker_.Mask(array.values, weight.value_or(1.0), threads);
    }
    ThrowIfError(masked.status());
    return py::make_tuple(ToNumpy(masked->fractions, array.shape),
                          ToNumpy(masked->integers, array.shape));
  }

  py::list Mix(const py::sequence& inputs, std::optional<double> weight) {
    py::list mixed;
    for (py::handle input : inputs) mixed.append(MixOne(input, weight));
    return mixed;
  }

  uint64_t Index(int rank) const {
    if (std::find(ranks_.begin(), ranks_.end(), rank) == ranks_.end()) {
      throw py::index_error(fmt::format("Rank {} not found", rank));
    }
    return masker_.draws();
  }

 private:
  static crypto::Masker Create(const py::dict& seeds, int rank) {
    std::map<int, crypto::SharedSecret> secrets;
    for (const auto& [other, seed] : seeds) {
      if (other.cast<int>() == rank) throw py::index_error("Seed should not contain the rank");
      secrets.emplace(other.cast<int>(), SeedOf(seed));
    }
    return ValueOrThrow(crypto::Masker::Create(rank, std::move(secrets)));
  }

  crypto::Masker masker_;
  std::vector<int> ranks_;
};

class MixAggregate {
 public:
  void Aggregate(const py::sequence& inputs) {
    std::vector<Array<double>> fractions, integers;
    for (py::handle item : inputs) {
      const auto pair = py::reinterpret_borrow<py::sequence>(item);
      if (!py::isinstance<py::sequence>(item) || pair.size() != 2) {
        throw py::type_error("expected pairs of a fraction array and an integer array");
      }
      fractions.push_back(ArrayOf<double>(pair[0], -1));
      integers.push_back(ArrayOf<double>(pair[1], -1));
    }
    CheckShapes(fractions, integers);
    ThrowIfError(fractions_.Add(ViewsOf(fractions)));
    ThrowIfError(integers_.Add(ViewsOf(integers)));
  }

  py::list Finalize(std::optional<double> weight) const {
    py::list sums;
    for (size_t i = 0; i < shapes_.size(); ++i) {
      std::vector<double> sum = fractions_.arrays()[i];
      for (size_t k = 0; k < sum.size(); ++k) {
        sum[k] += integers_.arrays()[i][k];
        if (weight) sum[k] /= *weight;
      }
      sums.append(ToNumpy(sum, shapes_[i]));
    }
    return sums;
  }

 private:
  using Arrays = std::vector<Array<double>>;

  static std::vector<std::span<const double>> ViewsOf(const Arrays& arrays) {
    std::vector<std::span<const double>> views;
    for (const Array<double>& array : arrays) views.emplace_back(array.values);
    return views;
  }

  void CheckShapes(const Arrays& fractions, const Arrays& integers) {
    std::vector<Shape> shapes, others;
    for (const Array<double>& array : fractions) shapes.push_back(array.shape);
    for (const Array<double>& array : integers) others.push_back(array.shape);
    if (shapes != others || (clients_ > 0 && shapes != shapes_)) {
      throw py::value_error(
          "the arrays of two clients, or of their fractions and integers, differ in shape; every "
          "client sends the same arrays");
    }
    shapes_ = std::move(shapes);
    ++clients_;
  }

  size_t clients_ = 0;
  std::vector<Shape> shapes_;
  crypto::ArraySum fractions_, integers_;
};

}  // namespace

void DefineSecureAggregation(py::module_ m) {
  py::class_<DiffieHellman>(m, "DiffieHellman")
      .def(py::init<>())
      .def("get_public_key", &DiffieHellman::PublicKey)
      .def("diffie_hellman", &DiffieHellman::Agree, py::arg("other_public_key"),
           "The secret with the owner of that key; a key agrees once.");
  py::class_<RandomMix>(m, "RandomMix")
      .def(py::init<const py::dict&, int>(), py::arg("seeds"), py::arg("rank"))
      .def("mix_one", &RandomMix::MixOne, py::arg("input"), py::arg("weight") = py::none())
      .def("mix", &RandomMix::Mix, py::arg("inputs"), py::arg("weight") = py::none())
      .def("get_index", &RandomMix::Index, py::arg("rank"));
  py::class_<MixAggregate>(m, "MixAggregate")
      .def(py::init<>())
      .def("aggregate", &MixAggregate::Aggregate, py::arg("inputs"))
      .def("finalize", &MixAggregate::Finalize, py::arg("weight") = py::none());
}

}  // namespace fate::python
