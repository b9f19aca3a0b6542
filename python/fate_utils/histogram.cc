// Where a histogram's values lie in one flat vector: by node, then feature, then bin; and the
// shuffle that hides from a guest which feature a split belongs to (spec 6.7).

#include <fmt/format.h>

#include <map>
#include <numeric>

#include "crypto/prng/shuffle.h"
#include "fate_utils/convert.h"
#include "fate_utils/module.h"

namespace fate::python {
namespace {

namespace py = pybind11;
using Interval = std::pair<size_t, size_t>;

void CheckIndex(size_t index, size_t bound, std::string_view what) {
  if (index >= bound) {
    throw py::index_error(fmt::format("there is no {} {}; there are {}", what, index, bound));
  }
}

template <typename T, typename ToObject>
py::list ListOf(const std::vector<T>& values, ToObject to_object) {
  py::list list(values.size());
  for (size_t i = 0; i < values.size(); ++i) list[i] = to_object(values[i]);
  return list;
}

py::list ListOf(const std::vector<size_t>& values) {
  return ListOf(values, [](size_t value) { return py::int_(value); });
}

py::list ListOf(const std::vector<Interval>& values) {
  return ListOf(values, [](const Interval& v) { return py::make_tuple(v.first, v.second); });
}

class Shuffler {
 public:
  Shuffler(size_t nodes, size_t node_size, uint64_t seed)
      : nodes_(nodes), node_size_(node_size), order_(crypto::Shuffled(node_size, seed)) {}

  // The order of all nodes, each shuffled alike.
  std::vector<size_t> Global() const {
    std::vector<size_t> all;
    all.reserve(nodes_ * node_size_);
    for (size_t node = 0; node < nodes_; ++node) {
      for (size_t place : order_) all.push_back(node * node_size_ + place);
    }
    return all;
  }

  std::vector<size_t> WithStep(size_t step, bool reverse) const {
    std::vector<size_t> order = crypto::WithStep(Global(), step);
    return reverse ? crypto::Inverse(order) : order;
  }

  std::vector<size_t> ReverseIndexes(size_t step, std::vector<size_t> indexes) const {
    const std::vector<size_t> mapping = WithStep(step, true);
    for (size_t& index : indexes) {
      CheckIndex(index, mapping.size(), "shuffled place");
      index = mapping[index];
    }
    return indexes;
  }

  Interval ReverseIndex(size_t index) const {
    CheckIndex(index, nodes_ * node_size_, "shuffled place");
    return {index / node_size_, order_[index % node_size_]};
  }

 private:
  size_t nodes_, node_size_;
  std::vector<size_t> order_;
};

class Indexer {
 public:
  Indexer(size_t nodes, std::vector<size_t> bins)
      : nodes_(nodes), bins_(std::move(bins)), starts_{0} {
    for (size_t count : bins_) starts_.push_back(starts_.back() + count);
  }

  size_t nodes() const { return nodes_; }
  size_t features() const { return bins_.size(); }
  size_t node_size() const { return starts_.back(); }
  const std::vector<size_t>& bins() const { return bins_; }
  const std::vector<size_t>& starts() const { return starts_; }

  size_t Position(size_t node, size_t feature, size_t bin) const {
    CheckIndex(feature, features(), "feature");
    CheckIndex(bin, bins_[feature], "bin");
    return node * node_size() + starts_[feature] + bin;
  }

  py::list Positions(const std::vector<size_t>& nodes, const py::sequence& bins_of_rows) const {
    if (nodes.size() != bins_of_rows.size()) {
      throw py::value_error(
          fmt::format("{} nodes, but bins of {} rows", nodes.size(), bins_of_rows.size()));
    }
    py::list positions(nodes.size());
    for (size_t row = 0; row < nodes.size(); ++row) {
      std::vector<size_t> places = IndicesOf(bins_of_rows[row]);
      for (size_t feature = 0; feature < places.size(); ++feature) {
        places[feature] = Position(nodes[row], feature, places[feature]);
      }
      positions[row] = ListOf(places);
    }
    return positions;
  }

  py::tuple ReversePosition(size_t position) const {
    CheckIndex(position, nodes_ * node_size(), "position");
    const size_t in_node = position % node_size();
    size_t feature = 0;
    while (in_node >= starts_[feature + 1]) ++feature;
    return py::make_tuple(position / node_size(), feature, in_node - starts_[feature]);
  }

  Interval BinInterval(size_t node, size_t feature) const {
    CheckIndex(feature, features(), "feature");
    return {node * node_size() + starts_[feature], node * node_size() + starts_[feature + 1]};
  }

  std::vector<Interval> NodeIntervals() const {
    std::vector<Interval> intervals;
    for (size_t node = 0; node < nodes_; ++node) {
      intervals.emplace_back(node * node_size(), (node + 1) * node_size());
    }
    return intervals;
  }

  std::vector<Interval> FeatureIntervals() const {
    std::vector<Interval> intervals;
    for (size_t node = 0; node < nodes_; ++node) {
      for (size_t feature = 0; feature < features(); ++feature) {
        intervals.push_back(BinInterval(node, feature));
      }
    }
    return intervals;
  }

