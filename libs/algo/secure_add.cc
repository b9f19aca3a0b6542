#include "algo/secure_add.h"

#include <array>
#include <cstdio>

#include "algo/compensated_sum.h"
#include "algo/parameters.h"
#include "algo/python_number.h"
#include "base/limits.h"
#include "base/status.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "fate/secure_add.pb.h"

namespace fate::algo {
namespace {

using compute::Table;
using federation::Federation;
using federation::Party;

constexpr char kName[] = "secure_add_example";
constexpr char kTag[] = "default";
constexpr int64_t kMaxRows = 1'000'000'000;
constexpr double kTolerance = 1e-6;

struct Settings {
  int64_t data_num, partition;
  std::string seed;  // "" = none
};

absl::StatusOr<Settings> ReadSettings(const nlohmann::json& object) {
  Parameters parameters(kName, object);
  Settings settings;
  ASSIGN_OR_RETURN(settings.data_num, parameters.Int("data_num", 1000, 1, kMaxRows));
  ASSIGN_OR_RETURN(settings.partition, parameters.Int("partition", 1, 1, kMaxPartitions));
  ASSIGN_OR_RETURN(int64_t seed, parameters.Int("seed", 0, INT64_MIN, INT64_MAX));
  if (parameters.Has("seed")) settings.seed = std::to_string(seed);
  return settings;
}

// One party's side of the run.
class SecureAdd {
 public:
  SecureAdd(TaskContext& context, Settings settings)
      : context_(context), settings_(std::move(settings)) {}

  absl::Status RunGuest();
  absl::Status RunHost();

 private:
  // Lines of secure_add_guest.py in FATE 1.11.3; tools look for this text.
  void GuestLine(int line, const std::string& message) {
    context_.Log(fmt::format("secure_add_guest.py[line:{}]", line), message);
  }
  void HostLine(const std::string& message) { context_.Log("secure_add_host.py", message); }

  absl::Status FindPeer(const std::string& role);
  absl::Status MakeData();
  absl::Status SplitData();
  absl::StatusOr<Table> Receive(const std::string& name);
  absl::StatusOr<CompensatedSum> AddAndSum(const Table& own, const Table& received);
  std::string ShareKey() const;

