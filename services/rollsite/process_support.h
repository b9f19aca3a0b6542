#pragma once

// The rollsite program as a process of its own, with files in a folder of its own.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "http/client.h"
#include "relay/socket.h"
#include "rollsite/free_port.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {

class RollsiteProcess {
 public:
  // `properties`: further lines of eggroll.properties.
  RollsiteProcess(const std::string& host, const std::string& party, const std::string& table,
                  const std::string& properties)
      : host_(host), port_(FreePort(host)), admin_port_(FreePort(host)) {
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("rollsite_{}_{}", getpid(), party);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    WriteTable(table);
    WriteProperties(party, properties);
  }
  ~RollsiteProcess() {
    if (pid_ > 0) Kill(SIGKILL);
    std::filesystem::remove_all(folder_);
  }

  void WriteTable(const std::string& text) { std::ofstream(folder_ / "route_table.json") << text; }
  void WriteProperties(const std::string& party, const std::string& more) {
    std::ofstream(folder_ / "eggroll.properties") << fmt::format(
        "[eggroll]\neggroll.rollsite.host={}\neggroll.rollsite.port={}\n"
        "eggroll.rollsite.admin.port={}\neggroll.rollsite.party.id={}\n"
        "eggroll.rollsite.route.table.path={}\neggroll.rollsite.queue.dir={}\n{}",
        host_, port_, admin_port_, party, (folder_ / "route_table.json").string(), queue_folder(),
        more);
  }

  // With eggroll.properties.
  void Start() { Start({"--config", folder_ / "eggroll.properties"}); }
  void Start(std::vector<std::string> options) {
    std::string program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
        "bin/rollsite";
    options.insert(options.begin(), program);
    std::vector<char*> arguments;
    for (std::string& option : options) arguments.push_back(option.data());
    arguments.push_back(nullptr);
    const std::string log = folder_ / "log";
    pid_ = fork();
    if (pid_ != 0) return;
    int file = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    if (dup2(file, 1) < 0 || dup2(file, 2) < 0) _exit(99);
    execv(program.c_str(), arguments.data());
    _exit(98);
  }
  // Takes connections.
  bool WaitUntilReady() const {
    return Within(std::chrono::seconds(20), [&] {
      auto socket = relay::Socket::Connect({host_, port_});
      if (!socket.ok()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      char nothing = 0;
      iovec part{&nothing, 0};
      return socket->ConnectResult().ok() && socket->Write(&part, 1) == 0;
    });
  }
  int Kill(int signal) {
    kill(pid_, signal);
    return Wait();
  }
  // For its end: its exit status, or minus the signal that ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  // A line of /proc/PID/status in kB: "VmHWM", "RssAnon".
  int64_t Kilobytes(const std::string& what) const {
    std::string status = Read(fmt::format("/proc/{}/status", pid_));
    return std::atoll(status.c_str() + status.find(what + ":") + what.size() + 1);
  }
  double CpuSeconds() const {
    std::string stat = Read(fmt::format("/proc/{}/stat", pid_));
    std::istringstream words(stat.substr(stat.rfind(')') + 2));
    std::string word;
    for (int i = 0; i < 11; ++i) words >> word;
    double user = 0, system = 0;
    words >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  uint64_t QueueFolderBytes() const {
    uint64_t bytes = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(queue_folder(), gone)) {
      if (entry.is_regular_file(gone)) bytes += entry.file_size(gone);
    }
    return bytes;
  }
  // What /metrics says about pops; -1 while it cannot be asked.
  int WaitingPops() const {
    const auto answer =
        http::Fetch({.url = fmt::format("http://{}:{}/metrics", host_, admin_port_)});
    if (!answer.ok()) return -1;
    const std::string name = "\nrollsite_waiting_pops ";
    const size_t at = answer->body.find(name);
    return at == std::string::npos ? -1 : std::atoi(answer->body.c_str() + at + name.size());
  }
  std::string Log() const { return Read(folder_ / "log"); }

  relay::Address address() const { return {host_, port_}; }
  int port() const { return port_; }
  int admin_port() const { return admin_port_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::string queue_folder() const { return (folder_ / "queues").string(); }

 private:
  static std::string Read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string host_;
  int port_, admin_port_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

}  // namespace fate::rollsite
