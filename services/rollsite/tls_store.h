#pragma once

// The certificates in use: the listener's, those of the routes, and the mapping of parties. Read
// on threads of its own; files that change are read again within seconds, and ones that are wrong
// leave the earlier in force. Connections that stand keep what they began with.
//
// Like a route table, certificates that cannot be read do not keep the service from starting: the
// TLS listener takes no connections until they can.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "relay/tls.h"
#include "rollsite/party_map.h"
#include "rollsite/tls_settings.h"
#include "rollsite/watched_files.h"
#include "routing/route_table.h"

namespace fate::rollsite {

class TlsStore {
 public:
  explicit TlsStore(const TlsSettings& settings);
  ~TlsStore();

  // Reads everything once: --check-config. Error: the first thing that is wrong.
  static absl::Status Check(const TlsSettings& settings, const routing::RouteTable& table);

  // Reads what the routes name, before the table comes into force. Any thread, one at a time.
  void Prepare(const routing::RouteTable& table);

  // The rest is thread-safe.
  // For the next connection; null while the files cannot be used.
  std::shared_ptr<const tls::Context> ServerContext() const;
  std::shared_ptr<const tls::Context> HttpsContext() const;
  // For a call on that route. Error: kFailedPrecondition naming what is wrong with its files.
  absl::StatusOr<std::shared_ptr<const relay::TlsClient>> ClientFor(
      const routing::Endpoint& endpoint) const;
  std::shared_ptr<const PartyMap> parties() const;
  // Whether the listeners can serve.
  absl::Status listener_status() const;
  // Whether all files are in force as they are now.
  bool files_ok() const;
  struct Expiry {
    std::string file;
    absl::Time when;
  };
  std::vector<Expiry> Expiries() const;
  tls::Handshaker* handshaker() { return &handshaker_; }

 private:
  // Something made of files: the last good value, and what is wrong with the files as they are.
  template <class Value>
  struct Slot {
    using Load = std::function<absl::StatusOr<std::shared_ptr<const Value>>()>;
    Slot(std::vector<std::string> paths, Load load)
        : load(std::move(load)), files(std::move(paths)) {}
    Load load;
    WatchedFiles files;  // of the thread that looks
    std::shared_ptr<const Value> value;
    absl::Status status;
  };
  using ContextSlot = Slot<tls::Context>;
  using ClientKey = std::pair<tls::Files, std::string>;  // and the name of the server
  struct Client {
    ContextSlot slot;
    uint64_t id;
    uint64_t generation = 0;                      // of the last table that names it
    std::shared_ptr<const relay::TlsClient> tls;  // null: never read
  };

  absl::StatusOr<ClientKey> KeyOf(const routing::Endpoint& endpoint) const;
  template <class Value>
  bool Fill(Slot<Value>* slot);
  template <class Value>
  bool Renew(Slot<Value>* slot, bool retry);
  Client& FindOrAdd(const ClientKey& key);
  void Publish(Client* client, const std::string& server_name);
  void Look(bool retry);
  void LookAtExpiries();
  void Run();

  const TlsSettings settings_;
  tls::Handshaker handshaker_;
  std::mutex loading_;  // held while files are read; before mutex_
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  ContextSlot server_, https_;
  Slot<PartyMap> parties_;
  std::map<ClientKey, std::unique_ptr<Client>> clients_;
  uint64_t last_id_ = 0, generation_ = 0;
  std::thread thread_;
};

// Counts the end of a listener's handshake and logs failures, not faster than is good for a disk.
void CountHandshake(const absl::Status& result);

}  // namespace fate::rollsite
