#pragma once

// Every bound of the system, with its unit and its reason. Nothing that comes from
// outside may grow past one of these.

#include <cstddef>
#include <cstdint>

namespace fate {

// Names. Folder names are limited by the file system (255 bytes a component).
inline constexpr size_t kMaxPartyIdBytes = 64;
inline constexpr size_t kMaxSessionIdBytes = 256;
inline constexpr size_t kMaxNamespaceBytes = 255;
inline constexpr size_t kMaxStoreNameBytes = 255;
inline constexpr size_t kMaxTopicBytes = 1024;

// One gRPC message. Upstream clients accept 2^31 - 1 bytes (spec/rollsite.md 4.1); a
// daemon that held several of those would not fit its memory, so the bound is lower.
inline constexpr size_t kMaxMessageBytes = size_t{512} << 20;

// HTTP. A header block beyond 64 KiB is no client's; bodies other than uploads are JSON.
inline constexpr size_t kMaxHttpHeaderBytes = size_t{64} << 10;
inline constexpr size_t kMaxHttpBodyBytes = size_t{64} << 20;
inline constexpr uint64_t kMaxHttpUploadBytes = uint64_t{64} << 30;
inline constexpr int kMaxHttpConnections = 4096;

// Transfer queues of one rollsite: what is kept in memory before messages go to disk, and how much
// may lie there (both are also keys of eggroll.properties).
inline constexpr size_t kQueueMemoryBytes = size_t{512} << 20;
inline constexpr size_t kQueueDiskBytes = size_t{64} << 30;
// What a message costs beside its bytes: list nodes, blocks, its record on disk.
inline constexpr size_t kQueueMessageOverheadBytes = 256;
// On its way to the disk, in memory; one message may be larger.
inline constexpr size_t kQueueWritingBytes = size_t{256} << 20;
inline constexpr size_t kQueueReadAheadBytes = size_t{4} << 20;
// An empty queue costs about 600 bytes: it remembers numbers and offsets.
inline constexpr size_t kMaxQueues = 1'000'000;
inline constexpr size_t kMaxQueueProducers = 64;  // remembered by one queue
inline constexpr size_t kMaxProducerIdBytes = 64;
inline constexpr size_t kMaxWaitingPops = 100'000;

// HTTP/2 relay. Windows as measured to be enough for full speed on loopback; what streams hold
// together is bounded apart from them, for requests and for answers.
inline constexpr int kRelayStreamWindowBytes = 1 << 20;
inline constexpr int kRelayConnectionWindowBytes = 4 << 20;
inline constexpr size_t kMaxRelayBytes = size_t{256} << 20;
inline constexpr int kMaxRelayConnections = 20'000;
inline constexpr int kMaxRelayStreamsPerConnection = 20'000;
// Messages that end at the relay, while they are being received.
inline constexpr size_t kMaxCollectedBytes = size_t{1} << 30;
// Queue pushes that go on to other parties: topics whose numbers are remembered (about 300 bytes
// each), and messages that are kept until they are answered, to be sent again.
inline constexpr size_t kMaxHopTopics = 100'000;
inline constexpr size_t kMaxHopKeptBytes = size_t{256} << 20;
// Hops of one call between rollsites; more is a loop in the route tables.
inline constexpr int kMaxRelayHops = 8;

// TLS. A file of certificates; connections whose handshake is not finished yet: beyond that the
// oldest is given up, so that a flood of half-open ones cannot lock others out.
inline constexpr size_t kMaxCertificateFileBytes = size_t{1} << 20;
inline constexpr size_t kMaxTlsHandshakes = 1024;

// A route table (spec/rollsite.md 7.4).
inline constexpr size_t kMaxRouteTableBytes = size_t{1} << 20;

// Tables. LMDB allows 511 bytes a key (spec/eggroll-compute-and-storage.md 11.3).
inline constexpr size_t kMaxKeyBytes = 511;
inline constexpr int kMaxPartitions = 4096;

// Cluster. A session starts one process per egg and node; a clustermanager keeps live sessions,
// nodes and parked calls in memory.
inline constexpr int kMaxEggsPerNode = 256;
inline constexpr size_t kMaxLiveSessions = 4096;
inline constexpr size_t kMaxNodes = 1024;
inline constexpr size_t kMaxParkedCalls = 16384;
inline constexpr size_t kMaxQueuedFunctions = 65536;  // of one SerialLoop
// Column widths of the documented tables (spec/eggroll-control-plane.md 13).
inline constexpr size_t kMaxOptions = 1024;
inline constexpr size_t kMaxOptionNameBytes = 255;
inline constexpr size_t kMaxOptionValueBytes = 2000;

// One object between parties, held in memory by both; more goes as a table.
inline constexpr size_t kMaxFederationObjectBytes = size_t{2} << 30;

// One text line of an uploaded file.
inline constexpr size_t kMaxCsvLineBytes = size_t{16} << 20;

}  // namespace fate
