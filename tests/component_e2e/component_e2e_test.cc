// Components over the real daemons of two parties, without the flow server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "base/status.h"
#include "component_e2e/component_process.h"
#include "compute/session.h"
#include "dataframe/data_frame.h"
#include "fate_component/files.h"

namespace fate {
namespace {

using nlohmann::json;
using testing::ComponentProcess;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::LocalParty;
using testing::TaskSpec;

using Parties = std::vector<std::pair<std::string, std::string>>;
const Parties kBoth = {{"guest", "9999"}, {"host", "10000"}};

class ComponentE2e : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto addresses = testing::FreeAddresses(2);
    ASSERT_TRUE(addresses.ok()) << addresses.status();
    guest_ = Start("9999", addresses->at(0), {"10000", addresses->at(1)});
    host_ = Start("10000", addresses->at(1), {"9999", addresses->at(0)});
  }
  static void TearDownTestSuite() {
    delete guest_;
    delete host_;
    guest_ = host_ = nullptr;
  }
  static LocalParty* Start(const std::string& id, const std::string& address,
                           std::pair<std::string, std::string> peer) {
    auto party = LocalParty::Start({.party_id = id, .address = address, .peers = {peer}});
    EXPECT_TRUE(party.ok()) << party.status();
    return party.ok() ? party->release() : nullptr;
  }
  void SetUp() override {
    ASSERT_NE(guest_, nullptr);
    ASSERT_NE(host_, nullptr);
  }

  static TaskSpec Spec(const std::string& task, const std::string& component,
                       const std::string& role, json parameters) {
    return {.task = task,
            .component = component,
            .role = role,
            .party_id = role == "host" ? "10000" : "9999",
            .parties = kBoth,
            .parameters = std::move(parameters)};
  }
  static std::string WhyOf(const ComponentProcess& process) {
    return process.Log("ERROR") + process.Stdout();
  }

  static LocalParty* guest_;
  static LocalParty* host_;
};

LocalParty* ComponentE2e::guest_ = nullptr;
LocalParty* ComponentE2e::host_ = nullptr;

// spec/federated-algorithms.md 3.1 and A1
TEST_F(ComponentE2e, SecureAddTellsTheGuestTheSumOfBoth) {
  json parameters = {{"data_num", 1000}, {"partition", 4}};
  ComponentProcess guest(*guest_, Spec("add1", "secure_add_example", "guest", parameters));
  ComponentProcess host(*host_, Spec("add1", "secure_add_example", "host", parameters));
  ASSERT_EQ(guest.Wait(), 0) << WhyOf(guest) << WhyOf(host);
  ASSERT_EQ(host.Wait(), 0) << WhyOf(host);
  std::string log = guest.Log("INFO");
  size_t at = 0;
  for (const char* line :
       {"secure_add_guest.py[line:96]: begin to init parameters of secure add example guest",
        "begin to make guest data", "split data into two random parts",
        "share one random part data to host", "get share of one random part data from host",
        "begin to get sum of guest and host", "receive host sum from guest",
        "success to calculate secure_sum, it is 2000.0\n"}) {
    size_t found = log.find(line, at);
    ASSERT_NE(found, log.npos) << line << " is missing or too early in\n" << log;
    at = found + 1;
  }
  EXPECT_THAT(host.Log("INFO"), HasSubstr("send host sum to guest"));
  EXPECT_THAT(guest.Stdout(), HasSubstr("Secure Add Result is 2000.0000\n"));
  EXPECT_EQ(guest.Result()["status"]["code"], 0);
  EXPECT_TRUE(Eventually([] { return guest_->Eggs().empty() && host_->Eggs().empty(); }));
}

TEST_F(ComponentE2e, SecureAddWorksWhenThePartiesPartitionDifferently) {
  ComponentProcess guest(
      *guest_, Spec("add2", "secure_add_example", "guest", {{"data_num", 5000}, {"partition", 3}}));
  ComponentProcess host(
      *host_, Spec("add2", "secure_add_example", "host", {{"data_num", 5000}, {"partition", 5}}));
  ASSERT_EQ(guest.Wait(), 0) << WhyOf(guest) << WhyOf(host);
  ASSERT_EQ(host.Wait(), 0) << WhyOf(host);
  EXPECT_THAT(guest.Log("INFO"), HasSubstr("it is 10000.0\n"));
}

