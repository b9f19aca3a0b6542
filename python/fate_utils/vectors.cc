#include "fate_utils/vectors.h"

namespace fate::python {

std::vector<crypto::Interval> IntervalsOf(const py::sequence& intervals) {
  std::vector<crypto::Interval> list;
  for (py::handle item : intervals) {
    const std::vector<size_t> ends = IndicesOf(item);
    if (ends.size() != 2 || ends[0] > ends[1]) {
      throw py::value_error("an interval is a pair (start, end) with start <= end");
    }
    list.push_back({ends[0], ends[1]});
  }
  return list;
}

std::pair<size_t, size_t> ShapeOf(py::handle shape, bool is_left) {
  const std::vector<size_t> lengths = IndicesOf(shape);
  if (lengths.size() == 2) return {lengths[0], lengths[1]};
  if (lengths.size() != 1) {
    throw py::value_error(fmt::format("a matrix has 2 dimensions, not {}", lengths.size()));
  }
  return is_left ? std::pair{size_t{1}, lengths[0]} : std::pair{lengths[0], size_t{1}};
}

std::vector<crypto::Contribution> ContributionsOf(const py::sequence& positions,
                                                  const py::sequence* masks) {
  std::vector<crypto::Contribution> contributions;
  const size_t rows = masks == nullptr ? positions.size() : masks->size();
  size_t next = 0;
  for (size_t row = 0; row < rows && next < positions.size(); ++row) {
    if (masks != nullptr && !py::cast<bool>((*masks)[row])) continue;
    for (size_t place : IndicesOf(positions[next])) {
      if (place > UINT32_MAX || row > UINT32_MAX) {
        throw py::index_error(fmt::format("there is no place {} in a histogram", place));
      }
      contributions.push_back({static_cast<uint32_t>(row), static_cast<uint32_t>(place)});
    }
    ++next;
  }
  return contributions;
}

size_t CountOf(std::optional<size_t> size, size_t a_first, size_t a_size, size_t b_first,
               size_t b_size) {
  const size_t a_left = a_size - std::min(a_first, a_size);
  const size_t b_left = b_size - std::min(b_first, b_size);
  const size_t count = size.value_or(std::min(a_left, b_left));
  if (a_first > a_size || b_first > b_size || count > a_left || count > b_left) {
    throw std::runtime_error(
        fmt::format("end index out of range: sa={}, sb={}, size={}, data_size={}, other's size={}",
                    a_first, b_first, count, a_size, b_size));
  }
  return count;
}

std::vector<crypto::FixedPointNumber> NumbersOf(const crypto::FixedPointVector& ciphertexts,
                                                std::vector<crypto::BigInt> plaintexts) {
  std::vector<crypto::FixedPointNumber> numbers;
  for (size_t i = 0; i < plaintexts.size(); ++i) {
    const int32_t exponent = ciphertexts.exponents()[i];
    numbers.push_back(
        {std::move(plaintexts[i]), exponent == crypto::FixedPointVector::kNeutral ? 0 : exponent});
  }
  return numbers;
}

}  // namespace fate::python
