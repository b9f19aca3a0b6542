#include "nodemanager/manager_link.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "nodemanager/node_resources.h"
#include "session/commands.h"

namespace fate::nodemanager {
namespace {

namespace meta = com::webank::eggroll::core::meta;
using nlohmann::json;

constexpr absl::Duration kCallTimeout = absl::Seconds(5);
constexpr absl::Duration kRetryPause = absl::Milliseconds(500);
constexpr absl::Duration kFarewell = absl::Seconds(2);

}  // namespace

int64_t ReadNodeId(const std::string& meta_file, const session::Endpoint& own) {
  std::ifstream file(meta_file);
  json content = json::parse(file, nullptr, false);
  if (!content.is_object() || content.value("nodeIp", json()) != own.host ||
      content.value("nodePort", json()) != std::to_string(own.port)) {
    return -1;
  }
  json id = content.value("serverNodeId", json());
  return id.is_number_integer() ? id.get<int64_t>() : -1;
}

ManagerLink::ManagerLink(Options options)
    : options_(std::move(options)),
      node_id_(ReadNodeId(options_.meta_file, options_.own)),
      health_(UnavailableError("not yet registered at clustermanager {}", options_.manager)) {}

void ManagerLink::Begin() {
  loop_->PostAt(absl::Now(), [this] { Beat(); });
}

ManagerLink::~ManagerLink() {
  auto delivered = std::make_shared<std::promise<void>>();
  auto future = delivered->get_future();
  bool posted = loop_->Post([this, delivered] {
    on_delivered_ = [delivered] { delivered->set_value(); };
    if (!reporting_) std::exchange(on_delivered_, nullptr)();
  });
  if (posted) future.wait_for(absl::ToChronoMilliseconds(kFarewell));
  loop_->Stop();
  auto farewell =
      client_.Call<meta::NodeHeartbeat>(options_.manager, session::commands::kNodeHeartbeat,
                                        Heartbeat(session::NodeStatus::kLoss), kFarewell);
  if (!farewell.ok()) log::Warning("no farewell: {}", Message(farewell.status()));
}

absl::Status ManagerLink::Health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

meta::NodeHeartbeat ManagerLink::Heartbeat(session::NodeStatus status) const {
  meta::NodeHeartbeat beat;
  beat.set_id(sequence_);
  meta::ServerNode* node = beat.mutable_node();
  node->set_id(node_id_);
  node->set_clusterid(cluster_id_);
  node->mutable_endpoint()->set_host(options_.own.host);
  node->mutable_endpoint()->set_port(options_.own.port);
  node->set_nodetype("NODE_MANAGER");
  node->set_status(std::string(session::ToText(status)));
  for (const session::Resource& r : ReadResources()) {
    meta::Resource* resource = node->add_resources();
    resource->set_type(r.type);
    resource->set_total(r.total);
    resource->set_used(r.used);
  }
  return beat;
}

void ManagerLink::Beat() {
  ++sequence_;
  client_.CallAsync(options_.manager, session::commands::kNodeHeartbeat,
                    Heartbeat(status_).SerializeAsString(), kCallTimeout,
                    [this, loop = loop_](absl::StatusOr<std::string> answer) {
                      // After the end there is nobody to tell.
                      (void)loop->Post([this, answer = std::move(answer)] { OnAnswer(answer); });
                    });
}

void ManagerLink::OnAnswer(absl::StatusOr<std::string> answer) {
  meta::NodeHeartbeat beat;
  absl::Status health = answer.status();
  if (answer.ok() && !beat.ParseFromString(*answer)) {
    health = InternalError("unreadable answer from clustermanager {}", options_.manager);
  }
  if (!health.ok()) {
    health = Annotate(health, "not registered at clustermanager " + options_.manager +
                                  "; check that fate-clustermanager runs");
    if (!std::exchange(told_of_failure_, true)) log::Warning("{}", Message(health));
    loop_->PostAt(absl::Now() + kRetryPause, [this] { Beat(); });
  } else {
    bool registers = status_ == session::NodeStatus::kInit && beat.node().id() > 0;
    if (beat.node().id() > 0 && beat.node().id() != node_id_) SaveId(beat.node().id());
    if (registers) status_ = session::NodeStatus::kHealthy;
    if (std::exchange(told_of_failure_, false) || registers) {
      log::Info("registered at clustermanager {} as node {}", options_.manager, node_id_.load());
    }
    absl::Time next = registers ? absl::Now() : absl::Now() + options_.interval;
    loop_->PostAt(next, [this] { Beat(); });
    if (registers) health = UnavailableError("registering at {}", options_.manager);
  }
  std::lock_guard lock(mutex_);
  health_ = health;
}

// Written aside and renamed, so that a crash leaves the old or the new file.
void ManagerLink::SaveId(int64_t id) {
  node_id_ = id;
  json content = {
      {"serverNodeId", id},
      {"clusterId", cluster_id_},
      {"updateTime", absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::LocalTimeZone())},
      {"nodeIp", options_.own.host},
      {"nodePort", std::to_string(options_.own.port)}};
  std::error_code error;
  std::filesystem::path path(options_.meta_file);
  std::filesystem::create_directories(path.parent_path(), error);
  std::string aside = options_.meta_file + ".new";
  std::ofstream file(aside);
  file << content.dump() << "\n";
  file.close();
  if (file) std::filesystem::rename(aside, path, error);
  if (!file || error) {
    log::Warning("cannot write {}; check that the folder is writable", options_.meta_file);
  }
}

void ManagerLink::Report(Processor processor) {
  bool posted = loop_->Post([this, processor = std::move(processor)]() mutable {
    if (reports_.size() >= kMaxQueuedFunctions) reports_.pop_front();
    reports_.push_back(std::move(processor));
    if (!std::exchange(reporting_, true)) SendReports();
  });
  if (!posted) log::Warning("a report came after the end");
}

void ManagerLink::SendReports() {
  if (reports_.empty()) {
    reporting_ = false;
    if (on_delivered_) std::exchange(on_delivered_, nullptr)();
    return;
  }
  auto next = [this](const absl::StatusOr<std::string>& answer) {
    if (answer.status().code() == absl::StatusCode::kUnavailable ||
        answer.status().code() == absl::StatusCode::kDeadlineExceeded) {
      loop_->PostAt(absl::Now() + kRetryPause, [this] { SendReports(); });
      return;
    }
    if (!answer.ok()) log::Warning("report refused: {}", Message(answer.status()));
    reports_.pop_front();
    SendReports();
  };
  client_.CallAsync(options_.manager, session::commands::kSessionHeartbeat,
                    reports_.front().SerializeAsString(), kCallTimeout,
                    [next, loop = loop_](absl::StatusOr<std::string> answer) {
                      (void)loop->Post([next, answer = std::move(answer)] { next(answer); });
                    });
}

}  // namespace fate::nodemanager