TEST_F(ComponentE2e, SecureAddFailsWhenThePartiesHaveDifferentRows) {
  ComponentProcess guest(*guest_, Spec("add3", "secure_add_example", "guest", {{"data_num", 10}}));
  ComponentProcess host(*host_, Spec("add3", "secure_add_example", "host", {{"data_num", 11}}));
  EXPECT_EQ(guest.Wait(), 1);
  EXPECT_EQ(host.Wait(), 1);
  EXPECT_THAT(guest.Log("ERROR"), HasSubstr("the parties' rows differ"));
}

// spec/federated-algorithms.md 3.2 and A3
TEST_F(ComponentE2e, ToyExampleLeavesFrameAndModel) {
  json parameters = {{"data_num", 1024}, {"partition", 4}};
  ComponentProcess guest(*guest_, Spec("toy1", "toy_example", "guest", parameters));
  ComponentProcess host(*host_, Spec("toy1", "toy_example", "host", parameters));
  ASSERT_EQ(guest.Wait(), 0) << WhyOf(guest) << WhyOf(host);
  ASSERT_EQ(host.Wait(), 0) << WhyOf(host);
  EXPECT_EQ(guest.Model("json_model_output"), json({{"test_role", "guest"}}));
  EXPECT_EQ(host.Model("json_model_output"), json({{"test_role", "host"}}));
  json frame = guest.Output("data", "output_data");
  EXPECT_EQ(frame["metadata"]["data_overview"]["count"], 1024);
  EXPECT_EQ(frame["metadata"]["data_overview"]["samples"].size(), 100u);
  EXPECT_EQ(frame["metadata"]["metadata"]["schema"]["schema_meta"]["fields"][2]["anonymous_name"],
            "guest_9999_x0");
  EXPECT_EQ(guest.Output("model",
                         "json_model_output")["metadata"]["model_overview"]["federated"]["parties"],
            json::parse(R"({"guest": ["9999"], "host": ["10000"], "arbiter": []})"));
}

std::string BreastCsv(int rows) {
  std::string csv = "id,y";
  for (int column = 0; column < 10; ++column) csv += fmt::format(",x{}", column);
  for (int row = 0; row < rows; ++row) {
    csv += fmt::format("\n{},{}", 1000 + row, row % 2);
    for (int column = 0; column < 10; ++column) csv += fmt::format(",{}", row * 0.25 - column);
  }
  return csv + "\n";
}

// spec/federated-algorithms.md B1, spec/fate-flow.md 17.2: upload and transformer as role local
TEST_F(ComponentE2e, AnUploadedFileBecomesAFrame) {
  std::string path = guest_->folder() + "/breast.csv";
  ASSERT_TRUE(component::WriteFile(path, BreastCsv(569)).ok());
  TaskSpec upload{.task = "up1", .component = "upload", .role = "local", .party_id = "0"};
  upload.parties = {{"local", "0"}};
  upload.parameters = {{"file", path},
                       {"namespace", "upload"},
                       {"name", "raw1"},
                       {"partitions", 4},
                       {"extend_sid", true},
                       {"meta",
                        {{"label_name", "y"},
                         {"dtype", "float64"},
                         {"match_id_name", "id"},
                         {"label_type", "int64"}}}};
  ComponentProcess uploaded(*guest_, upload);
  ASSERT_EQ(uploaded.Wait(), 0) << WhyOf(uploaded);
  TaskSpec transform{
      .task = "tr1", .component = "dataframe_transformer", .role = "local", .party_id = "0"};
  transform.parties = upload.parties;
  transform.parameters = {{"namespace", "experiment"}, {"name", "breast"}, {"site_name", nullptr}};
  transform.inputs = {{"table", uploaded.Output("data", "table")}};
  ComponentProcess transformed(*guest_, transform);
  ASSERT_EQ(transformed.Wait(), 0) << WhyOf(transformed);

  json output = transformed.Output("data", "dataframe_output");
  EXPECT_EQ(output["uri"], "eggroll:///experiment/breast");
  EXPECT_EQ(output["metadata"]["data_overview"]["count"], 569);
  auto schema = dataframe::Schema::FromJson(output["metadata"]["metadata"]["schema"]);
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->Columns().size(), 10u);
  EXPECT_EQ(schema->Find(dataframe::Property::kLabel)->dtype, "int64");
  EXPECT_EQ(schema->Columns()[9]->anonymous_name, "AnonymousRole_AnonymousPartyId_x9");

  auto session =
      compute::Session::Open({.id = "look1", .cluster_manager = guest_->cluster_manager()});
  ASSERT_TRUE(session.ok()) << session.status();
  auto table = (*session)->LoadTable(*StoreName::Parse("experiment", "breast"));
  ASSERT_TRUE(table.ok()) << table.status();
  std::map<std::string, double> first_column;
  dataframe::DataFrame frame{*table, *schema};
  auto read = frame.ForEachRow([&](const dataframe::Row& row) {
    first_column[row.match_id] = row.values[0];
    return true;
  });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(first_column.size(), 569u);
  EXPECT_EQ(first_column["1100"], 25);
  EXPECT_TRUE((*session)->Stop().ok());
}

