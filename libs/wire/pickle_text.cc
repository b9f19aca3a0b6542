#include "wire/pickle_text.h"

#include <cstdint>

#include "base/status.h"

namespace fate::wire {
namespace {

// Opcodes of Python's pickle protocols 2 to 5.
constexpr char kProto = '\x80', kFrame = '\x95', kMemoize = '\x94', kStop = '.';
constexpr char kShortBinUnicode = '\x8c', kBinUnicode = 'X', kBinUnicode8 = '\x8d';
constexpr char kBinPut = 'q', kLongBinPut = 'r';
// Python puts longer texts outside of a frame.
constexpr size_t kFrameTargetBytes = 64 * 1024;

void AppendLittleEndian(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
}

absl::Status NotText(std::string_view why) {
  return InvalidArgumentError("not one pickled text: {}", why);
}

// Takes pieces off the front of the bytes.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  bool Take(char opcode) {
    if (rest_.empty() || rest_[0] != opcode) return false;
    rest_.remove_prefix(1);
    return true;
  }
  absl::StatusOr<std::string_view> Bytes(uint64_t count) {
    if (count > rest_.size()) return NotText("it ends too early");
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  absl::StatusOr<uint64_t> LittleEndian(int count) {
    ASSIGN_OR_RETURN(std::string_view bytes, Bytes(count));
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

 private:
  std::string_view rest_;
};

absl::Status SkipFrame(Input& input) {
  return input.Take(kFrame) ? input.LittleEndian(8).status() : absl::OkStatus();
}

absl::Status SkipMemo(Input& input) {
  if (input.Take(kMemoize)) return absl::OkStatus();
  if (input.Take(kBinPut)) return input.Bytes(1).status();
  return input.Take(kLongBinPut) ? input.Bytes(4).status() : absl::OkStatus();
}

absl::StatusOr<std::string_view> TakeText(Input& input) {
  int length_bytes = input.Take(kShortBinUnicode) ? 1
                     : input.Take(kBinUnicode)    ? 4
                     : input.Take(kBinUnicode8)   ? 8
                                                  : 0;
  if (length_bytes == 0) return NotText("it holds something else than a text");
  ASSIGN_OR_RETURN(uint64_t length, input.LittleEndian(length_bytes));
  return input.Bytes(length);
}

}  // namespace

std::string PickleText(std::string_view utf8) {
  std::string text;
  if (utf8.size() < 256) {
    text += kShortBinUnicode;
    AppendLittleEndian(text, utf8.size(), 1);
  } else if (utf8.size() <= UINT32_MAX) {
    text += kBinUnicode;
    AppendLittleEndian(text, utf8.size(), 4);
  } else {
    text += kBinUnicode8;
    AppendLittleEndian(text, utf8.size(), 8);
  }
  text.append(utf8).append({kMemoize, kStop});
  std::string out = {kProto, 4};
  if (utf8.size() < kFrameTargetBytes) {
    out += kFrame;
    AppendLittleEndian(out, text.size(), 8);
  }
  return out + text;
}

absl::StatusOr<std::string> UnpickleText(std::string_view bytes) {
  Input input(bytes);
  if (!input.Take(kProto)) return NotText("it does not begin with a protocol number");
  ASSIGN_OR_RETURN(uint64_t protocol, input.LittleEndian(1));
  if (protocol < 2 || protocol > 5) {
    return InvalidArgumentError("not one pickled text: protocol {} is unknown", protocol);
  }
  RETURN_IF_ERROR(SkipFrame(input));
  ASSIGN_OR_RETURN(std::string_view text, TakeText(input));
  RETURN_IF_ERROR(SkipMemo(input));
  if (!input.Take(kStop) || !input.empty()) return NotText("something follows the text");
  return std::string(text);
}

}  // namespace fate::wire
