#include "http2/hpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <memory>
#include <random>

#include "absl/strings/escaping.h"
#include "http2/huffman.h"

namespace fate::http2 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using Result = HpackDecoder::Result;

Fields ToFields(const Headers& headers) {
  Fields fields;
  for (const Header& header : headers) fields.emplace_back(header.name, header.value);
  return fields;
}

Headers ToHeaders(const Fields& fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.push_back({name, value});
  return headers;
}

Result Decode(HpackDecoder* decoder, std::string_view block, Headers* headers) {
  return decoder->Decode(block, 256, 64 << 10, headers);
}

// What libnghttp2 makes of blocks, over the life of a connection.
class Inflater {
 public:
  Inflater() { nghttp2_hd_inflate_new(&inflater_); }
  ~Inflater() { nghttp2_hd_inflate_del(inflater_); }
  void Resize(size_t bytes) { nghttp2_hd_inflate_change_table_size(inflater_, bytes); }

  Fields Inflate(std::string_view block, std::vector<bool>* secret = nullptr) {
    Fields fields;
    const auto* at = reinterpret_cast<const uint8_t*>(block.data());
    const auto* const end = at + block.size();
    while (true) {
      nghttp2_nv nv;
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &nv, &flags, at,
                                                  static_cast<size_t>(end - at), /*in_final=*/1);
      if (used < 0) {
        ADD_FAILURE() << nghttp2_strerror(static_cast<int>(used));
        return fields;
      }
      at += used;
      if (flags & NGHTTP2_HD_INFLATE_EMIT) {
        fields.emplace_back(std::string(reinterpret_cast<char*>(nv.name), nv.namelen),
                            std::string(reinterpret_cast<char*>(nv.value), nv.valuelen));
        if (secret) secret->push_back(nv.flags & NGHTTP2_NV_FLAG_NO_INDEX);
      }
      if (flags & NGHTTP2_HD_INFLATE_FINAL) {
        nghttp2_hd_inflate_end_headers(inflater_);
        return fields;
      }
    }
  }

 private:
  nghttp2_hd_inflater* inflater_;
};

class Deflater {
 public:
  Deflater() { nghttp2_hd_deflate_new(&deflater_, kHpackTableBytes); }
  ~Deflater() { nghttp2_hd_deflate_del(deflater_); }
  void Resize(size_t bytes) { nghttp2_hd_deflate_change_table_size(deflater_, bytes); }

  std::string Deflate(const Fields& fields) {
    std::vector<nghttp2_nv> nvs;
    for (const auto& [name, value] : fields) {
      auto bytes = [](const std::string& s) {
        return reinterpret_cast<uint8_t*>(const_cast<char*>(s.data()));
      };
      nvs.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    std::string block(nghttp2_hd_deflate_bound(deflater_, nvs.data(), nvs.size()), '\0');
    const ssize_t size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<uint8_t*>(block.data()),
                                               block.size(), nvs.data(), nvs.size());
    EXPECT_GE(size, 0);
    block.resize(static_cast<size_t>(size));
    return block;
  }

 private:
  nghttp2_hd_deflater* deflater_;
};

// A block like those of calls: some fields are always the same, some change, some are new.
Fields RandomFields(std::mt19937* random) {
  auto below = [&](size_t bound) { return (*random)() % bound; };
  Fields fields = {{":method", "POST"}, {":scheme", "http"}, {":path", "/service/method"}};
  if (below(10) == 0) fields.emplace_back("grpc-timeout", std::to_string(below(100'000)) + "m");
  fields.emplace_back("user-agent", "test " + std::to_string(below(3)));
  for (size_t count = below(30); count > 0; --count) {
    std::string value(below(8) == 0 ? below(6000) : below(60), '\0');
    for (char& c : value)
      c = static_cast<char>(below(3) == 0 ? 0x80 + below(128) : ' ' + below(94));
    fields.emplace_back("name-" + std::to_string(below(40)), std::move(value));
  }
  fields.emplace_back("stable", "of this connection");
  return fields;
}

// RFC 7541, appendix C.3 and C.4: three requests on one connection, plain and packed.
TEST(HpackTest, DecodesTheExamplesOfTheRfc) {
  const std::vector<std::vector<std::string>> connections = {
      {"828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
       "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"},
      {"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
       "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"}};
  const std::vector<Fields> wanted = {
      {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}},
      {{":method", "GET"},
       {":scheme", "http"},
       {":path", "/"},
       {":authority", "www.example.com"},
       {"cache-control", "no-cache"}},
      {{":method", "GET"},
       {":scheme", "https"},
       {":path", "/index.html"},
       {":authority", "www.example.com"},
       {"custom-key", "custom-value"}}};
  for (const auto& blocks : connections) {
    HpackDecoder decoder;
    for (size_t i = 0; i < blocks.size(); ++i) {
      Headers headers;
      EXPECT_EQ(Decode(&decoder, absl::HexStringToBytes(blocks[i]), &headers), Result::kOk);
      EXPECT_EQ(ToFields(headers), wanted[i]);
    }
  }
}

// C.2: the four kinds of literals.
TEST(HpackTest, KnowsSecrets) {
  HpackDecoder decoder;
  Headers headers;
  const std::string block = absl::HexStringToBytes(
      "400a637573746f6d2d6b65790d637573746f6d2d686561646572040c2f73616d706c652f70617468"
      "100870617373776f726406736563726574");
  ASSERT_EQ(Decode(&decoder, block, &headers), Result::kOk);
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0], (Header{"custom-key", "custom-header"}));
  EXPECT_EQ(headers[1], (Header{":path", "/sample/path"}));
  EXPECT_EQ(headers[2], (Header{"password", "secret", true}));

  HpackEncoder encoder;
  Inflater inflater;
  for (int i = 0; i < 3; ++i) {  // it passes on what it was given, and never by an index
    std::string sent;
    encoder.Encode(headers, &sent);
    EXPECT_THAT(sent, ::testing::HasSubstr("secret"));
    std::vector<bool> secret;
    EXPECT_EQ(inflater.Inflate(sent, &secret), ToFields(headers));
    EXPECT_EQ(secret, (std::vector<bool>{false, false, true}));
  }
}

