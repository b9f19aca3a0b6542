#include <unistd.h>

#include <filesystem>

#include "base/status.h"
#include "base/text.h"
#include "kv/store.h"

namespace fate::kv {
namespace {

namespace fs = std::filesystem;

// A store type is a folder name too.
absl::Status CheckStoreType(const std::string& store_type) {
  if (StoreName::Parse("type", store_type).ok()) return absl::OkStatus();
  return InvalidArgumentError("store type '{}' is not valid", Escape(store_type));
}

// Removes one tree below the data directory. Eggs of one host remove the same tree at the same
// time; the last one to answer has seen it gone.
absl::Status RemoveTree(const fs::path& data_dir, const fs::path& tree) {
  std::error_code error;
  fs::path real = fs::canonical(tree, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    return absl::OkStatus();
  }
  fs::path real_data_dir = fs::canonical(data_dir, error);
  auto [end, unused] =
      std::mismatch(real_data_dir.begin(), real_data_dir.end(), real.begin(), real.end());
  if (error || real == real_data_dir || end != real_data_dir.end()) {
    return PermissionDeniedError("trying to delete a dangerous path: {}", tree.native());
  }
  for (int attempt = 0; attempt < 10; ++attempt) {
    fs::remove_all(tree, error);
    if (!fs::exists(tree)) return absl::OkStatus();
  }
  return UnavailableError("cannot remove {}: {}; is somebody still writing there?", tree.native(),
                          error.message());
}

}  // namespace

absl::Status Destroy(const std::string& data_dir, const std::string& store_type,
                     const StoreName& name) {
  RETURN_IF_ERROR(CheckStoreType(store_type));
  fs::path root(data_dir);
  if (!root.is_absolute() || root == root.root_path()) {
    return InvalidArgumentError("data dir {} is not absolute path", data_dir);
  }
  if (name.name() != "*") {
    const fs::path folder = root / store_type / name.name_space();
    RETURN_IF_ERROR(RemoveTree(root, folder / name.name()));
    rmdir(folder.c_str());  // the namespace, if that was its last table
    return absl::OkStatus();
  }
  if (store_type != "*") return RemoveTree(root, root / store_type / name.name_space());
  std::error_code error;
  for (const auto& type : fs::directory_iterator(root, error)) {
    RETURN_IF_ERROR(RemoveTree(root, type.path() / name.name_space()));
  }
  return absl::OkStatus();
}

}  // namespace fate::kv
