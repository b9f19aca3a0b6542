// /model routes (spec/fate-flow.md 5.5).

#include <filesystem>

#include "absl/time/clock.h"
#include "base/names.h"
#include "base/status.h"
#include "fateflow/multipart.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

ModelKey KeyOfCall(const Call& call) {
  return {Text(call.args, "model_id"),  Text(call.args, "model_version"),
          Text(call.args, "role"),      Text(call.args, "party_id"),
          Text(call.args, "task_name"), Text(call.args, "output_key")};
}

absl::StatusOr<Answer> Export(Party& party, const Call& call) {
  ModelKey key = KeyOfCall(call);
  for (const std::string& piece : {key.model_id, key.model_version, key.role, key.party_id}) {
    RETURN_IF_ERROR(SessionId::Parse(piece).status());
  }
  std::string zip = fmt::format("{}/{}_{}_{}_{}.zip", Text(call.args, "path"), key.model_id,
                                key.model_version, key.role, key.party_id);
  RETURN_IF_ERROR(party.models.Export(key, zip));
  return Success();
}

absl::StatusOr<Answer> Import(Party& party, const Call& call) {
  std::string stem =
      fmt::format("{}/import-{}", party.layout.temp_dir(), absl::ToUnixNanos(absl::Now()));
  RETURN_IF_ERROR(SaveFormFile(call.request, "file", stem + ".zip"));
  absl::Status imported = MakeDirectories(stem);
  if (imported.ok()) {
    imported = party.models.Import(stem + ".zip", Text(call.args, "model_id"),
                                   Text(call.args, "model_version"), stem);
  }
  std::error_code ignored;
  fs::remove_all(stem, ignored);
  fs::remove(stem + ".zip", ignored);
  RETURN_IF_ERROR(imported);
  return Success();
}

absl::StatusOr<Answer> Delete(Party& party, const Call& call) {
  ModelKey key = KeyOfCall(call);
  ASSIGN_OR_RETURN(int64_t removed, party.models.Delete(key));
  if (removed > 0) return Answer::Data({{"count", removed}});
  return FlowError(kNoModelOutput,
                   {{"model_id", key.model_id}, {"model_version", key.model_version}});
}

}  // namespace

void AddModelRoutes(Router& router, Party& party) {
  const Field model_id = Required("model_id"), model_version = Required("model_version");
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  for (const char* path : {"/model/load", "/model/migrate", "/model/store", "/model/restore"}) {
    router.Post(path, {}, [](const Call&) -> absl::StatusOr<Answer> { return Success(); });
  }
  router.Post("/model/export",
              {model_id, model_version, Required("party_id"), Required("role"), Required("path")},
              bind(Export));
  router.PostForm("/model/import", {model_id, model_version}, bind(Import));
  router.Post("/model/delete",
              {model_id, model_version, Optional("role"), Optional("party_id"),
               Optional("task_name"), Optional("output_key")},
              bind(Delete));
}

}  // namespace fate::flow
