#include "federation/federation.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "base/limits.h"
#include "base/status.h"
#include "eggroll/meta.pb.h"
#include "fate/federation.pb.h"
#include "federation/push.h"
#include "wire/federation_key.h"

namespace fate::federation {

using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::transfer::RollSiteHeader;
using com::webank::eggroll::core::transfer::RollSitePullClearStatusRequest;
using com::webank::eggroll::core::transfer::RollSitePullGetHeaderRequest;
using com::webank::eggroll::core::transfer::RollSitePullGetHeaderResponse;
using com::webank::eggroll::core::transfer::RollSitePullGetPartitionStatusRequest;
using com::webank::eggroll::core::transfer::RollSitePullGetPartitionStatusResponse;
using compute::Table;

namespace {

constexpr absl::Duration kPoll = absl::Seconds(300);        // one parked question to an egg
constexpr absl::Duration kAnswerGrace = absl::Seconds(30);  // the egg answers at the latest then
constexpr absl::Duration kShortTask = absl::Seconds(60);

absl::Status CheckWord(const char* what, const std::string& text) {
  if (!text.empty() && text.find('#') == std::string::npos) return absl::OkStatus();
  return InvalidArgumentError("federation {} \"{}\": it may not be empty nor hold '#'", what, text);
}

// Runs a pull task whose one functor is `request`.
template <class Request>
absl::StatusOr<std::vector<std::string>> Ask(const Table& table, const std::string& task,
                                             const Request& request, absl::Duration timeout) {
  Job job;
  *job.add_inputs()->mutable_store() = table.store();
  auto* functor = job.add_functors();
  functor->set_name(task);
  functor->set_body(request.SerializeAsString());
  return table.session().RunJob(job, task, timeout);
}

// Asks the own eggs about one incoming message.
class Pull {
 public:
  Pull(compute::Session* session, const RollSiteHeader& key, absl::Duration timeout)
      : session_(session),
        key_(key),
        rs_key_(wire::RollSiteKey(key)),
        timeout_(timeout),
        deadline_(absl::Now() + timeout) {}

  absl::StatusOr<RollSiteHeader> AwaitHeader() {
    ASSIGN_OR_RETURN(auto name, StoreName::Parse(key_.rollsitesessionid(), wire::kStatusStoreName));
    ASSIGN_OR_RETURN(Table status, session_->UnregisteredTable(name, 1, compute::kLmdb));
    RollSitePullGetHeaderRequest request;
    request.set_tag(wire::BrokerTag(rs_key_, 0));
    while (true) {
      const absl::Duration wait = NextWait();
      if (wait <= absl::ZeroDuration()) return NothingCame();
      request.set_timeout(absl::ToDoubleSeconds(wait));
      const absl::Time asked = absl::Now();
      auto results = Ask(status, "pullGetHeader", request, wait + kAnswerGrace);
      RollSitePullGetHeaderResponse response;
      if (results.ok() && response.ParseFromString(results->at(0)) &&
          response.header().totalpartitions() > 0) {
        return response.header();
      }
      // An egg may answer the end of the wait with an error; an earlier one is a failure.
      if (!results.ok() && absl::Now() - asked < 0.9 * wait) return Failed(results.status());
    }
  }

  absl::StatusOr<Table> AwaitPartitions(int partitions) {
    ASSIGN_OR_RETURN(auto name, StoreName::Parse(key_.rollsitesessionid(), rs_key_));
    ASSIGN_OR_RETURN(Table table, session_->EnsureTable(name, partitions, compute::kInMemory));
    RollSitePullGetPartitionStatusRequest request;
    request.set_tag(TagPrefix());
    int64_t pairs = 0;
    for (int idle_polls = 0; idle_polls < 2;) {
      const absl::Duration wait = NextWait();
      if (wait <= absl::ZeroDuration()) return NothingCame();
      request.set_timeout(absl::ToDoubleSeconds(wait));
      auto results = Ask(table, "pullGetPartitionStatus", request, wait + kAnswerGrace);
      if (!results.ok()) return Failed(results.status());
      ASSIGN_OR_RETURN(Progress progress, ReadProgress(*results));
      if (progress.finished) return table;
      idle_polls = progress.pairs > pairs ? 0 : idle_polls + 1;
      pairs = progress.pairs;
    }
    return UnavailableError("{}: no updated progress for {} after {} pairs; did the peer stop?",
                            What(), absl::FormatDuration(2 * kPoll), pairs);
  }

