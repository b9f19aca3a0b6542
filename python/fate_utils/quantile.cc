// Greenwald-Khanna summaries (spec/federated-algorithms.md 6.8).

#include <optional>

#include "crypto/encoding/fate_vectors.h"
#include "crypto/quantile/greenwald_khanna.h"
#include "fate_utils/convert.h"
#include "fate_utils/module.h"

namespace fate::python {
namespace {

namespace py = pybind11;
using crypto::GreenwaldKhanna;

// FATE's object may be without a summary until its state is set.
struct Stream {
  std::optional<GreenwaldKhanna> summary;

  GreenwaldKhanna& get() {
    if (!summary) {
      throw std::runtime_error(
          "this QuantileSummaryStream was made without an epsilon; give it one");
    }
    return *summary;
  }
};

Stream Create(const py::args& args) {
  if (args.size() > 1) throw py::type_error("accept zero or one positional args");
  if (args.empty()) return {};
  const double epsilon = PyFloat_AsDouble(args[0].ptr());
  if (PyErr_Occurred()) throw py::error_already_set();
  return {ValueOrThrow(GreenwaldKhanna::Create(epsilon))};
}

std::vector<double> DoublesOf(const py::sequence& sequence) {
  std::vector<double> values;
  for (py::handle item : sequence) values.push_back(py::cast<double>(item));
  return values;
}

py::list Queries(Stream& stream, const py::sequence& phis) {
  py::list values;
  for (double phi : DoublesOf(phis)) values.append(ValueOrThrow(stream.get().Quantile(phi)));
  return values;
}

py::bytes GetState(const Stream& stream) {
  if (!stream.summary) return crypto::SerializeQuantileSummary(std::nullopt);
  return crypto::SerializeQuantileSummary(stream.summary->summary());
}

Stream SetState(py::handle state) {
  auto summary = ValueOrThrow(crypto::ParseQuantileSummary(BytesView(state)));
  if (!summary) return {};
  return {ValueOrThrow(GreenwaldKhanna::From(*std::move(summary)))};
}

std::vector<GreenwaldKhanna> SummariesOfColumns(py::handle data, double epsilon) {
  const Array<double> array = ArrayOf<double>(data, 2);
  const auto columns = static_cast<size_t>(array.shape[1]);
  std::vector<GreenwaldKhanna> summaries(columns, ValueOrThrow(GreenwaldKhanna::Create(epsilon)));
  std::vector<double> column(static_cast<size_t>(array.shape[0]));
  for (size_t j = 0; j < columns; ++j) {
    for (size_t i = 0; i < column.size(); ++i) column[i] = array.values[i * columns + j];
    ThrowIfError(summaries[j].Insert(column));
  }
  return summaries;
}

py::list SummaryIx2(py::handle data, double epsilon) {
  py::list streams;
  for (GreenwaldKhanna& summary : SummariesOfColumns(data, epsilon)) {
    streams.append(Stream{std::move(summary)});
  }
  return streams;
}

py::list QuantileIx1(py::handle data, const py::sequence& q, double epsilon) {
  Stream stream{ValueOrThrow(GreenwaldKhanna::Create(epsilon))};
  ThrowIfError(stream.get().Insert(VectorOf<double>(data)));
  return Queries(stream, q);
}

py::object QuantileIx2(py::handle data, const py::sequence& q, double epsilon) {
  const std::vector<GreenwaldKhanna> summaries = SummariesOfColumns(data, epsilon);
  const std::vector<double> phis = DoublesOf(q);
  std::vector<double> values;
  for (double phi : phis) {
    for (const auto& summary : summaries) values.push_back(ValueOrThrow(summary.Quantile(phi)));
  }
  return ToNumpy(
      values, {static_cast<py::ssize_t>(phis.size()), static_cast<py::ssize_t>(summaries.size())});
}

}  // namespace

void DefineQuantile(py::module_ m) {
  py::class_<Stream> c(m, "QuantileSummaryStream");
  c.def(py::init(&Create))
      .def(
          "insert_array",
          [](Stream& stream, py::handle data) {
            ThrowIfError(stream.get().Insert(VectorOf<double>(data)));
          },
          py::arg("data"))
      .def("queries", &Queries, py::arg("phi"))
      .def(
          "merge",
          [](Stream& stream, Stream& other) {
            return Stream{ValueOrThrow(stream.get().Merge(other.get()))};
          },
          py::arg("other"));
  DefineState(c, &GetState, &SetState);
  m.def("summary_f64_ix2", &SummaryIx2, py::arg("data"), py::arg("epsilon"));
  m.def("quantile_f64_ix1", &QuantileIx1, py::arg("data"), py::arg("q"), py::arg("epsilon"));
  m.def("quantile_f64_ix2", &QuantileIx2, py::arg("data"), py::arg("q"), py::arg("epsilon"));
}

}  // namespace fate::python
