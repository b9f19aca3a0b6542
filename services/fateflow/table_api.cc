// /table routes (spec/fate-flow.md 5.3).

#include "base/status.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

absl::Status NotFound(const Call& call) {
  return FlowError(kTableNotFound, {{"name", Text(call.args, "name")},
                                    {"namespace", Text(call.args, "namespace")}});
}

absl::StatusOr<Json> TableOf(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json table,
                   party.data.FindTable(Text(call.args, "namespace"), Text(call.args, "name")));
  if (table.is_null()) return NotFound(call);
  return table;
}

absl::StatusOr<Answer> Query(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json table, TableOf(party, call));
  Json info = TableInfo(table);
  if (Boolean(call.args, "display")) info["display"] = table["part_of_data"];
  return Answer::Data(std::move(info));
}

absl::StatusOr<Answer> Delete(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json table, TableOf(party, call));
  if (Text(table, "engine") == "eggroll") {
    ASSIGN_OR_RETURN(StoreName name,
                     StoreName::Parse(Text(table, "namespace"), Text(table, "name")));
    RETURN_IF_ERROR(party.storage.Destroy(name));
  }
  RETURN_IF_ERROR(party.data.ForgetTable(Text(table, "namespace"), Text(table, "name")));
  return Success();
}

absl::StatusOr<Answer> BindPath(Party& party, const Call& call) {
  RETURN_IF_ERROR(party.data.BindPath(Text(call.args, "namespace"), Text(call.args, "name"),
                                      Text(call.args, "path")));
  return Success();
}

}  // namespace

void AddTableRoutes(Router& router, Party& party) {
  const Field name_space = Required("namespace"), name = Required("name");
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  router.Get("/table/query", {name_space, name, Optional("display", FieldType::kBoolean)},
             bind(Query));
  router.Post("/table/delete", {name_space, name}, bind(Delete));
  router.Post("/table/bind/path", {name_space, name, Required("path")}, bind(BindPath));
}

}  // namespace fate::flow
