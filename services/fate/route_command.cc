#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/time/clock.h"
#include "base/properties.h"
#include "base/status.h"
#include "fate/command.h"
#include "routing/route_table.h"

namespace fate::cli {
namespace {

struct Options {
  std::string config = "conf/eggroll.properties", table, party, role = "default";
  double timeout_s = 3;
};

absl::StatusOr<routing::RouteTable> LoadTable(const Options& options) {
  std::string path = options.table, own_party;
  if (path.empty()) {
    ASSIGN_OR_RETURN(Properties properties, Properties::Load(options.config));
    path = properties.Get("eggroll.rollsite.route.table.path", "conf/route_table.json");
    own_party = properties.Get("eggroll.rollsite.party.id");
  }
  std::ifstream file(path);
  if (!file) {
    return InvalidArgumentError(
        "cannot read route table '{}'; name it with --table, or "
        "eggroll.properties with --config",
        path);
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return routing::RouteTable::Parse(text, path, own_party);
}

// Connects within the time; the duration in milliseconds.
absl::StatusOr<double> Probe(const std::string& host, int port, double timeout_s) {
  addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)) {
    return UnavailableError("cannot resolve {}: {}", host, gai_strerror(error));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  absl::Time start = absl::Now();
  int handle = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (handle < 0) return InternalError("cannot make a socket: {}", std::strerror(errno));
  int error = connect(handle, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd waiting{handle, POLLOUT, 0};
    socklen_t size = sizeof error;
    error = poll(&waiting, 1, static_cast<int>(timeout_s * 1000)) == 1 ? 0 : ETIMEDOUT;
    if (error == 0) getsockopt(handle, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(handle);
  if (error != 0) return UnavailableError("{}:{}: {}", host, port, std::strerror(error));
  return absl::ToDoubleMilliseconds(absl::Now() - start);
}

absl::Status SayThatItPolls(const Globals& globals, const Options& options, Json report) {
  report["endpoint"] = "polling";
  if (globals.json) {
    PrintJson(report);
  } else {
    std::printf("party %s polls this rollsite: there is no hop to probe from here\n",
                options.party.c_str());
  }
  return absl::OkStatus();
}

absl::Status Test(const Globals& globals, const Options& options) {
  ASSIGN_OR_RETURN(routing::RouteTable table, LoadTable(options));
  std::vector<std::string> steps = table.Explain(options.party, options.role);
  if (!globals.json) {
    for (const std::string& step : steps) std::printf("%s\n", step.c_str());
  }
  bool own = table.IsSelf(options.party) && options.role == "default";
  Json report = {{"party", options.party}, {"role", options.role}, {"self", own}, {"steps", steps}};
  absl::Status end;
  if (!own) {
    ASSIGN_OR_RETURN(routing::Route route, table.Find(options.party, options.role, 0));
    const auto& endpoint = route.endpoint;
    if (endpoint.is_polling && endpoint.host.empty())
      return SayThatItPolls(globals, options, report);
    auto milliseconds = Probe(endpoint.host, endpoint.port, options.timeout_s);
    report["endpoint"] = endpoint.ToString();
    report["rule"] = route.rule;
    report["reachable"] = milliseconds.ok();
    if (milliseconds.ok()) {
      report["connect_ms"] = *milliseconds;
      if (!globals.json) {
        std::printf("%s answers (%.1f ms)\n", endpoint.ToString().c_str(), *milliseconds);
      }
    } else {
      end = UnavailableError("party {} role {}: {}; is its rollsite running and reachable?",
                             options.party, options.role, Message(milliseconds.status()));
    }
  }
  if (globals.json) PrintJson(report);
  return end;
}

}  // namespace

void AddRouteCommand(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* route = app.add_subcommand("route", "where the gateway sends what is for a party");
  route->require_subcommand(1);
  auto* test = route->add_subcommand("test", "which rule matches, and does the next hop answer");
  test->add_option("party", options->party, "party id")->required();
  test->add_option("role", options->role, "role: default, fateflow, ...");
  test->add_option("-c,--config", options->config, "eggroll.properties of this site's rollsite");
  test->add_option("--table", options->table, "route_table.json, instead of the one of --config");
  test->add_option("--timeout", options->timeout_s, "seconds to wait for the next hop")
      ->check(CLI::PositiveNumber);
  test->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Test(invocation.globals, *options); };
  });
}

}  // namespace fate::cli
