#pragma once

// The Python object CiphertextVector, of either scheme. It shares its Ciphertexts with whoever
// reads them while the interpreter's lock is free: readers take a reference first; a change copies
// what has other readers, and the object is locked for everyone until it ends, as FATE's is
// ("Already mutably borrowed").

#include <pybind11/pybind11.h>

#include <functional>
#include <memory>
#include <string>

#include "fate_utils/ciphertexts.h"
#include "fate_utils/convert.h"
#include "fate_utils/settings.h"

namespace fate::python {

// Runs `work`, which must not touch Python, without the interpreter's lock; throws its error.
template <typename Work>
auto WithoutLock(const Work& work) {
  const crypto::Parallel& threads = Threads();
  auto result = [&] {
    pybind11::gil_scoped_release release;
    return work(threads);
  }();
  if constexpr (std::is_same_v<decltype(result), absl::Status>) {
    ThrowIfError(result);
  } else {
    return ValueOrThrow(std::move(result));
  }
}

class CiphertextVector {
 public:
  using Shared = std::shared_ptr<Ciphertexts>;
  // One that computes on vectors bound to the key.
  using Operation = std::function<absl::StatusOr<crypto::FixedPointVector>(
      const crypto::FixedPointVector& a, const crypto::Parallel&)>;
  using Operation2 = std::function<absl::StatusOr<crypto::FixedPointVector>(
      const crypto::FixedPointVector& a, const crypto::FixedPointVector& b,
      const crypto::Parallel&)>;
  using Change = std::function<absl::Status(crypto::FixedPointVector& a, const crypto::Parallel&)>;
  using Change2 = std::function<absl::Status(
      crypto::FixedPointVector& a, const crypto::FixedPointVector& b, const crypto::Parallel&)>;
  using KeyPointer = std::shared_ptr<const Key>;

  CiphertextVector() : CiphertextVector(Ciphertexts::Zeros(0)) {}
  explicit CiphertextVector(Ciphertexts ciphertexts)
      : data_(std::make_shared<Ciphertexts>(std::move(ciphertexts))) {}

  size_t size() const { return data()->size(); }
  // Not to be changed.
  const Shared& data() const;
  // The same, bound to the key; this object keeps it.
  Shared BoundTo(const KeyPointer& key) const;

  Ciphertexts Apply(const KeyPointer& key, const Operation& operation) const;
  Ciphertexts Apply(const KeyPointer& key, const CiphertextVector& b,
                    const Operation2& operation) const;
  void ChangeBy(const KeyPointer& key, const Change& change);
  void ChangeBy(const KeyPointer& key, const CiphertextVector& b, const Change2& change);

  Ciphertexts Gather(const std::vector<size_t>& indices) const;
  Ciphertexts Range(size_t first, size_t count) const;
  static Ciphertexts Concatenate(const std::vector<const CiphertextVector*>& parts);

  pybind11::list GetState() const;
  std::string ToText() const;

 private:
  mutable Shared data_;  // null while a change is under way
};

}  // namespace fate::python