  // A node's places in k parts that differ by at most one: (part, its places, those of each node).
  py::list SplitsIntoK(size_t k) const {
    if (k == 0) throw py::value_error("cannot split a histogram into 0 parts; give 1 or more");
    py::list splits(k);
    size_t start = 0;
    for (size_t part = 0; part < k; ++part) {
      const size_t end = start + node_size() / k + (part < node_size() % k ? 1 : 0);
      std::vector<Interval> of_nodes = NodeIntervals();
      for (Interval& interval : of_nodes) interval = {interval.first + start, interval.first + end};
      splits[part] = py::make_tuple(part, py::make_tuple(start, end), ListOf(of_nodes));
      start = end;
    }
    return splits;
  }

  std::vector<size_t> BinsOfAllNodes() const {
    std::vector<size_t> all;
    for (size_t node = 0; node < nodes_; ++node) all.insert(all.end(), bins_.begin(), bins_.end());
    return all;
  }

  py::dict UnflattenIndexes() const {
    py::dict nodes;
    for (size_t node = 0; node < nodes_; ++node) {
      py::dict features_of_node;
      for (size_t feature = 0; feature < features(); ++feature) {
        std::vector<size_t> places(bins_[feature]);
        std::iota(places.begin(), places.end(), BinInterval(node, feature).first);
        features_of_node[py::int_(feature)] = ListOf(places);
      }
      nodes[py::int_(node)] = features_of_node;
    }
    return nodes;
  }

 private:
  size_t nodes_;
  std::vector<size_t> bins_, starts_;
};

}  // namespace

void DefineHistogram(py::module_ m) {
  py::class_<Shuffler>(m, "Shuffler")
      .def(py::init<size_t, size_t, uint64_t>(), py::arg("num_node"), py::arg("node_size"),
           py::arg("seed"))
      .def("get_global_perm_index", [](const Shuffler& s) { return ListOf(s.Global()); })
      .def(
          "get_shuffle_index",
          [](const Shuffler& s, size_t step, bool reverse) {
            return ListOf(s.WithStep(step, reverse));
          },
          py::arg("step"), py::arg("reverse"))
      .def(
          "get_reverse_indexes",
          [](const Shuffler& s, size_t step, py::handle indexes) {
            return ListOf(s.ReverseIndexes(step, IndicesOf(indexes)));
          },
          py::arg("step"), py::arg("indexes"))
      .def(
          "reverse_index",
          [](const Shuffler& s, size_t index) {
            const Interval place = s.ReverseIndex(index);
            return py::make_tuple(place.first, place.second);
          },
          py::arg("index"));

  py::class_<Indexer>(m, "HistogramIndexer")
      .def(py::init([](size_t nodes, py::handle bins) { return Indexer(nodes, IndicesOf(bins)); }),
           py::arg("node_size"), py::arg("feature_bin_sizes"))
      .def("get_position", &Indexer::Position, py::arg("nid"), py::arg("fid"), py::arg("bid"))
      .def(
          "get_positions",
          [](const Indexer& i, py::handle nids, const py::sequence& bins) {
            return i.Positions(IndicesOf(nids), bins);
          },
          py::arg("nids"), py::arg("bid_vec"))
      .def("get_reverse_position", &Indexer::ReversePosition, py::arg("position"))
      .def(
          "get_bin_num",
          [](const Indexer& i, size_t feature) {
            CheckIndex(feature, i.features(), "feature");
            return i.bins()[feature];
          },
          py::arg("fid"))
      .def(
          "get_bin_interval",
          [](const Indexer& i, size_t node, size_t feature) {
            const Interval interval = i.BinInterval(node, feature);
            return py::make_tuple(interval.first, interval.second);
          },
          py::arg("nid"), py::arg("fid"))
      .def("get_node_intervals", [](const Indexer& i) { return ListOf(i.NodeIntervals()); })
      .def("get_feature_position_ranges",
           [](const Indexer& i) { return ListOf(i.FeatureIntervals()); })
      .def("splits_into_k", &Indexer::SplitsIntoK, py::arg("k"))
      .def("total_data_size", [](const Indexer& i) { return i.nodes() * i.node_size(); })
      .def("one_node_data_size", &Indexer::node_size)
      .def("global_flatten_bin_sizes", [](const Indexer& i) { return ListOf(i.BinsOfAllNodes()); })
      .def("flatten_in_node", [](const Indexer& i) { return Indexer(i.nodes(), {i.node_size()}); })
      .def(
          "squeeze_bins",
          [](const Indexer& i) { return Indexer(i.nodes(), std::vector<size_t>(i.features(), 1)); })
      .def(
          "reshape",
          [](const Indexer& i, py::handle bins) { return Indexer(i.nodes(), IndicesOf(bins)); },
          py::arg("feature_bin_sizes"))
      .def(
          "get_shuffler",
          [](const Indexer& i, uint64_t seed) { return Shuffler(i.nodes(), i.node_size(), seed); },
          py::arg("seed"))
      .def("unflatten_indexes", &Indexer::UnflattenIndexes)
      .def_property_readonly("node_size", &Indexer::nodes)
      .def_property_readonly("num_nodes", &Indexer::nodes)
      .def_property_readonly("feature_size", &Indexer::features)
      .def_property_readonly("node_axis_stride", &Indexer::node_size)
      .def_property_readonly("feature_axis_stride",
                             [](const Indexer& i) { return ListOf(i.starts()); })
      .def_property_readonly("feature_bin_sizes",
                             [](const Indexer& i) { return ListOf(i.bins()); });
}

}  // namespace fate::python
