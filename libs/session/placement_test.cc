#include "session/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace fate::session {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using NodeAndRank = std::pair<int64_t, int>;

std::vector<NodeAndRank> Place(const std::vector<int64_t>& nodes, int eggs_per_node,
                               int partitions) {
  std::vector<NodeAndRank> placed;
  std::vector<int64_t> node_of = PlacePartitions(partitions, nodes);
  for (int p = 0; p < static_cast<int>(node_of.size()); ++p) {
    placed.emplace_back(node_of[p], RankInNode(p, static_cast<int>(nodes.size()), eggs_per_node));
  }
  return placed;
}

// The vectors of spec/eggroll-control-plane.md 12.
TEST(PlacementTest, OneNodeFourEggsSixPartitions) {
  EXPECT_THAT(Place({2}, 4, 6),
              ElementsAre(NodeAndRank(2, 0), NodeAndRank(2, 1), NodeAndRank(2, 2),
                          NodeAndRank(2, 3), NodeAndRank(2, 0), NodeAndRank(2, 1)));
}
TEST(PlacementTest, TwoNodesTwoEggsEightPartitions) {
  EXPECT_THAT(Place({2, 3}, 2, 8),
              ElementsAreArray(std::vector<NodeAndRank>{
                  {2, 0}, {3, 0}, {2, 1}, {3, 1}, {2, 0}, {3, 0}, {2, 1}, {3, 1}}));
}
TEST(PlacementTest, ThreeNodesFourEggsSevenPartitions) {
  EXPECT_THAT(Place({2, 3, 5}, 4, 7), ElementsAreArray(std::vector<NodeAndRank>{
                                          {2, 0}, {3, 0}, {5, 0}, {2, 1}, {3, 1}, {5, 1}, {2, 2}}));
}
TEST(PlacementTest, NoCountMeansFourPartitionsANode) {
  EXPECT_THAT(PlacePartitions(0, {2, 3}), ElementsAre(2, 3, 2, 3, 2, 3, 2, 3));
  EXPECT_EQ(PlacePartitions(-1, {2}).size(), 4u);
}

}  // namespace
}  // namespace fate::session
