#include "relay/http1_answer.h"

#include <gmock/gmock.h>

#include "base/limits.h"
#include "base/status.h"

namespace fate::relay {
namespace {

using ::testing::HasSubstr;

// "status body", or the error; fed `step` bytes at a time, then the connection ends.
std::string Show(std::string_view text, size_t step, bool end = true) {
  Http1Answer answer(100);
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    if (auto status = answer.Add(text.substr(0, step)); !status.ok()) return ToText(status);
  }
  if (end) {
    if (auto status = answer.End(); !status.ok()) return ToText(status);
  }
  if (!answer.complete()) return "incomplete";
  return fmt::format("{} {}", answer.status(), answer.body());
}

TEST(Http1Answer, ItsBodyHasALengthOrChunksOrEndsWithTheConnection) {
  for (size_t step : {1, 2, 7, 1000}) {
    EXPECT_EQ(Show("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", step, false), "200 abc");
    EXPECT_EQ(Show("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n"
                   "0A\r\n0123456789\r\n0\r\nt: x\r\n\r\n",
                   step, false),
              "200 abc0123456789");
    EXPECT_EQ(Show("HTTP/1.0 404 Not Found\nServer: x\n\nabc", step), "404 abc");
    EXPECT_EQ(Show("HTTP/1.1 204 No Content\r\n\r\n", step, false), "204 ");
    EXPECT_EQ(
        Show("HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n",
             step, false),
        "200 ");
    EXPECT_EQ(Show("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", step, false), "200 abc");
  }
}

TEST(Http1Answer, HeadersAreFoundInLowerCase) {
  Http1Answer answer(100);
  ASSERT_TRUE(answer.Add("HTTP/1.1 200 OK\r\nX-Fate-Seq:  7 \r\ncontent-length: 0\r\n\r\n").ok());
  EXPECT_EQ(Find(answer.headers(), "x-fate-seq"), "7");
}

TEST(Http1Answer, WhatIsNoAnswerIsNamed) {
  for (size_t step : {1, 1000}) {
    EXPECT_THAT(Show("SSH-2.0-OpenSSH\r\n", step), HasSubstr("begins with 'SSH-2.0-OpenSSH'"));
    EXPECT_THAT(Show("HTTP/2 200\r\n", step), HasSubstr("not HTTP/1.1"));
    EXPECT_THAT(Show("HTTP/1.1 999 x\r\n", step), HasSubstr("not HTTP/1.1"));
    EXPECT_THAT(Show("HTTP/1.1 200 OK\r\nnonsense\r\n", step), HasSubstr("is no header"));
    EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", step),
                HasSubstr("content-length is '-1'"));
    EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", step),
                HasSubstr("transfer-encoding 'gzip'"));
    EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", step),
                HasSubstr("'xyz' is no size of a chunk"));
    EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", step),
                HasSubstr("a chunk is longer"));
  }
}

TEST(Http1Answer, WhatIsCutOffIsAFailure) {
  EXPECT_THAT(Show("", 1), HasSubstr("before the answer"));
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nx: y\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"}) {
    EXPECT_THAT(Show(text, 1000), HasSubstr("within the answer")) << text;
  }
}

TEST(Http1Answer, EverythingIsBounded) {
  const std::string long_text(101, 'x');
  EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n", 1000), HasSubstr("100 bytes"));
  EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n", 1000),
              HasSubstr("100 bytes"));
  EXPECT_THAT(Show("HTTP/1.1 200 OK\r\n\r\n" + long_text, 10), HasSubstr("100 bytes"));
  EXPECT_THAT(Show("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n60\r\n" +
                       long_text.substr(0, 96) + "\r\n5\r\n",
                   1000),
              HasSubstr("100 bytes"));
  EXPECT_THAT(
      Show("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", 1000),
      HasSubstr("100 bytes"));
  std::string head = "HTTP/1.1 200 OK\r\n";
  while (head.size() <= kMaxHttpHeaderBytes) head += "x: y\r\n";
  EXPECT_THAT(Show(head, 1000), HasSubstr("the head of the answer"));
  EXPECT_THAT(Show(std::string(kMaxHttpHeaderBytes + 1, 'x'), 1000), HasSubstr("the head"));
}

}  // namespace
}  // namespace fate::relay