TEST(HpackTest, DecodesWhatNghttp2Encodes) {
  std::mt19937 random(1);
  HpackDecoder decoder;
  Deflater deflater;
  for (int i = 0; i < 2000; ++i) {
    if (i % 100 == 99) deflater.Resize(random() % (kHpackTableBytes + 1));
    const Fields fields = RandomFields(&random);
    Headers headers;
    ASSERT_EQ(decoder.Decode(deflater.Deflate(fields), 1000, 1 << 20, &headers), Result::kOk);
    ASSERT_EQ(ToFields(headers), fields) << i;
  }
}

TEST(HpackTest, Nghttp2DecodesWhatItEncodes) {
  std::mt19937 random(2);
  HpackEncoder encoder;
  Inflater inflater;
  for (int i = 0; i < 2000; ++i) {
    if (i % 100 == 99) {
      const uint32_t less = random() % 3000, more = less + random() % 3000;
      inflater.Resize(less);
      inflater.Resize(more);
      encoder.SetPeerLimit(less);
      encoder.SetPeerLimit(more);
    }
    const Fields fields = RandomFields(&random);
    std::string block;
    encoder.Encode(ToHeaders(fields), &block);
    ASSERT_EQ(inflater.Inflate(block), fields) << i;
  }
}

TEST(HpackTest, WhatComesAgainIsAnIndexAndWhatChangesPushesNothingOut) {
  HpackEncoder encoder;
  Inflater inflater;
  size_t size = 0;
  for (int i = 0; i < 500; ++i) {
    const Fields fields = {{":method", "POST"},
                           {":path", "/com.webank.ai.eggroll.api.networking.proxy/unaryCall"},
                           {"x-ptp-session-id", "a session that lasts"},
                           {"x-ptp-topic", i % 2 ? "one" : "two"},
                           {"x-ptp-seq", std::to_string(i)}};
    std::string block;
    encoder.Encode(ToHeaders(fields), &block);
    EXPECT_EQ(inflater.Inflate(block), fields);
    size = block.size();
  }
  EXPECT_LE(size, 4 + 2 + 4u) << "four indexes, and that of a name with a value of three digits";
}

