#include "daemon/daemon.h"

#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "base/properties.h"
#include "base/status.h"
#include "daemon/resident.h"

namespace fate::daemon {
namespace {

struct Options {
  std::string config;
  bool check_config = false;
  std::string log_level, log_format, log_file;
  std::string port, tag;
};

void AddOptions(CLI::App& app, const Identity& identity, Options& options) {
  options.config = identity.default_config;
  app.set_version_flag("--version", identity.name + " " + Version());
  app.add_option("-c,--config", options.config, "configuration file")->capture_default_str();
  app.add_flag("--check-config", options.check_config,
               "check the configuration, print what is wrong and exit");
  app.add_option("--log-level", options.log_level, "debug, info, warning or error");
  app.add_option("--log-format", options.log_format, "text or json");
  app.add_option("--log-file", options.log_file, "write the log here instead of standard error");
  app.add_option("-p,--port", options.port, "shown in process listings only; no effect");
  app.add_option("-s,--session-id", options.tag, "shown in process listings only; no effect");
  if (identity.extra_options) identity.extra_options(app);
}

std::string Setting(const Identity& identity, const std::string& config, const std::string& key) {
  if (identity.log_setting) return identity.log_setting(config, key);
  auto properties = Properties::Load(config);
  return properties.ok() ? properties->Get(key) : "";
}

absl::Status InitLog(const Identity& identity, const Options& options) {
  std::string level = options.log_level, format = options.log_format;
  if (level.empty()) level = Setting(identity, options.config, identity.log_level_key);
  if (format.empty()) format = Setting(identity, options.config, identity.log_format_key);
  if (level.empty()) level = "info";
  if (format.empty()) format = "text";
  if (format != "text" && format != "json") {
    return InvalidArgumentError("log format '{}' is unknown; use text or json", format);
  }
  return log::Init({identity.name, level, format == "json", options.log_file});
}

// Blocks the signals in this and every later thread, so that only WaitForStop sees them.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Thousands of connections and partitions may be open; shells allow 1024 files by default.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Fail(const Identity& identity, const absl::Status& status, int code) {
  std::fprintf(stderr, "%s: %s\n", identity.name.c_str(), Message(status).c_str());
  return code;
}

}  // namespace

const char* Version() { return FATE_VERSION; }

int Run(int argc, char** argv, const Identity& identity, const CheckConfig& check,
        const StartService& start) {
  CLI::App app(identity.about, identity.name);
  Options options;
  AddOptions(app, identity, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  if (auto status = check(options.config); !status.ok()) return Fail(identity, status, 2);
  if (options.check_config) {
    absl::Status more =
        identity.check_more ? identity.check_more(options.config) : absl::OkStatus();
    if (!more.ok()) return Fail(identity, more, 2);
    std::printf("%s: configuration %s is correct\n", identity.name.c_str(), options.config.c_str());
    return 0;
  }
  if (auto status = InitLog(identity, options); !status.ok()) return Fail(identity, status, 2);
  sigset_t signals = BlockSignals();
  RaiseFileLimit();
  auto running = start(options.config);
  if (!running.ok()) {
    log::Error("cannot start: {}", Message(running.status()));
    return 1;
  }
  GiveBackStartupPages();
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  log::Info("stopping on signal {}", signal_number);
  running->reset();
  log::Info("stopped");
  return 0;
}

}  // namespace fate::daemon
