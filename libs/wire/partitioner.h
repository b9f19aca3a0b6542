#pragma once

// Which partition a key belongs to (spec/eggroll-compute-and-storage.md 15).

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace fate::wire {

// MurmurHash3 x86 32-bit, as signed.
int32_t Murmur3(std::string_view bytes, uint32_t seed = 0);

// type 0 and 2: mmh3 floor-modulo; 1: big-endian integer modulo; 3: jump consistent hash over
// SHA-1.
class Partitioner {
 public:
  // Error: kInvalidArgument for another type.
  static absl::StatusOr<Partitioner> FromType(int type);
  // Recognises the pickled references of section 13.2 and "native:mmh3"; error kUnimplemented else.
  static absl::StatusOr<Partitioner> FromFunctorBody(std::string_view body);
  static Partitioner Mmh3() { return Partitioner(0); }

  int PartitionOf(std::string_view key, int partitions) const;
  int type() const { return type_; }

 private:
  explicit Partitioner(int type) : type_(type) {}
  int type_;
};

// The functor body other eggs understand: pickled reference to fate's function of that type.
std::string PartitionerFunctorBody(int type);

}  // namespace fate::wire
