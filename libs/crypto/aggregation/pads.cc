#include "crypto/aggregation/pads.h"

#include <openssl/crypto.h>

#include <cmath>

#include "base/status.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/prng/mersenne.h"

namespace fate::crypto {
namespace {

absl::StatusOr<std::vector<double>> Weighted(std::span<const double> values, double share) {
  std::vector<double> weighted(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    weighted[i] = values[i] * share;
    if (!std::isfinite(weighted[i])) {
      return InvalidArgumentError("value {} of the array, {} times {}, is no finite number", i,
                                  values[i], share);
    }
  }
  return weighted;
}

void AddPads(std::mt19937& twister, double factor, std::span<double> values) {
  for (double& value : values) {
    const double pad = NumpyUniform(twister) * factor;
    value += pad;
  }
}

// The low 32 bits of a digest as the big-endian number that Python's int(hex, 16) reads.
uint32_t LowWord(std::string_view digest) {
  uint32_t word = 0;
  for (const char byte : digest.substr(digest.size() - 4)) {
    word = word << 8 | static_cast<uint8_t>(byte);
  }
  return word;
}

}  // namespace

absl::StatusOr<std::string> ClientUuid(int index) {
  ASSIGN_OR_RETURN(const HashFunction md5, HashFunction::Named("md5"));
  return HexEncode(md5.Digest(fmt::format("{}", index)));
}

Padder::Peer::Peer(uint32_t seed, bool is_added)
    : seed(seed), is_added(is_added), twister(SeededTwister(seed)) {}

Padder::Peer::~Peer() {
  OPENSSL_cleanse(&seed, sizeof(seed));
  OPENSSL_cleanse(&twister, sizeof(twister));
}

absl::StatusOr<Padder> Padder::Create(std::string uuid,
                                      const std::map<std::string, BigInt>& shared_secrets) {
  if (shared_secrets.empty()) {
    return InvalidArgumentError(
        "client {} shares a secret with no other client: nothing would pad its values",
        Escape(uuid));
  }
  std::vector<Peer> peers;
  for (const auto& [peer, secret] : shared_secrets) {
    if (peer == uuid) {
      return InvalidArgumentError("client {} cannot share a secret with itself", Escape(uuid));
    }
    peers.emplace_back(static_cast<uint32_t>(mpz_getlimbn(secret.mpz(), 0)), peer > uuid);
  }
  return Padder(std::move(peers));
}

absl::StatusOr<std::vector<double>> Padder::Pad(std::span<const double> values, double share,
                                                double amplify) {
  ASSIGN_OR_RETURN(std::vector<double> padded, Weighted(values, share));
  for (Peer& peer : peers_) AddPads(peer.twister, peer.is_added ? amplify : -amplify, padded);
  return padded;
}

absl::StatusOr<std::vector<double>> Padder::PadRow(std::string_view key,
                                                   std::span<const double> values, double share,
                                                   double amplify) const {
  ASSIGN_OR_RETURN(const HashFunction md5, HashFunction::Named("md5"));
  ASSIGN_OR_RETURN(std::vector<double> padded, Weighted(values, share));
  const uint32_t offset = LowWord(md5.Digest(key));
  for (const Peer& peer : peers_) {
    std::mt19937 twister = SeededTwister(peer.seed + offset);
    AddPads(twister, peer.is_added ? amplify : -amplify, padded);
  }
  return padded;
}

}  // namespace fate::crypto
