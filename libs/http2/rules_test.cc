#include "http2/rules.h"

#include <gtest/gtest.h>

namespace fate::http2 {
namespace {

Headers Request(std::initializer_list<Header> more = {}) {
  Headers headers = {{":method", "POST"}, {":scheme", "http"}, {":path", "/a/b"}};
  for (const Header& header : more) headers.push_back(header);
  return headers;
}

TEST(RulesTest, Requests) {
  uint64_t length = 0;
  EXPECT_EQ(CheckRequest(Request({{":authority", "x"}, {"te", "trailers"}}), &length), "");
  EXPECT_EQ(length, kNoContentLength);
  EXPECT_EQ(CheckRequest(Request({{"content-length", "12"}}), &length), "");
  EXPECT_EQ(length, 12u);
  const Headers wrong[] = {{{":method", "POST"}, {":scheme", "http"}},
                           {{":method", "POST"}, {":path", "/"}},
                           {{":method", "CONNECT"}, {":authority", "x"}},
                           {{":method", "POST"}, {":scheme", "http"}, {":path", ""}},
                           {{":method", ""}, {":scheme", "http"}, {":path", "/"}},
                           {{":method", "POST"}, {":scheme", "http"}, {":path", "a/b"}},
                           Request({{":path", "/other"}}),
                           Request({{":status", "200"}}),
                           Request({{":unknown", "x"}}),
                           Request({{"a", "b"}, {":authority", "x"}}),
                           Request({{"connection", "close"}}),
                           Request({{"keep-alive", "1"}}),
                           Request({{"proxy-connection", "x"}}),
                           Request({{"transfer-encoding", "chunked"}}),
                           Request({{"upgrade", "h2c"}}),
                           Request({{"te", "gzip"}}),
                           Request({{"content-length", "-1"}}),
                           Request({{"content-length", "1x"}}),
                           Request({{"content-length", ""}}),
                           Request({{"content-length", "18446744073709551616"}}),
                           Request({{"content-length", "1"}, {"content-length", "1"}})};
  for (const Headers& headers : wrong) {
    EXPECT_NE(CheckRequest(headers, &length), "") << headers[headers.size() - 1].name;
  }
}

TEST(RulesTest, AnswersAndTrailers) {
  uint64_t length = 0;
  EXPECT_EQ(CheckResponse({{":status", "200"}, {"a", "b"}}, &length), "");
  for (const char* status : {"", "20", "2000", "abc", "099", "101", "600"}) {
    EXPECT_NE(CheckResponse({{":status", status}}, &length), "") << status;
  }
  EXPECT_NE(CheckResponse({{"a", "b"}}, &length), "");
  EXPECT_NE(CheckResponse({{":path", "/"}, {":status", "200"}}, &length), "");
  EXPECT_EQ(CheckTrailers({{"grpc-status", "0"}}), "");
  EXPECT_NE(CheckTrailers({{":status", "200"}}), "");
  EXPECT_NE(CheckTrailers({{"upgrade", "x"}}), "");
}

}  // namespace
}  // namespace fate::http2
