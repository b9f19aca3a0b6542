#include "session/placement.h"

#include <cstddef>

namespace fate::session {

std::vector<int64_t> PlacePartitions(int total_partitions, const std::vector<int64_t>& nodes) {
  constexpr size_t kPartitionsPerNode = 4;
  size_t count = total_partitions > 0 ? static_cast<size_t>(total_partitions)
                                      : kPartitionsPerNode * nodes.size();
  std::vector<int64_t> placed(count);
  for (size_t i = 0; i < count; ++i) placed[i] = nodes[i % nodes.size()];
  return placed;
}

int RankInNode(int partition, int nodes_in_session, int eggs_on_node) {
  return partition / nodes_in_session % eggs_on_node;
}

}  // namespace fate::session
