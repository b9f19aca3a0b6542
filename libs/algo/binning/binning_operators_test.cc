// Follows hetero_feature_binning through its operators, on partitions of this process: what the
// guest and the host would run on their eggs and in their components.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <random>

#include "algo/binning/binning_wire.h"
#include "algo/binning/encrypted_labels.h"
#include "algo/binning/order_statistics.h"
#include "algo/local_tables_harness.h"
#include "base/status.h"
#include "base/text.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "fate/binning.pb.h"

namespace fate::algo {
namespace {

using crypto::BigInt;
using crypto::Residues;
using crypto::paillier::Encryptor;
using crypto::paillier::PrivateKey;
using dataframe::Row;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr int kPartitions = 4;

const PrivateKey& Key() {
  static const auto& key = *new PrivateKey(*PrivateKey::Generate(1024));
  return key;
}

// ---- the clear-text reference, over all rows at once ----

std::vector<double> ReferenceSplitPoints(const std::vector<Row>& rows, size_t column, int n_bins) {
  std::vector<double> sorted, points;
  for (const Row& row : rows) sorted.push_back(row.values[column]);
  std::sort(sorted.begin(), sorted.end());
  for (int k = 1; k <= n_bins; ++k) {
    const double rank = std::floor(k * (1.0 / n_bins) * double(sorted.size()));
    points.push_back(k == n_bins ? sorted.back() : sorted[size_t(std::max(0.0, rank - 1))]);
  }
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

BinCounts ReferenceCounts(const std::vector<Row>& rows, const std::vector<Row>& labelled,
                          size_t column, const std::vector<double>& points) {
  std::map<std::string, double> label;
  for (const Row& row : labelled) label[row.sample_id] = *row.label;
  BinCounts counts{std::vector<int64_t>(points.size()), std::vector<int64_t>(points.size())};
  for (const Row& row : rows) {
    size_t bin = 0;
    while (bin + 1 < points.size() && row.values[column] > points[bin]) ++bin;
    ++counts.sizes[bin];
    counts.events[bin] += int64_t(label.at(row.sample_id));
  }
  return counts;
}

// ---- the protocol ----

class BinningProtocol : public testing::Test {
 protected:
  std::vector<std::vector<double>> SplitPoints(const LocalTable& frame, size_t columns, int n_bins,
                                               int digit_bits) {
    OrderStatistics statistics(columns, [&](uint64_t n) { return QuantileRanks(n_bins, n); });
    while (!statistics.done()) {
      const int bits = std::min(digit_bits, 64 - statistics.known_bits());
      DigitRequest request;
      request.set_prefix_bits(uint32_t(statistics.known_bits()));
      request.set_digit_bits(uint32_t(bits));
      request.set_max_entries(1 << 20);
      for (size_t i = 0; i < columns; ++i) {
        auto* column = request.add_columns();
        column->set_index(uint32_t(i));
        for (const uint64_t prefix : statistics.Prefixes(i)) column->add_prefixes(prefix);
      }
      std::vector<DigitCounts> counts(columns);
      const auto partitions =
          tables_.Fold(frame, "binning.histogram", request.SerializeAsString()).value();
      for (const std::string& bytes : partitions) {
        DigitHistogram histogram;
        EXPECT_TRUE(histogram.ParseFromString(bytes));
        for (size_t i = 0; i < columns; ++i) {
          const auto& column = histogram.columns(int(i));
          for (int k = 0; k < column.keys_size(); ++k)
            counts[i][column.keys(k)] += column.counts(k);
        }
      }
      statistics.Take(bits, counts);
    }
    std::vector<std::vector<double>> points;
    for (size_t i = 0; i < columns; ++i) {
      points.push_back(statistics.Values(i));
      points[i].erase(std::unique(points[i].begin(), points[i].end()), points[i].end());
    }
    return points;
  }

  std::vector<BinningModel::Column> Columns(const std::vector<std::vector<double>>& points) {
    std::vector<BinningModel::Column> columns;
    for (size_t i = 0; i < points.size(); ++i) {
      const std::string name = "x" + std::to_string(i);
      columns.push_back({{name, "host_10000_" + name, uint32_t(i), false}, {points[i], false}});
    }
    return columns;
  }

  std::string KeyParameters() {
    LabelKey parameters;
    parameters.set_public_key(Key().public_key().Serialize());
    return parameters.SerializeAsString();
  }

  // The host's part on its eggs and in its component; what it sends, decrypted by the guest.
  absl::StatusOr<std::vector<BinCounts>> FederatedCounts(
      const LocalTable& host, const LocalTable& encrypted,
      const std::vector<BinningModel::Column>& columns) {
    const auto& key = Key().public_key();
    LabelSumRequest request;
    request.set_public_key(key.Serialize());
    *request.mutable_columns() = WriteColumns(columns);
    ASSIGN_OR_RETURN(
        const auto partitions,
        tables_.WithStores(host, encrypted, "binning.sum_labels", request.SerializeAsString()));
    std::vector<BinCounts> counts;
    size_t bins = 0;
    for (const auto& column : columns) {
      counts.push_back({std::vector<int64_t>(column.bins.size()), {}});
      bins += column.bins.size();
    }
    Residues sums = NoSums(key, bins);
    for (const std::string& bytes : partitions) {
      LabelSums partition;
      EXPECT_TRUE(partition.ParseFromString(bytes));
      for (size_t i = 0; i < counts.size(); ++i) {
        for (size_t bin = 0; bin < counts[i].sizes.size(); ++bin) {
          counts[i].sizes[bin] += int64_t(partition.sizes().columns(int(i)).sizes(int(bin)));
        }
      }
      EXPECT_TRUE(crypto::AddInto(sums, 0, *crypto::Parse(key.ring(), partition.sums())).ok());
    }
    ASSIGN_OR_RETURN(const Residues packed, PackSums(Encryptor(key), sums));
    EXPECT_EQ(crypto::paillier::AuditCiphertexts(key, packed).unmasked, 0u);
    ASSIGN_OR_RETURN(const auto events, UnpackSums(Key(), packed, bins));
    auto next = events.begin();
    for (auto& column : counts) {
      column.events.assign(next, next + std::ptrdiff_t(column.sizes.size()));
      next += std::ptrdiff_t(column.sizes.size());
    }
    return counts;
  }

  std::vector<BinCounts> OwnCounts(const LocalTable& guest,
                                   const std::vector<BinningModel::Column>& columns) {
    std::vector<BinCounts> counts;
    for (const auto& column : columns) {
      counts.push_back(
          {std::vector<int64_t>(column.bins.size()), std::vector<int64_t>(column.bins.size())});
    }
    const auto partitions =
        tables_.Fold(guest, "binning.bin_counts", WriteColumns(columns).SerializeAsString())
            .value();
    for (const std::string& bytes : partitions) {
      BinTotals totals;
      EXPECT_TRUE(totals.ParseFromString(bytes));
      for (size_t i = 0; i < columns.size(); ++i) {
        for (size_t bin = 0; bin < counts[i].sizes.size(); ++bin) {
          counts[i].sizes[bin] += int64_t(totals.columns(int(i)).sizes(int(bin)));
          counts[i].events[bin] += int64_t(totals.columns(int(i)).events(int(bin)));
        }
      }
    }
    return counts;
  }

  LabelAudit Audit(const LocalTable& encrypted) {
    LabelAudit total;
    const auto partitions =
        tables_.Fold(encrypted, "binning.audit_labels", KeyParameters()).value();
    for (const std::string& bytes : partitions) {
      LabelAudit audit;
      EXPECT_TRUE(audit.ParseFromString(bytes));
      total.set_ciphertexts(total.ciphertexts() + audit.ciphertexts());
      total.set_unmasked(total.unmasked() + audit.unmasked());
    }
    return total;
  }

  // Both parties' counts and split points against the reference, every row encrypted and masked.
  void ExpectExact(const std::vector<Row>& guest_rows, const std::vector<Row>& host_rows) {
    const LocalTable guest = tables_.Frame(guest_rows, kPartitions);
    const LocalTable host = tables_.Frame(host_rows, kPartitions);
    auto& counters = crypto::paillier::GlobalCounters();
    const uint64_t encryptions = counters.encryptions, masks = counters.masks;
    const auto encrypted = tables_.Map(guest, "binning.encrypt_labels", KeyParameters());
    ASSERT_TRUE(encrypted.ok()) << encrypted.status();
    EXPECT_EQ(counters.encryptions - encryptions, guest_rows.size());
    EXPECT_EQ(counters.masks - masks, guest_rows.size());
    EXPECT_EQ(Audit(*encrypted).ciphertexts(), guest_rows.size());
    EXPECT_EQ(Audit(*encrypted).unmasked(), 0u);

    const auto own = Columns(SplitPoints(guest, guest_rows[0].values.size(), 10, 64));
    const auto own_counts = OwnCounts(guest, own);
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].bins.boundaries, ReferenceSplitPoints(guest_rows, i, 10)) << i;
      const BinCounts expected = ReferenceCounts(guest_rows, guest_rows, i, own[i].bins.boundaries);
      EXPECT_EQ(own_counts[i].sizes, expected.sizes) << i;
      EXPECT_EQ(own_counts[i].events, expected.events) << i;
    }
    const auto columns = Columns(SplitPoints(host, host_rows[0].values.size(), 10, 12));
    const auto counts = FederatedCounts(host, *encrypted, columns);
    ASSERT_TRUE(counts.ok()) << counts.status();
    for (size_t i = 0; i < columns.size(); ++i) {
      EXPECT_EQ(columns[i].bins.boundaries, ReferenceSplitPoints(host_rows, i, 10)) << i;
      const BinCounts expected =
          ReferenceCounts(host_rows, guest_rows, i, columns[i].bins.boundaries);
      EXPECT_EQ((*counts)[i].sizes, expected.sizes) << i;
      EXPECT_EQ((*counts)[i].events, expected.events) << i;
    }
  }

