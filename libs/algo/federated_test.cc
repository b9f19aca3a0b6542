// psi and hetero_feature_binning as a job runs them, guest and hosts at the same time, on real
// eggs and through real federation (tests/support/local_federation.h).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <random>

#include "algo/binning/bins.h"
#include "algo/binning/hetero_feature_binning.h"
#include "algo/psi/psi.h"
#include "algo/registry.h"
#include "base/status.h"
#include "crypto/paillier/encryptor.h"
#include "dataframe/data_frame.h"
#include "dataframe/row.h"
#include "support/local_federation.h"

namespace fate::algo {
namespace {

using dataframe::DataFrame;
using dataframe::Row;
using federation::Party;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

// One party's view of one task.
class LocalTask : public TaskContext {
 public:
  LocalTask(testing::LocalFederation& parties, size_t index, const Party& self, std::string stage,
            json parameters)
      : parties_(parties),
        index_(index),
        self_(self),
        stage_(std::move(stage)),
        parameters_(std::move(parameters)) {}

  const std::string& role() const override { return self_.role; }
  const std::string& party_id() const override { return self_.party_id; }
  const std::string& stage() const override { return stage_; }
  const json& parameters() const override { return parameters_; }
  int computing_partitions() const override { return 4; }
  absl::StatusOr<compute::Session*> session() override { return &parties_.session(index_); }
  absl::StatusOr<federation::Federation*> federation() override {
    return &parties_.federation(index_);
  }
  absl::StatusOr<DataFrame> InputFrame(const std::string& key) override {
    const auto it = frames.find(key);
    if (it == frames.end()) return NotFoundError("no input {}", key);
    return it->second;
  }
  absl::StatusOr<std::pair<compute::Table, json>> InputTable(const std::string& key) override {
    return NotFoundError("no table {}", key);
  }
  absl::StatusOr<json> InputModel(const std::string&) override { return model; }
  absl::Status NameOutput(const std::string&, const std::string&, const std::string&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<compute::Table> CreateOutput(const std::string&, int partitions) override {
    return parties_.session(index_).CreateTable(partitions);
  }
  absl::Status OutputFrame(const std::string& key, const DataFrame& frame) override {
    frames[key] = frame;
    return absl::OkStatus();
  }
  absl::Status OutputTable(const std::string&, const compute::Table&, const json&, int64_t,
                           const json&) override {
    return absl::OkStatus();
  }
  absl::Status OutputReference(const std::string&, const std::string&,
                               const std::string&) override {
    return absl::OkStatus();
  }
  absl::Status OutputModel(const std::string&, const json& written) override {
    model = written;
    return absl::OkStatus();
  }
  absl::Status Metric(const std::string& name, const std::string&, const json& data) override {
    metrics[name] = data;
    return absl::OkStatus();
  }
  void Log(const std::string&, const std::string& message) override { log += message + "\n"; }

  std::map<std::string, DataFrame> frames;
  std::map<std::string, json> metrics;
  json model;
  std::string log;

 private:
  testing::LocalFederation& parties_;
  size_t index_;
  Party self_;
  std::string stage_;
  json parameters_;
};

class FederatedTest : public ::testing::Test {
 protected:
  explicit FederatedTest(std::vector<Party> parties = {{"guest", "9999"}, {"host", "10000"}})
      : parties_(std::move(parties)) {
    RegisterAllOperators(operators_);
    cluster_ = std::make_unique<testing::LocalFederation>(parties_, operators_);
  }

  DataFrame Frame(size_t party, const std::vector<Row>& rows, int partitions = 4) {
    dataframe::Schema schema;
    schema.fields = {{"sid", "", dataframe::Property::kSampleId, "index"},
                     {"id", "", dataframe::Property::kMatchId, "index"}};
    if (rows[0].label) schema.fields.push_back({"y", "", dataframe::Property::kLabel, "int64"});
    for (size_t i = 0; i < rows[0].values.size(); ++i) {
      schema.fields.push_back({"x" + std::to_string(i)});
    }
    schema.NameAnonymously(parties_[party].ToString());
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const Row& row : rows) pairs.emplace_back(row.sample_id, dataframe::EncodeRow(row));
    const auto table = cluster_->session(party).CreateTable(partitions).value();
    EXPECT_EQ(table.PutAll(pairs), absl::OkStatus());
    return dataframe::FromRows(table, schema).value();
  }

