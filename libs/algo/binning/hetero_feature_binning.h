#pragma once

// Bins of every party's columns, and how much each tells about the guest's label: weight of
// evidence and information value (spec/federated-algorithms.md 10.1).
//
//   guest                                                   host
//   key pair, one a job   -- pk, enc_y (every label) -->    adds labels by bin of its columns
//   decrypts totals only  <-- event_non_event_count  --     packed and masked anew
//                         <-- anonymous_col_bin, feature_bin_sizes --
//
// The private key never leaves the guest's component: eggs and hosts hold the public key. The
// guest learns of each host's bin how many rows and events it has, under the column's anonymous
// name, not where the bin begins and ends; the host learns nothing about labels.

#include "algo/component.h"
#include "compute/operators.h"

namespace fate::algo {

Component HeteroFeatureBinning();
void RegisterBinningOperators(compute::OperatorRegistry& registry);

}  // namespace fate::algo