TEST(HpackTest, TooMuchIsSkippedAndTheTableStaysRight) {
  HpackDecoder decoder;
  Deflater deflater;
  Fields many(20, {"h", "v"}), large = {{"kept", "in the table"}, {"l", std::string(3000, 'l')}};
  Headers headers;
  EXPECT_EQ(decoder.Decode(deflater.Deflate(many), 19, 10'000, &headers), Result::kTooLong);
  headers.clear();
  EXPECT_EQ(decoder.Decode(deflater.Deflate(large), 19, 3000, &headers), Result::kTooLong);
  headers.clear();
  EXPECT_EQ(decoder.Decode(deflater.Deflate({large[0]}), 19, 3000, &headers), Result::kOk);
  EXPECT_EQ(ToFields(headers), (Fields{large[0]}));
}

TEST(HpackTest, ABlockThatGrowsAThousandfoldIsNotFollowed) {
  HpackDecoder decoder;
  Headers headers;
  // Kept: a name of one byte, and a value of 127 + 0x50 + 0x1e * 128 bytes.
  const std::string block = absl::HexStringToBytes("4001617fd01e") + std::string(4047, 'v');
  ASSERT_EQ(Decode(&decoder, block, &headers), Result::kOk);
  ASSERT_EQ(headers[0].value.size(), 4047u);
  headers.clear();
  EXPECT_EQ(Decode(&decoder, std::string(200, '\xbe'), &headers), Result::kTooLong);
  headers.clear();
  EXPECT_EQ(Decode(&decoder, std::string(300, '\xbe'), &headers), Result::kBroken);
}

TEST(HpackTest, CharactersThatNobodyMaySendMakeABlockMalformed) {
  auto literal = [](std::string_view name, std::string_view value, char kind) {
    return std::string(1, kind) + static_cast<char>(name.size()) + std::string(name) +
           static_cast<char>(value.size()) + std::string(value);
  };
  HpackDecoder decoder;
  for (const auto& [name, value] : Fields{{"a\n", "v"},
                                          {"Upper", "v"},
                                          {"", "v"},
                                          {":", "v"},
                                          {"sp ace", "v"},
                                          {"a", std::string("\0", 1)},
                                          {"a", "line\r\nbreak"},
                                          {"a", "\x7f"}}) {
    Headers headers;
    EXPECT_EQ(Decode(&decoder, literal(name, value, 0) + literal("good", "v", 0), &headers),
              Result::kMalformed)
        << name;
  }
  Headers headers;
  EXPECT_EQ(Decode(&decoder, literal("a", "b\n", 0x40), &headers), Result::kMalformed);
  EXPECT_EQ(Decode(&decoder, "\xbe", &headers), Result::kMalformed) << "by its index too";
  EXPECT_EQ(Decode(&decoder, literal("a", "tab\tand \xc3\xa4", 0), &headers), Result::kOk);
}

TEST(HpackTest, BlocksThatAreNone) {
  const std::string hex[] = {"80",                 // index 0
                             "be",                 // of nothing in the table
                             "ffffffffffff",       // a number without end
                             "ff",                 // or cut short
                             "40",                 // a literal without a name
                             "400161",             // without a value
                             "4001610561",         // shorter than it says
                             "00018001",           // a name without bytes behind its length
                             "3fe21f",             // a table larger than allowed
                             "8220",               // a new size behind a header
                             "0001618100",         // padding of zeros
                             "00016182ffff",       // padding of more than seven bits
                             "00016184ffffffff"};  // the end-of-string symbol
  for (const std::string& block : hex) {
    HpackDecoder decoder;
    Headers headers;
    EXPECT_EQ(Decode(&decoder, absl::HexStringToBytes(block), &headers), Result::kBroken) << block;
  }
}

// The codes follow from their lengths (RFC 7541, appendix B, is a canonical code).
TEST(HuffmanTest, EverySymbol) {
  std::vector<uint32_t> codes(kHuffmanBits.size());
  uint32_t code = 0;
  for (int bits = 1; bits <= 30; ++bits, code <<= 1) {
    for (size_t symbol = 0; symbol < codes.size(); ++symbol) {
      if (kHuffmanBits[symbol] == bits) codes[symbol] = code++;
    }
  }
  EXPECT_EQ(codes['0'], 0u);
  EXPECT_EQ(codes[256], 0x3fffffffu);
  Inflater inflater;
  for (int first = 0; first < 256; ++first) {
    std::string text, packed;
    uint64_t bits = 0;
    int count = 0;
    for (int i = 0; i < 40; ++i) {
      const auto symbol = static_cast<uint8_t>(first + i * i);
      text += static_cast<char>(symbol);
      for (bits = bits << kHuffmanBits[symbol] | codes[symbol], count += kHuffmanBits[symbol];
           count >= 8; count -= 8) {
        packed += static_cast<char>(bits >> (count - 8));
      }
    }
    if (count > 0) packed += static_cast<char>(bits << (8 - count) | 0xff >> count);
    std::vector<char> decoded = {'>'};
    ASSERT_TRUE(DecodeHuffman(packed, &decoded));
    EXPECT_EQ(std::string(decoded.begin(), decoded.end()), ">" + text);
    ASSERT_LT(packed.size(), 254u);
    std::string block = absl::HexStringToBytes("000161");
    if (packed.size() < 127) {
      block += static_cast<char>(0x80 | packed.size());
    } else {
      (block += '\xff') += static_cast<char>(packed.size() - 127);
    }
    EXPECT_EQ(inflater.Inflate(block + packed), (Fields{{"a", text}}));
  }
}

}  // namespace
}  // namespace fate::http2
