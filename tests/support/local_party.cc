#include "support/local_party.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/time/clock.h"
#include "base/status.h"
#include "base/text.h"
#include "http/client.h"

namespace fate::testing {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kStopTimeout = absl::Seconds(15);

const std::map<std::string, int>& HealthPorts() {
  static const auto* ports = new std::map<std::string, int>{{"clustermanager", 14670},
                                                            {"nodemanager", 14671},
                                                            {"storage_service", 17778},
                                                            {"rollsite", 19370}};
  return *ports;
}

std::string BinaryFolder() {
  if (const char* folder = std::getenv("FATE_BIN")) return folder;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin";
}

bool CanBind(const std::string& address, int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  bool bound = bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  close(fd);
  return bound;
}

// A child that dies with this process and writes to `log`.
pid_t Spawn(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(out);
  return pid;
}

bool Ended(pid_t pid, int* status) { return waitpid(pid, status, WNOHANG) == pid; }

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

bool Eventually(const std::function<bool()>& condition, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

int64_t AnonymousMemory(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("RssAnon:")) return std::atoll(line.c_str() + 8) * 1024;
  }
  return 0;
}

absl::StatusOr<std::vector<std::string>> FreeAddresses(int count) {
  std::random_device random;
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::vector<std::string> addresses;
    const std::string block = fmt::format("127.{}.{}", 20 + random() % 230, random() % 250);
    bool free = true;
    for (int i = 1; i <= count && free; ++i) {
      addresses.push_back(fmt::format("{}.{}", block, i));
      for (int port : {4670, 4671, 9370}) free = free && CanBind(addresses.back(), port);
    }
    if (free) return addresses;
  }
  return UnavailableError("no {} free loopback addresses found", count);
}

absl::StatusOr<std::unique_ptr<LocalParty>> LocalParty::Start(Options options) {
  std::unique_ptr<LocalParty> party(new LocalParty(std::move(options)));
  RETURN_IF_ERROR(party->Configure());
  for (const std::string& program : party->options_.programs) {
    RETURN_IF_ERROR(party->StartProgram(program));
  }
  return party;
}

LocalParty::~LocalParty() {
  for (const auto& [program, pid] : pids_) kill(pid, SIGTERM);
  const std::map<std::string, pid_t> left = pids_;
  for (const auto& [program, pid] : left) {
    if (!StopProgram(program).ok()) KillProgram(program);
  }
  std::error_code ignored;
  if (!folder_.empty() && std::getenv("FATE_E2E_KEEP") == nullptr) {
    std::filesystem::remove_all(folder_, ignored);
  }
}

absl::Status LocalParty::Configure() {
  std::string pattern = (std::filesystem::temp_directory_path() / "fate-party-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return UnavailableError("cannot make {}", pattern);
  folder_ = pattern;
  std::string command =
      fmt::format("FATE_BIN='{}' FATE_EGGS_PER_NODE={} bash '{}/deploy/make_party.sh' '{}' {} {}",
                  BinaryFolder(), options_.eggs_per_node, FATE_SOURCE_FOLDER, folder_,
                  options_.party_id, options_.address);
  for (const auto& [id, address] : options_.peers) command += fmt::format(" {}={}", id, address);
  command += " > /dev/null";
  if (std::system(command.c_str()) != 0) return InternalError("failed: {}", command);
  std::ofstream properties(folder_ + "/conf/eggroll.properties", std::ios::app);
  for (const std::string& line : options_.extra_properties) properties << "\n" << line;
  properties << "\n";
  return absl::OkStatus();
}

absl::Status LocalParty::StartProgram(const std::string& program) {
  pids_[program] = Spawn({BinaryFolder() + "/" + program, "--config",
                          folder_ + "/conf/eggroll.properties", "-s", "party-" + options_.party_id},
                         fmt::format("{}/logs/{}.log", folder_, program));
  return AwaitHealthy(program);
}

absl::Status LocalParty::AwaitHealthy(const std::string& program) {
  const std::string url =
      fmt::format("http://{}:{}/healthz", options_.address, HealthPorts().at(program));
  int status = 0;
  bool ended = false;
  const bool healthy = Eventually(
      [&] {
        ended = Ended(pids_[program], &status);
        if (ended) return true;
        auto answer = http::Fetch({.url = url, .timeout = absl::Seconds(2)});
        return answer.ok() && answer->status == 200;
      },
      kStartTimeout);
  if (healthy && !ended) return absl::OkStatus();
  if (ended) pids_.erase(program);
  return UnavailableError("{} of party {} is not healthy ({}); its log ends: {}", program,
                          options_.party_id, ended ? "it has ended" : "no answer at " + url,
                          LogTail(program));
}

absl::Status LocalParty::StopProgram(const std::string& program) {
  auto it = pids_.find(program);
  if (it == pids_.end()) return absl::OkStatus();
  kill(it->second, SIGTERM);
  int status = 0;
  if (!Eventually([&] { return Ended(it->second, &status); }, kStopTimeout)) {
    return DeadlineExceededError("{} of party {} did not stop within {}", program,
                                 options_.party_id, absl::FormatDuration(kStopTimeout));
  }
  pids_.erase(it);
  return absl::OkStatus();
}

void LocalParty::KillProgram(const std::string& program) {
  auto it = pids_.find(program);
  if (it == pids_.end()) return;
  kill(it->second, SIGKILL);
  waitpid(it->second, nullptr, 0);
  pids_.erase(it);
}

pid_t LocalParty::pid(const std::string& program) const { return pids_.at(program); }

std::vector<pid_t> LocalParty::Eggs() const {
  auto manager = pids_.find("nodemanager");
  std::vector<pid_t> eggs;
  if (manager == pids_.end()) return eggs;
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", manager->second))) {
    std::ifstream children(thread.path() / "children");
    for (pid_t pid; children >> pid;) eggs.push_back(pid);
  }
  return eggs;
}

std::string LocalParty::LogTail(const std::string& program) const {
  const std::string text = ReadFile(fmt::format("{}/logs/{}.log", folder_, program));
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

}  // namespace fate::testing
