// A table's meta (first line of the input, JSON) and its lines (the rest) come from whoever
// uploaded them: reading ends with rows of the planned shape or with an error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "algo/row_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto lines = fate::algo::SplitFields({reinterpret_cast<const char*>(data), size}, "\n");
  auto json = nlohmann::json::parse(lines[0], nullptr, false);
  if (json.is_discarded()) return 0;
  auto meta = fate::algo::TableMeta::FromJson(json);
  if (!meta.ok()) return 0;
  auto plan = fate::algo::PlanRows(*meta);
  if (!plan.ok()) return 0;
  fate::algo::RowParser parser(plan->format);
  for (size_t i = 1; i < lines.size(); ++i) {
    auto row = parser.Parse("s", lines[i]);
    if (!row.ok()) continue;
    bool fits = row->values.size() == plan->schema.Columns().size() &&
                row->label.has_value() == plan->schema.HasLabel();
    if (!fits || !fate::dataframe::DecodeRow(fate::dataframe::EncodeRow(*row)).ok()) std::abort();
  }
  return 0;
}
