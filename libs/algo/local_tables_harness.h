#pragma once

// Tables and the calls that components make on them, in this process and without daemons: every
// partition is a real one in a temporary folder, operators run one after the other. For tests
// that follow a protocol through several operators.

#include <string>
#include <utility>
#include <vector>

#include "algo/operator_harness.h"
#include "compute/operators.h"
#include "dataframe/block.h"
#include "kv/store.h"

namespace fate::algo {

struct LocalTable {
  std::vector<kv::Store> partitions;
};

class LocalTables {
 public:
  LocalTables();
  ~LocalTables();

  // By mmh3 of the key.
  LocalTable Put(const Pairs& pairs, int partitions);
  // A frame whose rows lie where psi would put them.
  LocalTable Frame(const std::vector<dataframe::Row>& rows, int partitions);

  absl::StatusOr<LocalTable> Map(const LocalTable& input, const std::string& op,
                                 const std::string& parameters);
  absl::StatusOr<LocalTable> Shuffle(const LocalTable& input, const std::string& op,
                                     const std::string& parameters, const std::string& merge = "");
  absl::StatusOr<LocalTable> Join(const LocalTable& left, const LocalTable& right,
                                  const std::string& op);
  absl::StatusOr<std::vector<std::string>> Fold(const LocalTable& input, const std::string& op,
                                                const std::string& parameters);
  absl::StatusOr<std::vector<std::string>> WithStores(const LocalTable& input,
                                                      const LocalTable& other,
                                                      const std::string& op,
                                                      const std::string& parameters);

  // Partition by partition in key order.
  Pairs Read(const LocalTable& table);
  std::vector<dataframe::Row> ReadFrame(const LocalTable& table);

 private:
  LocalTable Empty(size_t partitions);
  compute::OperatorRegistry registry_;
  std::string folder_;
  int stores_ = 0;
};

}  // namespace fate::algo