  LocalTables tables_;
};

// Guest and host rows with the same sample ids; columns with ties and a constant.
std::pair<std::vector<Row>, std::vector<Row>> MadeUp(size_t count) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::pair<std::vector<Row>, std::vector<Row>> rows;
  for (size_t i = 0; i < count; ++i) {
    const std::string id = "sample" + std::to_string(i);
    const double x = normal(random), label = x + normal(random) > 0;
    rows.first.push_back({id, id, label, std::nullopt, {x, std::round(x), 3.0}});
    rows.second.push_back(
        {id, id, std::nullopt, std::nullopt, {-x, std::round(2 * normal(random))}});
  }
  return rows;
}

TEST_F(BinningProtocol, CountsEqualTheClearTextReference) {
  const auto [guest, host] = MadeUp(700);
  ExpectExact(guest, host);
}

TEST_F(BinningProtocol, FewRowsLeavePartitionsEmpty) {
  const auto [guest, host] = MadeUp(2);
  ExpectExact(guest, host);
}

TEST_F(BinningProtocol, AnUnmaskedLabelIsFoundByTheAudit) {
  const auto [guest, host] = MadeUp(10);
  const LocalTable encrypted =
      tables_.Map(tables_.Frame(guest, 1), "binning.encrypt_labels", KeyParameters()).value();
  auto [key, value] = tables_.Read(encrypted)[0];
  const auto& public_key = Key().public_key();
  const std::string plain = crypto::Serialize(*public_key.EncodeUnmasked({{BigInt(1)}}));
  value.replace(32, plain.size(), plain);
  const LabelAudit audit = Audit(tables_.Put({{key, value}}, 1));
  EXPECT_EQ(audit.ciphertexts(), 10u);
  EXPECT_EQ(audit.unmasked(), 1u);
}

