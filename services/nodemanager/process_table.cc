#include "nodemanager/process_table.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"

namespace fate::nodemanager {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool HasOption(const std::vector<std::string_view>& arguments, std::string_view option,
               std::string_view value) {
  for (size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == option && arguments[i + 1] == value) return true;
  }
  return false;
}

bool IsMine(const std::string& folder) {
  struct stat info {};
  return stat(folder.c_str(), &info) == 0 && info.st_uid == geteuid();
}

}  // namespace

bool IsAlive(pid_t pid) {
  if (pid <= 0) return false;
  std::string text = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  size_t end_of_name = text.rfind(") ");  // the name may hold anything
  return end_of_name != std::string::npos && text[end_of_name + 2] != 'Z' &&
         text[end_of_name + 2] != 'X';
}

std::vector<pid_t> FindEggs(const std::string& session, int64_t node_id, int64_t processor_id) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    auto pid = ParseInt<pid_t>(entry.path().filename().string());
    if (!pid || *pid == getpid() || !IsMine(entry.path())) continue;
    std::string line = ReadFile(entry.path() / "cmdline");
    std::vector<std::string_view> arguments = Split(line, '\0');
    if (HasOption(arguments, "--session-id", session) &&
        HasOption(arguments, "--server-node-id", std::to_string(node_id)) &&
        HasOption(arguments, "--processor-id", std::to_string(processor_id))) {
      found.push_back(*pid);
    }
  }
  return found;
}

}  // namespace fate::nodemanager
