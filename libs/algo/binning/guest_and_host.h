#pragma once

// The two ends of hetero_feature_binning's exchange (hetero_feature_binning.h). Each call does
// all of one party's part.

#include <string>
#include <vector>

#include "algo/binning/binning_model.h"
#include "algo/component.h"
#include "crypto/paillier/private_key.h"
#include "dataframe/data_frame.h"
#include "fate/binning.pb.h"

namespace fate::algo {

inline constexpr char kBinningTag[] = "default.train";

// Sends the public key and all labels, encrypted, to every host.
absl::Status SendLabels(federation::Federation& federation, const dataframe::DataFrame& frame,
                        const crypto::paillier::PublicKey& key, int64_t rows);

// Receives and decrypts one host's totals. They must add up to the guest's own.
absl::StatusOr<BinningModel::NamedMetrics> ReceiveHostMetrics(
    federation::Federation& federation, const federation::Party& host,
    const crypto::paillier::PrivateKey& key, const BinningParameters& parameters,
    const LabelCounts& labels);

// Sums the guest's labels by bin and sends the totals. Returns what the received ciphertexts
// were like; unmasked ones deserve a warning to people.
absl::StatusOr<LabelAudit> SendSums(federation::Federation& federation,
                                    const dataframe::DataFrame& frame,
                                    const std::vector<BinningModel::Column>& columns);

}  // namespace fate::algo
