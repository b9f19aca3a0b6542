#include "compute/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "compute/job.h"

namespace fate::compute {
namespace {

using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::meta::SessionMeta;
using com::webank::eggroll::core::meta::Store;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SessionMeta SessionOn(const std::vector<int>& nodes, int eggs_per_node) {
  SessionMeta meta;
  meta.set_id("s1");
  for (int node : nodes) {
    for (int i = 0; i < eggs_per_node; ++i) {
      auto* egg = meta.add_processors();
      egg->set_id(node * 100 + i);
      egg->set_servernodeid(node);
      egg->set_processortype("egg_pair");
      egg->mutable_commandendpoint()->set_host("h");
      egg->mutable_commandendpoint()->set_port(1000 + i);
      *egg->mutable_transferendpoint() = egg->commandendpoint();
    }
  }
  return meta;
}

// "node.rank" of every partition of a store that was placed as the cluster manager places it.
std::vector<std::string> Owners(const std::vector<int>& nodes, int eggs_per_node, int partitions) {
  auto placement = Placement::Create(SessionOn(nodes, eggs_per_node));
  EXPECT_TRUE(placement.ok()) << placement.status();
  com::webank::eggroll::core::meta::StoreLocator locator;
  locator.set_total_partitions(partitions);
  const Store store = placement->Place(locator);
  std::vector<std::string> owners;
  for (const auto& partition : store.partitions()) {
    owners.push_back(
        fmt::format("{}.{}", partition.processor().servernodeid(), partition.rankinnode()));
  }
  return owners;
}

// eggroll-control-plane.md 12
TEST(Placement, VectorsOfTheSpecification) {
  EXPECT_THAT(Owners({2}, 4, 6), ElementsAre("2.0", "2.1", "2.2", "2.3", "2.0", "2.1"));
  EXPECT_THAT(Owners({2, 3}, 2, 8),
              ElementsAre("2.0", "3.0", "2.1", "3.1", "2.0", "3.0", "2.1", "3.1"));
  EXPECT_THAT(Owners({2, 3, 5}, 4, 7),
              ElementsAre("2.0", "3.0", "5.0", "2.1", "3.1", "5.1", "2.2"));
}

TEST(Placement, ANodeWithoutEggsIsNamed) {
  auto placement = Placement::Create(SessionOn({2}, 1));
  ASSERT_TRUE(placement.ok());
  Store store;
  store.mutable_storelocator()->set_namespace_("ns");
  store.mutable_storelocator()->set_name("t");
  store.add_partitions()->mutable_processor()->set_servernodeid(7);
  absl::Status status = placement->Populate(&store);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("ns/t lies on node 7"));
}

TEST(Placement, ASessionWithoutEggsOrAddressesIsRefused) {
  EXPECT_FALSE(Placement::Create(SessionOn({}, 1)).ok());
  SessionMeta meta = SessionOn({2}, 1);
  meta.mutable_processors(0)->mutable_transferendpoint()->set_port(0);
  EXPECT_THAT(Message(Placement::Create(meta).status()), HasSubstr("has no address"));
}

TEST(JobIds, HaveTheDocumentedForm) {
  const std::string id = NewJobId("s1", "putAll");
  EXPECT_THAT(id, ::testing::MatchesRegex("s1/job/putAll/[0-9]{20}"));
  EXPECT_EQ(TaskId(id, 3), id + "/task/3");
}

TEST(JobIds, AreNeverTheSame) {
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    std::string id = NewJobId("s", "j");
    ASSERT_NE(id, last);
    last = id;
  }
}

Job JobOf(int input_partitions, int output_partitions) {
  auto placement = Placement::Create(SessionOn({2}, 2));
  com::webank::eggroll::core::meta::StoreLocator locator;
  Job job;
  job.set_id("j");
  locator.set_total_partitions(input_partitions);
  *job.add_inputs()->mutable_store() = placement->Place(locator);
  if (output_partitions > 0) {
    locator.set_total_partitions(output_partitions);
    *job.add_outputs()->mutable_store() = placement->Place(locator);
  }
  return job;
}

// eggroll-compute-and-storage.md 5.3
TEST(SplitJob, AShuffleHasTasksWithInputOrOutputOnly) {
  auto tasks = SplitJob(JobOf(3, 5), "t");
  ASSERT_TRUE(tasks.ok());
  ASSERT_EQ(tasks->size(), 5u);
  EXPECT_EQ(tasks->at(2).task.inputs_size(), 1);
  EXPECT_EQ(tasks->at(4).task.inputs_size(), 0);
  EXPECT_EQ(tasks->at(4).task.outputs_size(), 1);
  EXPECT_EQ(tasks->at(4).egg.id(), 200);
}

TEST(SplitJob, SendsTheWholeJobWithEveryTask) {
  const Job job = JobOf(2, 0);
  auto tasks = SplitJob(job, "count");
  ASSERT_TRUE(tasks.ok());
  com::webank::eggroll::core::meta::Task sent;
  ASSERT_TRUE(sent.ParseFromString(tasks->at(1).Serialize()));
  EXPECT_EQ(sent.id(), "j/task/1");
  EXPECT_EQ(sent.name(), "count");
  EXPECT_EQ(sent.inputs(0).id(), 1);
  EXPECT_EQ(sent.job().SerializeAsString(), job.SerializeAsString());
}

TEST(SplitJob, PartitionsOfOneTaskMustShareAnEgg) {
  Job job = JobOf(2, 2);
  job.mutable_outputs(0)->mutable_store()->mutable_partitions(1)->mutable_processor()->set_id(999);
  EXPECT_EQ(SplitJob(job, "t").status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace fate::compute
