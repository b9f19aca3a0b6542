#include "algo/psi/psi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "algo/local_tables_harness.h"
#include "base/status.h"
#include "base/text.h"
#include "crypto/curve/curve25519.h"
#include "dataframe/row.h"
#include "fate/dataframe.pb.h"
#include "fate/psi.pb.h"
#include "wire/partitioner.h"

namespace fate::algo {
namespace {

using dataframe::Row;
using ::testing::HasSubstr;

constexpr int kPartitions = 3;

std::string Secret(uint8_t first) {
  PsiSign parameters;
  for (int i = 0; i < 32; ++i) parameters.mutable_secret()->push_back(static_cast<char>(first + i));
  return parameters.SerializeAsString();
}

std::string KeepHost(uint32_t host) {
  PsiIndexer parameters;
  parameters.set_host(host);
  return parameters.SerializeAsString();
}

// A party's rows: sample id "<prefix><i>", the match ids given, one column that tells the row.
std::vector<Row> Rows(const std::string& prefix, const std::vector<std::string>& match_ids) {
  std::vector<Row> rows;
  for (size_t i = 0; i < match_ids.size(); ++i) {
    rows.push_back({prefix + std::to_string(i),
                    match_ids[i],
                    std::nullopt,
                    std::nullopt,
                    {static_cast<double>(i)}});
  }
  return rows;
}

// The steps of psi.cc, on tables of this process.
class PsiProtocol : public testing::Test {
 protected:
  struct Host {
    LocalTable frame;
    std::string secret;
    LocalTable output;
  };

  absl::StatusOr<LocalTable> MatchWithHost(const LocalTable& guest_first, Host& host) {
    ASSIGN_OR_RETURN(LocalTable host_first, tables_.Map(host.frame, "psi.first_sign", host.secret));
    ASSIGN_OR_RETURN(
        LocalTable host_points,
        tables_.Shuffle(host_first, "psi.second_sign", guest_secret_, "psi.refuse_duplicates"));
    ASSIGN_OR_RETURN(LocalTable guest_points, tables_.Shuffle(guest_first, "psi.second_sign",
                                                              host.secret, "psi.concatenate"));
    ASSIGN_OR_RETURN(LocalTable matches, tables_.Join(guest_points, host_points, "psi.match"));
    return tables_.Shuffle(matches, "identity", "");
  }

  absl::Status ReceiveIndexer(const LocalTable& indexer, Host& host) {
    ASSIGN_OR_RETURN(LocalTable wanted,
                     tables_.Shuffle(indexer, "psi.by_location", "", "psi.concatenate"));
    ASSIGN_OR_RETURN(LocalTable located, tables_.Shuffle(host.frame, "psi.locate_rows", ""));
    ASSIGN_OR_RETURN(LocalTable adopted, tables_.Join(wanted, located, "psi.adopt_ids"));
    ASSIGN_OR_RETURN(LocalTable rows, tables_.Shuffle(adopted, "identity", ""));
    ASSIGN_OR_RETURN(host.output, ToBlocks(rows));
    return absl::OkStatus();
  }

  absl::Status Run(const std::vector<Row>& guest, const std::vector<std::vector<Row>>& hosts) {
    guest_ = tables_.Frame(guest, kPartitions);
    uint8_t secret = 100;
    for (const auto& rows : hosts) {
      hosts_.push_back({tables_.Frame(rows, kPartitions), Secret(secret++), {}});
    }
    ASSIGN_OR_RETURN(LocalTable first, tables_.Map(guest_, "psi.first_sign", guest_secret_));
    LocalTable matches;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      ASSIGN_OR_RETURN(LocalTable one, MatchWithHost(first, hosts_[i]));
      if (i == 0) {
        matches = one;
      } else {
        ASSIGN_OR_RETURN(matches, tables_.Join(matches, one, "psi.match_both"));
      }
    }
    ASSIGN_OR_RETURN(LocalTable located, tables_.Shuffle(guest_, "psi.locate_ids", ""));
    ASSIGN_OR_RETURN(LocalTable named, tables_.Join(located, matches, "psi.name_matches"));
    ASSIGN_OR_RETURN(LocalTable selected, tables_.Shuffle(named, "identity", ""));
    for (size_t i = 0; i < hosts_.size(); ++i) {
      ASSIGN_OR_RETURN(LocalTable indexer,
                       tables_.Map(selected, "psi.indexer", KeepHost(static_cast<uint32_t>(i))));
      RETURN_IF_ERROR(ReceiveIndexer(indexer, hosts_[i]));
    }
    ASSIGN_OR_RETURN(LocalTable rows, tables_.Shuffle(guest_, "dataframe.rows_from_blocks", ""));
    ASSIGN_OR_RETURN(LocalTable kept, tables_.Join(rows, selected, "psi.keep_matched"));
    ASSIGN_OR_RETURN(output_, ToBlocks(kept));
    return absl::OkStatus();
  }

