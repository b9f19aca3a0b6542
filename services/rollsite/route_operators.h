#pragma once

// What rollsite 2.x answers itself among unary calls (spec/rollsite.md 8.6): get_route_table and
// set_route_table, for callers on the whitelist who know the key, and ping. FATE-Cloud uses them.

#include <string>

#include "proxy/proxy.pb.h"
#include "rollsite/config.h"

namespace fate::rollsite {

using Packet = com::webank::ai::eggroll::api::networking::proxy::Packet;

// Whether the operator of a packet is one of the three.
bool IsRouteOperator(const std::string& name);

// The answer to a packet whose destination is this gateway; never an error, failures are texts
// in body.value, as upstream writes them. caller: the numeric address of the client.
Packet AnswerOperator(const Config& config, const std::string& caller, const Packet& packet);

// md5 of text + key, in hex: how a caller shows that he knows the key. "" where OpenSSL has no
// md5 (a FIPS build): then nobody may.
std::string OperatorToken(const std::string& text, const std::string& key);

}  // namespace fate::rollsite
