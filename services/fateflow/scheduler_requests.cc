#include "fateflow/scheduler_requests.h"

#include "base/text.h"

namespace fate::flow {
namespace {

using nlohmann::json;

constexpr int kInvalidParameter = 5001;

std::optional<int64_t> AsInteger(const json& value) {
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_string()) return ParseInt<int64_t>(value.get_ref<const std::string&>());
  return std::nullopt;
}

// nullptr: nothing to complain about.
const char* Complaint(const json& value, BodyField field) {
  if (value.is_null()) {
    return field == BodyField::kOptionalText ? nullptr : "Missing data for required field.";
  }
  switch (field) {
    case BodyField::kText:
    case BodyField::kOptionalText:
      return value.is_string() ? nullptr : "Not a valid string.";
    case BodyField::kInteger:
      return AsInteger(value) ? nullptr : "Not a valid integer.";
    case BodyField::kObject:
      return value.is_object() ? nullptr : "Not a valid mapping type.";
  }
  return nullptr;
}

json Member(const json& body, const std::string& name) {
  return body.is_object() && body.contains(name) ? body[name] : json();
}

}  // namespace

json SchedulerAnswer(int code, const std::string& message) {
  return {{"code", code}, {"message", message}};
}

http::Response ToHttp(const json& answer) {
  return {.body = answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

std::optional<json> FirstInvalid(const json& body, const BodyFields& fields) {
  for (const auto& [name, field] : fields) {
    const char* complaint = Complaint(Member(body, name), field);
    if (complaint == nullptr) continue;
    json answer = SchedulerAnswer(kInvalidParameter, "Invalid request.");
    answer["data"]["json"][name] = json::array({complaint});
    return answer;
  }
  return std::nullopt;
}

std::string TextOf(const json& body, const char* name) {
  json value = Member(body, name);
  return value.is_string() ? value.get<std::string>() : "";
}

int64_t IntegerOf(const json& body, const char* name) {
  return AsInteger(Member(body, name)).value_or(0);
}

}  // namespace fate::flow
