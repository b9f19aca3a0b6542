#include "http2/headers.h"

#include <gtest/gtest.h>

#include <string>

namespace fate::http2 {
namespace {

std::string Text(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    ((text += header.name) += '=') += header.value;
    text += ' ';
  }
  return text;
}

TEST(HeadersTest, KeepsOrderAndRepeats) {
  Headers headers = {{":path", "/x"}, {"a", "1"}, {"a", "2"}};
  headers.push_back({"b", std::string(1000, 'b')});
  EXPECT_EQ(headers.size(), 4u);
  EXPECT_EQ(Find(headers, "a"), "1");
  EXPECT_EQ(Find(headers, "b").size(), 1000u);
  EXPECT_EQ(Find(headers, "c"), "");
  Headers twice = headers;
  twice.Append(headers);
  EXPECT_EQ(Text(twice), Text(headers) + Text(headers));
}

TEST(HeadersTest, SetsTheFirstOfAName) {
  Headers headers = {{"a", "long"}, {"b", "x"}, {"a", "y"}};
  headers.Set("a", "s");
  EXPECT_EQ(Text(headers), "a=s b=x a=y ");
  headers.Set("a", "longer than before");
  EXPECT_EQ(Text(headers), "a=longer than before b=x a=y ");
  headers.Set("a", "and again longer than before");
  headers.Set("a", "");
  EXPECT_EQ(Text(headers), "a= b=x a=y ");
  headers.Set("new", "z");
  EXPECT_EQ(Text(headers), "a= b=x a=y new=z ");
}

TEST(HeadersTest, FindsTheFirstOfEachNameAtOnce) {
  Headers headers = {{"a", ""}, {"long-name", "1"}, {"a", "2"}, {"other", "3"}};
  headers.Set("long-name", "and a long value");
  std::string_view a, name, none;
  const Headers::Wanted wanted[] = {{"a", &a}, {"long-name", &name}, {"none", &none}};
  headers.FindAll(wanted);
  EXPECT_EQ(a, "");
  EXPECT_NE(a.data(), nullptr) << "there, and empty";
  EXPECT_EQ(name, "and a long value");
  EXPECT_EQ(none.data(), nullptr);
}

TEST(HeadersTest, AppendsValuesThatWereSetAnew) {
  Headers first = {{"x", "1"}}, second = {{"a", "s"}, {"b", "2"}};
  second.Set("a", "longer than before");
  first.Append(second);
  EXPECT_EQ(Text(first), "x=1 a=longer than before b=2 ");
  first.Set("a", "and again longer than before");
  EXPECT_EQ(Text(first), "x=1 a=and again longer than before b=2 ");
}

TEST(HeadersTest, ViewsOutliveAMove) {
  Headers headers = {{"a", "1"}};
  const std::string_view value = Find(headers, "a");
  const Headers moved = std::move(headers);
  EXPECT_EQ(value.data(), Find(moved, "a").data());
}

}  // namespace
}  // namespace fate::http2