  absl::StatusOr<LocalTable> ToBlocks(const LocalTable& rows) {
    BlocksFromRows parameters;
    parameters.set_columns(1);
    return tables_.Map(rows, "dataframe.blocks_from_rows", parameters.SerializeAsString());
  }

  std::vector<std::string> SampleIds(const LocalTable& frame) {
    std::vector<std::string> ids;
    for (const Row& row : tables_.ReadFrame(frame)) ids.push_back(row.sample_id);
    return ids;
  }

  // Guest and hosts agree on sample ids and their order, rows with equal ids on the match id.
  void ExpectSameRows() {
    const std::vector<Row> guest = tables_.ReadFrame(output_);
    for (const Host& host : hosts_) {
      const std::vector<Row> rows = tables_.ReadFrame(host.output);
      ASSERT_EQ(SampleIds(output_), SampleIds(host.output));
      for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].match_id, guest[i].match_id);
    }
  }

  LocalTables tables_;
  std::string guest_secret_ = Secret(1);
  LocalTable guest_, output_;
  std::vector<Host> hosts_;
};

std::vector<std::string> Numbers(int begin, int end) {
  std::vector<std::string> ids;
  for (int i = begin; i < end; ++i) ids.push_back(std::to_string(i));
  return ids;
}

TEST_F(PsiProtocol, KeepsTheCommonRowsInOneOrder) {
  ASSERT_TRUE(Run(Rows("g", Numbers(0, 500)), {Rows("h", Numbers(300, 900))}).ok());
  ExpectSameRows();
  std::set<std::string> match_ids;
  for (const Row& row : tables_.ReadFrame(output_)) match_ids.insert(row.match_id);
  EXPECT_EQ(match_ids, ([] {
              const auto numbers = Numbers(300, 500);
              return std::set<std::string>(numbers.begin(), numbers.end());
            })());
}

TEST_F(PsiProtocol, RowsLieInTheirSampleIdsPartitionInAscendingOrder) {
  ASSERT_TRUE(Run(Rows("g", Numbers(0, 300)), {Rows("h", Numbers(0, 300))}).ok());
  ExpectSameRows();
  for (size_t partition = 0; partition < kPartitions; ++partition) {
    const LocalTable one{{hosts_[0].output.partitions[partition]}};
    const std::vector<std::string> ids = SampleIds(one);
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    for (const std::string& id : ids) {
      EXPECT_EQ(wire::Partitioner::Mmh3().PartitionOf(id, kPartitions), int(partition));
    }
  }
}

TEST_F(PsiProtocol, KeepsWhatAllHostsHave) {
  ASSERT_TRUE(
      Run(Rows("g", Numbers(0, 60)),
          {Rows("h", Numbers(20, 200)), Rows("i", Numbers(0, 50)), Rows("j", Numbers(10, 40))})
          .ok());
  ExpectSameRows();
  EXPECT_EQ(SampleIds(output_).size(), 20u);  // 20..39
}

// Section 18, C2: the guest's repeated ids stay and the host's rows are repeated.
TEST_F(PsiProtocol, RepeatedIdsOfTheGuestAreLegal) {
  std::vector<std::string> ids;
  for (int i = 0; i < 400; ++i) ids.push_back(std::to_string(i % 7));
  ASSERT_TRUE(Run(Rows("g", ids), {Rows("h", Numbers(2, 10))}).ok());
  ExpectSameRows();
  std::map<std::string, int> count;
  for (const Row& row : tables_.ReadFrame(hosts_[0].output)) {
    ++count[row.match_id];
    EXPECT_EQ(row.values[0], std::stod(row.match_id) - 2);  // the host's own row number
  }
  EXPECT_EQ(count,
            (std::map<std::string, int>{{"2", 57}, {"3", 57}, {"4", 57}, {"5", 57}, {"6", 57}}));
}

