#pragma once

// Long arrays of words. From a megabyte on they lie on huge pages where the system gives them:
// elements are read in any order, and a 4 KiB page holds only six of 4096 bits. Words are left
// unset until written, so that the threads that write them also fetch their pages.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace fate::crypto {

template <class T>
class HugePageAllocator {
 public:
  using value_type = T;
  HugePageAllocator() = default;
  template <class U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(size_t count) {
    if (count > PTRDIFF_MAX / sizeof(T) / 2) throw std::bad_alloc();
    const size_t alignment = Alignment(count * sizeof(T));
    const size_t bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    void* const memory = ::operator new (bytes, std::align_val_t{alignment});
    if (alignment == kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    ::operator delete (memory, std::align_val_t{Alignment(count * sizeof(T))});
  }
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  friend bool operator==(HugePageAllocator, HugePageAllocator) { return true; }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20, kCacheLine = 64;
  static size_t Alignment(size_t bytes) { return bytes < kHugePage / 2 ? kCacheLine : kHugePage; }
};

using Words = std::vector<uint64_t, HugePageAllocator<uint64_t>>;

}  // namespace fate::crypto
