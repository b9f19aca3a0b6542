#include "rollsite/egg_finder.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "base/status.h"
#include "eggroll/command.pb.h"
#include "rollsite/egg_messages.h"
#include "session/commands.h"
#include "wire/federation_key.h"

namespace fate::rollsite {
namespace {

using com::webank::eggroll::core::command::CommandRequest;
using com::webank::eggroll::core::command::CommandResponse;
using com::webank::eggroll::core::meta::Store;

constexpr absl::Duration kAskPatience = absl::Seconds(60);
constexpr absl::Duration kRemembered = absl::Seconds(10);
constexpr absl::Duration kStoreTimeout = absl::Seconds(20);
// For the answer about a session that is not waited for.
constexpr absl::Duration kAnswerPatience = absl::Seconds(20);
constexpr absl::Duration kFirstPause = absl::Milliseconds(10),
                         kLongestPause = absl::Milliseconds(200);
constexpr size_t kMaxRememberedSessions = 1000, kMaxRememberedStores = 4096;
constexpr char kUnknown[] = "unknown";

relay::Address ToAddress(const com::webank::eggroll::core::meta::Endpoint& endpoint) {
  return {endpoint.host(), endpoint.port()};
}

// The remedy of each; our own pushers know the text (wire/federation_key.h) and push again.
absl::Status NotThere(const RollSiteHeader& header, const std::string& status) {
  const bool unknown = status == kUnknown;
  return UnavailableError(
      "eggroll session {} {}{}; {}", wire::ReceivingSession(header), wire::kInvalidStatus, status,
      unknown ? fmt::format("push again once the task of party {} has started, or let pushes wait "
                            "for it there (eggroll.rollsite.session.unknown.wait.ms)",
                            header.dstpartyid())
              : fmt::format("it did not become ACTIVE in time: does the task of party {} start? "
                            "Its pushes wait longer with eggroll.rollsite.session.wait.ms",
                            header.dstpartyid()));
}

absl::StatusOr<std::string> OneResult(const absl::StatusOr<std::string>& bytes) {
  if (!bytes.ok()) return bytes.status();
  CommandResponse response;
  if (!response.ParseFromString(*bytes) || response.results_size() != 1) {
    return InternalError("the answer is no CommandResponse with one result");
  }
  return std::move(*response.mutable_results(0));
}

}  // namespace

std::shared_ptr<relay::ClientCall> CallCommand(
    relay::Upstreams* upstreams, const relay::Address& address, const std::string& uri,
    const google::protobuf::MessageLite& argument, absl::Duration timeout,
    std::function<void(absl::StatusOr<std::string>)> done) {
  CommandRequest request;
  request.set_id(fmt::format("{}_{}", absl::ToUnixMillis(absl::Now()), uri));
  request.set_uri(uri);
  request.add_args(argument.SerializeAsString());
  return relay::ClientCall::Unary(
      upstreams,
      {.address = address,
       .path = "/com.webank.eggroll.core.command.CommandService/call",
       .timeout = timeout},
      request.SerializeAsString(),
      [done = std::move(done)](absl::StatusOr<std::string> bytes) { done(OneResult(bytes)); });
}

class EggFinder::Search {
 public:
  explicit Search(EggFinder* finder) : finder(finder) {}
  ~Search() {
    if (store_call) store_call->Cancel();
    finder->loop_->Cancel(timer);
    if (done) finder->Abandon(session_id);
  }
  EggFinder* const finder;
  RollSiteHeader header;
  std::string session_id;
  absl::Time started, deadline;
  bool starting = false;  // the cluster manager knows the session
  Done done;              // empty once told
  relay::EventLoop::TimerId timer = 0;
  std::shared_ptr<relay::ClientCall> store_call;
};

// What is known about a session, and who wants to know.
struct EggFinder::Session {
  absl::Time valid_until = absl::InfinitePast();  // of placement and stores
  std::optional<compute::Placement> placement;
  std::map<std::string, Store> stores;  // by name, with the eggs filled in
  std::vector<std::weak_ptr<Search>> searches;
  std::shared_ptr<relay::ClientCall> call;  // null when nothing is being asked
  relay::EventLoop::TimerId pause_timer = 0;
  absl::Duration pause = kFirstPause;
  std::string last_status = "unknown or NEW";  // nobody has said yet
};

EggFinder::EggFinder(relay::Upstreams* upstreams, relay::Address cluster_manager,
                     const EggSettings& settings)
    : upstreams_(upstreams),
      loop_(&upstreams->loop()),
      cluster_manager_(std::move(cluster_manager)),
      settings_(settings) {}

EggFinder::~EggFinder() {
  for (auto& [id, session] : sessions_) {
    loop_->Cancel(session.pause_timer);
    if (session.call) session.call->Cancel();
  }
}

std::shared_ptr<EggFinder::Search> EggFinder::Find(const RollSiteHeader& header,
                                                   absl::Duration patience, Done done) {
  auto search = std::make_shared<Search>(this);
  search->header = header;
  search->session_id = wire::ReceivingSession(header);
  search->started = loop_->Now();
  search->deadline = search->started + patience;
  search->done = std::move(done);
  WaitUntil(search, search->started +
                        std::max(settings_.unknown_wait + settings_.session_wait, kAnswerPatience));
  Session& session = sessions_[search->session_id];
  session.searches.push_back(search);
  if (session.placement && session.valid_until > loop_->Now()) {
    loop_->Defer([this, id = search->session_id] { Tell(id, absl::OkStatus()); });
  } else if (!session.call && session.pause_timer == 0) {
    Ask(search->session_id);
  }
  Trim();
  return search;
}

// The last moment for the session to become active.
void EggFinder::WaitUntil(const std::shared_ptr<Search>& search, absl::Time end) {
  loop_->Cancel(search->timer);
  search->timer = loop_->At(std::min(end, search->deadline), [this, weak = std::weak_ptr(search)] {
    auto self = weak.lock();
    if (!self) return;
    auto it = sessions_.find(self->session_id);
    Finish(self.get(), NotThere(self->header, it == sessions_.end() ? std::string(kUnknown)
                                                                    : it->second.last_status));
  });
}

void EggFinder::Ask(const std::string& session_id) {
  Session& session = sessions_[session_id];
  session.placement.reset();
  session.stores.clear();
  SessionMeta ask;
  ask.set_id(session_id);
  (*ask.mutable_options())[session::commands::kUnknownAtOnce] = "true";
  session.call = CallCommand(upstreams_, cluster_manager_, session::commands::kGetSession, ask,
                             kAskPatience, [this, session_id](absl::StatusOr<std::string> answer) {
                               OnSession(session_id, std::move(answer));
                             });
}

void EggFinder::OnSession(const std::string& session_id, absl::StatusOr<std::string> answer) {
  Session& session = sessions_[session_id];
  session.call.reset();
  if (absl::IsDeadlineExceeded(answer.status())) return AskAgain(session_id);
  if (!answer.ok()) {
    return Tell(session_id, absl::Status(answer.status().code(),
                                         fmt::format("session {}: clustermanager: {}; check that "
                                                     "fate-clustermanager runs",
                                                     session_id, Message(answer.status()))));
  }
  SessionMeta meta;
  if (!meta.ParseFromString(*answer)) {
    return Tell(session_id, InternalError("clustermanager {}: its answer is no SessionMeta",
                                          cluster_manager_.ToString()));
  }
  if (meta.status() == "ACTIVE") return OnActive(session_id, meta);
  session.last_status = meta.status().empty() ? kUnknown : meta.status();
  if (meta.status().empty() || meta.status() == "NEW") {
    return OnNotThere(session_id, session.last_status);
  }
  Tell(session_id,
       InternalError("eggroll session {} {}{}", session_id, wire::kInvalidStatus, meta.status()));
}

void EggFinder::OnActive(const std::string& session_id, const SessionMeta& meta) {
  auto placement = compute::Placement::Create(meta);
  if (!placement.ok()) return Tell(session_id, InternalError("{}", Message(placement.status())));
  Session& session = sessions_[session_id];
  session.placement = *std::move(placement);
  session.valid_until = loop_->Now() + kRemembered;
  session.pause = kFirstPause;
  Tell(session_id, absl::OkStatus());
}

// Each caller waits as long as it may for a session in this state.
void EggFinder::OnNotThere(const std::string& session_id, const std::string& status) {
  const absl::Time now = loop_->Now();
  for (const auto& weak : std::vector(sessions_[session_id].searches)) {
    auto search = weak.lock();
    if (!search || !search->done) continue;
    if (status == kUnknown) {
      search->starting = false;
      if (now >= search->started + settings_.unknown_wait) {
        Finish(search.get(), NotThere(search->header, status));
      }
    } else if (!std::exchange(search->starting, true)) {
      WaitUntil(search, now + settings_.session_wait);
    }
  }
  auto it = sessions_.find(session_id);
  if (it == sessions_.end() || it->second.call || it->second.pause_timer != 0) return;
  AskAgain(session_id);
}

// A cluster manager may answer only when the session has started (ours does); upstream's also waits
// for one that is unknown.
void EggFinder::AskAgain(const std::string& session_id) {
  Session& session = sessions_[session_id];
  session.pause_timer = loop_->After(session.pause, [this, session_id] {
    sessions_[session_id].pause_timer = 0;
    Ask(session_id);
  });
  session.pause = std::min(session.pause * 2, kLongestPause);
}

// Somebody stopped waiting; when it was the last, nothing is asked any more.
void EggFinder::Abandon(const std::string& session_id) {
  auto it = sessions_.find(session_id);
  if (it == sessions_.end() || it->second.placement) return;
  Session& session = it->second;
  std::erase_if(session.searches, [](const auto& weak) {
    auto search = weak.lock();
    return !search || !search->done;
  });
  if (!session.searches.empty()) return;
  loop_->Cancel(session.pause_timer);
  if (session.call) session.call->Cancel();
  sessions_.erase(it);
}

// Everybody who waits for the session: an error, or on to the table.
void EggFinder::Tell(const std::string& session_id, const absl::Status& status) {
  auto it = sessions_.find(session_id);
  if (it == sessions_.end()) return;
  auto searches = std::exchange(it->second.searches, {});
  if (!status.ok()) sessions_.erase(it);
  for (const auto& weak : searches) {
    auto search = weak.lock();
    if (!search || !search->done) continue;
    if (status.ok()) {
      FindStore(search);
    } else {
      Finish(search.get(), status);
    }
  }
}

void EggFinder::FindStore(const std::shared_ptr<Search>& search) {
  loop_->Cancel(std::exchange(search->timer, 0));
  Store request = PushedStore(search->header, settings_.version);
  Session& session = sessions_[search->session_id];
  if (session.stores.count(request.storelocator().name())) return OnStore(search, std::string());
  absl::Duration timeout = std::min(kStoreTimeout, search->deadline - loop_->Now());
  search->store_call = CallCommand(
      upstreams_, cluster_manager_, session::commands::kGetOrCreateStore, request, timeout,
      [this, weak = std::weak_ptr(search)](absl::StatusOr<std::string> answer) {
        if (auto self = weak.lock()) OnStore(self, std::move(answer));
      });
}

void EggFinder::OnStore(const std::shared_ptr<Search>& search, absl::StatusOr<std::string> answer) {
  if (!search->done) return;
  if (!answer.ok()) {
    return Finish(
        search.get(),
        Annotate(answer.status(), fmt::format("session {}: getOrCreateStore at "
                                              "clustermanager {}",
                                              search->session_id, cluster_manager_.ToString())));
  }
  auto it = sessions_.find(search->session_id);
  if (it == sessions_.end() || !it->second.placement) {
    return Finish(search.get(), UnavailableError("session {} has just ended", search->session_id));
  }
  Session& session = it->second;
  std::string name = wire::RollSiteKey(search->header);
  if (auto known = session.stores.find(name); known == session.stores.end()) {
    Store store;
    if (!store.ParseFromString(*answer)) {
      return Finish(search.get(), InternalError("clustermanager {}: its answer is no Store",
                                                cluster_manager_.ToString()));
    }
    if (auto status = session.placement->Populate(&store); !status.ok()) {
      return Finish(search.get(), InternalError("{}", Message(status)));
    }
    if (session.stores.size() >= kMaxRememberedStores) session.stores.clear();
    session.stores[name] = std::move(store);
  }
  const Store& store = session.stores[name];
  for (const auto& partition : store.partitions()) {
    if (partition.id() != search->header.partitionid()) continue;
    return Finish(search.get(),
                  EggPlace{store, partition, ToAddress(partition.processor().commandendpoint()),
                           ToAddress(partition.processor().transferendpoint())});
  }
  Finish(search.get(), InternalError("table {} has {} partitions; partition {} was pushed", name,
                                     store.partitions_size(), search->header.partitionid()));
}

void EggFinder::Finish(Search* search, absl::StatusOr<EggPlace> place) {
  loop_->Cancel(std::exchange(search->timer, 0));
  auto done = std::exchange(search->done, nullptr);
  if (!done) return;
  Abandon(search->session_id);
  done(std::move(place));
}

void EggFinder::Forget(const std::string& session_id) {
  auto it = sessions_.find(session_id);
  if (it != sessions_.end()) it->second.valid_until = absl::InfinitePast();
}

// Drops what nobody asks for once there is much of it.
void EggFinder::Trim() {
  if (sessions_.size() <= kMaxRememberedSessions) return;
  absl::Time now = loop_->Now();
  std::erase_if(sessions_, [&](const auto& entry) {
    const Session& session = entry.second;
    return session.searches.empty() && !session.call && session.pause_timer == 0 &&
           session.valid_until <= now;
  });
}

}  // namespace fate::rollsite
