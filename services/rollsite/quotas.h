#pragma once

// What each party may take of this gateway, so that one that floods leaves room for the others:
// calls at a time, and bytes that wait here for a receiver who does not keep up. Of those a party
// may hold as many as are still free (Choudhury and Hahne, "Dynamic queue length thresholds",
// 1998): alone half of kMaxRelayBytes, n at their limits 1/(n+1) each, and always a few MB.
//
// A party is whom the call's metadata or first packet names (under TLS the certificate has to
// agree), else the peer's address. On the loop's thread; a look-up is one hash, nothing is built.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "base/properties.h"

namespace fate::rollsite {

struct QuotaSettings {
  size_t streams = 15'000;            // eggroll.rollsite.quota.streams; one's own are not counted
  size_t bytes = kMaxRelayBytes / 2;  // eggroll.rollsite.quota.bytes, of each direction
  // Errors: kInvalidArgument naming the key.
  static absl::StatusOr<QuotaSettings> Read(const Properties& properties);
};

// A party that holds no more than this is never refused.
inline constexpr size_t kQuotaFloorBytes = size_t{4} << 20;
// One more of rollsite_quota_refusals_total{quota}.
void CountQuotaRefusal(const char* quota);

// Beyond that names are told apart by address only: a flood of names takes no memory.
inline constexpr size_t kMaxQuotaParties = 4096;

class Quotas {
 public:
  enum Way { kRequests, kAnswers };
  struct Party {
    std::string name;
    size_t streams = 0;
    std::array<size_t, 2> bytes{};
  };

  explicit Quotas(const QuotaSettings& settings) : settings_(settings) {}

  // Stays valid while the party has a stream.
  Party* Find(std::string_view party, std::string_view address);
  // One more stream; every Enter is followed by one Leave. `limited`: no error without.
  absl::Status Enter(Party* party, bool limited);
  void Leave(Party* party) { --party->streams; }
  // Error: kResourceExhausted naming party, quota and key; the bytes count all the same.
  absl::Status Hold(Party* party, Way way, size_t bytes);
  void Release(Party* party, Way way, size_t bytes);

  // Those with calls, at most `most`.
  std::vector<Party> Busy(size_t most) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  absl::Status TooManyBytes(const Party& party, Way way, size_t limit) const;
  void Sweep();

  const QuotaSettings settings_;
  std::unordered_map<std::string, Party, Hash, std::equal_to<>> parties_;
  std::array<size_t, 2> bytes_{};
  size_t sweeps_ = 0;
};

}  // namespace fate::rollsite
