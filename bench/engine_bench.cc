// The engine over real daemons: session start, table throughput, federation throughput and the
// memory of an egg. Prints "name value unit" lines; bench/engine.py makes the report.
//
//   engine_bench [ROWS] [SESSIONS]

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "base/status.h"
#include "compute/session.h"
#include "federation/federation.h"
#include "support/local_party.h"

namespace fate {
namespace {

using compute::Session;
using compute::Table;
using federation::Federation;
using federation::Party;
using testing::LocalParty;

constexpr int kPartitions = 4;

void Print(const std::string& name, double value, const std::string& unit) {
  fmt::print("{} {:.6g} {}\n", name, value, unit);
  std::fflush(stdout);
}

double Seconds(const std::function<absl::Status()>& work, absl::Status* status) {
  const absl::Time start = absl::Now();
  if (status->ok()) *status = work();
  return absl::ToDoubleSeconds(absl::Now() - start);
}

// Samples the largest RssAnon of some processes while it lives.
class MemoryWatch {
 public:
  explicit MemoryWatch(std::vector<pid_t> pids)
      : thread_([this, pids = std::move(pids)] {
          while (!done_) {
            for (pid_t pid : pids) peak_ = std::max(peak_, testing::AnonymousMemory(pid));
            absl::SleepFor(absl::Milliseconds(20));
          }
        }) {}
  double PeakMegabytes() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
    return static_cast<double>(peak_) / 1e6;
  }
  ~MemoryWatch() { PeakMegabytes(); }

