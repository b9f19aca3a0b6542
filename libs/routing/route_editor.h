#pragma once

// Changes route_table.json on behalf of an administrator: the new text is checked as the loader
// checks it, then put in place of the old in one step. The watcher takes it from there.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::routing {

class RouteEditor {
 public:
  RouteEditor(std::string path, std::string own_party)
      : path_(std::move(path)), own_party_(std::move(own_party)) {}

  // The file as it is. Error: kUnavailable when it cannot be read.
  absl::StatusOr<std::string> Read() const;
  // Errors: kInvalidArgument (as RouteTable::Parse), kUnavailable (cannot be written); the file
  // is as it was then.
  absl::Status Replace(std::string_view json) const;
  // The only endpoint of (party, "default"): a JSON object as the table has them. Other roles of
  // the party stay (OSX drops them: spec/rollsite.md 5.9).
  absl::Status SetEndpoint(const std::string& party, std::string_view endpoint_json) const;
  absl::Status SetSelf(const std::vector<std::string>& parties) const;

 private:
  std::string path_, own_party_;
};

}  // namespace fate::routing
