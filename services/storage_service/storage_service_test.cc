#include "storage_service/storage_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/status.h"
#include "eggroll/egg.pb.h"
#include "eggroll/meta.pb.h"
#include "eggroll/transfer.grpc.pb.h"
#include "http/client.h"
#include "rpc/channel.h"
#include "wire/pair_batch.h"

namespace fate::storage_service {
namespace {

namespace meta = com::webank::eggroll::core::meta;
namespace pb = com::webank::eggroll::core::egg;
namespace transfer = com::webank::eggroll::core::transfer;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);

class StorageServiceTest : public ::testing::Test {
 protected:
  StorageServiceTest() {
    char name[] = "/tmp/storage_test.XXXXXX";
    root_ = mkdtemp(name);
    service_ = *StorageService::Start(
        Config{.host = "127.0.0.1", .port = 0, .admin_port = 0, .data_dir = root_ + "/data"});
    endpoint_ = "127.0.0.1:" + std::to_string(service_->port());
  }
  ~StorageServiceTest() override {
    service_.reset();
    std::filesystem::remove_all(root_);
  }

  meta::Task NewTask(const std::string& name, const std::string& functor = "native:none") {
    meta::Task task;
    task.set_id("j/task/0");
    task.set_name(name);
    auto* partition = task.add_inputs();
    partition->mutable_storelocator()->set_store_type("LMDB");
    partition->mutable_storelocator()->set_namespace_("ns");
    partition->mutable_storelocator()->set_name("t");
    *task.add_outputs() = *partition;
    task.mutable_job()->add_functors()->set_name(functor);
    return task;
  }
  absl::StatusOr<std::string> Run(const meta::Task& task) {
    return rpc::CommandClient().Call(endpoint_, egg::kRunTask, task.SerializeAsString(), kPatience);
  }

  std::string root_;
  std::unique_ptr<StorageService> service_;
  std::string endpoint_;
};

TEST_F(StorageServiceTest, TablesAreFilledCountedReadAndRemovedOnOnePort) {
  auto stored = std::async(std::launch::async, [&] { return Run(NewTask("putAll")); });
  auto stub = transfer::TransferService::NewStub(rpc::ChannelTo(endpoint_));
  {
    wire::PairBatchWriter batches(1000, [&](std::string data) {
      grpc::ClientContext context;
      transfer::TransferBatch message, answer;
      message.mutable_header()->set_tag("j/task/0");
      message.set_data(std::move(data));
      auto stream = stub->send(&context, &answer);
      stream->Write(message);
      stream->WritesDone();
      return rpc::FromGrpc(stream->Finish(), "send");
    });
    ASSERT_TRUE(batches.Add("a", "1").ok());
    ASSERT_TRUE(batches.Add("b", "2").ok());
    ASSERT_EQ(batches.Finish(), absl::OkStatus());
  }
  ASSERT_EQ(stored.get().status(), absl::OkStatus());

  pb::CountResponse count;
  ASSERT_TRUE(count.ParseFromString(*Run(NewTask("count"))));
  EXPECT_EQ(count.value(), 2);

  pb::GetAllRequest all;
  all.set_limit(-1);
  meta::Task get_all = NewTask("getAll");
  get_all.mutable_job()->mutable_functors(0)->set_body(all.SerializeAsString());
  ASSERT_EQ(Run(get_all).status(), absl::OkStatus());
  grpc::ClientContext context;
  transfer::TransferBatch request, batch;
  request.mutable_header()->set_tag("j/task/0");
  auto stream = stub->recv(&context, request);
  std::string keys;
  while (stream->Read(&batch)) {
    auto reader = *wire::PairBatchReader::Open(batch.data());
    while (reader.Next()) keys += reader.key();
  }
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_EQ(keys, "ab");

  ASSERT_EQ(Run(NewTask("destroy")).status(), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/data/LMDB/ns/t"));
}

TEST_F(StorageServiceTest, OperatorsAreRefused) {
  EXPECT_THAT(Message(Run(NewTask("reduce", "native:count")).status()),
              HasSubstr("no fold operator 'count'"));
}

TEST_F(StorageServiceTest, HealthFollowsTheDataDirectory) {
  http::ClientRequest request{
      .url = fmt::format("http://127.0.0.1:{}/healthz", service_->admin_port())};
  EXPECT_EQ(http::Fetch(request)->status, 200);
  std::filesystem::remove_all(root_ + "/data");
  auto unhealthy = http::Fetch(request);
  EXPECT_EQ(unhealthy->status, 503);
  EXPECT_THAT(unhealthy->body, HasSubstr("eggroll.data.dir"));
}

TEST_F(StorageServiceTest, TheConfigurationNamesWhatIsWrong) {
  std::string file = root_ + "/eggroll.properties";
  std::ofstream(file) << "eggroll.data.dir=/data\neggroll.logs.dir=/logs\n"
                      << "eggroll.storage.port=seven\n";
  auto status = StorageService::Check(file);
  EXPECT_THAT(Message(status), HasSubstr("eggroll.properties:3"));
  EXPECT_THAT(Message(status), HasSubstr("eggroll.storage.port"));
  std::ofstream(file) << "eggroll.data.dir=/data\neggroll.logs.dir=/logs\n"
                      << "eggroll.storage.host=127.0.0.2\n";
  auto config = Config::Load(file);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->host, "127.0.0.2");
  EXPECT_EQ(config->port, 7778);
  EXPECT_EQ(config->admin_port, 17778);
}

}  // namespace
}  // namespace fate::storage_service
