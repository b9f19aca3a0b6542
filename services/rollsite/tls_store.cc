#include "rollsite/tls_store.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"

namespace fate::rollsite {
namespace {

using ContextPtr = std::shared_ptr<const tls::Context>;
using PartyMapPtr = std::shared_ptr<const PartyMap>;

constexpr auto kLookInterval = std::chrono::milliseconds(500);
constexpr int kLooksBeforeRetry = 60;
constexpr absl::Duration kWarnBeforeExpiry = absl::Hours(30 * 24);
constexpr absl::Duration kWarnInterval = absl::Hours(24);
constexpr absl::Duration kLogPeriod = absl::Seconds(10);
constexpr int kLogsPerPeriod = 20;

absl::StatusOr<PartyMapPtr> LoadPartyMap(const std::string& path) {
  if (path.empty()) return std::make_shared<const PartyMap>();
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return NotFoundError(
        "cannot read the mapping of certificates to parties {}: {}; create it or correct "
        "eggroll.rollsite.tls.party.map",
        path, std::strerror(errno));
  }
  std::string text(kMaxPartyMapBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  ASSIGN_OR_RETURN(PartyMap map, PartyMap::Parse(text, path));
  return std::make_shared<const PartyMap>(std::move(map));
}

absl::StatusOr<ContextPtr> LoadServer(const TlsSettings& settings) {
  if (!settings.listen) return ContextPtr();
  ASSIGN_OR_RETURN(ContextPtr context, tls::Context::ForServer(settings.server, settings.clients));
  return context;
}

absl::StatusOr<ContextPtr> LoadHttps(const TlsSettings& settings) {
  if (!settings.https.listen) return ContextPtr();
  ASSIGN_OR_RETURN(ContextPtr context, tls::Context::ForServer(settings.https.files,
                                                               tls::ClientCertificates::kRequired));
  return context;
}

absl::StatusOr<ContextPtr> LoadClient(const tls::Files& files) {
  ASSIGN_OR_RETURN(ContextPtr context, tls::Context::ForClient(files));
  return context;
}

tls::Files FilesOf(const routing::Endpoint& endpoint) {
  return {endpoint.ca_file,
          endpoint.certificate_file,
          endpoint.private_key_file,
          endpoint.keystore_file,
          endpoint.keystore_password,
          endpoint.truststore_file,
          endpoint.truststore_password};
}

// What an operator wants to read at the start, so that nobody is mistaken about TLS.
std::string Describe(const tls::Context& context) {
  const auto& own = context.loaded().own;
  const tls::Files& files = context.files();
  return fmt::format("{}, authorities of {}",
                     own.empty() ? "no certificate of one's own"
                                 : fmt::format("certificate {} until {}", own[0].ToString(),
                                               absl::FormatTime("%Y-%m-%d", own[0].valid_until,
                                                                absl::LocalTimeZone())),
                     !files.truststore.empty() ? files.truststore
                     : !files.ca.empty()       ? files.ca
                                               : "the system");
}

}  // namespace

TlsStore::TlsStore(const TlsSettings& settings)
    : settings_(settings),
      server_(settings.server.Paths(), [this] { return LoadServer(settings_); }),
      https_(settings.https.files.Paths(), [this] { return LoadHttps(settings_); }),
      parties_({settings.party_map}, [this] { return LoadPartyMap(settings_.party_map); }) {
  Fill(&server_);
  Fill(&https_);
  Fill(&parties_);
  if (server_.value) log::Info("TLS listener: {}", Describe(*server_.value));
  if (https_.value) log::Info("HTTPS listener: {}", Describe(*https_.value));
  thread_ = std::thread([this] { Run(); });
}

TlsStore::~TlsStore() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

absl::Status TlsStore::Check(const TlsSettings& settings, const routing::RouteTable& table) {
  RETURN_IF_ERROR(LoadServer(settings).status());
  if (auto https = LoadHttps(settings).status(); !https.ok()) {
    return Annotate(https, "https.server.*");
  }
  RETURN_IF_ERROR(LoadPartyMap(settings.party_map).status());
  TlsStore store(settings);
  for (const routing::Route& route : table.TlsRoutes()) {
    auto key = store.KeyOf(route.endpoint);
    absl::Status status = key.ok() ? LoadClient(key->first).status() : key.status();
    if (!status.ok()) return Annotate(status, route.rule);
  }
  return absl::OkStatus();
}

// True when the slot has a new value. Reads without the lock, which the loop takes.
template <class Value>
bool TlsStore::Fill(Slot<Value>* slot) {
  auto loaded = slot->load();
  std::lock_guard lock(mutex_);
  slot->status = loaded.status();
  if (loaded.ok()) slot->value = *std::move(loaded);
  if (slot->status.ok()) return true;
  log::Error("{}{}", Message(slot->status),
             slot->value ? "; what was read before stays in force" : "");
  return false;
}

void TlsStore::Prepare(const routing::RouteTable& table) {
  std::lock_guard loading(loading_);
  ++generation_;
  for (const routing::Route& route : table.TlsRoutes()) {
    auto key = KeyOf(route.endpoint);
    if (!key.ok()) {
      log::Error("{}: {}", route.rule, Message(key.status()));
      continue;
    }
    Client& client = FindOrAdd(*key);
    client.generation = generation_;
    if (client.tls) {
      log::Info("{} to {}: TLS, {}", route.rule, route.endpoint.ToString(),
                Describe(*client.tls->context));
    }
  }
  // Calls may still be on their way by the table before.
  std::lock_guard lock(mutex_);
  std::erase_if(clients_,
                [&](const auto& entry) { return entry.second->generation + 1 < generation_; });
}

absl::StatusOr<TlsStore::ClientKey> TlsStore::KeyOf(const routing::Endpoint& endpoint) const {
  const std::string& name =
      endpoint.tls_server_name.empty() ? endpoint.host : endpoint.tls_server_name;
  if (endpoint.names_tls_files() || !endpoint.is_secure) return ClientKey{FilesOf(endpoint), name};
  if (!settings_.client.has_authorities()) {
    return FailedPreconditionError(
        "it has is_secure, but eggroll.core.security.client.ca.crt.path is not set; name the "
        "authorities of the other side there, or as caFile of the route");
  }
  return ClientKey{settings_.client, name};
}

TlsStore::Client& TlsStore::FindOrAdd(const ClientKey& key) {
  if (auto it = clients_.find(key); it != clients_.end()) return *it->second;
  const tls::Files& files = key.first;
  auto client = std::make_unique<Client>(
      Client{ContextSlot(files.Paths(), [files] { return LoadClient(files); }), ++last_id_});
  if (Fill(&client->slot)) Publish(client.get(), key.second);
  std::lock_guard lock(mutex_);
  return *clients_.emplace(key, std::move(client)).first->second;
}

void TlsStore::Publish(Client* client, const std::string& server_name) {
  std::lock_guard lock(mutex_);
  client->tls = std::make_shared<relay::TlsClient>(
      relay::TlsClient{client->id, client->slot.value, server_name, &handshaker_});
}

std::shared_ptr<const tls::Context> TlsStore::ServerContext() const {
  std::lock_guard lock(mutex_);
  return server_.value;
}

std::shared_ptr<const tls::Context> TlsStore::HttpsContext() const {
  std::lock_guard lock(mutex_);
  return https_.value;
}

absl::StatusOr<std::shared_ptr<const relay::TlsClient>> TlsStore::ClientFor(
    const routing::Endpoint& endpoint) const {
  ASSIGN_OR_RETURN(ClientKey key, KeyOf(endpoint));
  std::lock_guard lock(mutex_);
  auto it = clients_.find(key);
  if (it == clients_.end()) {
    return FailedPreconditionError("its certificates have not been read yet; try again");
  }
  if (it->second->tls) return it->second->tls;
  return FailedPreconditionError("{}", Message(it->second->slot.status));
}

std::shared_ptr<const PartyMap> TlsStore::parties() const {
  std::lock_guard lock(mutex_);
  return parties_.value;
}

absl::Status TlsStore::listener_status() const {
  std::lock_guard lock(mutex_);
  if (settings_.listen && !server_.value) return server_.status;
  if (settings_.https.listen && !https_.value) return https_.status;
  return parties_.value ? absl::OkStatus() : parties_.status;
}

bool TlsStore::files_ok() const {
  std::lock_guard lock(mutex_);
  bool ok = server_.status.ok() && https_.status.ok() && parties_.status.ok();
  for (const auto& [key, client] : clients_) ok = ok && client->slot.status.ok();
  return ok;
}

std::vector<TlsStore::Expiry> TlsStore::Expiries() const {
  std::vector<Expiry> result;
  auto add = [&](const ContextPtr& context) {
    if (!context || context->loaded().own.empty()) return;
    const tls::Files& files = context->files();
    result.push_back({files.keystore.empty() ? files.certificate : files.keystore,
                      context->loaded().own[0].valid_until});
  };
  std::lock_guard lock(mutex_);
  add(server_.value);
  add(https_.value);
  for (const auto& [key, client] : clients_) add(client->slot.value);
  return result;
}

// Files that cannot be used are tried again now and then: their time may come.
template <class Value>
bool TlsStore::Renew(Slot<Value>* slot, bool retry) {
  bool changed = slot->files.Changed();
  return (changed || (retry && !slot->status.ok())) && Fill(slot);
}

void TlsStore::Look(bool retry) {
  std::lock_guard loading(loading_);
  if (Renew(&server_, retry)) log::Info("TLS listener, renewed: {}", Describe(*server_.value));
  if (Renew(&https_, retry)) log::Info("HTTPS listener, renewed: {}", Describe(*https_.value));
  if (Renew(&parties_, retry)) {
    log::Info("the mapping of certificates to parties {} was read again", settings_.party_map);
  }
  for (auto& [key, client] : clients_) {
    if (!Renew(&client->slot, retry)) continue;
    log::Info("TLS to {}, renewed: {}", key.second, Describe(*client->slot.value));
    Publish(client.get(), key.second);
  }
}

void TlsStore::LookAtExpiries() {
  for (const Expiry& expiry : Expiries()) {
    absl::Duration left = expiry.when - absl::Now();
    if (left > kWarnBeforeExpiry) continue;
    log::Warning("the certificate in {} expires on {}; renew it", expiry.file,
                 absl::FormatTime(expiry.when));
  }
}

void TlsStore::Run() {
  absl::Time warned = absl::InfinitePast();
  int looks = 0;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLookInterval, [this] { return stop_; })) {
    lock.unlock();
    Look(/*retry=*/++looks % kLooksBeforeRetry == 0);
    if (absl::Now() - warned > kWarnInterval) {
      LookAtExpiries();
      warned = absl::Now();
    }
    lock.lock();
  }
}

void CountHandshake(const absl::Status& result) {
  static auto& family = prometheus::BuildCounter()
                            .Name("rollsite_tls_handshakes_total")
                            .Help("TLS handshakes of clients that have ended, by result")
                            .Register(Metrics());
  static auto& good = family.Add({{"result", "ok"}});
  static auto& bad = family.Add({{"result", "failed"}});
  (result.ok() ? good : bad).Increment();
  if (result.ok()) return;
  thread_local absl::Time period = absl::InfinitePast();  // of the relay's thread
  thread_local int logged = 0;
  if (absl::Now() - period > kLogPeriod) {
    if (logged > kLogsPerPeriod) {
      log::Warning("{} further TLS handshakes failed", logged - kLogsPerPeriod);
    }
    period = absl::Now();
    logged = 0;
  }
  if (++logged <= kLogsPerPeriod) log::Warning("a client is refused: {}", Message(result));
}

}  // namespace fate::rollsite
