#pragma once

// Secure aggregation of FATE 1.x (spec 7.2): like that of 2.x (secure_sum.h) with pads from
// numpy's Mersenne Twister, uniform in [0, 1), and a seed of 32 bits from a Diffie-Hellman
// agreement (agreement/modp_key.h). The aggregator adds what it receives (ArraySum).
//
// For peers that speak 1.x only. Pads below 1 hide little of a value of 10, and 2^32 trials find
// the seed of two clients who masked something guessable.

#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

// The name that the aggregator gives its client of the given index: hex of the MD5 of its
// decimal digits. Error: kUnimplemented when OpenSSL has no MD5.
absl::StatusOr<std::string> ClientUuid(int index);

// One client. The generators go on over arrays and rounds. One thread at a time.
class Padder {
 public:
  // shared_secrets: what ModpKey::Agree gave for each other client, by uuid. Error:
  // kInvalidArgument when there is none, or one under this client's own uuid.
  static absl::StatusOr<Padder> Create(std::string uuid,
                                       const std::map<std::string, BigInt>& shared_secrets);

  // values[i] * share, plus the pads that are shared with clients of greater uuid, minus the
  // others, each times `amplify`. share: this client's weight over the total, or 1 for a sum.
  // amplify: 1 for arrays; see kTablePadAmplifier. Error: kInvalidArgument for a value that is
  // not finite.
  absl::StatusOr<std::vector<double>> Pad(std::span<const double> values, double share,
                                          double amplify = 1.0);

  // The values of one row of a table: pads depend on the row's key, as text, and not on what was
  // padded before.
  absl::StatusOr<std::vector<double>> PadRow(std::string_view key, std::span<const double> values,
                                             double share, double amplify) const;

 private:
  struct Peer {
    uint32_t seed;
    bool is_added;  // its uuid is greater
    std::mt19937 twister;
    Peer(uint32_t seed, bool is_added);
    Peer(const Peer&) = default;
    Peer& operator=(const Peer&) = default;
    ~Peer();  // wiped
  };
  explicit Padder(std::vector<Peer> peers) : peers_(std::move(peers)) {}

  std::vector<Peer> peers_;  // in the order of their uuids
};

// The factor of pads from the first table on that a client of 1.x sends.
inline constexpr double kTablePadAmplifier = 1000;

}  // namespace fate::crypto
