#include "algo/binning/hetero_feature_binning.h"

#include "algo/binning/binning_parameters.h"
#include "algo/binning/binning_wire.h"
#include "algo/binning/guest_and_host.h"
#include "algo/binning/split_points.h"
#include "base/status.h"

namespace fate::algo {
namespace {

using dataframe::DataFrame;
using nlohmann::json;

absl::StatusOr<int64_t> CountRows(const DataFrame& frame) {
  ASSIGN_OR_RETURN(const int64_t rows, frame.CountRows());
  if (rows > 0) return rows;
  return InvalidArgumentError(
      "the input of hetero_feature_binning has no rows; did psi find no common ids?");
}

// ---- guest ----

absl::StatusOr<LabelCounts> CountLabels(const DataFrame& frame) {
  if (!frame.schema.HasLabel()) {
    return InvalidArgumentError(
        "the guest's data of hetero_feature_binning has no label; upload it with label_name");
  }
  ASSIGN_OR_RETURN(const auto partitions, frame.table.Fold("binning.label_counts", ""));
  LabelCounts total;
  for (const std::string& bytes : partitions) {
    LabelCounts counts;
    if (!counts.ParseFromString(bytes)) return InternalError("an egg returned no label counts");
    total.set_zeros(total.zeros() + counts.zeros());
    total.set_ones(total.ones() + counts.ones());
    total.set_others(total.others() + counts.others());
    if (counts.others() > 0) total.set_an_other(counts.an_other());
  }
  if (total.others() == 0) return total;
  return InvalidArgumentError(
      "the label of hetero_feature_binning must be binary (0 or 1); {} rows have another one, for "
      "example {}",
      total.others(), total.an_other());
}

absl::Status CountOwnBins(const DataFrame& frame, const BinningParameters& parameters,
                          BinningModel& model) {
  ASSIGN_OR_RETURN(
      const auto partitions,
      frame.table.Fold("binning.bin_counts", WriteColumns(model.columns).SerializeAsString()));
  std::vector<BinCounts> counts;
  for (const auto& column : model.columns) {
    counts.push_back(
        {std::vector<int64_t>(column.bins.size()), std::vector<int64_t>(column.bins.size())});
  }
  for (const std::string& bytes : partitions) {
    BinTotals partition;
    if (!partition.ParseFromString(bytes) ||
        partition.columns_size() != static_cast<int>(counts.size())) {
      return InternalError("an egg returned no bin counts");
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      const auto& column = partition.columns(static_cast<int>(i));
      for (size_t bin = 0; bin < counts[i].sizes.size(); ++bin) {
        counts[i].sizes[bin] += static_cast<int64_t>(column.sizes(static_cast<int>(bin)));
        counts[i].events[bin] += static_cast<int64_t>(column.events(static_cast<int>(bin)));
      }
    }
  }
  for (const BinCounts& column : counts) {
    model.metrics.push_back(
        ComputeMetrics(column, parameters.woe_definition, parameters.adjustment_factor));
  }
  return absl::OkStatus();
}

void WarnOfShortKey(TaskContext& context, int bits) {
  const std::string warning = crypto::paillier::WeakKeyWarning(bits);
  if (!warning.empty()) context.Log("", "warning: " + warning + " as he_param.key_length");
}

absl::Status ReportInformationValues(TaskContext& context, const BinningModel& model) {
  json values;
  json& own = values[context.role() + "_" + context.party_id()];
  for (size_t i = 0; i < model.columns.size(); ++i) {
    own[model.columns[i].column.name] = model.metrics[i].iv;
  }
  for (const auto& [host, metrics] : model.host_metrics) {
    for (const auto& [column, one] : metrics) values[host][column] = one.iv;
  }
  return context.Metric("iv", "binning", values);
}

absl::Status TrainGuest(TaskContext& context, const DataFrame& frame,
                        const std::vector<BinnedColumn>& columns,
                        const BinningParameters& parameters, int64_t rows, BinningModel& model) {
  ASSIGN_OR_RETURN(const LabelCounts labels, CountLabels(frame));
  const bool federated = !parameters.skip_metrics && !parameters.local_only;
  std::optional<crypto::paillier::PrivateKey> key;
  federation::Federation* federation = nullptr;
  if (federated) {
    WarnOfShortKey(context, parameters.key_bits);
    ASSIGN_OR_RETURN(federation, context.federation());
    ASSIGN_OR_RETURN(key, crypto::paillier::PrivateKey::Generate(parameters.key_bits));
    RETURN_IF_ERROR(SendLabels(*federation, frame, key->public_key(), rows));
  }
  ASSIGN_OR_RETURN(model.columns, FindBins(frame, columns, parameters, rows));
  if (parameters.skip_metrics) return absl::OkStatus();
  RETURN_IF_ERROR(CountOwnBins(frame, parameters, model));
  if (federated) {
    for (const federation::Party& host : federation->PartiesOf("host")) {
      ASSIGN_OR_RETURN(model.host_metrics[host.ToString()],
                       ReceiveHostMetrics(*federation, host, *key, parameters, labels));
    }
  }
  return ReportInformationValues(context, model);
}

// ---- host ----

absl::Status TrainHost(TaskContext& context, const DataFrame& frame,
                       const std::vector<BinnedColumn>& columns,
                       const BinningParameters& parameters, int64_t rows, BinningModel& model) {
  ASSIGN_OR_RETURN(model.columns, FindBins(frame, columns, parameters, rows));
  if (parameters.skip_metrics || parameters.local_only) return absl::OkStatus();
  ASSIGN_OR_RETURN(federation::Federation * federation, context.federation());
  ASSIGN_OR_RETURN(const LabelAudit audit, SendSums(*federation, frame, model.columns));
  if (audit.unmasked() == 0) return absl::OkStatus();
  context.Log("", fmt::format("warning: {} of {} encrypted labels came without a mask: this party "
                              "could read them; the guest's software is at fault",
                              audit.unmasked(), audit.ciphertexts()));
  return context.Metric("unmasked_ciphertexts", "audit",
                        {{"received", audit.ciphertexts()}, {"unmasked", audit.unmasked()}});
}

// ---- both ----

std::vector<double> Replacements(const BinningModel& model, size_t column, TransformMethod method) {
  if (method == TransformMethod::kWoe) return model.metrics[column].woe;
  std::vector<double> indexes;
  for (size_t i = 0; i < model.columns[column].bins.size(); ++i) indexes.push_back(double(i));
  return indexes;
}

// Numbers become their bin's woe (guest) or index; categories stay.
absl::StatusOr<DataFrame> Transform(TaskContext& context, const DataFrame& frame,
                                    const BinningModel& model, TransformMethod method) {
  if (method == TransformMethod::kNone) return frame;
  if (method == TransformMethod::kWoe && context.role() != "guest") {
    context.Log("", "a host has no woe: its data is passed on as it is");
    return frame;
  }
  if (method == TransformMethod::kWoe && model.metrics.empty()) {
    return InvalidArgumentError(
        "transform_method 'woe' of hetero_feature_binning needs metrics; set skip_metrics to false "
        "in training, or use bin_idx");
  }
  DataFrame result = frame;
  BinnedColumns request;
  for (size_t i = 0; i < model.columns.size(); ++i) {
    const auto& [column, bins] = model.columns[i];
    if (column.is_category) continue;
    *request.add_columns() = WriteColumns({model.columns[i]}).columns(0);
    const std::vector<double> values = Replacements(model, i, method);
    request.mutable_columns()->rbegin()->mutable_replacements()->Add(values.begin(), values.end());
    for (dataframe::Field& field : result.schema.fields) {
      if (field.property != dataframe::Property::kColumn || field.name != column.name) continue;
      field.dtype = method == TransformMethod::kWoe ? "float64" : "int32";
    }
  }
  ASSIGN_OR_RETURN(result.table, frame.table.Map("binning.transform", request.SerializeAsString()));
  return result;
}

absl::Status Train(TaskContext& context, const BinningParameters& parameters) {
  ASSIGN_OR_RETURN(const DataFrame frame, context.InputFrame("train_data"));
  ASSIGN_OR_RETURN(const int64_t rows, CountRows(frame));
  ASSIGN_OR_RETURN(const auto columns, parameters.Resolve(frame.schema));
  BinningModel model{.method = parameters.method,
                     .n_bins = parameters.n_bins,
                     .adjustment_factor = parameters.adjustment_factor,
                     .local_only = parameters.local_only,
                     .woe_definition = parameters.woe_definition};
  RETURN_IF_ERROR(context.role() == "guest"
                      ? TrainGuest(context, frame, columns, parameters, rows, model)
                      : TrainHost(context, frame, columns, parameters, rows, model));
  RETURN_IF_ERROR(context.OutputModel("output_model", model.ToJson()));
  ASSIGN_OR_RETURN(const DataFrame output, Transform(context, frame, model, parameters.transform));
  return context.OutputFrame("train_output_data", output);
}

// Metrics are training's; a prediction bins by the trained split points and needs no peer.
absl::Status Predict(TaskContext& context, const BinningParameters& parameters) {
  ASSIGN_OR_RETURN(const DataFrame frame, context.InputFrame("test_data"));
  ASSIGN_OR_RETURN(const json input, context.InputModel("input_model"));
  ASSIGN_OR_RETURN(const BinningModel model, BinningModel::FromJson(input, frame.schema));
  ASSIGN_OR_RETURN(const DataFrame output, Transform(context, frame, model, parameters.transform));
  return context.OutputFrame("test_output_data", output);
}

absl::Status Run(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto parameters, BinningParameters::Parse(context.parameters()));
  return context.stage() == "predict" ? Predict(context, parameters) : Train(context, parameters);
}

}  // namespace

Component HeteroFeatureBinning() {
  return {.name = "hetero_feature_binning",
          .roles = {"guest", "host"},
          .input_data = {{.name = "train_data", .type = "dataframe", .stages = {"train"}},
                         {.name = "test_data", .type = "dataframe", .stages = {"predict"}}},
          .input_model = {{.name = "input_model", .type = "json_model", .stages = {"predict"}}},
          .output_data = {{.name = "train_output_data", .type = "dataframe", .stages = {"train"}},
                          {.name = "test_output_data", .type = "dataframe", .stages = {"predict"}}},
          .output_model = {{.name = "output_model", .type = "json_model", .stages = {"train"}}},
          .check_parameters =
              [](const json& parameters) { return BinningParameters::Parse(parameters).status(); },
          .run = &Run};
}

}  // namespace fate::algo
