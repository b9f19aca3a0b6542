#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "audit/verifier.h"
#include "base/status.h"
#include "base/text.h"
#include "fate/command.h"

namespace fate::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> paths;
  std::string anchor;
  std::string party, session, since, until;
};

// The files named, and those of the folders named, in the order of their records.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
    }
    if (error) return UnavailableError("cannot read folder {}: {}", path, error.message());
  }
  if (files.empty()) {
    return InvalidArgumentError(
        "no audit files there; name the folder of eggroll.rollsite.audit.dir, or audit-*.jsonl");
  }
  std::sort(files.begin(), files.end(), [](const std::string& a, const std::string& b) {
    return std::pair(fs::path(a).filename(), a) < std::pair(fs::path(b).filename(), b);
  });
  return files;
}

// Gives every line, without its end, to `on_line`, and what is behind the last to `on_rest`. A line
// of whatever length takes a bounded amount of memory.
absl::Status ReadLines(const std::string& path,
                       const std::function<absl::Status(std::string_view)>& on_line,
                       const std::function<absl::Status(std::string_view)>& on_rest) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return UnavailableError("cannot read {}", path);
  std::string line, block(size_t{1} << 20, '\0');
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    std::string_view rest(block.data(), static_cast<size_t>(file.gcount()));
    for (size_t end; (end = rest.find('\n')) != std::string_view::npos;) {
      line += rest.substr(0, end);
      RETURN_IF_ERROR(on_line(line));
      line.clear();
      rest.remove_prefix(end + 1);
    }
    line += rest.substr(0, audit::kMaxLineBytes + 1 - std::min(line.size(), audit::kMaxLineBytes));
  }
  if (file.bad()) return UnavailableError("cannot read {} to its end", path);
  return on_rest(line);
}

absl::StatusOr<std::optional<audit::Anchor>> ParseAnchor(const std::string& text) {
  if (text.empty()) return std::optional<audit::Anchor>();
  audit::Anchor anchor;
  const size_t colon = text.find(':');
  const auto number = ParseInt<uint64_t>(std::string_view(text).substr(0, colon));
  if (colon == std::string::npos || !number ||
      !audit::ParseHash(std::string_view(text).substr(colon + 1), &anchor.hash)) {
    return InvalidArgumentError("--expect '{}' is not NUMBER:HASH as an earlier verify printed it",
                                text);
  }
  anchor.number = *number;
  return std::optional(anchor);
}

void Print(const audit::Report& report, const std::string& anchor) {
  std::printf("OK: %lu records in %lu files (%lu to %lu), %lu calls\n", report.records,
              report.files, report.first, report.last, report.calls);
  if (report.missing > 0) {
    std::printf("%lu calls were not recorded (%lu gap records)\n", report.missing, report.gaps);
  }
  if (report.crashes > 0) {
    std::printf("%lu times rollsite was killed: calls of the moments before may be missing\n",
                report.crashes);
  }
  if (report.first > 1) {
    std::printf("records 1 to %lu are not among these files\n", report.first - 1);
  }
  if (!report.closed) {
    std::printf("the log is open: rollsite is running, or was killed%s\n",
                report.torn_bytes > 0 ? " within a line" : "");
  }
  std::printf("note this outside of this machine: %s\n", anchor.c_str());
}

absl::Status Verify(const Globals& globals, const Options& options) {
  ASSIGN_OR_RETURN(const auto expected, ParseAnchor(options.anchor));
  ASSIGN_OR_RETURN(const auto files, FilesOf(options.paths));
  audit::Verifier verifier(expected);
  for (const std::string& file : files) {
    verifier.StartFile(file);
    RETURN_IF_ERROR(ReadLines(
        file, [&](std::string_view line) { return verifier.Add(line); },
        [&](std::string_view rest) { return verifier.EndFile(rest); }));
  }
  ASSIGN_OR_RETURN(const audit::Report report, verifier.Finish());
  std::string anchor = fmt::format("{}:", report.last);
  audit::AppendHex(report.hash, &anchor);
  if (!globals.json) {
    Print(report, anchor);
    return absl::OkStatus();
  }
  PrintJson({{"ok", true},
             {"files", report.files},
             {"records", report.records},
             {"calls", report.calls},
             {"first", report.first},
             {"last", report.last},
             {"gaps", report.gaps},
             {"missing", report.missing},
             {"crashes", report.crashes},
             {"closed", report.closed},
             {"anchor", anchor}});
  return absl::OkStatus();
}

std::string Text(const Json& record, const char* key) {
  const auto it = record.find(key);
  if (it == record.end()) return "";
  return it->is_string() ? it->get<std::string>() : it->dump();
}

// Times are compared as text: 2026-01-31 is before 2026-01-31T08.
bool Matches(const Options& options, const Json& record) {
  const std::string time = Text(record, "time");
  if (!options.since.empty() && time < options.since) return false;
  if (!options.until.empty() && time >= options.until) return false;
  if (options.party.empty() && options.session.empty()) return true;
  if (Text(record, "kind") != "call") return false;
  if (!options.session.empty() && Text(record, "session") != options.session) return false;
  return options.party.empty() || Text(record, "from") == options.party ||
         Text(record, "to") == options.party;
}

std::string OneLine(const Json& record) {
  const std::string kind = Text(record, "kind"), time = Text(record, "time");
  if (kind != "call") {
    return fmt::format("{} {} {}{}", time, kind, Text(record, "why"), Text(record, "missing"));
  }
  return fmt::format("{} {:<7} {} -> {} {} {} {} {} bytes, answer {} {}", time,
                     Text(record, "direction"), Text(record, "from"), Text(record, "to"),
                     Text(record, "method"), Text(record, "session"), Text(record, "tag"),
                     Text(record, "bytes"), Text(record, "answer"), Text(record, "code"));
}

absl::Status Show(const Globals& globals, const Options& options) {
  ASSIGN_OR_RETURN(const auto files, FilesOf(options.paths));
  for (const std::string& file : files) {
    RETURN_IF_ERROR(ReadLines(
        file,
        [&](std::string_view line) {
          const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
          if (!record.is_object() || !Matches(options, record)) return absl::OkStatus();
          const std::string text = globals.json ? std::string(line) : OneLine(record);
          std::printf("%s\n", text.c_str());
          return absl::OkStatus();
        },
        [](std::string_view) { return absl::OkStatus(); }));
  }
  return absl::OkStatus();
}

}  // namespace

void AddAuditCommand(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* audit = app.add_subcommand("audit", "what left and entered this party through rollsite");
  audit->require_subcommand(1);
  auto* verify =
      audit->add_subcommand("verify", "was the log changed, cut or put in another order");
  auto* show = audit->add_subcommand("show", "records as text, or as they are with --json");
  for (auto* command : {verify, show}) {
    command->add_option("paths", options->paths, "the log's folder, or its files")->required();
  }
  verify->add_option("--expect", options->anchor,
                     "NUMBER:HASH of an earlier verify, noted elsewhere: the log must contain it");
  show->add_option("--party", options->party, "calls from or to this party");
  show->add_option("--session", options->session, "calls of this session");
  show->add_option("--since", options->since, "from this time on: 2026-01-31T08:00 (UTC)");
  show->add_option("--until", options->until, "before this time");
  verify->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Verify(invocation.globals, *options); };
  });
  show->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Show(invocation.globals, *options); };
  });
}

}  // namespace fate::cli
