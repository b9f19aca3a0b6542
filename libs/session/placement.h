#pragma once

// Which node holds a partition, and which egg of a session works on it
// (spec/eggroll-control-plane.md 11.2, 12). Everybody who computes this must get the same
// answer: put-batch state lives in the memory of one egg.

#include <cstdint>
#include <vector>

namespace fate::session {

// The node of each partition of a new store: partition i on nodes[i mod N], nodes in ascending id.
// total_partitions <= 0 means 4 partitions a node. `nodes` must not be empty.
std::vector<int64_t> PlacePartitions(int total_partitions, const std::vector<int64_t>& nodes);

// Position among the eggs of its node, in the order of SessionMeta.processors, of the egg that
// works on a partition. nodes_in_session: distinct nodes with eggs; eggs_on_node: at least 1.
int RankInNode(int partition, int nodes_in_session, int eggs_on_node);

}  // namespace fate::session
