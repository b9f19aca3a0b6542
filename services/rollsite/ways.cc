#include "rollsite/ways.h"

#include "base/status.h"
#include "base/text.h"

namespace fate::rollsite {
namespace {

// Names are the callers' to choose; beyond this all are looked up anew.
constexpr size_t kMaxEntries = 4096;

std::unique_ptr<const Way> MakeWay(const routing::RouteTable& table, const std::string& table_path,
                                   std::string_view party, routing::Route route) {
  auto way = std::make_unique<Way>();
  way->own = table.IsSelf(party);
  way->where = fmt::format("{} of {}", route.rule, table_path);
  const routing::Endpoint& endpoint = route.endpoint;
  way->text = std::make_shared<const relay::TargetText>(relay::TargetText{
      endpoint.is_polling ? fmt::format("polling party {}", Escape(party))
                          : relay::Address{endpoint.host, endpoint.port}.ToString(),
      endpoint.is_polling ? fmt::format("polling party {} ({})", Escape(party), route.rule)
                          : fmt::format("rollsite of party {} to party {} ({})", table.SelfName(""),
                                        Escape(party), route.rule),
      fmt::format("check that {} runs there and that {} names its address",
                  way->own ? "fate-fateflow" : "fate-rollsite", table_path)});
  way->endpoint = std::move(route.endpoint);
  return way;
}

}  // namespace

absl::StatusOr<const Way*> Ways::Next(const std::shared_ptr<const routing::RouteTable>& table,
                                      const std::string& table_path, std::string_view party,
                                      std::string_view role) {
  if (table != table_ || entries_.size() > kMaxEntries) {
    table_ = table;
    entries_.clear();
  }
  key_.assign(party);
  key_ += '\0';
  key_ += role;
  auto it = entries_.find(key_);
  const size_t turn = it == entries_.end() ? 0 : it->second.turn++ % it->second.ways.size();
  if (it != entries_.end() && it->second.ways[turn]) return it->second.ways[turn].get();
  ASSIGN_OR_RETURN(routing::Route route, table->Find(party, role, turn));
  if (it == entries_.end()) {
    it = entries_.try_emplace(key_).first;
    it->second.ways.resize(route.choices);
    it->second.turn = 1;
  }
  auto& way = it->second.ways[turn];
  way = MakeWay(*table, table_path, party, std::move(route));
  return way.get();
}

}  // namespace fate::rollsite
