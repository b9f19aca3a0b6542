// Runs every testdata/*.txt: lines that start with "> " are events, the indented lines after them
// are the actions they must cause. Callers are letters. A script talks to one cluster whose saved
// sessions are restored before an event names them, as the driver does. Two eggs a node,
// 15 s to start. FATE_UPDATE_TESTDATA=1 writes the action lines anew; read the difference before
// believing it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/status.h"
#include "base/text.h"
#include "session/cluster.h"

namespace fate::session {
namespace {

const absl::Time kStart = absl::UnixEpoch();

std::string Describe(const Processor& p) {
  std::string text = fmt::format("{}@{} {}", p.id, p.node_id, ToText(p.status));
  if (p.transfer.port > 0) {
    text += fmt::format(" {} {} pid={}", p.command.ToString(), p.transfer.port, p.pid);
  }
  return text;
}

std::string Describe(const Session& s) {
  std::string text = fmt::format("{} {}", s.id, ToText(s.status));
  if (!s.status_reason.empty()) text += " (" + s.status_reason + ")";
  if (s.before_status) text += fmt::format(" was {}", ToText(*s.before_status));
  if (auto it = s.options.find(kSessionDetailOption); it != s.options.end()) {
    text += " \"" + it->second + "\"";
  }
  return text;
}

std::string Describe(const std::vector<Processor>& processors) {
  std::vector<std::string> texts;
  for (const Processor& p : processors) texts.push_back(Describe(p));
  return Join(texts, ", ");
}

struct Describer {
  static std::string Caller(CallerId id) { return std::string(1, static_cast<char>('@' + id)); }

  std::string operator()(const SaveNode& a) const {
    std::string text = fmt::format("save node {} {} {}", a.node.id, a.node.endpoint.ToString(),
                                   ToText(a.node.status));
    if (!a.with_resources) return text;
    for (const Resource& r : a.node.resources) {
      text += fmt::format(" {}={}/{}", r.type, r.used, r.total);
    }
    return text + " with resources";
  }
  std::string operator()(const SaveSession& a) const {
    if (a.created) return "create " + Describe(a.session) + ": " + Describe(a.session.processors);
    std::vector<Processor> changed;
    for (const Processor& p : a.session.processors) {
      if (std::find(a.processors.begin(), a.processors.end(), p.id) != a.processors.end()) {
        changed.push_back(p);
      }
    }
    return fmt::format("save {} active={}: {}", Describe(a.session), a.session.active_count,
                       Describe(changed));
  }
  std::string operator()(const AnswerSession& a) const {
    return Caller(a.caller) + " gets " + Describe(a.session) + ": " +
           Describe(a.session.processors) + (a.with_options ? "" : " without options");
  }
  std::string operator()(const AnswerNothing& a) const {
    return Caller(a.caller) + " gets nothing";
  }
  std::string operator()(const AnswerEcho& a) const { return Caller(a.caller) + " gets an echo"; }
  std::string operator()(const AnswerProcessor& a) const {
    return Caller(a.caller) + " gets an echo" + (a.type.empty() ? "" : " as " + a.type);
  }
  std::string operator()(const AnswerNode& a) const {
    return fmt::format("{} gets node {}", Caller(a.caller), a.node_id);
  }
  std::string operator()(const AnswerError& a) const {
    std::string text = Message(a.status);
    while (text.find('\n') != text.npos) text.replace(text.find('\n'), 1, "\\n");
    return Caller(a.caller) + " fails: " + text;
  }
  std::string operator()(const StartEggs& a) const {
    return fmt::format("start on {} for {}: {}", a.node.endpoint.ToString(), a.session_id,
                       Describe(a.processors));
  }
  std::string operator()(const StopEggs& a) const {
    return fmt::format("stop on {}: {}", a.node.endpoint.ToString(), a.session.id);
  }
  std::string operator()(const KillEggs& a) const {
    return fmt::format("kill on {}: {}", a.node.endpoint.ToString(), a.session.id);
  }
  std::string operator()(const CheckProcessor& a) const {
    return fmt::format("check on {}: {} pid={}", a.node.endpoint.ToString(), a.processor.id,
                       a.processor.pid);
  }
};

// The words of one event line: positions, "key=value" and what follows "--".
class Words {
 public:
  explicit Words(std::string_view line) {
    if (size_t dashes = line.find(" -- "); dashes != line.npos) {
      rest_ = line.substr(dashes + 4);
      line = line.substr(0, dashes);
    }
    for (std::string_view word : Split(line, ' ')) {
      size_t equals = word.find('=');
      if (equals == word.npos) {
        words_.emplace_back(word);
      } else {
        values_[std::string(word.substr(0, equals))] = word.substr(equals + 1);
      }
    }
  }
  const std::string& operator[](size_t i) const { return words_.at(i); }
  CallerId Caller() const { return static_cast<CallerId>(words_.at(1).at(0) - '@'); }
  const std::map<std::string, std::string>& values() const { return values_; }
  std::string Value(const std::string& key, const std::string& fallback = "") const {
    auto it = values_.find(key);
    return it == values_.end() ? fallback : it->second;
  }
  int64_t Number(const std::string& key, int64_t fallback) const {
    return ParseInt<int64_t>(Value(key)).value_or(fallback);
  }
  Endpoint Address(const std::string& key) const {
    std::string text = Value(key);
    size_t colon = text.rfind(':');
    return {text.substr(0, colon), *ParseInt<int>(text.substr(colon + 1))};
  }
  const std::string& rest() const { return rest_; }

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::string> values_;
  std::string rest_;
};

class Script {
 public:
  // Carries out one event line; returns the action lines.
  std::string Run(std::string_view line) {
    output_.clear();
    Words words(line);
    const std::string& verb = words[0];
    if (verb == "wait") {
      absl::Duration time;
      EXPECT_TRUE(absl::ParseDuration(words[1], &time));
      Wait(time);
    } else if (verb == "restart") {
      Restart();
    } else {
      Event event = Parse(verb, words);
      Restore(event);
      Step(event, "");
    }
    return output_;
  }

