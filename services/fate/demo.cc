#include <cstdio>
#include <filesystem>
#include <memory>

#include "absl/time/clock.h"
#include "base/status.h"
#include "fate/command.h"
#include "fate/data.h"
#include "fate/demo_report.h"
#include "fate/job.h"

namespace fate::cli {
namespace {

constexpr char kNamespace[] = "experiment";
constexpr char kGuestTable[] = "breast_hetero_guest";
constexpr char kHostTable[] = "breast_hetero_host";

struct Options {
  std::string guest_flow = "http://127.0.0.1:9380";
  std::string host_flow = "http://127.0.0.2:9380";
  std::string data;
  int bins = 10;
  double timeout_s = 300;
};

absl::Status UploadTable(const FlowClient& flow, const std::string& file, const std::string& name,
                         bool label, double timeout_s) {
  Upload upload{.file = file, .name_space = kNamespace, .name = name};
  upload.meta["match_id_name"] = "id";
  if (label) {
    upload.meta["label_name"] = "y";
    upload.meta["label_type"] = "int64";
  }
  ASSIGN_OR_RETURN(std::string job_id, UploadFile(flow, upload));
  return WaitForJob(flow, job_id, absl::Seconds(timeout_s), [](const JobView&) {}).status();
}

Json ReaderOf(const std::string& role, const std::string& party, const std::string& table) {
  return {
      {"parties", Json::array({{{"role", role}, {"party_id", {party}}}})},
      {"tasks", {{"reader_0", {{"parameters", {{"namespace", kNamespace}, {"name", table}}}}}}}};
}

Json FromTask(const std::string& producer, const std::string& key) {
  return {{"task_output_artifact", {{"producer_task", producer}, {"output_artifact_key", key}}}};
}

// reader -> psi -> hetero_feature_binning
Json DemoDag(const std::string& guest, const std::string& host, int bins) {
  Json parties = Json::array(
      {{{"role", "guest"}, {"party_id", {guest}}}, {{"role", "host"}, {"party_id", {host}}}});
  Json tasks;
  tasks["reader_0"] = {{"component_ref", "reader"}, {"stage", "default"}};
  tasks["psi_0"] = {{"component_ref", "psi"},
                    {"stage", "default"},
                    {"dependent_tasks", {"reader_0"}},
                    {"inputs", {{"data", {{"input_data", FromTask("reader_0", "output_data")}}}}}};
  tasks["hetero_feature_binning_0"] = {
      {"component_ref", "hetero_feature_binning"},
      {"dependent_tasks", {"psi_0"}},
      {"parameters",
       {{"method", "quantile"},
        {"n_bins", bins},
        {"he_param", {{"kind", "paillier"}, {"key_length", 2048}}}}},
      {"inputs", {{"data", {{"train_data", FromTask("psi_0", "output_data")}}}}}};
  Json readers = {{"guest_" + guest, ReaderOf("guest", guest, kGuestTable)},
                  {"host_" + host, ReaderOf("host", host, kHostTable)}};
  return {{"dag",
           {{"parties", parties}, {"party_tasks", readers}, {"stage", "train"}, {"tasks", tasks}}},
          {"schema_version", "2.2.0"}};
}

absl::Status Report(const FlowClient& flow, const JobView& job, const std::string& guest,
                    const Globals& globals, double seconds) {
  Query psi = {{"job_id", job.id}, {"role", "guest"}, {"party_id", guest}, {"task_name", "psi_0"}};
  Query binning = psi;
  binning.back().second = "hetero_feature_binning_0";
  ASSIGN_OR_RETURN(Json metrics, flow.Get("/v2/output/metric/query", psi));
  ASSIGN_OR_RETURN(Json model, flow.Get("/v2/output/model/query", binning));
  ASSIGN_OR_RETURN(std::vector<FeatureIv> features, ReadFeatures(model["data"]));
  if (globals.json) {
    PrintJson({{"job_id", job.id},
               {"seconds", seconds},
               {"psi", metrics["data"]},
               {"binning", model["data"]}});
    return absl::OkStatus();
  }
  std::printf("%s\n", PsiLine(metrics["data"]).c_str());
  PrintTable(FeatureTable(features));
  std::printf("job %s success in %.2f s\n", job.id.c_str(), seconds);
  return absl::OkStatus();
}

absl::Status Demo(const Globals& globals, const Options& options) {
  FlowClient guest_flow(options.guest_flow), host_flow(options.host_flow);
  ASSIGN_OR_RETURN(std::string guest, guest_flow.PartyId());
  ASSIGN_OR_RETURN(std::string host, host_flow.PartyId());
  auto say = [&](const std::string& text) {
    if (!globals.json) std::printf("%s\n", text.c_str());
  };
  say(fmt::format(
      "uploading {}/breast_hetero_guest.csv to party {} and breast_hetero_host.csv to {}",
      options.data, guest, host));
  RETURN_IF_ERROR(UploadTable(guest_flow, options.data + "/breast_hetero_guest.csv", kGuestTable,
                              true, options.timeout_s));
  RETURN_IF_ERROR(UploadTable(host_flow, options.data + "/breast_hetero_host.csv", kHostTable,
                              false, options.timeout_s));
  say("reader, psi and hetero_feature_binning: party " + guest + " owns the label, party " + host +
      " sees only its ciphertexts");
  absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(std::string job_id, SubmitJob(guest_flow, DemoDag(guest, host, options.bins)));
  absl::StatusOr<JobView> job = absl::UnknownError("");
  {
    ProgressLine progress(guest_flow);
    job = WaitForJob(guest_flow, job_id, absl::Seconds(options.timeout_s),
                     [&](const JobView& view) { progress.Show(view); });
  }
  RETURN_IF_ERROR(job.status());
  return Report(guest_flow, *job, guest, globals, absl::ToDoubleSeconds(absl::Now() - start));
}

}  // namespace

void AddDemoCommand(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* demo = app.add_subcommand(
      "demo",
      "upload the breast table at two parties, match their ids (psi) and learn which of "
      "the host's columns tell most about the guest's label (binning)");
  demo->add_option("--guest-flow", options->guest_flow, "fateflow of the guest");
  demo->add_option("--host-flow", options->host_flow, "fateflow of the host");
  demo->add_option("-d,--data", options->data,
                   "folder with breast_hetero_guest.csv and breast_hetero_host.csv "
                   "(deploy/example_data.sh makes it)")
      ->required()
      ->check(CLI::ExistingDirectory);
  demo->add_option("--bins", options->bins, "quantile bins of every column")
      ->check(CLI::Range(2, 1000));
  demo->add_option("--timeout", options->timeout_s, "seconds for each job")
      ->check(CLI::PositiveNumber);
  demo->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Demo(invocation.globals, *options); };
  });
}

}  // namespace fate::cli
