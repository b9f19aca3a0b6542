#include "fateflow/router.h"

#include <gtest/gtest.h>

namespace fate::flow {
namespace {

TEST(NormalPath, HasSingleSlashesAndNoneAtTheEnd) {
  EXPECT_EQ(NormalPath("/v2//worker/task/status"), "/v2/worker/task/status");
  EXPECT_EQ(NormalPath("/v2/job/query/"), "/v2/job/query");
  EXPECT_EQ(NormalPath(""), "");
}

}  // namespace
}  // namespace fate::flow
