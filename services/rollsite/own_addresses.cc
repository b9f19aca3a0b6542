#include "rollsite/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

namespace fate::rollsite {
namespace {

std::set<std::string> LocalHosts() {
  std::set<std::string> hosts{"localhost"};
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return hosts;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (entry->ifa_addr->sa_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr, text,
                sizeof(text));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr, text,
                sizeof(text));
    }
    if (*text != '\0') hosts.insert(text);
  }
  freeifaddrs(list);
  return hosts;
}

}  // namespace

bool IsThisMachine(const std::string& host) {
  if (host.starts_with("127.") || host.starts_with("::ffff:127.")) return true;
  static const auto* hosts = new std::set<std::string>(LocalHosts());
  return hosts->count(host) > 0;
}

void OwnAddresses::Add(const relay::Address& listener) {
  exact_.insert(listener);
  if (listener.host == "127.0.0.1") exact_.insert({"localhost", listener.port});
  if (listener.host != "0.0.0.0" && listener.host != "::") return;
  any_host_.insert(listener.port);
  if (local_hosts_.empty()) local_hosts_ = LocalHosts();
}

bool OwnAddresses::Contains(const relay::Address& address) const {
  if (exact_.count(address) > 0) return true;
  if (any_host_.count(address.port) == 0) return false;
  return address.host.starts_with("127.") || local_hosts_.count(address.host) > 0;
}

}  // namespace fate::rollsite