TEST_F(BinningProtocol, AHostWithOtherRowsIsTold) {
  const auto [guest, host] = MadeUp(300);
  const LocalTable encrypted =
      tables_.Map(tables_.Frame(guest, kPartitions), "binning.encrypt_labels", KeyParameters())
          .value();
  for (const size_t count : {299, 100}) {
    const std::vector<Row> fewer(host.begin(), host.begin() + std::ptrdiff_t(count));
    const LocalTable frame = tables_.Frame(fewer, kPartitions);
    const auto counts = FederatedCounts(frame, encrypted, Columns({{0}, {0}}));
    EXPECT_THAT(Message(counts.status()), HasSubstr("run psi")) << count;
  }
}

// What crosses to the host or lies in its tables is public: nothing of it tells p, q or labels.
TEST_F(BinningProtocol, NoTableOrParameterHoldsThePrivateKey) {
  const auto& key = Key().public_key();
  const auto [guest, host] = MadeUp(50);
  const LocalTable encrypted =
      tables_.Map(tables_.Frame(guest, 2), "binning.encrypt_labels", KeyParameters()).value();
  EXPECT_EQ(KeyParameters().size(), key.Serialize().size() + 3);  // tag, length, n
  for (const auto& [block, value] : tables_.Read(encrypted)) {
    EXPECT_EQ((value.size() - 32) % crypto::CiphertextBytes(*key.ring()), 0u);
  }
  // The host's tool for reading, without p and q: c mod n^2 shows 1 + n m only when unmasked.
  EXPECT_EQ(Audit(encrypted).unmasked(), 0u);
}