  std::vector<Row> Read(const DataFrame& frame) {
    std::vector<Row> rows;
    EXPECT_EQ(frame.ForEachRow([&](const Row& row) {
      rows.push_back(row);
      return true;
    }),
              absl::OkStatus());
    return rows;
  }

  LocalTask Task(size_t party, const std::string& stage, const json& parameters) {
    return LocalTask(*cluster_, party, parties_[party], stage, parameters);
  }

  // The component at all parties at once; the statuses in their order.
  std::vector<absl::Status> Run(const Component& component, const std::vector<LocalTask*>& tasks) {
    std::vector<std::future<absl::Status>> running;
    for (LocalTask* task : tasks) {
      running.push_back(
          std::async(std::launch::async, [&component, task] { return component.run(*task); }));
    }
    std::vector<absl::Status> statuses;
    for (auto& one : running) statuses.push_back(one.get());
    return statuses;
  }

  std::vector<Party> parties_;
  compute::OperatorRegistry operators_;
  std::unique_ptr<testing::LocalFederation> cluster_;
};

// Match ids of the common rows are the guest's i for i in [first, count).
std::vector<Row> GuestRows(int count) {
  std::vector<Row> rows;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (int i = 0; i < count; ++i) {
    const double x = normal(random);
    rows.push_back({"g" + std::to_string(i),
                    std::to_string(i),
                    x + normal(random) > 0,
                    std::nullopt,
                    {x, std::round(x)}});
  }
  return rows;
}

std::vector<Row> HostRows(int first, int end) {
  std::vector<Row> rows;
  std::mt19937_64 random(6);
  std::normal_distribution<double> normal;
  for (int i = first; i < end; ++i) {
    rows.push_back({"h" + std::to_string(i),
                    std::to_string(i),
                    std::nullopt,
                    std::nullopt,
                    {normal(random), double(i % 3), std::round(normal(random))}});
  }
  return rows;
}

TEST_F(FederatedTest, PsiThenBinningEqualTheClearTextReference) {
  const std::vector<Row> guest_rows = GuestRows(400), host_rows = HostRows(100, 450);
  LocalTask guest_psi = Task(0, "default", {{"protocol", "ecdh_psi"}});
  LocalTask host_psi = Task(1, "default", json::object());
  guest_psi.frames["input_data"] = Frame(0, guest_rows);
  host_psi.frames["input_data"] = Frame(1, host_rows, 3);  // psi makes the partitions equal
  for (const auto& status : Run(Psi(), {&guest_psi, &host_psi}))
    ASSERT_EQ(status, absl::OkStatus());
  EXPECT_EQ(guest_psi.metrics["intersect_id_count"], json({{"intersect_count", 300}}));
  EXPECT_EQ(guest_psi.metrics["summary"], json({{"input_count", 400},
                                                {"intersect_count", 300},
                                                {"intersect_rate", 0.75},
                                                {"method", "curve25519"}}));
  const std::vector<Row> guest = Read(guest_psi.frames["output_data"]);
  const std::vector<Row> host = Read(host_psi.frames["output_data"]);
  ASSERT_EQ(guest.size(), 300u);
  ASSERT_EQ(host.size(), 300u);
  for (size_t i = 0; i < guest.size(); ++i) {
    EXPECT_EQ(guest[i].sample_id, host[i].sample_id);
    EXPECT_EQ(guest[i].match_id, host[i].match_id);
  }

  auto& counters = crypto::paillier::GlobalCounters();
  const uint64_t encryptions = counters.encryptions, masks = counters.masks;
  const json parameters = {{"n_bins", 5},
                           {"he_param", {{"kind", "paillier"}, {"key_length", 1024}}},
                           {"transform_method", "woe"}};
  LocalTask guest_task = Task(0, "train", parameters), host_task = Task(1, "train", parameters);
  guest_task.frames["train_data"] = guest_psi.frames["output_data"];
  host_task.frames["train_data"] = host_psi.frames["output_data"];
  for (const auto& status : Run(HeteroFeatureBinning(), {&guest_task, &host_task})) {
    ASSERT_EQ(status, absl::OkStatus());
  }
  // Every label was encrypted and masked, and so were the few ciphertexts of the host's answer.
  EXPECT_EQ(counters.encryptions - encryptions, 300u);
  EXPECT_EQ(counters.masks - masks, 301u);
  EXPECT_THAT(guest_task.log, HasSubstr("1024 bits is weak"));
  EXPECT_EQ(host_task.metrics.count("unmasked_ciphertexts"), 0u);

  // The host's columns: split points at the host only, counts at the guest only.
  const json& data = guest_task.model["data"];
  const json& summary = data["host_metrics_summary"]["host_10000"];
  for (int column = 0; column < 3; ++column) {
    std::vector<double> points;
    for (const json& point :
         host_task.model["data"]["split_pt_dict"]["x" + std::to_string(column)]) {
      points.push_back(point.get<double>());
    }
    std::vector<double> sorted, expected;
    for (const Row& row : host) sorted.push_back(row.values[column]);
    std::sort(sorted.begin(), sorted.end());
    for (const size_t rank : {60, 120, 180, 240, 300}) expected.push_back(sorted[rank - 1]);
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
    EXPECT_EQ(points, expected) << column;
    BinCounts counts{std::vector<int64_t>(points.size()), std::vector<int64_t>(points.size())};
    for (size_t i = 0; i < host.size(); ++i) {
      size_t bin = 0;
      while (bin + 1 < points.size() && host[i].values[column] > points[bin]) ++bin;
      ++counts.sizes[bin];
      counts.events[bin] += *guest[i].label == 1;
    }
    const ColumnMetrics metrics = ComputeMetrics(counts, WoeDefinition::kFate1, 0.5);
    const std::string name = "host_10000_x" + std::to_string(column);
    for (size_t bin = 0; bin < points.size(); ++bin) {
      const std::string key = std::to_string(bin);
      EXPECT_EQ(summary["event_count"][name][key], metrics.event_count[bin]);
      EXPECT_EQ(summary["non_event_count"][name][key], metrics.non_event_count[bin]);
      EXPECT_EQ(summary["woe"][name][key], metrics.woe[bin]);
    }
    EXPECT_EQ(summary["iv"][name], metrics.iv);
    EXPECT_EQ(guest_task.metrics["iv"]["host_10000"][name], metrics.iv);
  }
  EXPECT_TRUE(host_task.model["data"]["metrics_summary"].is_null());

  // Transformed: every guest cell is a woe of its column, the host's data as it was.
  const std::vector<Row> transformed = Read(guest_task.frames["train_output_data"]);
  ASSERT_EQ(transformed.size(), 300u);
  for (const Row& row : transformed) {
    bool known = false;
    for (const json& woe : data["woe_dict"]["x0"]) known |= woe.get<double>() == row.values[0];
    EXPECT_TRUE(known);
  }
  EXPECT_EQ(Read(host_task.frames["train_output_data"])[7].values, host[7].values);

  // Prediction uses the trained model and no peer.
  LocalTask predict = Task(0, "predict", {{"transform_method", "bin_idx"}});
  predict.frames["test_data"] = guest_psi.frames["output_data"];
  predict.model = guest_task.model;
  ASSERT_EQ(HeteroFeatureBinning().run(predict), absl::OkStatus());
  for (const Row& row : Read(predict.frames["test_output_data"])) {
    EXPECT_TRUE(row.values[0] >= 0 && row.values[0] < 5 &&
                row.values[0] == std::floor(row.values[0]));
  }
  EXPECT_EQ(predict.frames["test_output_data"].schema.Columns()[0]->dtype, "int32");
}

// Whether some 64 bytes, in either order, are a factor of n: its top bit is set and it is odd.
bool HoldsFactor(const crypto::BigInt& n, std::string_view bytes) {
  for (size_t at = 0; at + 64 <= bytes.size(); ++at) {
    for (const bool reversed : {false, true}) {
      std::string digits(bytes.substr(at, 64));
      if (reversed) std::reverse(digits.begin(), digits.end());
      if (!(digits[0] & 0x80) || !(digits[63] & 1)) continue;
      if (n.IsDivisibleBy(crypto::BigInt::FromBytes(digits))) return true;
    }
  }
  return false;
}

// The test does not know the guest's primes, but what divides the modulus would be one.
TEST_F(FederatedTest, NeitherMessagesNorTablesHoldThePrivateKey) {
  const crypto::BigInt p = (crypto::BigInt::PowerOfTwo(511) + 12345).NextPrime();
  ASSERT_TRUE(HoldsFactor(p * p.NextPrime(), "abc" + p.ToBytes(64) + "d"));

  const json parameters = {{"n_bins", 3}, {"he_param", {{"key_length", 1024}}}};
  LocalTask guest = Task(0, "train", parameters), host = Task(1, "train", parameters);
  std::vector<Row> rows = HostRows(0, 40);
  for (Row& row : rows) row.sample_id = "g" + row.match_id;
  guest.frames["train_data"] = Frame(0, GuestRows(40));
  host.frames["train_data"] = Frame(1, rows);
  for (const auto& status : Run(HeteroFeatureBinning(), {&guest, &host})) {
    ASSERT_EQ(status, absl::OkStatus());
  }
  const std::string crossed = cluster_->Crossed(parties_[0], parties_[1]);
  // The public key crosses first: a 4-byte slice number, then n.
  const auto n = crypto::BigInt::FromBytes(std::string_view(crossed).substr(4, 128));
  ASSERT_EQ(n.BitLength(), 1024);
  ASSERT_TRUE(n.IsOdd());
  EXPECT_FALSE(HoldsFactor(n, crossed));
  EXPECT_NE(cluster_->Stored(0), "");
  EXPECT_FALSE(HoldsFactor(n, cluster_->Stored(0)));
  EXPECT_FALSE(HoldsFactor(n, cluster_->Stored(1)));
  EXPECT_FALSE(HoldsFactor(n, guest.model.dump() + host.model.dump() + guest.log + host.log));
}

TEST_F(FederatedTest, DuplicateHostIdsFailAtBothSides) {
  std::vector<Row> host_rows = HostRows(0, 50);
  host_rows.push_back(host_rows[7]);
  host_rows.back().sample_id = "another";
  LocalTask guest = Task(0, "default", json::object()), host = Task(1, "default", json::object());
  guest.frames["input_data"] = Frame(0, GuestRows(50));
  host.frames["input_data"] = Frame(1, host_rows);
  for (const auto& status : Run(Psi(), {&guest, &host})) {
    EXPECT_THAT(Message(status), HasSubstr("duplicate match_id detect"));
  }
}

TEST_F(FederatedTest, AnEmptyIntersectionEndsWellAndBinningSaysWhatIsMissing) {
  LocalTask guest = Task(0, "default", json::object()), host = Task(1, "default", json::object());
  guest.frames["input_data"] = Frame(0, GuestRows(20));
  host.frames["input_data"] = Frame(1, HostRows(100, 110));
  for (const auto& status : Run(Psi(), {&guest, &host})) ASSERT_EQ(status, absl::OkStatus());
  EXPECT_EQ(guest.metrics["summary"]["intersect_count"], 0);
  LocalTask binning = Task(0, "train", json::object());
  binning.frames["train_data"] = guest.frames["output_data"];
  EXPECT_THAT(Message(HeteroFeatureBinning().run(binning)), HasSubstr("no rows; did psi find"));
}

TEST_F(FederatedTest, LabelsAndColumnsAreCheckedBeforeAnythingIsSent) {
  std::vector<Row> rows = GuestRows(30);
  rows[3].label = 3;
  LocalTask guest = Task(0, "train", json::object());
  guest.frames["train_data"] = Frame(0, rows);
  EXPECT_THAT(Message(HeteroFeatureBinning().run(guest)),
              AllOf(HasSubstr("must be binary"), HasSubstr("for example 3")));
  LocalTask unlabelled = Task(0, "train", json::object());
  unlabelled.frames["train_data"] = Frame(0, HostRows(0, 5));
  EXPECT_THAT(Message(HeteroFeatureBinning().run(unlabelled)), HasSubstr("no label"));
  LocalTask unknown = Task(1, "train", {{"bin_col", {"x77"}}});
  unknown.frames["train_data"] = Frame(1, HostRows(0, 5));
  EXPECT_THAT(Message(HeteroFeatureBinning().run(unknown)), HasSubstr("'x77'"));
  EXPECT_EQ(cluster_->Crossed(parties_[0], parties_[1]), "");
}

TEST_F(FederatedTest, ManualBucketAndCategoryColumnsStayLocalWhenAsked) {
  const json common = {{"local_only", true}, {"transform_method", "bin_idx"}};
  json manual = common;
  manual["method"] = "manual";
  manual["split_pt_dict"] = {{"x0", {-0.5, 0.5, 1}}};
  manual["bin_col"] = {"x0"};
  LocalTask guest = Task(0, "train", manual);
  guest.frames["train_data"] = Frame(0, GuestRows(60));
  ASSERT_EQ(HeteroFeatureBinning().run(guest), absl::OkStatus());
  EXPECT_EQ(guest.model["data"]["split_pt_dict"]["x0"],
            json::parse(R"({"0": -0.5, "1": 0.5, "2": 1.0})"));
  EXPECT_TRUE(guest.model["data"]["host_metrics_summary"].is_null());

  json bucket = common;
  bucket["method"] = "bucket";
  bucket["n_bins"] = 4;
  bucket["category_col"] = {"x1"};
  LocalTask host = Task(1, "train", bucket);
  host.frames["train_data"] = Frame(1, HostRows(0, 60));
  ASSERT_EQ(HeteroFeatureBinning().run(host), absl::OkStatus());
  EXPECT_EQ(host.model["data"]["category_values"]["x1"],
            json::parse(R"({"0": 0.0, "1": 1.0, "2": 2.0})"));
  EXPECT_EQ(host.model["data"]["split_pt_dict"]["x0"].size(), 4u);
  for (const Row& row : Read(host.frames["train_output_data"])) {
    EXPECT_EQ(row.values[1], std::stoi(row.match_id) % 3);  // categories stay
    EXPECT_LT(row.values[0], 4);
  }
}

class TwoHostsTest : public FederatedTest {
 protected:
  TwoHostsTest() : FederatedTest({{"guest", "9999"}, {"host", "10000"}, {"host", "10001"}}) {}
};

TEST_F(TwoHostsTest, PsiKeepsWhatAllHaveAndBinningReportsEachHost) {
  std::vector<LocalTask> psi, binning;
  const json parameters = {{"n_bins", 2}, {"he_param", {{"key_length", 1024}}}};
  for (size_t i = 0; i < 3; ++i) psi.push_back(Task(i, "default", json::object()));
  psi[0].frames["input_data"] = Frame(0, GuestRows(90));
  psi[1].frames["input_data"] = Frame(1, HostRows(10, 70));
  psi[2].frames["input_data"] = Frame(2, HostRows(40, 200));
  for (const auto& status : Run(Psi(), {&psi[0], &psi[1], &psi[2]})) {
    ASSERT_EQ(status, absl::OkStatus());
  }
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Read(psi[i].frames["output_data"]).size(), 30u) << i;
    binning.push_back(Task(i, "train", parameters));
    binning[i].frames["train_data"] = psi[i].frames["output_data"];
  }
  for (const auto& status : Run(HeteroFeatureBinning(), {&binning[0], &binning[1], &binning[2]})) {
    ASSERT_EQ(status, absl::OkStatus());
  }
  const json& hosts = binning[0].model["data"]["host_metrics_summary"];
  EXPECT_TRUE(hosts["host_10000"]["iv"].contains("host_10000_x0"));
  EXPECT_TRUE(hosts["host_10001"]["iv"].contains("host_10001_x2"));
}

}  // namespace
}  // namespace fate::algo
