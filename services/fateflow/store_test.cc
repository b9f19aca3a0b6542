// Update rules of jobs (spec/fate-flow.md 11), cores (13), files and the table client.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/status.h"
#include "fateflow/archive.h"
#include "fateflow/components.h"
#include "fateflow/csv_export.h"
#include "fateflow/data_store.h"
#include "fateflow/fields.h"
#include "fateflow/multipart.h"
#include "fateflow/resources.h"
#include "fateflow/schema.h"

namespace fate::flow {
namespace {

using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = *sql::Database::OpenSqlite(":memory:");
    ASSERT_TRUE(CreatePartyTables(*database_).ok());
    jobs_ = std::make_unique<JobStore>(*database_, clock_);
    resources_ = std::make_unique<Resources>(*jobs_);
    config_.cores = 8;
    ASSERT_TRUE(resources_->RegisterEngine(config_).ok());
  }
  JobKey AddJob(const std::string& id, int64_t cores) {
    JobKey key{id, "guest", "9999"};
    Columns values = key.Where();
    values.insert(values.end(), {{"dag", "{}"},
                                 {"parties", "[]"},
                                 {"initiator_party_id", "9999"},
                                 {"scheduler_party_id", "9999"},
                                 {"status", "ready"},
                                 {"model_version", "0"},
                                 {"cores", cores},
                                 {"remaining_cores", cores}});
    EXPECT_TRUE(jobs_->records().Insert("t_job", values).ok());
    return key;
  }
  int64_t FreeCores() {
    return (*database_->Query("select f_remaining_cores as n from t_engine_registry"))[0].Int("n");
  }

  SimulatedClock clock_{absl::FromUnixMillis(1000)};
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<JobStore> jobs_;
  std::unique_ptr<Resources> resources_;
  Config config_;
};

TEST_F(StoreTest, MovesThatAreNotAllowedAreDropped) {  // 11
  JobKey key = AddJob("j", 4);
  EXPECT_FALSE(*jobs_->SetJobStatus(key, "running"));
  EXPECT_TRUE(*jobs_->SetJobStatus(key, "waiting"));
  EXPECT_TRUE(*jobs_->SetJobStatus(key, "running"));
  EXPECT_TRUE(*jobs_->SetJobStatus(key, "failed", "why"));
  EXPECT_FALSE(*jobs_->SetJobStatus(key, "running"));
  Json job = *jobs_->FindJob(key);
  EXPECT_EQ(job["tag"], "job_end");
  EXPECT_EQ(job["status_message"], "why");
  EXPECT_TRUE(*jobs_->SetJobStatus(key, "waiting"));
  EXPECT_EQ((*jobs_->FindJob(key))["status_message"], "");
}

TEST_F(StoreTest, AnEndWritesItsTimeEvenWhenTheStatusIsDropped) {  // 11, rule 4
  JobKey key = AddJob("j", 4);
  ASSERT_TRUE(jobs_->SetJobStatus(key, "waiting").ok());
  ASSERT_TRUE(jobs_->SetJobStatus(key, "running").ok());
  ASSERT_TRUE(jobs_->UpdateJob(key, {{"start_time", int64_t{1000}}}).ok());
  clock_.Advance(absl::Milliseconds(250));
  EXPECT_TRUE(*jobs_->SetJobStatus(key, "success"));
  clock_.Advance(absl::Milliseconds(250));
  EXPECT_TRUE(*jobs_->SetJobStatus(key, "timeout"));
  Json job = *jobs_->FindJob(key);
  EXPECT_EQ(job["status"], "success");
  EXPECT_EQ(job["elapsed"], 500);
}

TEST_F(StoreTest, CoresAreTakenOnceAndGivenBackOnce) {  // 13.2
  JobKey first = AddJob("a", 6), second = AddJob("b", 4), huge = AddJob("c", 1000);
  EXPECT_TRUE(resources_->ApplyJob(first).ok());
  EXPECT_TRUE(resources_->ApplyJob(first).ok());
  EXPECT_EQ(FreeCores(), 2);
  EXPECT_EQ(CodeOf(resources_->ApplyJob(second)), 1005);
  EXPECT_EQ(CodeOf(resources_->ApplyJob(huge)), 1006);
  EXPECT_TRUE(*resources_->ReturnJob(first));
  EXPECT_FALSE(*resources_->ReturnJob(first));
  EXPECT_EQ(FreeCores(), 8);
  EXPECT_TRUE(resources_->ApplyJob(second).ok());
}

TEST_F(StoreTest, ANewTotalKeepsWhatIsInUse) {  // 13.2
  ASSERT_TRUE(resources_->ApplyJob(AddJob("a", 6)).ok());
  config_.cores = 10;
  ASSERT_TRUE(resources_->RegisterEngine(config_).ok());
  EXPECT_EQ(FreeCores(), 4);
}

TEST(Cores, FollowTheEngineAndTheRole) {  // 13.1
  Config config;
  config.nodes = 2;
  CoreDemand demand = DemandOf(config, "guest", {{"cores", 5}}, 0);
  EXPECT_EQ(demand.task_cores, 4);
  EXPECT_EQ(demand.task_run["task_cores_per_node"], 2);
  EXPECT_EQ(demand.job_cores, 4);
  EXPECT_EQ(DemandOf(config, "guest", nullptr, 16).job_cores, 16);
  EXPECT_EQ(DemandOf(config, "arbiter", nullptr, 16).job_cores, 0);
  EXPECT_EQ(DemandOf(config, "arbiter", nullptr, 16).task_run["cores"], 1);
}