// A row of the guest: id, label, one column that tells the label; of the host: id, one column.
std::string GuestCsv(int begin, int end) {
  std::string csv = "id,y,x0";
  for (int i = begin; i < end; ++i)
    csv += fmt::format("\n{},{},{}", i, i % 2, i % 2 * 10 + i * 0.01);
  return csv + "\n";
}
std::string HostCsv(int begin, int end) {
  std::string csv = "id,x0";
  for (int i = begin; i < end; ++i) csv += fmt::format("\n{},{}", i, i * 0.5);
  return csv + "\n";
}

// Uploads a file at a party and makes a frame of it: the frame as an input.
json MakeFrame(const LocalParty& party, const std::string& task, const std::string& csv,
               json meta) {
  std::string path = fmt::format("{}/{}.csv", party.folder(), task);
  EXPECT_TRUE(component::WriteFile(path, csv).ok());
  meta["dtype"] = "float64";
  TaskSpec upload{.task = task + "_up", .component = "upload", .role = "local", .party_id = "0"};
  upload.parties = {{"local", "0"}};
  upload.parameters = {{"file", path},    {"namespace", "upload"}, {"name", task},
                       {"partitions", 4}, {"extend_sid", true},    {"meta", meta}};
  ComponentProcess uploaded(party, upload);
  EXPECT_EQ(uploaded.Wait(), 0) << uploaded.Stdout();
  TaskSpec transform = upload;
  transform.task = task + "_tr";
  transform.component = "dataframe_transformer";
  transform.parameters = {{"namespace", "experiment"}, {"name", task}};
  transform.inputs = {{"table", uploaded.Output("data", "table")}};
  ComponentProcess transformed(party, transform);
  EXPECT_EQ(transformed.Wait(), 0) << transformed.Stdout();
  return transformed.Output("data", "dataframe_output");
}

TEST_F(ComponentE2e, PsiAndBinningOfTwoUploadedTables) {
  json guest_frame = MakeFrame(*guest_, "job1", GuestCsv(1000, 1300), {{"label_name", "y"}});
  json host_frame = MakeFrame(*host_, "job1", HostCsv(1100, 1500), json::object());
  auto spec = [](const char* task, const char* component, const char* role, json inputs,
                 json parameters) {
    TaskSpec made = Spec(task, component, role, std::move(parameters));
    made.inputs = std::move(inputs);
    return made;
  };
  ComponentProcess guest_psi(
      *guest_, spec("job1_psi", "psi", "guest", {{"input_data", guest_frame}}, json::object()));
  ComponentProcess host_psi(
      *host_, spec("job1_psi", "psi", "host", {{"input_data", host_frame}}, json::object()));
  ASSERT_EQ(guest_psi.Wait(), 0) << WhyOf(guest_psi) << WhyOf(host_psi);
  ASSERT_EQ(host_psi.Wait(), 0) << WhyOf(host_psi);
  EXPECT_EQ(guest_psi.Metrics()[0]["data"]["intersect_count"], 200);
  json guest_rows = guest_psi.Output("data", "output_data");
  EXPECT_EQ(guest_rows["metadata"]["data_overview"]["count"], 200);

  json parameters = {{"method", "quantile"}, {"n_bins", 4}};
  auto guest_spec =
      spec("job1_bin", "hetero_feature_binning", "guest", {{"train_data", guest_rows}}, parameters);
  auto host_spec = spec("job1_bin", "hetero_feature_binning", "host",
                        {{"train_data", host_psi.Output("data", "output_data")}}, parameters);
  guest_spec.stage = host_spec.stage = "train";
  ComponentProcess guest_bin(*guest_, guest_spec), host_bin(*host_, host_spec);
  ASSERT_EQ(guest_bin.Wait(), 0) << WhyOf(guest_bin) << WhyOf(host_bin);
  ASSERT_EQ(host_bin.Wait(), 0) << WhyOf(host_bin);
  std::string model = guest_bin.Model("output_model").dump();
  EXPECT_THAT(model, HasSubstr("host_10000_x0"));
  EXPECT_THAT(model, HasSubstr("\"iv\""));
}

