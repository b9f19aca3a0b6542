// Any numbers as the summary of a peer: what is accepted can be merged, gone on with and asked,
// and answers with one of its values.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "crypto/quantile/greenwald_khanna.h"

namespace {

constexpr size_t kTupleBytes = 24;

// epsilon, n, then tuples, as they lie in memory.
fate::crypto::QuantileSummary Read(const uint8_t* data, size_t size) {
  fate::crypto::QuantileSummary summary;
  std::memcpy(&summary.epsilon, data, 8);
  std::memcpy(&summary.n, data + 8, 8);
  for (size_t at = 16; at + kTupleBytes <= size; at += kTupleBytes) {
    fate::crypto::QuantileTuple tuple;
    std::memcpy(&tuple.value, data + at, 8);
    std::memcpy(&tuple.g, data + at + 8, 8);
    std::memcpy(&tuple.delta, data + at + 16, 8);
    summary.tuples.push_back(tuple);
  }
  return summary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 16) return 0;
  const auto peer = fate::crypto::GreenwaldKhanna::From(Read(data, size));
  if (!peer.ok()) return 0;
  auto own = fate::crypto::GreenwaldKhanna::Create(peer->summary().epsilon);
  const double values[] = {0.5, -1, 3, 3, 1e300, 7};
  if (!own.ok() || !own->Insert(values).ok()) std::abort();
  auto merged = own->Merge(*peer);
  if (!merged.ok()) return 0;
  if (!merged->Insert(values).ok()) std::abort();
  const auto& tuples = merged->summary().tuples;
  for (const double phi : {0.0, 0.3, 0.5, 1.0}) {
    const auto answer = merged->Quantile(phi);
    if (!answer.ok() || *answer < tuples.front().value || *answer > tuples.back().value) {
      std::abort();
    }
  }
  return 0;
}