 private:
  static Event Parse(const std::string& verb, const Words& words) {
    if (verb == "create") return CreateSession{words.Caller(), words[2], "", "", words.values()};
    if (verb == "get") return GetSession{words.Caller(), words[2], words.rest() == "at once"};
    if (verb == "stop") return StopSession{words.Caller(), words[2]};
    if (verb == "stopall") return StopAllSessions{words.Caller()};
    if (verb == "startfailed") return StartFailed{words[1], words.rest()};
    if (verb == "checked") {
      return ProcessorChecked{*ParseInt<int64_t>(words[1]), words[2] == "alive"};
    }
    if (verb == "egg") return ParseEgg(words);
    if (verb == "node") return ParseNode(words);
    ADD_FAILURE() << "unknown event " << verb;
    return Tick{};
  }

  static Event ParseEgg(const Words& words) {
    ProcessorBeat beat{.caller = words.Caller(), .detail = words.rest()};
    beat.processor.id = *ParseInt<int64_t>(words[2]);
    beat.processor.status = *ParseProcessorStatus(words[3]);
    beat.processor.pid = static_cast<int>(words.Number("pid", -1));
    if (words.values().contains("at")) {
      beat.processor.command = words.Address("at");
      beat.processor.transfer = {beat.processor.command.host, beat.processor.command.port + 1};
    }
    return beat;
  }

  static Event ParseNode(const Words& words) {
    NodeBeat beat{.caller = words.Caller(),
                  .sequence = static_cast<uint64_t>(words.Number("seq", 1))};
    beat.node.id = words.Number("id", -1);
    beat.node.endpoint = words.Address("at");
    beat.node.status = *ParseNodeStatus(words[2]);
    if (int64_t cores = words.Number("cores", 0)) {
      beat.node.resources.push_back({.type = "VCPU_CORE", .total = cores, .used = 1});
    }
    return beat;
  }

  void Restore(const Event& event) {
    auto session = [&](const std::string& id) {
      if (!cluster_.KnowsSession(id) && sessions_.contains(id)) {
        cluster_.RestoreSession(sessions_[id]);
      }
    };
    if (auto* e = std::get_if<CreateSession>(&event)) session(e->id);
    if (auto* e = std::get_if<GetSession>(&event)) session(e->id);
    if (auto* e = std::get_if<StopSession>(&event)) session(e->id);
    if (auto* e = std::get_if<ProcessorBeat>(&event)) {
      for (const auto& [id, s] : sessions_) {
        for (const Processor& p : s.processors) {
          if (p.id == e->processor.id) session(id);
        }
      }
    }
  }

  void Step(const Event& event, const std::string& prefix) {
    for (const Action& action : cluster_.Step(event, now_)) {
      if (auto* save = std::get_if<SaveSession>(&action))
        sessions_[save->session.id] = save->session;
      if (auto* save = std::get_if<SaveNode>(&action)) nodes_[save->node.id] = save->node;
      output_ += "  " + prefix + std::visit(Describer{}, action) + "\n";
    }
  }

  // Lets time pass; ticks come exactly when the cluster asks for them.
  void Wait(absl::Duration duration) {
    absl::Time end = now_ + duration;
    while (cluster_.NextDeadline() <= end) {
      now_ = std::max(now_, cluster_.NextDeadline());
      Step(Tick{}, fmt::format("[{}] ", absl::FormatDuration(now_ - kStart)));
    }
    now_ = end;
  }

  void Restart() {
    int64_t processors = 0, nodes = 1;
    for (const auto& [id, s] : sessions_) {
      for (const Processor& p : s.processors) processors = std::max(processors, p.id);
    }
    for (const auto& [id, node] : nodes_) nodes = std::max(nodes, id);
    cluster_ = Cluster(settings_, {nodes + 1, processors + 1, 1}, now_);
    for (const auto& [id, node] : nodes_) cluster_.RestoreNode(node);
    for (const auto& [id, s] : sessions_) {
      if (!IsFinal(s.status)) cluster_.RestoreSession(s);
    }
    Step(Recover{}, "");
  }

  Settings settings_{.eggs_per_node = 2, .start_timeout = absl::Seconds(15)};
  absl::Time now_ = kStart;
  Cluster cluster_{settings_, {2, 1, 1}, kStart};
  std::map<std::string, Session> sessions_;
  std::map<int64_t, Node> nodes_;
  std::string output_;
};

class ClusterScriptTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ClusterScriptTest, EveryEventCausesTheWrittenActions) {
  std::ifstream file("testdata/" + GetParam() + ".txt");
  ASSERT_TRUE(file) << "run in libs/session";
  std::string wanted, actual, line;
  Script script;
  while (std::getline(file, line)) {
    wanted += line + "\n";
    if (line.rfind("  ", 0) == 0) continue;  // the actions of the event before
    actual += line + "\n";
    if (line.rfind("> ", 0) == 0) actual += script.Run(std::string_view(line).substr(2));
  }
  ASSERT_FALSE(wanted.empty());
  if (getenv("FATE_UPDATE_TESTDATA")) std::ofstream("testdata/" + GetParam() + ".txt") << actual;
  EXPECT_EQ(actual, wanted);
}

std::vector<std::string> ScriptNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(
           std::filesystem::path(__FILE__).parent_path() / "testdata", error)) {
    names.push_back(file.path().stem().string());
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Scripts, ClusterScriptTest, ::testing::ValuesIn(ScriptNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace fate::session