  absl::Status ClearStatus(const Table& table) {
    RollSitePullClearStatusRequest request;
    request.set_tag(TagPrefix());
    return Ask(table, "pullClearStatus", request, kShortTask).status();
  }

  // "intersect tag default from guest_9999"
  std::string What() const {
    return fmt::format("{} tag {} from {}_{}", key_.name(), key_.tag(), key_.srcrole(),
                       key_.srcpartyid());
  }

 private:
  struct Progress {
    bool finished = true;
    int64_t pairs = 0;
  };

  static absl::StatusOr<Progress> ReadProgress(const std::vector<std::string>& results) {
    Progress progress;
    for (const std::string& result : results) {
      RollSitePullGetPartitionStatusResponse response;
      if (!response.ParseFromString(result)) {
        return InternalError("an egg's pullGetPartitionStatus answer is unreadable");
      }
      progress.finished = progress.finished && response.status().is_finished();
      progress.pairs += response.status().total_pairs();
    }
    return progress;
  }

  std::string TagPrefix() const { return "putBatch-" + rs_key_ + "-"; }
  absl::Duration NextWait() const { return std::min(kPoll, deadline_ - absl::Now()); }

  absl::Status NothingCame() const {
    return DeadlineExceededError(
        "{} did not arrive within {}; does the task of party {} still run?", What(),
        absl::FormatDuration(timeout_), key_.srcpartyid());
  }
  absl::Status Failed(const absl::Status& status) const {
    return Annotate(status, "waiting for " + What());
  }

