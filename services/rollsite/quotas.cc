#include "rollsite/quotas.h"

#include <algorithm>

#include "base/metrics.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::rollsite {
namespace {

constexpr char kStreams[] = "eggroll.rollsite.quota.streams";
constexpr char kBytes[] = "eggroll.rollsite.quota.bytes";

}  // namespace

void CountQuotaRefusal(const char* quota) {
  static auto& family = prometheus::BuildCounter()
                            .Name("rollsite_quota_refusals_total")
                            .Help("Calls refused or ended because their party was over a quota")
                            .Register(Metrics());
  family.Add({{"quota", quota}}).Increment();
}

absl::StatusOr<QuotaSettings> QuotaSettings::Read(const Properties& properties) {
  QuotaSettings settings;
  ASSIGN_OR_RETURN(const int64_t streams,
                   properties.GetInt(kStreams, static_cast<int64_t>(settings.streams), 1, 1 << 20));
  ASSIGN_OR_RETURN(const int64_t bytes,
                   properties.GetInt(kBytes, static_cast<int64_t>(settings.bytes),
                                     static_cast<int64_t>(kQuotaFloorBytes),
                                     static_cast<int64_t>(kMaxRelayBytes)));
  settings.streams = static_cast<size_t>(streams);
  settings.bytes = static_cast<size_t>(bytes);
  return settings;
}

Quotas::Party* Quotas::Find(std::string_view party, std::string_view address) {
  const std::string_view name = party.empty() ? address : party;
  auto it = parties_.find(name);
  if (it != parties_.end()) return &it->second;
  if (parties_.size() >= kMaxQuotaParties && sweeps_++ % kMaxQuotaParties == 0) Sweep();
  // Who makes up names shares one place with everybody else who does.
  const std::string key(parties_.size() < kMaxQuotaParties ? name : "others");
  Party& added = parties_[key];
  added.name = key;
  return &added;
}

void Quotas::Sweep() {
  std::erase_if(parties_, [](const auto& entry) { return entry.second.streams == 0; });
}

absl::Status Quotas::Enter(Party* party, bool limited) {
  if (++party->streams <= settings_.streams || !limited) return absl::OkStatus();
  CountQuotaRefusal("streams");
  return ResourceExhaustedError(
      "party {} has {} calls open here and may have {} ({}); end some, or raise it there",
      Escape(party->name), party->streams - 1, settings_.streams, kStreams);
}

absl::Status Quotas::Hold(Party* party, Way way, size_t bytes) {
  party->bytes[way] += bytes;
  bytes_[way] += bytes;
  if (party->bytes[way] <= kQuotaFloorBytes) return absl::OkStatus();
  const size_t free = kMaxRelayBytes - std::min(bytes_[way], kMaxRelayBytes);
  const size_t limit = std::max(kQuotaFloorBytes, std::min(settings_.bytes, free));
  if (party->bytes[way] <= limit) return absl::OkStatus();
  return TooManyBytes(*party, way, limit);
}

absl::Status Quotas::TooManyBytes(const Party& party, Way way, size_t limit) const {
  CountQuotaRefusal("bytes");
  return ResourceExhaustedError(
      "party {} has {} bytes of {} waiting here and may have {} at present (at most {} by {}): "
      "their receivers do not keep up; send less at a time",
      Escape(party.name), party.bytes[way], way == kRequests ? "requests" : "answers", limit,
      settings_.bytes, kBytes);
}

void Quotas::Release(Party* party, Way way, size_t bytes) {
  party->bytes[way] -= bytes;
  bytes_[way] -= bytes;
}

std::vector<Quotas::Party> Quotas::Busy(size_t most) const {
  std::vector<Party> busy;
  for (const auto& [name, party] : parties_) {
    if (party.streams > 0 && busy.size() < most) busy.push_back(party);
  }
  return busy;
}

}  // namespace fate::rollsite
