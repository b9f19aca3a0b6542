#pragma once

// The bodies of the scheduler API and the envelope of its answers (spec/fate-flow.md 3, 7).

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace fate::flow {

enum class BodyField { kText, kOptionalText, kInteger, kObject };
using BodyFields = std::vector<std::pair<std::string, BodyField>>;

// {"code", "message"}
nlohmann::json SchedulerAnswer(int code, const std::string& message);
// HTTP 200 with one JSON object and a newline.
http::Response ToHttp(const nlohmann::json& answer);

// The answer for the first wrong field in the order of `fields`, nullopt when all are well:
// code 5001 "Invalid request." with data {"json": {"job_id": ["Not a valid string."]}}.
std::optional<nlohmann::json> FirstInvalid(const nlohmann::json& body, const BodyFields& fields);

// Members of a body that has been checked.
std::string TextOf(const nlohmann::json& body, const char* name);
int64_t IntegerOf(const nlohmann::json& body, const char* name);

}  // namespace fate::flow
