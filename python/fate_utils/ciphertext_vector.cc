#include "fate_utils/ciphertext_vector.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "base/status.h"

namespace fate::python {

namespace py = pybind11;
using crypto::FixedPointVector;
using crypto::Parallel;

const CiphertextVector::Shared& CiphertextVector::data() const {
  if (data_ == nullptr) throw std::runtime_error("Already mutably borrowed");
  return data_;
}

CiphertextVector::Shared CiphertextVector::BoundTo(const KeyPointer& key) const {
  const Shared before = data();
  if (before->key() == key) return before;
  const Shared bound = std::make_shared<Ciphertexts>(
      WithoutLock([&](const Parallel& parallel) -> absl::StatusOr<Ciphertexts> {
        Ciphertexts copy = *before;
        RETURN_IF_ERROR(copy.Bind(key, parallel));
        return copy;
      }));
  if (data_ == before) data_ = bound;
  return bound;
}

Ciphertexts CiphertextVector::Apply(const KeyPointer& key, const Operation& operation) const {
  const Shared a = BoundTo(key);
  return {key,
          WithoutLock([&](const Parallel& parallel) { return operation(a->vector(), parallel); })};
}

Ciphertexts CiphertextVector::Apply(const KeyPointer& key, const CiphertextVector& b,
                                    const Operation2& operation) const {
  const Shared other = b.BoundTo(key);
  return Apply(key, [&](const FixedPointVector& a, const Parallel& parallel) {
    return operation(a, other->vector(), parallel);
  });
}

void CiphertextVector::ChangeBy(const KeyPointer& key, const Change& change) {
  struct Loan {  // takes the data away, and gives it back
    explicit Loan(Shared& from) : place(from), data(std::exchange(from, nullptr)) {}
    ~Loan() { place = std::move(data); }
    Shared& place;
    Shared data;
  };
  data();  // throws where another change is under way
  Loan loan(data_);
  const bool has_readers = loan.data.use_count() > 1;
  WithoutLock([&](const Parallel& parallel) -> absl::Status {
    if (has_readers) loan.data = std::make_shared<Ciphertexts>(*loan.data);
    RETURN_IF_ERROR(loan.data->Bind(key, parallel));
    return change(loan.data->vector(), parallel);
  });
}

void CiphertextVector::ChangeBy(const KeyPointer& key, const CiphertextVector& b,
                                const Change2& change) {
  const Shared other = b.BoundTo(key);  // shared with this one if they are the same
  ChangeBy(key, [&](FixedPointVector& a, const Parallel& parallel) {
    return change(a, other->vector(), parallel);
  });
}

Ciphertexts CiphertextVector::Gather(const std::vector<size_t>& indices) const {
  const Shared a = data();
  return WithoutLock([&](const Parallel&) { return a->Gather(indices); });
}

Ciphertexts CiphertextVector::Range(size_t first, size_t count) const {
  if (first > size() || count > size() - first) {
    throw py::index_error(fmt::format("there are no {} ciphertexts from {} on in a vector of {}",
                                      count, first, size()));
  }
  std::vector<size_t> indices(count);
  std::iota(indices.begin(), indices.end(), first);
  return Gather(indices);
}

Ciphertexts CiphertextVector::Concatenate(const std::vector<const CiphertextVector*>& parts) {
  std::vector<Shared> shared;
  for (const CiphertextVector* part : parts) shared.push_back(part->data());
  return WithoutLock([&](const Parallel&) { return Ciphertexts::Concatenate(shared); });
}

py::list CiphertextVector::GetState() const {
  const Shared a = data();
  return ToState(WithoutLock([&](const Parallel& parallel) { return a->Serialize(parallel); }));
}

std::string CiphertextVector::ToText() const { return fmt::format("{} ciphertexts", size()); }

}  // namespace fate::python
