#include "clustermanager/cluster_driver.h"

#include <algorithm>
#include <future>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "clustermanager/cluster_tables.h"
#include "clustermanager/messages.h"
#include "session/commands.h"

namespace fate::clustermanager {
namespace {

constexpr absl::Duration kNodeTimeout = absl::Seconds(10);
constexpr absl::Duration kRetryPause = absl::Milliseconds(250);
constexpr int kAttempts = 8;  // a nodemanager that restarts is back within two seconds

struct Gauges {
  prometheus::Gauge& sessions;
  prometheus::Gauge& nodes;
  prometheus::Gauge& callers;
  prometheus::Family<prometheus::Counter>& ended;
  prometheus::Histogram& start_seconds;
};

Gauges& Figures() {
  static Gauges figures{
      prometheus::BuildGauge()
          .Name("clustermanager_sessions")
          .Help("Live sessions")
          .Register(Metrics())
          .Add({}),
      prometheus::BuildGauge()
          .Name("clustermanager_nodes_healthy")
          .Help("HEALTHY nodes")
          .Register(Metrics())
          .Add({}),
      prometheus::BuildGauge()
          .Name("clustermanager_parked_calls")
          .Help("Calls that wait for a "
                "session")
          .Register(Metrics())
          .Add({}),
      prometheus::BuildCounter()
          .Name("clustermanager_sessions_ended_total")
          .Help("Sessions ended, by status")
          .Register(Metrics()),
      prometheus::BuildHistogram()
          .Name("clustermanager_session_start_seconds")
          .Help("From request to ACTIVE")
          .Register(Metrics())
          .Add({}, prometheus::Histogram::BucketBoundaries{0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60})};
  return figures;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterDriver>> ClusterDriver::Start(
    std::unique_ptr<sql::Database> database, session::Settings settings, const std::string& host,
    int port) {
  ASSIGN_OR_RETURN(int64_t manager_id, ReplaceManagerRow(*database, host, port, absl::Now()));
  std::unique_ptr<ClusterDriver> driver(
      new ClusterDriver(std::move(database), settings, manager_id));
  RETURN_IF_ERROR(driver->Restore());
  if (!driver->loop_->Post([d = driver.get()] { d->Step(session::Recover{}); })) {
    return InternalError("the driver's thread did not start");
  }
  return driver;
}

ClusterDriver::ClusterDriver(std::unique_ptr<sql::Database> database, session::Settings settings,
                             int64_t manager_id)
    : database_(std::move(database)), settings_(settings), manager_id_(manager_id) {}

ClusterDriver::~ClusterDriver() { Stop(); }

void ClusterDriver::Stop() {
  loop_->Stop();
  for (auto& [id, caller] : std::exchange(callers_, {})) {
    caller.respond(UnavailableError("the clustermanager is stopping; try again"));
  }
}

absl::Status ClusterDriver::Restore() {
  ASSIGN_OR_RETURN(auto next_ids, ReadNextIds(*database_, manager_id_));
  ASSIGN_OR_RETURN(auto nodes, LoadNodes(*database_));
  ASSIGN_OR_RETURN(auto sessions, LoadLiveSessions(*database_));
  cluster_ = std::make_unique<session::Cluster>(settings_, next_ids, absl::Now());
  for (auto& node : nodes) cluster_->RestoreNode(std::move(node));
  for (auto& session : sessions) cluster_->RestoreSession(std::move(session));
  return absl::OkStatus();
}

void ClusterDriver::Submit(session::Event event, std::string request, rpc::Respond respond) {
  auto step = [this, event = std::move(event), request = std::move(request), respond]() mutable {
    session::CallerId caller = ++last_caller_;
    callers_.emplace(caller, Caller{std::move(request), std::move(respond)});
    std::visit(
        [&](auto& e) {
          if constexpr (requires { e.caller; }) e.caller = caller;
        },
        event);
    Step(event);
  };
  if (!loop_->Post(std::move(step))) {
    respond(UnavailableError("the clustermanager is stopping or overloaded; try again"));
  }
}

void ClusterDriver::Run(Query query, const rpc::Respond& respond) {
  bool posted = loop_->Post(
      [this, query = std::move(query), respond] { respond(query(*cluster_, *database_)); });
  if (!posted) respond(UnavailableError("the clustermanager is stopping or overloaded; try again"));
}

absl::Status ClusterDriver::Health() {
  auto answer = std::make_shared<std::promise<absl::Status>>();
  auto future = answer->get_future();
  Run(
      [](const session::Cluster&, sql::Database& database) -> absl::StatusOr<std::string> {
        return database.Query("select 1").status().ok()
                   ? absl::StatusOr<std::string>("")
                   : absl::UnavailableError("the database does not answer");
      },
      [answer](const absl::StatusOr<std::string>& result) { answer->set_value(result.status()); });
  if (future.wait_for(std::chrono::seconds(2)) != std::future_status::ready) {
    return UnavailableError("the clustermanager has been busy for 2 s");
  }
  return future.get();
}

// Memory holds live sessions only: an event may name one that ended.
absl::Status ClusterDriver::RestoreNamed(const session::Event& event) {
  std::string id;
  if (auto* create = std::get_if<session::CreateSession>(&event)) id = create->id;
  if (auto* get = std::get_if<session::GetSession>(&event)) id = get->id;
  if (auto* stop = std::get_if<session::StopSession>(&event)) id = stop->id;
  if (auto* beat = std::get_if<session::ProcessorBeat>(&event)) {
    if (cluster_->KnowsProcessor(beat->processor.id)) return absl::OkStatus();
    ASSIGN_OR_RETURN(id, SessionOfProcessor(*database_, beat->processor.id));
  }
  if (id.empty() || cluster_->KnowsSession(id)) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto session, LoadSession(*database_, id));
  if (session) cluster_->RestoreSession(*std::move(session));
  return absl::OkStatus();
}

void ClusterDriver::Step(const session::Event& event) {
  absl::Status status = RestoreNamed(event);
  session::Actions actions;
  if (status.ok()) actions = cluster_->Step(event, absl::Now());
  if (status.ok()) status = SaveAll(actions);
  if (status.ok()) {
    for (const session::Action& action : actions) {
      std::visit([this](const auto& a) { Do(a); }, action);
    }
  } else {
    StartAfresh(status);
  }
  Figures().sessions.Set(static_cast<double>(cluster_->sessions().size()));
  Figures().nodes.Set(static_cast<double>(cluster_->HealthyNodes().size()));
  Figures().callers.Set(static_cast<double>(callers_.size()));
  ArmTimer();
}

absl::Status ClusterDriver::SaveAll(const session::Actions& actions) {
  bool any = std::any_of(actions.begin(), actions.end(), [](const session::Action& action) {
    return std::holds_alternative<session::SaveNode>(action) ||
           std::holds_alternative<session::SaveSession>(action);
  });
  if (!any) return absl::OkStatus();
  return database_->Transaction([&](sql::Database& database) -> absl::Status {
    for (const session::Action& action : actions) {
      if (auto* node = std::get_if<session::SaveNode>(&action)) {
        RETURN_IF_ERROR(Save(database, *node, absl::Now()));
      } else if (auto* session = std::get_if<session::SaveSession>(&action)) {
        RETURN_IF_ERROR(Save(database, *session));
      }
    }
    return absl::OkStatus();
  });
}

void ClusterDriver::StartAfresh(const absl::Status& failure) {
  log::Error("cannot store the state of the cluster: {}", Message(failure));
  absl::Status answer = Annotate(failure, "the clustermanager cannot store its state");
  for (auto& [id, caller] : std::exchange(callers_, {})) caller.respond(answer);
  if (absl::Status restored = Restore(); !restored.ok()) {
    log::Error("cannot read the state of the cluster: {}", Message(restored));
  }
}

void ClusterDriver::ArmTimer() {
  absl::Time next = cluster_->NextDeadline();
  if (next >= armed_) return;
  armed_ = next;
  loop_->PostAt(next, [this] {
    armed_ = absl::InfiniteFuture();
    Step(session::Tick{});
  });
}

void ClusterDriver::Answer(session::CallerId id, absl::StatusOr<std::string> result) {
  auto caller = callers_.extract(id);
  if (!caller.empty()) caller.mapped().respond(std::move(result));
}

void ClusterDriver::CallNode(const session::Node& node, const char* uri, std::string argument,
                             absl::Duration timeout, int attempts, const rpc::Respond& done) {
  auto retry = [=, this, loop = loop_](const absl::StatusOr<std::string>& result) {
    auto again = [=, this] { CallNode(node, uri, argument, timeout, attempts - 1, done); };
    if (result.status().code() == absl::StatusCode::kUnavailable && attempts > 1) {
      loop->PostAt(absl::Now() + kRetryPause, again);
    } else if (!loop->Post([done, result] { done(result); })) {
      log::Debug("answer of {} to {} came after the end", node.endpoint.ToString(), uri);
    }
  };
  client_.CallAsync(node.endpoint.ToString(), uri, std::move(argument), timeout, retry);
}

void ClusterDriver::Do(const session::SaveNode& action) {
  log::Debug("node {} at {} is {}", action.node.id, action.node.endpoint.ToString(),
             session::ToText(action.node.status));
  if (action.with_resources) {
    log::Info("nodemanager {} registered as node {} ({})", action.node.endpoint.ToString(),
              action.node.id, session::ToText(action.node.status));
  } else if (action.node.status == session::NodeStatus::kLoss) {
    log::Warning("node {} at {} is lost", action.node.id, action.node.endpoint.ToString());
  }
}

void ClusterDriver::Do(const session::SaveSession& action) {
  const session::Session& s = action.session;
  if (!action.status_changed) return;
  log::Scope scope({.session = s.id});
  if (action.created) {
    log::Info("session starts with {} eggs", s.processors.size());
  } else if (session::IsFinal(s.status)) {
    auto detail = s.options.find(session::kSessionDetailOption);
    log::Info("session is {} ({}){}{}", session::ToText(s.status), s.status_reason,
              detail == s.options.end() ? "" : ": ",
              detail == s.options.end() ? "" : detail->second);
    Figures().ended.Add({{"status", std::string(session::ToText(s.status))}}).Increment();
  } else {
    log::Info("session is ACTIVE after {}", absl::FormatDuration(s.updated_at - s.created_at));
    Figures().start_seconds.Observe(absl::ToDoubleSeconds(s.updated_at - s.created_at));
  }
}

void ClusterDriver::Do(const session::AnswerSession& action) {
  Answer(action.caller, ToMessage(action.session, action.with_options).SerializeAsString());
}

void ClusterDriver::Do(const session::AnswerNothing& action) {
  Answer(action.caller, std::string());
}

void ClusterDriver::Do(const session::AnswerEcho& action) {
  auto caller = callers_.find(action.caller);
  if (caller != callers_.end()) Answer(action.caller, caller->second.request);
}

void ClusterDriver::Do(const session::AnswerProcessor& action) {
  auto caller = callers_.find(action.caller);
  if (caller == callers_.end()) return;
  meta::Processor message;
  message.ParseFromString(caller->second.request);
  if (!action.type.empty()) message.set_processortype(action.type);
  Answer(action.caller, message.SerializeAsString());
}

void ClusterDriver::Do(const session::AnswerNode& action) {
  auto caller = callers_.find(action.caller);
  if (caller == callers_.end()) return;
  meta::NodeHeartbeat message;
  message.ParseFromString(caller->second.request);
  message.mutable_node()->set_id(action.node_id);
  Answer(action.caller, message.SerializeAsString());
}

void ClusterDriver::Do(const session::AnswerError& action) { Answer(action.caller, action.status); }

void ClusterDriver::Do(const session::StartEggs& action) {
  std::string request = StartMessage(action.session_id, action.processors).SerializeAsString();
  CallNode(action.node, session::commands::kStartContainers, request, settings_.start_timeout,
           kAttempts, [this, id = action.session_id](const absl::StatusOr<std::string>& result) {
             // Too slow an answer is no failure: the eggs themselves tell.
             if (result.ok() || result.status().code() == absl::StatusCode::kDeadlineExceeded) {
               return;
             }
             Step(session::StartFailed{id, Message(result.status())});
           });
}

namespace {
rpc::Respond LogFailure(std::string what) {
  return [what = std::move(what)](const absl::StatusOr<std::string>& result) {
    if (!result.ok()) log::Warning("{}: {}", what, Message(result.status()));
  };
}
}  // namespace

void ClusterDriver::Do(const session::StopEggs& action) {
  CallNode(action.node, session::commands::kStopContainers,
           ToMessage(action.session, true).SerializeAsString(), kNodeTimeout, kAttempts,
           LogFailure("cannot stop the eggs of session " + action.session.id));
}

void ClusterDriver::Do(const session::KillEggs& action) {
  meta::SessionMeta message = ToMessage(action.session, true);
  (*message.mutable_options())["eggroll.resourcemanager.server.node.id"] =
      std::to_string(action.node.id);
  CallNode(action.node, session::commands::kKillContainers, message.SerializeAsString(),
           kNodeTimeout, 1, LogFailure("cannot kill the eggs of session " + action.session.id));
}

void ClusterDriver::Do(const session::CheckProcessor& action) {
  CallNode(action.node, session::commands::kCheckNodeProcess,
           ToMessage(action.processor).SerializeAsString(), kNodeTimeout, 1,
           [this, id = action.processor.id](const absl::StatusOr<std::string>& result) {
             meta::Processor answer;
             if (!result.ok() || !answer.ParseFromString(*result)) return;
             Step(session::ProcessorChecked{id, answer.status() == "RUNNING"});
           });
}

}  // namespace fate::clustermanager