TEST_F(BinningProtocol, LabelsAreCountedBeforeAnythingIsEncrypted) {
  auto rows = MadeUp(20).first;
  for (auto& row : rows) row.label = 1;
  rows[3].label = 0;
  rows[5].label = 2;
  const auto counts = tables_.Fold(tables_.Frame(rows, 1), "binning.label_counts", "").value();
  LabelCounts labels;
  ASSERT_TRUE(labels.ParseFromString(counts.at(0)));
  EXPECT_EQ(labels.zeros(), 1u);
  EXPECT_EQ(labels.ones(), 18u);
  EXPECT_EQ(labels.others(), 1u);
  EXPECT_EQ(labels.an_other(), 2);
  const LocalTable host = tables_.Frame(MadeUp(20).second, 1);
  EXPECT_THAT(Message(tables_.Fold(host, "binning.label_counts", "").status()),
              HasSubstr("no label"));
  EXPECT_FALSE(tables_.Map(host, "binning.encrypt_labels", KeyParameters()).ok());
}

TEST_F(BinningProtocol, MissingCellsLieInNoBin) {
  std::vector<Row> rows;
  for (int i = 0; i < 10; ++i) {
    rows.push_back(
        {"s" + std::to_string(i), "", i % 2 * 1.0, std::nullopt, {i < 4 ? std::nan("") : i * 1.0}});
  }
  const LocalTable frame = tables_.Frame(rows, 2);
  const auto points = SplitPoints(frame, 1, 2, 12);
  EXPECT_THAT(points[0], ElementsAre(6, 9));
  const auto counts = OwnCounts(frame, Columns(points));
  EXPECT_THAT(counts[0].sizes, ElementsAre(3, 3));
  EXPECT_THAT(counts[0].events, ElementsAre(1, 2));
}

TEST_F(BinningProtocol, ACategoryWithTooManyValuesIsRefused) {
  DigitRequest request;
  request.set_digit_bits(64);
  request.set_max_entries(5);
  request.add_columns()->set_index(0);
  const LocalTable frame = tables_.Frame(MadeUp(100).first, 2);
  EXPECT_THAT(
      Message(tables_.Fold(frame, "binning.histogram", request.SerializeAsString()).status()),
      HasSubstr("more than 5 different values"));
  request.mutable_columns(0)->set_index(99);
  EXPECT_FALSE(tables_.Fold(frame, "binning.histogram", request.SerializeAsString()).ok());
  request.set_digit_bits(65);
  EXPECT_FALSE(tables_.Fold(frame, "binning.histogram", request.SerializeAsString()).ok());
}

