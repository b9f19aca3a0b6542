#include "relay/grpc_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> ReadAll(FrameReader& reader, const std::string& bytes, size_t step) {
  std::vector<std::string> messages;
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string_view part = std::string_view(bytes).substr(at, step);
    while (!part.empty()) {
      auto message = reader.Next(&part);
      EXPECT_TRUE(message.ok()) << message.status();
      if (!message.ok()) return messages;
      if (*message) messages.push_back(**message);
    }
  }
  return messages;
}

TEST(FrameReader, FindsMessagesHoweverTheBytesAreCut) {
  std::string bytes = FrameHead(5) + "hello" + FrameHead(0) + FrameHead(2) + "ab";
  for (size_t step : {1, 2, 3, 7, 100}) {
    FrameReader reader(100);
    EXPECT_THAT(ReadAll(reader, bytes, step), ElementsAre("hello", "", "ab")) << step;
    EXPECT_TRUE(reader.AtBoundary());
  }
}

TEST(FrameReader, RefusesCompressedLongAndForeignMessages) {
  auto error = [](std::string bytes) {
    FrameReader reader(10);
    std::string_view view = bytes;
    return reader.Next(&view).status();
  };
  EXPECT_EQ(error(std::string("\1\0\0\0\1", 5)).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error(FrameHead(11)).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(error("HTTP/").code(), absl::StatusCode::kInvalidArgument);
}

TEST(Timeout, RoundTripsAndRefusesNonsense) {
  EXPECT_EQ(ParseTimeout("10S"), absl::Seconds(10));
  EXPECT_EQ(ParseTimeout("36000000m"), absl::Hours(10));
  EXPECT_EQ(ParseTimeout("1H"), absl::Hours(1));
  EXPECT_EQ(ParseTimeout("5u"), absl::Microseconds(5));
  for (const char* text : {"", "S", "-1S", "1", "1X", "123456789S", "1 S"}) {
    EXPECT_EQ(ParseTimeout(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseTimeout(FormatTimeout(absl::Hours(10))), absl::Hours(10));
  EXPECT_EQ(FormatTimeout(absl::ZeroDuration()), "1m");
}

TEST(GrpcMessage, IsPercentEncoded) {
  std::string text = "100% \xc3\xa4\n";
  EXPECT_EQ(PercentEncode(text), "100%25 %C3%A4%0A");
  EXPECT_EQ(PercentDecode(PercentEncode(text)), text);
  EXPECT_EQ(PercentDecode("a%"), "a%");
  EXPECT_EQ(PercentDecode("a%4"), "a%4");
  EXPECT_EQ(PercentDecode("%zz%41"), "%zzA");
}

TEST(StatusOf, ReadsTrailersHeadAndHttpStatus) {
  Headers ok = {{":status", "200"}};
  EXPECT_TRUE(StatusOf(ok, {{"grpc-status", "0"}}).ok());
  absl::Status status = StatusOf(ok, StatusTrailers(NotFoundError("no route: 5%")));
  EXPECT_EQ(status, absl::NotFoundError("no route: 5%"));
  EXPECT_EQ(StatusOf({{":status", "200"}, {"grpc-status", "14"}}, {}).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusOf(ok, {}).code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(StatusOf({{":status", "502"}}, {}).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(StatusOf({{":status", "404"}}, {})), HasSubstr("HTTP status 404"));
  EXPECT_EQ(StatusOf(ok, {{"grpc-status", "99"}}).code(), absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace fate::relay
