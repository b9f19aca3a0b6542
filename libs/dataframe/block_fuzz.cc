// Blocks and rows come from storage and from other parties: whatever the bytes, decoding ends with
// a value that can be read in full or with an error, and what was read is written back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dataframe/block.h"
#include "dataframe/row.h"

namespace {

void ReadBlock(std::string_view bytes) {
  auto block = fate::dataframe::Block::Decode(bytes);
  if (!block.ok()) return;
  fate::dataframe::BlockBuilder builder(block->columns(), block->has_label(), block->has_weight());
  for (size_t i = 0; i < block->rows(); ++i) builder.Add(block->ToRow(i));
  auto again = builder.Finish();
  if (again.size() != bytes.size()) std::abort();
}

void ReadRow(std::string_view bytes) {
  auto row = fate::dataframe::DecodeRow(bytes);
  if (row.ok() && fate::dataframe::EncodeRow(*row) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReadBlock(bytes);
  ReadRow(bytes);
  return 0;
}