// Section 18, C4.
TEST_F(PsiProtocol, DuplicateIdsOfAHostAreRefused) {
  std::vector<std::string> ids = Numbers(0, 300);
  ids.push_back("17");
  const absl::Status status = Run(Rows("g", Numbers(100, 200)), {Rows("h", ids)});
  EXPECT_THAT(Message(status), HasSubstr("duplicate match_id detect"));
  // The host finds it in its own first signatures too.
  const LocalTable first = tables_.Map(hosts_[0].frame, "psi.first_sign", Secret(9)).value();
  EXPECT_THAT(
      Message(tables_.Shuffle(first, "psi.locate_points", "", "psi.refuse_duplicates").status()),
      HasSubstr("duplicate match_id detect"));
}

TEST_F(PsiProtocol, AnEmptyIntersectionIsLegal) {
  ASSERT_TRUE(Run(Rows("g", {"a", "b"}), {Rows("h", {"c"})}).ok());
  EXPECT_TRUE(SampleIds(output_).empty());
  EXPECT_TRUE(SampleIds(hosts_[0].output).empty());
}

TEST_F(PsiProtocol, MatchIdsAreComparedAsText) {
  ASSERT_TRUE(Run(Rows("g", {"1", "01", "1.0", " 1", ""}), {Rows("h", {"1.0", "", "1 "})}).ok());
  ExpectSameRows();
  EXPECT_EQ(SampleIds(output_).size(), 2u);
}

// Section 16.3 through the operators: k1 signs first, k2 second.
TEST_F(PsiProtocol, SignaturesEqualTheVectors) {
  const LocalTable frame = tables_.Frame(Rows("g", {"133"}), 1);
  const LocalTable first = tables_.Map(frame, "psi.first_sign", Secret(1)).value();
  EXPECT_EQ(HexEncode(tables_.Read(first)[0].second),
            "78b1f4e63daa695c94c963059c5ecf4e19812320f247e8da08d67c3743676f4d");
  const LocalTable second = tables_.Shuffle(first, "psi.second_sign", Secret(0x21)).value();
  EXPECT_EQ(HexEncode(tables_.Read(second)[0].first),
            "ccc1f2b4186990d83321cca3207607204416a96a8b8530aa110486e2493ec609");
}

TEST_F(PsiProtocol, BrokenMessagesOfAPeerAreErrors) {
  const LocalTable odd = tables_.Put({{std::string(8, 'k'), std::string(33, 'p')}}, 1);
  EXPECT_FALSE(tables_.Shuffle(odd, "psi.second_sign", Secret(1)).ok());
  const LocalTable many = tables_.Put({{std::string(8, 'k'), std::string(129 * 32, 'p')}}, 1);
  EXPECT_FALSE(tables_.Shuffle(many, "psi.second_sign", Secret(1)).ok());
  const LocalTable short_key = tables_.Put({{"k", std::string(32, 'p')}}, 1);
  EXPECT_FALSE(tables_.Shuffle(short_key, "psi.second_sign", Secret(1)).ok());
  const LocalTable location = tables_.Put({{"sample", "12345678"}}, 1);
  EXPECT_FALSE(tables_.Shuffle(location, "psi.by_location", "").ok());
  EXPECT_FALSE(tables_.Map(odd, "psi.indexer", KeepHost(3)).ok());
  const LocalTable frame = tables_.Frame(Rows("g", {"1"}), 1);
  EXPECT_FALSE(tables_.Map(frame, "psi.first_sign", "").ok());  // no secret
}

TEST(Psi, RefusesOtherProtocolsAndCurves) {
  const Component psi = Psi();
  EXPECT_TRUE(psi.check_parameters({{"protocol", "ECDH_PSI"}, {"curve_type", nullptr}}).ok());
  EXPECT_THAT(Message(psi.check_parameters({{"curve_type", "p256"}})),
              HasSubstr("'curve_type' of psi"));
  EXPECT_FALSE(psi.check_parameters({{"protocol", 3}}).ok());
}

}  // namespace
}  // namespace fate::algo