TEST_F(BinningProtocol, TransformReplacesCellsByTheirBin) {
  std::vector<Row> rows;
  for (int i = 0; i < 4; ++i) {
    rows.push_back(
        {"s" + std::to_string(i), "m", 1.0, std::nullopt, {i * 1.0, i == 2 ? NAN : i * 10.0}});
  }
  BinnedColumns request;
  auto* column = request.add_columns();
  column->set_index(1);
  for (const double boundary : {0.0, 10.0, 30.0}) column->add_boundaries(boundary);
  for (const double woe : {-1.5, 0.25, 2.0}) column->add_replacements(woe);
  const auto output =
      tables_.Map(tables_.Frame(rows, 1), "binning.transform", request.SerializeAsString());
  ASSERT_TRUE(output.ok()) << output.status();
  const std::vector<Row> transformed = tables_.ReadFrame(*output);
  ASSERT_EQ(transformed.size(), 4u);
  EXPECT_THAT(transformed[0].values, ElementsAre(0, -1.5));
  EXPECT_THAT(transformed[1].values, ElementsAre(1, 0.25));
  EXPECT_TRUE(std::isnan(transformed[2].values[1]));
  EXPECT_THAT(transformed[3].values, ElementsAre(3, 2.0));
  EXPECT_EQ(transformed[3].label, 1.0);
  column->clear_replacements();
  EXPECT_FALSE(
      tables_.Map(tables_.Frame(rows, 1), "binning.transform", request.SerializeAsString()).ok());
}

// ---- the public tables ----

// Columns after id (and y) of a file in the folder that the environment variable FATE_SHARED_DATA
// names; empty when it is absent.
std::vector<Row> ReadTable(const std::string& name, bool has_label) {
  const char* folder = std::getenv("FATE_SHARED_DATA");
  std::ifstream file(std::string(folder ? folder : FATE_SHARED_DATA) + "/" + name);
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const auto cells = Split(Trim(line), ',');
    Row row{std::string(cells[0]), std::string(cells[0]), std::nullopt, std::nullopt, {}};
    if (has_label) row.label = *ParseDouble(cells[1]);
    for (size_t i = has_label ? 2 : 1; i < cells.size(); ++i) {
      row.values.push_back(*ParseDouble(cells[i]));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

class PublicTables : public BinningProtocol {
 protected:
  void SetUp() override {
    guest_ = ReadTable("breast_hetero_guest.csv", true);
    host_ = ReadTable("breast_hetero_host.csv", false);
    if (guest_.empty() || host_.empty()) {
      GTEST_SKIP() << "the public tables are absent; name their folder in FATE_SHARED_DATA";
    }
  }
  std::vector<Row> guest_, host_;
};

TEST_F(PublicTables, BreastEqualsTheClearTextReference) {
  ASSERT_EQ(guest_.size(), 569u);
  ExpectExact(guest_, host_);
}

// spec/federated-algorithms.md 16.5
TEST_F(PublicTables, BreastEqualsTheVectors) {
  const LocalTable guest = tables_.Frame(guest_, kPartitions);
  const auto points = SplitPoints(guest, 10, 10, 12);
  EXPECT_THAT(points[0], ElementsAre(-1.055953, -0.786746, -0.614867, -0.482335, -0.27111,
                                     -0.059886, 0.230029, 0.828498, 1.534649, 4.094189));
  const auto counts = OwnCounts(guest, Columns(points));
  EXPECT_THAT(counts[0].events, ElementsAre(56, 57, 55, 55, 55, 42, 32, 5, 0, 0));
  EXPECT_THAT(counts[1].events, ElementsAre(53, 52, 51, 46, 34, 33, 28, 21, 20, 19));
  const ColumnMetrics x0 = ComputeMetrics(counts[0], WoeDefinition::kFate22, 0.5);
  EXPECT_THAT(x0.non_event_count, ElementsAre(0, 0, 2, 2, 2, 15, 25, 52, 57, 57));
  EXPECT_NEAR(x0.iv, 2.580880, 1e-6);
  EXPECT_NEAR(ComputeMetrics(counts[1], WoeDefinition::kFate22, 0.5).iv, 0.906669, 1e-6);
  EXPECT_NEAR(ComputeMetrics(counts[1], WoeDefinition::kFate1, 0.5).iv, 1.222365, 1e-6);
}

}  // namespace
}  // namespace fate::algo
