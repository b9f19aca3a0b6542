#include <algorithm>
#include <cstring>

#include "algo/psi/psi.h"
#include "algo/psi/row_location.h"
#include "base/status.h"
#include "base/text.h"
#include "crypto/curve/curve25519.h"
#include "dataframe/block.h"
#include "dataframe/bytes.h"
#include "dataframe/row.h"
#include "fate/psi.pb.h"

namespace fate::algo {
namespace {

using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;
using crypto::CurvePoint;
using dataframe::Block;

// A merged value may not outgrow this: some 100000 rows with one match id.
constexpr size_t kMaxMergedBytes = size_t{1} << 20;

absl::StatusOr<crypto::PsiSecret> Secret(const OperatorContext& context) {
  PsiSign parameters;
  std::array<uint8_t, 32> bytes;
  if (!parameters.ParseFromString(context.parameters) ||
      parameters.secret().size() != bytes.size()) {
    return InvalidArgumentError("the parameters of a psi operator hold no secret of 32 bytes");
  }
  std::memcpy(bytes.data(), parameters.secret().data(), bytes.size());
  return crypto::PsiSecret(bytes);
}

absl::Status CheckCancelled(const OperatorContext& context) {
  return context.cancelled && *context.cancelled ? CancelledError("the task was cancelled")
                                                 : absl::OkStatus();
}

// Calls take(key, block) for each block of the partition.
template <class Take>
absl::Status ForEachBlock(const OperatorContext& context, PairReader& input, Take take) {
  while (input.Next()) {
    RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(Block block, Block::Decode(input.value()));
    RETURN_IF_ERROR(take(input.key(), block));
  }
  return input.status();
}

// Calls take(key, left value, right value) for each key that both sides have.
template <class Take>
absl::Status ForEachMatch(const OperatorContext& context, PairReader& left, PairReader& right,
                          Take take) {
  bool more = left.Next() && right.Next();
  while (more) {
    const int order = left.key().compare(right.key());
    if (order == 0) {
      RETURN_IF_ERROR(CheckCancelled(context));
      RETURN_IF_ERROR(take(left.key(), left.value(), right.value()));
    }
    more = (order > 0 || left.Next()) && (order < 0 || right.Next());
  }
  RETURN_IF_ERROR(left.status());
  return right.status();
}

// block key -> blocks  ==>  block key -> points
absl::Status FirstSign(const OperatorContext& context, PairReader& input, PairWriter& output) {
  ASSIGN_OR_RETURN(const crypto::PsiSecret secret, Secret(context));
  return ForEachBlock(context, input, [&](std::string_view key, const Block& block) {
    std::vector<std::string_view> ids(block.rows());
    for (size_t row = 0; row < ids.size(); ++row) ids[row] = block.match_id(row);
    const std::vector<CurvePoint> points = secret.FirstSign(ids);
    return output.Put(
        key, {reinterpret_cast<const char*>(points.data()), points.size() * sizeof(CurvePoint)});
  });
}

absl::StatusOr<std::vector<CurvePoint>> ParsePoints(std::string_view key, std::string_view value) {
  if (key.size() != kBlockKeyBytes || value.size() % sizeof(CurvePoint) != 0 ||
      value.size() > dataframe::kRowsPerBlock * sizeof(CurvePoint)) {
    return DataLossError("a block of {} bytes under a key of {} bytes holds no signed ids",
                         value.size(), key.size());
  }
  std::vector<CurvePoint> points(value.size() / sizeof(CurvePoint));
  std::memcpy(points.data(), value.data(), value.size());
  return points;
}

absl::Status PutLocated(std::string_view key, const std::vector<CurvePoint>& points,
                        PairWriter& output) {
  for (size_t row = 0; row < points.size(); ++row) {
    const std::string_view point(reinterpret_cast<const char*>(points[row].data()),
                                 points[row].size());
    RETURN_IF_ERROR(output.Put(point, RowLocation(key, row)));
  }
  return absl::OkStatus();
}

// block key -> points  ==>  point -> location
absl::Status LocatePoints(const OperatorContext& context, PairReader& input, PairWriter& output) {
  while (input.Next()) {
    RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(const auto points, ParsePoints(input.key(), input.value()));
    RETURN_IF_ERROR(PutLocated(input.key(), points, output));
  }
  return input.status();
}

// block key -> points  ==>  point signed once more -> location
absl::Status SecondSign(const OperatorContext& context, PairReader& input, PairWriter& output) {
  ASSIGN_OR_RETURN(const crypto::PsiSecret secret, Secret(context));
  while (input.Next()) {
    RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(const auto points, ParsePoints(input.key(), input.value()));
    RETURN_IF_ERROR(PutLocated(input.key(), secret.SecondSign(points), output));
  }
  return input.status();
}

absl::StatusOr<std::string> RefuseDuplicates(const std::string&, std::string_view,
                                             std::string_view) {
  return AlreadyExistsError(
      "duplicate match_id detect: two rows of a host have one match id; "
      "keep one row for each match id in the host's data");
}

absl::StatusOr<std::string> Concatenate(const std::string&, std::string_view old_value,
                                        std::string_view new_value) {
  if (old_value.size() + new_value.size() > kMaxMergedBytes) {
    return ResourceExhaustedError(
        "one match id occurs in more rows than psi can join ({} bytes of row locations); "
        "remove repeated rows from the guest's data",
        kMaxMergedBytes);
  }
  return std::string(old_value).append(new_value);
}

// point -> guest locations, point -> host location  ==>  guest location -> host location
absl::Status Match(const OperatorContext& context, PairReader& left, PairReader& right,
                   PairWriter& output) {
  return ForEachMatch(context, left, right,
                      [&](std::string_view, std::string_view guest, std::string_view host) {
                        if (guest.size() % kLocationBytes != 0 || host.size() != kLocationBytes) {
                          return DataLossError("{} bytes of row locations", guest.size());
                        }
                        for (; !guest.empty(); guest.remove_prefix(kLocationBytes)) {
                          RETURN_IF_ERROR(output.Put(guest.substr(0, kLocationBytes), host));
                        }
                        return absl::OkStatus();
                      });
}

// The rows that both have, with both values one after the other.
absl::Status MatchBoth(const OperatorContext& context, PairReader& left, PairReader& right,
                       PairWriter& output) {
  return ForEachMatch(context, left, right,
                      [&](std::string_view key, std::string_view a, std::string_view b) {
                        return output.Put(key, std::string(a).append(b));
                      });
}

// blocks  ==>  location -> sample id
absl::Status LocateIds(const OperatorContext& context, PairReader& input, PairWriter& output) {
  return ForEachBlock(context, input, [&](std::string_view key, const Block& block) {
    for (size_t row = 0; row < block.rows(); ++row) {
      RETURN_IF_ERROR(output.Put(RowLocation(key, row), block.sample_id(row)));
    }
    return absl::OkStatus();
  });
}

// location -> sample id, location -> host locations  ==>  sample id -> host locations
absl::Status NameMatches(const OperatorContext& context, PairReader& left, PairReader& right,
                         PairWriter& output) {
  return ForEachMatch(context, left, right,
                      [&](std::string_view, std::string_view sample_id,
                          std::string_view locations) { return output.Put(sample_id, locations); });
}

// sample id -> host locations  ==>  sample id -> location at one host
absl::Status Indexer(const OperatorContext& context, PairReader& input, PairWriter& output) {
  PsiIndexer parameters;
  if (!parameters.ParseFromString(context.parameters)) {
    return InvalidArgumentError("psi.indexer cannot read its parameters");
  }
  const size_t offset = parameters.host() * kLocationBytes;
  while (input.Next()) {
    if (input.value().size() < offset + kLocationBytes) {
      return DataLossError("a matched row has no location at host {}", parameters.host());
    }
    RETURN_IF_ERROR(output.Put(input.key(), input.value().substr(offset, kLocationBytes)));
  }
  return input.status();
}

// sample id -> row, sample id -> anything  ==>  sample id -> row
absl::Status KeepMatched(const OperatorContext& context, PairReader& left, PairReader& right,
                         PairWriter& output) {
  return ForEachMatch(context, left, right,
                      [&](std::string_view key, std::string_view row, std::string_view) {
                        return output.Put(key, row);
                      });
}

// sample id -> location  ==>  location -> sample id with its length before it
absl::Status ByLocation(const OperatorContext& context, PairReader& input, PairWriter& output) {
  while (input.Next()) {
    RETURN_IF_ERROR(CheckCancelled(context));
    if (input.value().size() != kLocationBytes) {
      return DataLossError("the guest's indexer holds a location of {} bytes",
                           input.value().size());
    }
    std::string sample_id;
    dataframe::AppendNumber<uint32_t>(sample_id, static_cast<uint32_t>(input.key().size()));
    RETURN_IF_ERROR(output.Put(input.value(), sample_id.append(input.key())));
  }
  return input.status();
}

// blocks  ==>  location -> row
absl::Status LocateRows(const OperatorContext& context, PairReader& input, PairWriter& output) {
  return ForEachBlock(context, input, [&](std::string_view key, const Block& block) {
    for (size_t row = 0; row < block.rows(); ++row) {
      RETURN_IF_ERROR(output.Put(RowLocation(key, row), dataframe::EncodeRow(block.ToRow(row))));
    }
    return absl::OkStatus();
  });
}

// location -> sample ids, location -> row  ==>  sample id -> the row under that sample id
absl::Status AdoptIds(const OperatorContext& context, PairReader& left, PairReader& right,
                      PairWriter& output) {
  return ForEachMatch(
      context, left, right,
      [&](std::string_view, std::string_view ids, std::string_view bytes) -> absl::Status {
        ASSIGN_OR_RETURN(dataframe::Row row, dataframe::DecodeRow(bytes));
        while (ids.size() >= sizeof(uint32_t)) {
          const auto size = dataframe::NumberAt<uint32_t>(ids, 0);
          ids.remove_prefix(sizeof(uint32_t));
          if (size > ids.size()) return DataLossError("a list of sample ids ends early");
          row.sample_id = ids.substr(0, size);
          ids.remove_prefix(size);
          RETURN_IF_ERROR(output.Put(row.sample_id, dataframe::EncodeRow(row)));
        }
        return absl::OkStatus();
      });
}

}  // namespace

void RegisterPsiOperators(compute::OperatorRegistry& registry) {
  registry.AddMap("psi.first_sign", &FirstSign);
  registry.AddMap("psi.second_sign", &SecondSign);
  registry.AddMap("psi.locate_points", &LocatePoints);
  registry.AddMap("psi.locate_ids", &LocateIds);
  registry.AddMap("psi.locate_rows", &LocateRows);
  registry.AddMap("psi.by_location", &ByLocation);
  registry.AddMap("psi.indexer", &Indexer);
  registry.AddMerge("psi.refuse_duplicates", &RefuseDuplicates);
  registry.AddMerge("psi.concatenate", &Concatenate);
  registry.AddJoin("psi.match", &Match);
  registry.AddJoin("psi.match_both", &MatchBoth);
  registry.AddJoin("psi.name_matches", &NameMatches);
  registry.AddJoin("psi.keep_matched", &KeepMatched);
  registry.AddJoin("psi.adopt_ids", &AdoptIds);
}

}  // namespace fate::algo
