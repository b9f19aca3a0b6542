#include "wire/federation_key.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace fate::wire {
namespace {

// spec/eggroll-compute-and-storage.md 10.6.
RollSiteHeader SpecHeader() {
  RollSiteHeader header;
  header.set_rollsitesessionid("fs1");
  header.set_name("nm");
  header.set_tag("tg");
  header.set_srcrole("guest");
  header.set_srcpartyid("9999");
  header.set_dstrole("host");
  header.set_dstpartyid("10000");
  header.set_datatype("object");
  header.set_totalpartitions(1);
  header.set_totalstreams(-1);
  header.set_totalbatches(-1);
  header.set_streamseq(1);
  header.set_batchseq(1);
  return header;
}

const char kCommonHex[] =
    "0a0366733112026e6d1a02746722056775657374"
    "2a0439393939"
    "3204686f7374"
    "3a053130303030"
    "42066f626a656374"
    "7801";

TEST(FederationKeyTest, HeadersHaveTheBytesOfTheSpec) {
  RollSiteHeader header = SpecHeader();
  EXPECT_EQ(HexEncode(header.SerializeAsString()), std::string(kCommonHex) +
                                                       "8801ffffffffffffffffff01"
                                                       "9001ffffffffffffffffff01"
                                                       "a00101"
                                                       "a80101");
  header.set_totalbatches(3);
  header.set_totalstreams(2);
  header.set_streamseq(2);
  header.set_batchseq(3);
  header.set_stage(kFinishPartition);
  EXPECT_EQ(HexEncode(header.SerializeAsString()), std::string(kCommonHex) +
                                                       "880102"
                                                       "900103"
                                                       "a00102"
                                                       "a80103"
                                                       "f2011066696e6973685f706172746974696f6e");
}

TEST(FederationKeyTest, KeysAndTagsAreThoseOfTheSpec) {
  std::string key = RollSiteKey(SpecHeader());
  EXPECT_EQ(key, "__rsk#fs1#nm#tg#guest#9999#host#10000");
  EXPECT_EQ(BrokerTag(key, 3), "putBatch-" + key + "-3");
  EXPECT_EQ(ReceivingSession(SpecHeader()), "fs1_host_10000");
}

}  // namespace
}  // namespace fate::wire