 private:
  std::atomic<bool> done_{false};
  int64_t peak_ = 0;
  std::thread thread_;
};

absl::Status MeasureSessions(const LocalParty& party, int sessions) {
  std::vector<double> starts, stops;
  for (int i = 0; i < sessions; ++i) {
    ASSIGN_OR_RETURN(auto session, Session::Open({.id = fmt::format("bench-start-{}", i),
                                                  .cluster_manager = party.cluster_manager()}));
    starts.push_back(absl::ToDoubleMilliseconds(session->start_duration()));
    absl::Status status;
    stops.push_back(1e3 * Seconds([&] { return session->Stop(); }, &status));
    RETURN_IF_ERROR(status);
  }
  std::sort(starts.begin(), starts.end());
  std::sort(stops.begin(), stops.end());
  Print("session_start", starts[starts.size() / 2], "ms");
  Print("session_stop", stops[stops.size() / 2], "ms");
  return absl::OkStatus();
}

absl::StatusOr<Table> MeasureTables(Session* session, int rows) {
  ASSIGN_OR_RETURN(Table table, session->CreateTable(kPartitions));
  absl::Status status;
  int i = 0;
  double seconds = Seconds(
      [&] {
        return table.PutAll([&](std::string* key, std::string* value) {
          if (i == rows) return false;
          *key = fmt::format("{:010}", i);
          *value = fmt::format("value-{:012}", i++);
          return true;
        });
      },
      &status);
  Print("put_all", rows / seconds, "rows/s");
  Table mapped;
  auto keep = [&](absl::StatusOr<Table> result) {
    if (result.ok()) mapped = *std::move(result);
    return result.status();
  };
  seconds = Seconds([&] { return keep(table.Map("identity", "")); }, &status);
  Print("map", rows / seconds, "rows/s");
  seconds = Seconds([&] { return keep(table.Shuffle("identity", "", kPartitions)); }, &status);
  Print("shuffle", rows / seconds, "rows/s");
  seconds = Seconds([&] { return keep(table.Join(mapped, "intersect", "")); }, &status);
  Print("join", rows / seconds, "rows/s");
  seconds = Seconds([&] { return table.Fold("count", "").status(); }, &status);
  Print("fold", rows / seconds, "rows/s");
  int got = 0;
  seconds = Seconds(
      [&] { return mapped.GetAll([&](std::string_view, std::string_view) { return ++got > 0; }); },
      &status);
  Print("get_all", got / seconds, "rows/s");
  RETURN_IF_ERROR(status);
  if (got != rows) return InternalError("{} rows of {} came back", got, rows);
  seconds = Seconds(
      [&] {
        for (int n = 0; n < 200; ++n) RETURN_IF_ERROR(table.Count().status());
        return absl::OkStatus();
      },
      &status);
  Print("job_latency", seconds / 200 * 1e3, "ms");
  RETURN_IF_ERROR(status);
  return table;
}

absl::Status MeasureFederation(Federation& guest, Federation& host, const Party& to,
                               const Party& from, const Table& table, int rows) {
  absl::Status status;
  constexpr int kMessages = 200;
  auto each_message = [&](const std::function<absl::Status(const std::string& tag)>& work) {
    return Seconds(
               [&] {
                 for (int i = 0; i < kMessages; ++i) RETURN_IF_ERROR(work(std::to_string(i)));
                 return absl::OkStatus();
               },
               &status) /
           kMessages * 1e3;
  };
  Print("small_object_put", each_message([&](const std::string& tag) {
          return guest.PutObject("o", tag, to, "hello");
        }),
        "ms");
  Print("small_object_get", each_message([&](const std::string& tag) {
          return host.GetObject("o", tag, from).status();
        }),
        "ms");
  const std::string large(64 << 20, 'x');
  double seconds = Seconds([&] { return guest.PutObject("large", "t", to, large); }, &status);
  Print("object_put", static_cast<double>(large.size()) / 1e6 / seconds, "MB/s");
  seconds = Seconds([&] { return host.GetObject("large", "t", from).status(); }, &status);
  Print("object_get", static_cast<double>(large.size()) / 1e6 / seconds, "MB/s");
  seconds = Seconds([&] { return guest.PutTable("rows", "t", to, table); }, &status);
  Print("table_put", rows / seconds, "rows/s");
  seconds = Seconds([&] { return host.GetTable("rows", "t", from).status(); }, &status);
  Print("table_get", seconds * 1e3, "ms");
  return status;
}

absl::Status Run(int rows, int sessions) {
  ASSIGN_OR_RETURN(auto addresses, testing::FreeAddresses(2));
  const Party guest{"guest", "9999"}, host{"host", "10000"};
  ASSIGN_OR_RETURN(auto party, LocalParty::Start({.party_id = "9999",
                                                  .address = addresses[0],
                                                  .peers = {{"10000", addresses[1]}},
                                                  .eggs_per_node = 4}));
  ASSIGN_OR_RETURN(auto peer, LocalParty::Start({.party_id = "10000",
                                                 .address = addresses[1],
                                                 .peers = {{"9999", addresses[0]}},
                                                 .eggs_per_node = 4}));
  RETURN_IF_ERROR(MeasureSessions(*party, sessions));
  ASSIGN_OR_RETURN(auto session, Session::Open({.id = "bench_guest_9999",
                                                .cluster_manager = party->cluster_manager()}));
  ASSIGN_OR_RETURN(auto peer_session, Session::Open({.id = "bench_host_10000",
                                                     .cluster_manager = peer->cluster_manager()}));
  std::vector<pid_t> watched = party->Eggs();
  for (pid_t egg : peer->Eggs()) watched.push_back(egg);
  for (LocalParty* one : {party.get(), peer.get()}) watched.push_back(one->pid("rollsite"));
  MemoryWatch memory(watched);
  ASSIGN_OR_RETURN(Table table, MeasureTables(session.get(), rows));
  Federation sender(session.get(), {.session_id = "bench",
                                    .self = guest,
                                    .parties = {guest, host},
                                    .rollsite = party->rollsite()});
  Federation receiver(peer_session.get(), {.session_id = "bench",
                                           .self = host,
                                           .parties = {guest, host},
                                           .rollsite = peer->rollsite()});
  RETURN_IF_ERROR(MeasureFederation(sender, receiver, host, guest, table, rows));
  Print("peak_anonymous_memory", memory.PeakMegabytes(), "MB");
  RETURN_IF_ERROR(session->Stop());
  return peer_session->Stop();
}

}  // namespace
}  // namespace fate

int main(int argc, char** argv) {
  const int rows = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  const int sessions = argc > 2 ? std::atoi(argv[2]) : 9;
  fate::log::Init({.service = "engine_bench", .level = "error"}).IgnoreError();
  absl::Status status = fate::Run(rows, sessions);
  if (!status.ok()) fmt::print(stderr, "engine_bench: {}\n", fate::ToText(status));
  return status.ok() ? 0 : 1;
}
