#include "routing/http_url.h"

#include <gmock/gmock.h>

#include "base/status.h"

namespace fate::routing {
namespace {

// "secure host port path", or the error.
std::string Show(std::string_view text) {
  const auto url = HttpUrl::Parse(text);
  if (!url.ok()) return ToText(url.status());
  return fmt::format("{} {} {} {}", url->secure, url->host, url->port, url->path);
}

TEST(HttpUrl, SaysHostPortAndPath) {
  EXPECT_EQ(Show("http://10.0.0.2:8807"), "false 10.0.0.2 8807 ");
  EXPECT_EQ(Show("https://peer.example/v1/x?y=1"), "true peer.example 443 /v1/x?y=1");
  EXPECT_EQ(Show("http://h/"), "false h 80 /");
  EXPECT_EQ(Show("https://[::1]:8809/a:b"), "true ::1 8809 /a:b");
}

TEST(HttpUrl, WhatIsNoneIsRefusedWithWhatToWrite) {
  for (const char* wrong :
       {"", "10.0.0.2:8807", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:65536",
        "http://h:x", "http://a b", "http://h/\r\nx", "http://u@h/", "http://[::1", "http://h?x"}) {
    EXPECT_THAT(Show(wrong), testing::HasSubstr("write http://<host>:<port>")) << wrong;
  }
}

}  // namespace
}  // namespace fate::routing
