#pragma once

// Rows that the tests of the engine put, and the check that all of them are there.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "compute/session.h"
#include "support/local_party.h"

namespace fate::testing {

using compute::Session;
using compute::Table;

inline constexpr int kRows = 100'000;

inline std::string KeyOf(int i) { return fmt::format("user{:08}", i); }
inline std::string ValueOf(int i) { return fmt::format("value-{}", int64_t{i} * i); }

inline absl::Status PutRows(const Table& table, int rows, int step = 1) {
  int i = 0;
  return table.PutAll([&](std::string* key, std::string* value) {
    if (i >= rows) return false;
    *key = KeyOf(i);
    *value = ValueOf(i);
    i += step;
    return true;
  });
}

// Counts the rows and checks that each is one of PutRows and comes once.
inline int CountGoodRows(const Table& table) {
  std::vector<bool> seen(kRows);
  int good = 0;
  EXPECT_EQ(table.GetAll([&](std::string_view key, std::string_view value) {
    const int i = std::stoi(std::string(key.substr(4)));
    if (i < kRows && !seen[i] && value == ValueOf(i)) ++good;
    if (i < kRows) seen[i] = true;
    return true;
  }),
            absl::OkStatus());
  return good;
}

inline std::unique_ptr<Session> OpenSession(const LocalParty& party, const std::string& id) {
  auto session = Session::Open({.id = id, .cluster_manager = party.cluster_manager()});
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session) : nullptr;
}

inline std::unique_ptr<LocalParty> StartParty(LocalParty::Options options) {
  auto party = LocalParty::Start(std::move(options));
  EXPECT_TRUE(party.ok()) << party.status();
  return party.ok() ? *std::move(party) : nullptr;
}

}  // namespace fate::testing
