#include "crypto/paillier/mask_pool.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "crypto/ring/batch_loop.h"

namespace fate::crypto::paillier {
namespace {

// Masks made at a time: a multiple of all lanes, some milliseconds of work.
constexpr size_t kBatch = 64;

}  // namespace

MaskPool::MaskPool(std::shared_ptr<const MaskSource> source, size_t capacity)
    : MaskSource(source->public_key()),
      source_(std::move(source)),
      capacity_(capacity),
      masks_(public_key().ring(), capacity),
      worker_([this] { Work(); }) {}

MaskPool::~MaskPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  has_room_.notify_all();
  worker_.join();
  masks_.Wipe();
}

size_t MaskPool::available() const {
  const std::lock_guard lock(mutex_);
  return available_;
}

bool MaskPool::WaitUntilFull(int timeout_ms) const {
  std::unique_lock lock(mutex_);
  return is_full_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                           [this] { return available_ == capacity_; });
}

void MaskPool::Work() {
  const Ring& ring = *public_key().ring();
  Residues made(public_key().ring(), kBatch);
  std::unique_lock lock(mutex_);
  while (true) {
    has_room_.wait(lock, [this] { return stopping_ || available_ < capacity_; });
    if (stopping_) return;
    const size_t count = std::min(kBatch, capacity_ - available_);
    lock.unlock();
    for (size_t i = 0; i < count; ++i) std::copy_n(ring.one(), ring.words(), made[i]);
    source_->Mask(made[0], count, Inline());
    lock.lock();
    // Others only take: there is room for `count` still.
    std::copy_n(made[0], count * ring.words(), masks_[available_]);
    made.Wipe();
    available_ += count;
    if (available_ == capacity_) is_full_.notify_all();
  }
}

size_t MaskPool::Use(uint64_t* elements, size_t count) const {
  const Ring& ring = *public_key().ring();
  Residues taken;
  {
    const std::lock_guard lock(mutex_);
    count = std::min(count, available_);
    if (count == 0) return 0;
    available_ -= count;
    uint64_t* const first = masks_[available_];
    taken = Residues(public_key().ring(), count);
    std::copy_n(first, count * ring.words(), taken[0]);
    explicit_bzero(first, count * ring.words() * sizeof(uint64_t));
  }
  has_room_.notify_one();
  ForEachBatch(ring, count, 2, Inline(), [&](Batches& batch, size_t at, size_t some) {
    ring.LoadSome(batch[0], elements + at * ring.words(), some);
    ring.LoadSome(batch[1], taken[at], some);
    ring.Multiply(batch[0], batch[0], batch[1]);
    ring.StoreSome(elements + at * ring.words(), batch[0], some);
  });
  taken.Wipe();
  return count;
}

void MaskPool::Mask(uint64_t* elements, size_t count, const Parallel& parallel) const {
  const size_t used = Use(elements, count);
  if (used == count) return;
  source_->Mask(elements + used * public_key().ring()->words(), count - used, parallel);
}

}  // namespace fate::crypto::paillier
