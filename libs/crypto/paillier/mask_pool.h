#pragma once

// Masks computed in advance by a thread of its own, while the party does something else. Nobody
// waits for it: who finds the pool empty computes masks itself. A mask is handed out once; what
// is left is overwritten when the pool goes.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "crypto/paillier/masks.h"

namespace fate::crypto::paillier {

class MaskPool : public MaskSource {
 public:
  // Starts to make up to `capacity` masks of `source`, 512 bytes each at 2048 bits.
  MaskPool(std::shared_ptr<const MaskSource> source, size_t capacity);
  // Stops within the time of a few masks.
  ~MaskPool() override;

  void Mask(uint64_t* elements, size_t count, const Parallel& parallel) const override;

  size_t capacity() const { return capacity_; }
  size_t available() const;
  // Until the pool is full, or `timeout_ms` have passed: false.
  bool WaitUntilFull(int timeout_ms) const;

 private:
  void Work();
  // Multiplies elements by masks at hand, as many as there are; returns how many.
  size_t Use(uint64_t* elements, size_t count) const;

  std::shared_ptr<const MaskSource> source_;
  size_t capacity_;
  mutable std::mutex mutex_;
  mutable std::condition_variable has_room_, is_full_;
  mutable Residues masks_;  // the first available_ of them
  mutable size_t available_ = 0;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace fate::crypto::paillier
