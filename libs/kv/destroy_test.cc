#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/status.h"
#include "kv/store.h"

namespace fate::kv {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DestroyTest : public ::testing::Test {
 protected:
  DestroyTest() {
    char name[] = "/tmp/kv_test.XXXXXX";
    root_ = mkdtemp(name);
    for (const char* type : {"LMDB", "IN_MEMORY"}) {
      for (const char* table : {"ns/a/0", "ns/a/1", "ns/b/0", "other/a/0"}) {
        fs::create_directories(Path(type) / table);
        std::ofstream(Path(type) / table / "data.mdb") << "x";
      }
    }
  }
  ~DestroyTest() override { fs::remove_all(root_); }
  fs::path Path(const std::string& below) { return fs::path(root_) / below; }
  absl::Status Remove(const std::string& type, const std::string& ns, const std::string& name) {
    return Destroy(root_, type, *StoreName::Parse(ns, name));
  }
  std::string root_;
};

TEST_F(DestroyTest, ANameRemovesTheTableWithAllItsPartitions) {
  ASSERT_TRUE(Remove("LMDB", "ns", "a").ok());
  EXPECT_FALSE(fs::exists(Path("LMDB/ns/a")));
  EXPECT_TRUE(fs::exists(Path("LMDB/ns/b/0/data.mdb")));
  EXPECT_TRUE(fs::exists(Path("IN_MEMORY/ns/a/0/data.mdb")));
  EXPECT_TRUE(Remove("LMDB", "ns", "a").ok()) << "removing what is absent succeeds";
}

TEST_F(DestroyTest, TheLastTableTakesItsNamespaceAlong) {
  ASSERT_TRUE(Remove("LMDB", "ns", "a").ok());
  ASSERT_TRUE(Remove("LMDB", "ns", "b").ok());
  EXPECT_FALSE(fs::exists(Path("LMDB/ns")));
  EXPECT_TRUE(fs::exists(Path("LMDB/other/a/0/data.mdb")));
}

// Acceptance case 33.
TEST_F(DestroyTest, AStarRemovesTheNamespaceOfOneTypeOrOfAll) {
  std::ofstream(Path("a_file")) << "x";
  ASSERT_TRUE(Remove("IN_MEMORY", "ns", "*").ok());
  EXPECT_FALSE(fs::exists(Path("IN_MEMORY/ns")));
  EXPECT_TRUE(fs::exists(Path("LMDB/ns")));
  ASSERT_TRUE(Remove("*", "ns", "*").ok());
  EXPECT_FALSE(fs::exists(Path("LMDB/ns")));
  EXPECT_TRUE(fs::exists(Path("LMDB/other/a/0/data.mdb")));
  EXPECT_TRUE(fs::exists(Path("IN_MEMORY/other/a/0/data.mdb")));
}

// Acceptance case 34; a namespace with a slash cannot even become a StoreName.
TEST_F(DestroyTest, NothingOutsideTheDataDirectoryIsRemoved) {
  EXPECT_FALSE(StoreName::Parse("../x", "a").ok());
  EXPECT_FALSE(StoreName::Parse("..", "a").ok());
  EXPECT_EQ(Remove("..", "ns", "a").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Remove("LMDB/..", "ns", "*").code(), absl::StatusCode::kInvalidArgument);
  fs::path outside = root_ + ".outside";
  fs::create_directories(outside / "a");
  fs::create_directory_symlink(outside, Path("LMDB/link"));
  auto refused = Remove("LMDB", "link", "a");
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(refused), HasSubstr("dangerous path"));
  EXPECT_TRUE(fs::exists(outside / "a"));
  fs::remove_all(outside);
}

TEST_F(DestroyTest, ARelativeDataDirectoryIsRefused) {
  for (const char* root : {"", "relative", "/"}) {
    EXPECT_EQ(Destroy(root, "LMDB", *StoreName::Parse("ns", "a")).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace fate::kv
