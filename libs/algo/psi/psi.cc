#include "algo/psi/psi.h"

#include "algo/parameters.h"
#include "base/status.h"
#include "crypto/curve/curve25519.h"
#include "dataframe/data_frame.h"
#include "fate/psi.pb.h"

namespace fate::algo {
namespace {

using compute::Table;
using dataframe::DataFrame;
using federation::Federation;
using federation::Party;

constexpr char kTag[] = "default";

absl::Status CheckParameters(const nlohmann::json& object) {
  const Parameters parameters("psi", object);
  RETURN_IF_ERROR(parameters.Choice("protocol", "ecdh_psi", {"ecdh_psi"}).status());
  return parameters.Choice("curve_type", "curve25519", {"curve25519"}).status();
}

std::string RandomSecret() {
  const crypto::PsiSecret secret = crypto::PsiSecret::Random();
  PsiSign parameters;
  parameters.set_secret(secret.bytes().data(), secret.bytes().size());
  return parameters.SerializeAsString();
}

absl::Status CheckPartitions(const Table& table, int partitions, const Party& from,
                             const std::string& name) {
  if (table.partitions() == partitions) return absl::OkStatus();
  return DataLossError("{} sent {} with {} partitions where {} belong", from.ToString(), name,
                       table.partitions(), partitions);
}

absl::Status Report(TaskContext& context, int64_t input_count, int64_t intersect_count) {
  RETURN_IF_ERROR(
      context.Metric("intersect_id_count", "custom", {{"intersect_count", intersect_count}}));
  const double rate = input_count == 0 ? 0 : double(intersect_count) / double(input_count);
  return context.Metric("summary", "",
                        {{"input_count", input_count},
                         {"intersect_count", intersect_count},
                         {"intersect_rate", rate},
                         {"method", "curve25519"}});
}

// ---- guest ----

// Guest location -> host location of the rows that this host has too. All tables keep the
// partition count of the guest's frame.
absl::StatusOr<Table> MatchWithHost(Federation& federation, const Party& host,
                                    const std::string& secret, int partitions) {
  ASSIGN_OR_RETURN(Table host_first, federation.GetTable("host_first_sign", kTag, host));
  ASSIGN_OR_RETURN(Table host_points, host_first.Shuffle("psi.second_sign", secret, partitions,
                                                         "psi.refuse_duplicates"));
  ASSIGN_OR_RETURN(Table guest_points, federation.GetTable("guest_second_sign", kTag, host));
  RETURN_IF_ERROR(CheckPartitions(guest_points, partitions, host, "guest_second_sign"));
  ASSIGN_OR_RETURN(Table matches, guest_points.Join(host_points, "psi.match", ""));
  return matches.Shuffle("identity", "", partitions);
}

// Sample id -> locations at all hosts, one after the other.
absl::StatusOr<Table> MatchWithHosts(Federation& federation, const std::vector<Party>& hosts,
                                     const DataFrame& frame, const std::string& secret) {
  const int partitions = frame.table.partitions();
  ASSIGN_OR_RETURN(Table located, frame.table.Shuffle("psi.locate_ids", "", partitions));
  Table matches;
  for (size_t i = 0; i < hosts.size(); ++i) {
    auto one = MatchWithHost(federation, hosts[i], secret, partitions);
    if (!one.ok()) return Annotate(one.status(), "psi with " + hosts[i].ToString());
    if (i == 0) {
      matches = *one;
    } else {
      ASSIGN_OR_RETURN(matches, matches.Join(*one, "psi.match_both", ""));
    }
  }
  ASSIGN_OR_RETURN(Table named, located.Join(matches, "psi.name_matches", ""));
  return named.Shuffle("identity", "", partitions);
}

absl::StatusOr<DataFrame> RunGuest(Federation& federation, const DataFrame& frame) {
  const std::vector<Party> hosts = federation.PartiesOf("host");
  if (hosts.empty()) return InvalidArgumentError("psi needs at least one host in its parties");
  const std::string secret = RandomSecret();
  ASSIGN_OR_RETURN(Table first, frame.table.Map("psi.first_sign", secret));
  for (const Party& host : hosts) {
    RETURN_IF_ERROR(federation.PutTable("guest_first_sign", kTag, host, first));
  }
  ASSIGN_OR_RETURN(Table selected, MatchWithHosts(federation, hosts, frame, secret));
  for (size_t i = 0; i < hosts.size(); ++i) {
    PsiIndexer parameters;
    parameters.set_host(static_cast<uint32_t>(i));
    ASSIGN_OR_RETURN(Table indexer, selected.Map("psi.indexer", parameters.SerializeAsString()));
    RETURN_IF_ERROR(federation.PutTable("host_indexer", kTag, hosts[i], indexer));
  }
  ASSIGN_OR_RETURN(Table rows,
                   frame.table.Shuffle("dataframe.rows_from_blocks", "", frame.table.partitions()));
  ASSIGN_OR_RETURN(Table kept, rows.Join(selected, "psi.keep_matched", ""));
  return dataframe::FromRows(kept, frame.schema);
}

// ---- host ----

// The guest finds duplicates by itself, from what it has been sent; this tells the host.
absl::Status RefuseDuplicates(const Table& first) {
  return first.Shuffle("psi.locate_points", "", first.partitions(), "psi.refuse_duplicates")
      .status();
}

absl::StatusOr<DataFrame> RunHost(Federation& federation, const DataFrame& frame) {
  const std::vector<Party> guests = federation.PartiesOf("guest");
  if (guests.size() != 1) return InvalidArgumentError("psi needs one guest in its parties");
  const Party& guest = guests[0];
  const std::string secret = RandomSecret();
  ASSIGN_OR_RETURN(Table first, frame.table.Map("psi.first_sign", secret));
  RETURN_IF_ERROR(federation.PutTable("host_first_sign", kTag, guest, first));
  RETURN_IF_ERROR(RefuseDuplicates(first));
  ASSIGN_OR_RETURN(Table guest_first, federation.GetTable("guest_first_sign", kTag, guest));
  const int partitions = guest_first.partitions();
  auto second = guest_first.Shuffle("psi.second_sign", secret, partitions, "psi.concatenate");
  if (!second.ok()) return Annotate(second.status(), "signing the ids of " + guest.ToString());
  RETURN_IF_ERROR(federation.PutTable("guest_second_sign", kTag, guest, *second));

  ASSIGN_OR_RETURN(Table indexer, federation.GetTable("host_indexer", kTag, guest));
  ASSIGN_OR_RETURN(Table wanted,
                   indexer.Shuffle("psi.by_location", "", partitions, "psi.concatenate"));
  ASSIGN_OR_RETURN(Table located, frame.table.Shuffle("psi.locate_rows", "", partitions));
  ASSIGN_OR_RETURN(Table adopted, wanted.Join(located, "psi.adopt_ids", ""));
  ASSIGN_OR_RETURN(Table rows, adopted.Shuffle("identity", "", partitions));
  return dataframe::FromRows(rows, frame.schema);
}

absl::Status Run(TaskContext& context) {
  RETURN_IF_ERROR(CheckParameters(context.parameters()));
  ASSIGN_OR_RETURN(DataFrame frame, context.InputFrame("input_data"));
  if (!frame.schema.Find(dataframe::Property::kMatchId)) {
    return InvalidArgumentError(
        "psi needs match ids, and the input has none; upload the data with match_id_name");
  }
  ASSIGN_OR_RETURN(Federation * federation, context.federation());
  ASSIGN_OR_RETURN(const int64_t input_count, frame.CountRows());
  ASSIGN_OR_RETURN(DataFrame output, context.role() == "guest" ? RunGuest(*federation, frame)
                                                               : RunHost(*federation, frame));
  ASSIGN_OR_RETURN(const int64_t intersect_count, output.CountRows());
  RETURN_IF_ERROR(Report(context, input_count, intersect_count));
  context.Log(
      "", fmt::format("psi: {} of {} rows are in the intersection", intersect_count, input_count));
  return context.OutputFrame("output_data", output);
}

}  // namespace

Component Psi() {
  return {.name = "psi",
          .roles = {"guest", "host"},
          .input_data = {{.name = "input_data", .type = "dataframe"}},
          .output_data = {{.name = "output_data", .type = "dataframe"}},
          .check_parameters = &CheckParameters,
          .run = &Run};
}

}  // namespace fate::algo