  TaskContext& context_;
  Settings settings_;
  Federation* federation_ = nullptr;
  Party peer_;
  Table data_, first_share_, second_share_;
};

absl::Status SecureAdd::FindPeer(const std::string& role) {
  ASSIGN_OR_RETURN(federation_, context_.federation());
  auto peers = federation_->PartiesOf(role);
  if (peers.size() != 1) {
    return InvalidArgumentError("{} needs exactly one {}; this job has {}", kName, role,
                                peers.size());
  }
  peer_ = peers[0];
  return absl::OkStatus();
}

absl::Status SecureAdd::MakeData() {
  ASSIGN_OR_RETURN(auto* session, context_.session());
  ASSIGN_OR_RETURN(Table empty, session->CreateTable(int(settings_.partition)));
  SecureAddRows parameters;
  parameters.set_data_num(settings_.data_num);
  ASSIGN_OR_RETURN(data_, empty.Map("secure_add.rows", parameters.SerializeAsString()));
  return absl::OkStatus();
}

std::string SecureAdd::ShareKey() const {
  if (settings_.seed.empty()) return crypto::Random::Bytes(32);
  auto digest = crypto::Sha256(
      fmt::format("{} {} {} {}", kName, settings_.seed, context_.role(), context_.party_id()));
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

absl::Status SecureAdd::SplitData() {
  SecureAddSplit parameters;
  parameters.set_key(ShareKey());
  ASSIGN_OR_RETURN(first_share_, data_.Map("secure_add.split", parameters.SerializeAsString()));
  parameters.set_second(true);
  ASSIGN_OR_RETURN(second_share_, data_.Map("secure_add.split", parameters.SerializeAsString()));
  return data_.Destroy();
}

// The peer may have been given another number of partitions.
absl::StatusOr<Table> SecureAdd::Receive(const std::string& name) {
  ASSIGN_OR_RETURN(Table table, federation_->GetTable(name, kTag, peer_));
  if (table.partitions() == int(settings_.partition)) return table;
  return table.Shuffle("identity", "", int(settings_.partition));
}

absl::StatusOr<CompensatedSum> SecureAdd::AddAndSum(const Table& own, const Table& received) {
  ASSIGN_OR_RETURN(Table sums, own.Join(received, "secure_add.add", ""));
  ASSIGN_OR_RETURN(auto parts, sums.Fold("secure_add.sum", ""));
  CompensatedSum total;
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(auto sum, CompensatedSum::Decode(part));
    total.Add(sum);
  }
  return total;
}

absl::Status SecureAdd::RunGuest() {
  GuestLine(96, "begin to init parameters of secure add example guest");
  RETURN_IF_ERROR(FindPeer("host"));
  GuestLine(100, "begin to make guest data");
  RETURN_IF_ERROR(MakeData());
  GuestLine(103, "split data into two random parts");
  RETURN_IF_ERROR(SplitData());
  GuestLine(106, "share one random part data to host");
  RETURN_IF_ERROR(federation_->PutTable("guest_share", kTag, peer_, second_share_));
  GuestLine(109, "get share of one random part data from host");
  ASSIGN_OR_RETURN(Table host_share, Receive("host_share"));
  GuestLine(112, "begin to get sum of guest and host");
  ASSIGN_OR_RETURN(CompensatedSum guest_sum, AddAndSum(first_share_, host_share));
  GuestLine(115, "receive host sum from guest");
  ASSIGN_OR_RETURN(std::string bytes, federation_->GetObject("host_sum", kTag, peer_));
  ASSIGN_OR_RETURN(CompensatedSum host_sum, CompensatedSum::Decode(bytes));
  CompensatedSum result = guest_sum;
  result.Add(host_sum);
  std::printf("host sum is %.4f\nguest sum is %.4f\nSecure Add Result is %.4f\n", host_sum.Total(),
              guest_sum.Total(), result.Total());
  std::fflush(stdout);
  double expected = 2.0 * double(settings_.data_num);
  if (!(std::abs(result.Total() - expected) < kTolerance)) {
    return InternalError(
        "secure_sum is {}, expected {}: the parties may have used different "
        "data_num; give guest and host the same",
        PythonFloat(result.Total()), PythonFloat(expected));
  }
  GuestLine(122, "success to calculate secure_sum, it is " + PythonFloat(result.Total()));
  return absl::OkStatus();
}

absl::Status SecureAdd::RunHost() {
  HostLine("begin to init parameters of secure add example host");
  RETURN_IF_ERROR(FindPeer("guest"));
  HostLine("begin to make host data");
  RETURN_IF_ERROR(MakeData());
  HostLine("split data into two random parts");
  RETURN_IF_ERROR(SplitData());
  HostLine("get share of one random part data from guest");
  ASSIGN_OR_RETURN(Table guest_share, Receive("guest_share"));
  HostLine("share one random part data to guest");
  RETURN_IF_ERROR(federation_->PutTable("host_share", kTag, peer_, first_share_));
  HostLine("begin to get sum of host and guest");
  ASSIGN_OR_RETURN(CompensatedSum host_sum, AddAndSum(second_share_, guest_share));
  HostLine("send host sum to guest");
  return federation_->PutObject("host_sum", kTag, peer_, host_sum.Encode());
}

absl::Status Run(TaskContext& context) {
  ASSIGN_OR_RETURN(Settings settings, ReadSettings(context.parameters()));
  SecureAdd run(context, std::move(settings));
  return context.role() == "guest" ? run.RunGuest() : run.RunHost();
}

}  // namespace

Component SecureAddExample() {
  Component component;
  component.name = kName;
  component.roles = {"guest", "host"};
  component.check_parameters = [](const nlohmann::json& parameters) {
    return ReadSettings(parameters).status();
  };
  component.run = &Run;
  return component;
}

}  // namespace fate::algo
