#include "base/status.h"
#include "compute/operators.h"
#include "fate/federation.pb.h"
#include "federation/federation.h"
#include "federation/push.h"

namespace fate::federation {
namespace {

// Larger than upstream's defaults (100 000 bytes, 10 batches): fewer calls for the same memory.
constexpr int64_t kBatchBytes = 500'000;
constexpr int64_t kBatchesPerStream = 20;

absl::StatusOr<PushOptions> OptionsOf(const compute::OperatorContext& context) {
  static const auto* none = new Properties();
  const Properties& properties = context.properties == nullptr ? *none : *context.properties;
  PushOptions options{.cancelled = context.cancelled};
  ASSIGN_OR_RETURN(int64_t batch_bytes, properties.GetInt("eggroll.rollsite.adapter.sendbuf.size",
                                                          kBatchBytes, 1024, 16 << 20));
  ASSIGN_OR_RETURN(int64_t batches, properties.GetInt("eggroll.rollsite.push.batches.per.stream",
                                                      kBatchesPerStream, 1, 1'000'000));
  ASSIGN_OR_RETURN(int64_t timeout_seconds,
                   properties.GetInt("eggroll.rollsite.push.stream.timeout.sec", 300, 1, 86'400));
  options.batch_bytes = static_cast<size_t>(batch_bytes);
  options.batches_per_stream = static_cast<int>(batches);
  options.stream_timeout = absl::Seconds(timeout_seconds);
  return options;
}

absl::StatusOr<std::string> Push(const compute::OperatorContext& context,
                                 std::vector<compute::PairReader>& inputs) {
  PushParameters parameters;
  PartitionPush::RollSiteHeader header;
  if (!parameters.ParseFromString(context.parameters) ||
      !header.ParseFromString(parameters.header()) || inputs.empty()) {
    return InvalidArgumentError("federation.push got unreadable parameters");
  }
  ASSIGN_OR_RETURN(PushOptions options, OptionsOf(context));
  options.rollsite = parameters.rollsite();
  header.set_partitionid(context.partition);
  PartitionPush push(std::move(options), std::move(header));
  compute::PairReader& pairs = inputs[0];
  while (pairs.Next()) {
    if (*context.cancelled) return CancelledError("federation.push was cancelled");
    RETURN_IF_ERROR(push.Add(pairs.key(), pairs.value()));
  }
  RETURN_IF_ERROR(pairs.status());
  RETURN_IF_ERROR(push.Finish());
  return std::string();
}

}  // namespace

void RegisterFederationOperators(compute::OperatorRegistry& registry) {
  registry.AddStores("federation.push", &Push);
}

}  // namespace fate::federation
