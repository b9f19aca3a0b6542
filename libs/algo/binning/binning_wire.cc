#include "algo/binning/binning_wire.h"

namespace fate::algo {

BinnedColumns WriteColumns(const std::vector<BinningModel::Column>& columns) {
  BinnedColumns message;
  for (const auto& [column, bins] : columns) {
    auto* out = message.add_columns();
    out->set_index(column.index);
    out->set_is_category(bins.is_category);
    out->mutable_boundaries()->Add(bins.boundaries.begin(), bins.boundaries.end());
  }
  return message;
}

std::vector<Bins> ReadBins(const BinnedColumns& columns) {
  std::vector<Bins> bins;
  for (const auto& column : columns.columns()) {
    bins.push_back(
        {{column.boundaries().begin(), column.boundaries().end()}, column.is_category()});
  }
  return bins;
}

}  // namespace fate::algo
