// The table client against a clustermanager and a storage service of the test, on one port.

#include "fateflow/storage_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "base/status.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "rpc/server.h"
#include "wire/pair_batch.h"

namespace fate::flow {
namespace {

namespace meta = com::webank::eggroll::core::meta;
namespace egg = com::webank::eggroll::core::egg;
namespace transfer = com::webank::eggroll::core::transfer;
using testing::ElementsAre;
using testing::HasSubstr;

// Knows one table "ns/t" of two partitions with two pairs each.
class FakeStorage : public transfer::TransferService::Service {
 public:
  FakeStorage() : commands_(rpc::ErrorStyle::kManager) {
    Serve("v1/cluster-manager/metadata/getStore", [this](const std::string& argument) {
      meta::Store query;
      query.ParseFromString(argument);
      return exists && query.storelocator().name() == "t" ? Table().SerializeAsString() : "";
    });
    Serve("v1/cluster-manager/metadata/getServerNode", [](const std::string&) {
      meta::ServerNode node;
      node.mutable_endpoint()->set_host("127.0.0.1");
      return node.SerializeAsString();
    });
    Serve("v1/cluster-manager/metadata/deleteStore", [this](const std::string&) {
      exists = false;
      return std::string();
    });
    Serve("v1/eggs-pair/runTask", [this](const std::string& argument) { return Run(argument); });
    server_ = *rpc::Server::Start("127.0.0.1", 0, {commands_.service(), this});
  }
  int port() const { return server_->port(); }

  grpc::Status recv(grpc::ServerContext*, const transfer::TransferBatch* request,
                    grpc::ServerWriter<transfer::TransferBatch>* writer) override {
    int partition = -1;
    {
      std::lock_guard lock(mutex_);
      auto found = tags_.find(request->header().tag());
      if (found != tags_.end()) partition = found->second;
    }
    if (partition < 0) return {grpc::StatusCode::UNKNOWN, "cannot get broker"};
    wire::PairBatchWriter batches(1000, [&](std::string batch) {
      transfer::TransferBatch message;
      message.set_data(std::move(batch));
      writer->Write(message);
      return absl::OkStatus();
    });
    batches.Add(fmt::format("{}a", partition), "1").IgnoreError();
    batches.Add(fmt::format("{}b", partition), "2").IgnoreError();
    batches.Finish().IgnoreError();
    return break_stream ? grpc::Status(grpc::StatusCode::DATA_LOSS, "disk broken")
                        : grpc::Status::OK;
  }

  std::atomic<bool> exists{true}, break_stream{false};
  std::atomic<int> destroyed{0};

 private:
  void Serve(const std::string& uri, std::function<std::string(const std::string&)> answer) {
    commands_.Register(uri, [answer](const rpc::CommandCall& call, rpc::Respond respond) {
      respond(answer(call.argument));
    });
  }
  static meta::Store Table() {
    meta::Store store;
    store.mutable_storelocator()->set_namespace_("ns");
    store.mutable_storelocator()->set_name("t");
    store.mutable_storelocator()->set_total_partitions(2);
    for (int i = 0; i < 2; ++i) {
      auto* partition = store.add_partitions();
      partition->set_id(i);
      partition->mutable_processor()->set_servernodeid(7);
    }
    return store;
  }
  std::string Run(const std::string& argument) {
    meta::Task task;
    task.ParseFromString(argument);
    std::lock_guard lock(mutex_);
    if (task.name() == "getAll") tags_[task.id()] = task.inputs(0).id();
    if (task.name() == "destroy") ++destroyed;
    egg::CountResponse count;
    count.set_value(2);
    return task.name() == "count" ? count.SerializeAsString() : argument;
  }

  rpc::CommandService commands_;
  std::mutex mutex_;
  std::map<std::string, int> tags_;
  std::unique_ptr<rpc::Server> server_;
};

class StorageClientTest : public testing::Test {
 protected:
  FakeStorage storage_;
  StorageClient client_{fmt::format("127.0.0.1:{}", storage_.port()), storage_.port()};
  StoreName table_ = *StoreName::Parse("ns", "t");
};

TEST_F(StorageClientTest, CountAddsUpPartitions) { EXPECT_EQ(*client_.Count(table_), 4); }

TEST_F(StorageClientTest, ScanReadsPartitionAfterPartition) {
  std::vector<std::string> keys;
  ASSERT_TRUE(client_
                  .Scan(table_,
                        [&](std::string_view key, std::string_view) {
                          keys.emplace_back(key);
                          return true;
                        })
                  .ok());
  EXPECT_THAT(keys, ElementsAre("0a", "0b", "1a", "1b"));
}

TEST_F(StorageClientTest, ScanStopsWhenToldAndReportsTheReadersError) {
  int seen = 0;
  ASSERT_TRUE(
      client_.Scan(table_, [&](std::string_view, std::string_view) { return ++seen < 3; }).ok());
  EXPECT_EQ(seen, 3);
  absl::Status failed =
      client_.Scan(table_, [](std::string_view, std::string_view) -> absl::StatusOr<bool> {
        return DataLossError("a bad row");
      });
  EXPECT_EQ(Message(failed), "a bad row");
}

TEST_F(StorageClientTest, ABrokenStreamIsNoEndOfTheTable) {
  storage_.break_stream = true;
  absl::Status failed =
      client_.Scan(table_, [](std::string_view, std::string_view) { return true; });
  EXPECT_THAT(Message(failed), HasSubstr("disk broken"));
}

TEST_F(StorageClientTest, DestroyRemovesPartitionsThenMetadataAndMayBeRepeated) {
  EXPECT_TRUE(client_.Destroy(table_).ok());
  EXPECT_EQ(storage_.destroyed, 2);
  EXPECT_FALSE(storage_.exists);
  EXPECT_TRUE(client_.Destroy(table_).ok());
  EXPECT_EQ(client_.Count(table_).status().code(), absl::StatusCode::kNotFound);
}

TEST(StorageClient, AMissingClusterManagerIsNamed) {
  StorageClient client("127.0.0.1:1", 1);
  EXPECT_THAT(Message(client.Count(*StoreName::Parse("ns", "t")).status()),
              HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace fate::flow