TEST_F(ComponentE2e, ABadCellFailsTheTransformerAndLeavesNoFrame) {
  std::string path = guest_->folder() + "/bad.csv";
  ASSERT_TRUE(component::WriteFile(path, "id,x0\n1,0.5\n2,abc\n3,1\n").ok());
  TaskSpec upload{.task = "up2", .component = "upload", .role = "local", .party_id = "0"};
  upload.parties = {{"local", "0"}};
  upload.parameters = {
      {"file", path}, {"namespace", "upload"}, {"name", "raw2"}, {"partitions", 2}};
  ComponentProcess uploaded(*guest_, upload);
  ASSERT_EQ(uploaded.Wait(), 0) << WhyOf(uploaded);
  TaskSpec transform = upload;
  transform.task = "tr2";
  transform.component = "dataframe_transformer";
  transform.parameters = {{"namespace", "experiment"}, {"name", "bad"}};
  transform.inputs = {{"table", uploaded.Output("data", "table")}};
  ComponentProcess transformed(*guest_, transform);
  EXPECT_EQ(transformed.Wait(), 1);
  EXPECT_THAT(transformed.Result()["status"]["exceptions"].dump(),
              HasSubstr("row '2': column 'x0' holds 'abc', which is no number"));
  EXPECT_FALSE(std::filesystem::exists(guest_->folder() + "/data/eggroll/LMDB/experiment/bad"));
  EXPECT_TRUE(std::filesystem::exists(guest_->folder() + "/data/eggroll/LMDB/upload/raw2"));
  EXPECT_TRUE(Eventually([] { return guest_->Eggs().empty(); }));
}

TEST_F(ComponentE2e, SigtermEndsTheTaskAndItsEggs) {
  ComponentProcess guest(*guest_, Spec("stop1", "secure_add_example", "guest", json::object()));
  ASSERT_TRUE(Eventually([&] {
    return guest.Log("INFO").find("receive") != std::string::npos ||
           guest.Log("INFO").find("share one") != std::string::npos;
  }));
  guest.Signal(SIGTERM);
  EXPECT_EQ(guest.Wait(absl::Seconds(20)), 1);
  EXPECT_EQ(guest.Result()["status"]["exceptions"], "the task was stopped by signal 15");
  EXPECT_TRUE(Eventually([] { return guest_->Eggs().empty(); }));
}

TEST_F(ComponentE2e, CleanUpEndsTheEggsOfAKilledTaskAndItsTables) {
  ComponentProcess guest(*guest_, Spec("stop2", "secure_add_example", "guest", json::object()));
  ASSERT_TRUE(Eventually([&] { return guest.Log("INFO").find("share one") != std::string::npos; }));
  std::string data = guest_->folder() + "/data/eggroll/IN_MEMORY/stop2_0_guest_9999";
  EXPECT_TRUE(std::filesystem::exists(data));
  guest.Signal(SIGKILL);
  EXPECT_EQ(guest.Wait(), 128 + SIGKILL);
  EXPECT_FALSE(guest_->Eggs().empty());
  EXPECT_EQ(testing::RunFateComponent({"component", "cleanup", "--env-name", "FATE_TASK_CONFIG"},
                                      guest_->folder() + "/cleanup.log", guest.conf().dump()),
            0);
  EXPECT_TRUE(Eventually([] { return guest_->Eggs().empty(); }));
  EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(data); })) << data << " is left";
}

}  // namespace
}  // namespace fate