  compute::Session* session_;
  RollSiteHeader key_;
  std::string rs_key_;
  absl::Duration timeout_;
  absl::Time deadline_;
};

// Joins the slices; their keys must be 0, 1, 2... as 4 bytes big-endian.
absl::StatusOr<std::string> JoinSlices(const Table& table, const std::string& what) {
  std::string bytes;
  uint32_t expected = 0;
  absl::Status bad;
  RETURN_IF_ERROR(table.GetAll([&](std::string_view key, std::string_view value) {
    uint32_t number = 0;
    for (unsigned char byte : key) number = number << 8 | byte;
    if (key.size() != 4 || number != expected++) {
      bad = DataLossError("{}: slice {} is missing", what, expected - 1);
    } else if (bytes.size() + value.size() > kMaxFederationObjectBytes) {
      bad = ResourceExhaustedError("{}: object of more than {} bytes; send it as a table", what,
                                   kMaxFederationObjectBytes);
    } else {
      bytes.append(value);
    }
    return bad.ok();
  }));
  RETURN_IF_ERROR(bad);
  if (expected == 0) return DataLossError("{}: no slice has arrived", what);
  return bytes;
}

}  // namespace

Federation::Federation(compute::Session* session, Options options)
    : session_(session), options_(std::move(options)) {}

std::vector<Party> Federation::PartiesOf(const std::string& role) const {
  std::vector<Party> parties;
  for (const Party& party : options_.parties) {
    if (party.role == role && party != options_.self) parties.push_back(party);
  }
  return parties;
}

absl::Status Federation::ClaimTag(const std::string& name, const std::string& tag,
                                  const Party& to) {
  RETURN_IF_ERROR(CheckWord("name", name));
  RETURN_IF_ERROR(CheckWord("tag", tag));
  std::lock_guard lock(mutex_);
  if (used_.insert(fmt::format("{}#{}#{}", name, tag, to.ToString())).second) {
    return absl::OkStatus();
  }
  return AlreadyExistsError(
      "push to {} with duplicate name and tag: name={}, tag={}; give each message its own tag",
      to.ToString(), name, tag);
}

absl::Status Federation::Released(const absl::Status& status, const RollSiteHeader& header) {
  if (!status.ok()) {
    std::lock_guard lock(mutex_);
    used_.erase(fmt::format("{}#{}#{}_{}", header.name(), header.tag(), header.dstrole(),
                            header.dstpartyid()));
  }
  return status;
}

absl::StatusOr<RollSiteHeader> Federation::OutgoingHeader(const std::string& name,
                                                          const std::string& tag, const Party& to,
                                                          const std::string& type, int partitions) {
  RollSiteHeader header;
  header.set_rollsitesessionid(options_.session_id);
  header.set_name(name);
  header.set_tag(tag);
  header.set_srcrole(options_.self.role);
  header.set_srcpartyid(options_.self.party_id);
  header.set_dstrole(to.role);
  header.set_dstpartyid(to.party_id);
  header.set_datatype(type);
  header.set_totalpartitions(partitions);
  // The key becomes a table's name at the receiving party: refuse here what it would refuse.
  RETURN_IF_ERROR(StoreName::Parse(options_.session_id, wire::RollSiteKey(header)).status());
  RETURN_IF_ERROR(ClaimTag(name, tag, to));
  return header;
}

absl::Status Federation::PutObject(const std::string& name, const std::string& tag, const Party& to,
                                   const std::string& bytes) {
  if (bytes.size() > kMaxFederationObjectBytes) {
    return InvalidArgumentError("{} tag {}: an object of {} bytes; above {} send a table", name,
                                tag, bytes.size(), kMaxFederationObjectBytes);
  }
  ASSIGN_OR_RETURN(auto header, OutgoingHeader(name, tag, to, kObjectType, 1));
  return Released(PushObject({.rollsite = options_.rollsite}, header, bytes), header);
}

absl::Status Federation::PutTable(const std::string& name, const std::string& tag, const Party& to,
                                  const Table& table) {
  ASSIGN_OR_RETURN(auto header, OutgoingHeader(name, tag, to, kTableType, table.partitions()));
  PushParameters parameters;
  parameters.set_rollsite(options_.rollsite);
  parameters.set_header(header.SerializeAsString());
  auto pushed = table.WithStores("federation.push", parameters.SerializeAsString());
  return Released(pushed.status(), header);
}

absl::StatusOr<Table> Federation::Receive(const std::string& name, const std::string& tag,
                                          const Party& from, const std::string& type) {
  RETURN_IF_ERROR(CheckWord("name", name));
  RETURN_IF_ERROR(CheckWord("tag", tag));
  RollSiteHeader key;
  key.set_rollsitesessionid(options_.session_id);
  key.set_name(name);
  key.set_tag(tag);
  key.set_srcrole(from.role);
  key.set_srcpartyid(from.party_id);
  key.set_dstrole(options_.self.role);
  key.set_dstpartyid(options_.self.party_id);
  Pull pull(session_, key, options_.timeout);
  ASSIGN_OR_RETURN(RollSiteHeader header, pull.AwaitHeader());
  if (header.datatype() != type) {
    return FailedPreconditionError("{}: the peer sent \"{}\", \"{}\" was expected", pull.What(),
                                   header.datatype(), type);
  }
  ASSIGN_OR_RETURN(Table table, pull.AwaitPartitions(header.totalpartitions()));
  RETURN_IF_ERROR(pull.ClearStatus(table));
  return table;
}

absl::StatusOr<std::string> Federation::GetObject(const std::string& name, const std::string& tag,
                                                  const Party& from) {
  ASSIGN_OR_RETURN(Table table, Receive(name, tag, from, kObjectType));
  ASSIGN_OR_RETURN(std::string bytes,
                   JoinSlices(table, fmt::format("{} tag {} from {}", name, tag, from.ToString())));
  RETURN_IF_ERROR(table.Destroy());
  return bytes;
}

absl::StatusOr<Table> Federation::GetTable(const std::string& name, const std::string& tag,
                                           const Party& from) {
  return Receive(name, tag, from, kTableType);
}

absl::Status Federation::Destroy() {
  const std::string mine = "__rsk#*#" + options_.self.role + "#" + options_.self.party_id;
  ASSIGN_OR_RETURN(auto tables, session_->FindTables(options_.session_id, mine));
  for (const Table& table : tables) RETURN_IF_ERROR(table.Destroy());
  return absl::OkStatus();
}

}  // namespace fate::federation