TEST(DataUri, JoinsTheNameOfDeepPaths) {  // 16
  auto uri = DataUri::Parse("eggroll:///ns/a/b");
  ASSERT_TRUE(uri.ok());
  EXPECT_EQ(uri->name_space, "ns");
  EXPECT_EQ(uri->name, "a_b");
  EXPECT_FALSE(DataUri::Parse("eggroll:///ns").ok());
  EXPECT_FALSE(DataUri::Parse("ns/a").ok());
}

TEST(Provider, MissingPartsComeFromTheDefaults) {  // 10.2
  EXPECT_EQ(*ProviderOf("", "psi"), DefaultProvider("fate"));
  EXPECT_EQ(*ProviderOf("fate", "upload"), DefaultProvider("fate_flow"));
  EXPECT_EQ(*ProviderOf("fate:*@local", "psi"), DefaultProvider("fate"));
  EXPECT_EQ(Message(ProviderOf("nope:1@local", "psi").status()),
            "Not found provider[nope:1@local]");
}

TEST(Numbers, LookAsPythonPrintsThem) {  // 17.3, 23
  EXPECT_EQ(PythonText(0.5, "float64"), "0.5");
  EXPECT_EQ(PythonText(1, "float64"), "1.0");
  EXPECT_EQ(PythonText(1e-5, "float64"), "1e-05");
  EXPECT_EQ(PythonText(1e15, "float64"), "1000000000000000.0");
  EXPECT_EQ(PythonText(1e16, "float64"), "1e+16");
  EXPECT_EQ(PythonText(0.1f, "float32"), "0.1");
  EXPECT_EQ(PythonText(3, "int32"), "3");
  EXPECT_EQ(PythonText(1, "bool"), "True");
  EXPECT_EQ(PythonText(std::nan(""), "float64"), "nan");
}

TEST(Fields, ConvertTheTextFormsOfNumbersAndFlags) {  // 3
  Fields fields = {Required("n", FieldType::kInteger), Optional("b", FieldType::kBoolean)};
  EXPECT_EQ((*CheckFields(fields, {{"n", "0"}, {"b", "True"}}, Source::kForm)),
            Json::parse(R"({"n":0,"b":true})"));
  EXPECT_EQ((*CheckFields(fields, {{"n", 3}, {"b", nullptr}}, Source::kJson)),
            Json::parse(R"({"n":3})"));
  auto wrong = CheckFields(fields, {{"n", 1}, {"b", "maybe"}}, Source::kForm);
  EXPECT_EQ(ToAnswer(wrong.status()).data,
            Json::parse(R"({"form":{"b":["Not a valid boolean."]}})"));
}

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/flow_files_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(FileTest, ArchivesGiveBackWhatWasPacked) {
  std::filesystem::create_directories(folder_ + "/in/sub");
  std::ofstream(folder_ + "/in/a") << "A";
  std::ofstream(folder_ + "/in/sub/b") << "B";
  for (auto format : {ArchiveFormat::kTar, ArchiveFormat::kTarGz, ArchiveFormat::kZip}) {
    std::string archive = folder_ + "/x", out = folder_ + "/out";
    ASSERT_TRUE(PackFiles(FilesBelow(folder_ + "/in"), archive, format).ok());
    ASSERT_TRUE(Unpack(archive, out).ok());
    std::ifstream file(out + "/sub/b");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "B");
    std::filesystem::remove_all(out);
  }
}

TEST_F(FileTest, UnpackRefusesMembersThatLeaveTheFolder) {
  std::ofstream(folder_ + "/a") << "A";
  ASSERT_TRUE(
      PackFiles({{"../evil", folder_ + "/a"}}, folder_ + "/x.tar", ArchiveFormat::kTar).ok());
  EXPECT_THAT(Message(Unpack(folder_ + "/x.tar", folder_ + "/out")),
              HasSubstr("leaves its folder"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/evil"));
  std::ofstream(folder_ + "/garbage") << "no archive at all";
  EXPECT_FALSE(Unpack(folder_ + "/garbage", folder_ + "/out").ok());
}

TEST_F(FileTest, MultipartFieldsAndFileAreTakenApart) {
  http::Request request{.headers = {{"content-type", "multipart/form-data; boundary=XX"}},
                        .body =
                            "--XX\r\nContent-Disposition: form-data; name=\"head\"\r\n\r\nTrue"
                            "\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; "
                            "filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nid\r\n1\r\n"
                            "\r\n--XX--\r\n"};
  EXPECT_EQ(*FormFields(request), Json::parse(R"({"head":"True"})"));
  ASSERT_TRUE(SaveFormFile(request, "file", folder_ + "/f").ok());
  std::ifstream file(folder_ + "/f");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "id\r\n1\r\n");
  EXPECT_EQ(CodeOf(SaveFormFile(request, "other", folder_ + "/g")), 5007);
  request.body.resize(request.body.size() - 12);
  EXPECT_THAT(Message(FormFields(request).status()), HasSubstr("closing boundary"));
}

}  // namespace
}  // namespace fate::flow
