// Any bytes as key and as functor body: a partition always lies in range.
#include <algorithm>
#include <cstdlib>

#include "wire/partitioner.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view key(reinterpret_cast<const char*>(data), size);
  int partitions = 1 + (size > 0 ? data[0] : 0);
  for (int type = 0; type <= 3; ++type) {
    int partition = fate::wire::Partitioner::FromType(type)->PartitionOf(key, partitions);
    if (partition < 0 || partition >= partitions) std::abort();
  }
  (void)fate::wire::Partitioner::FromFunctorBody(key);
  return 0;
}
