#include "wire/partitioner.h"

#include <openssl/sha.h>

#include <array>
#include <bit>
#include <cstring>

#include "base/status.h"
#include "base/text.h"

namespace fate::wire {
namespace {

constexpr uint32_t kC1 = 0xcc9e2d51, kC2 = 0x1b873593;

uint32_t Scramble(uint32_t block) { return std::rotl(block * kC1, 15) * kC2; }

uint32_t Avalanche(uint32_t hash) {
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

int BigEndianModulo(std::string_view key, int partitions) {
  uint64_t rest = 0;
  for (unsigned char byte : key) rest = (rest << 8 | byte) % partitions;
  return static_cast<int>(rest);
}

// Lamping and Veach, "A fast, minimal memory, consistent hash algorithm" (2014), as FATE seeds it.
int JumpConsistentHash(std::string_view key, int partitions) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  uint64_t seed = 0;
  for (int i = 7; i >= 0; --i) seed = seed << 8 | digest[i];
  int64_t bucket = -1;
  double jump = 0;
  while (jump < partitions) {
    bucket = static_cast<int64_t>(jump);
    seed = seed * 2862933555777941757u + 1;
    jump = static_cast<double>(bucket + 1) * (2147483648.0 / static_cast<double>((seed >> 33) + 1));
  }
  return static_cast<int>(bucket);
}

// Python functions that name a partitioner; the first of each type is the one we send.
struct Reference {
  int type;
  std::string_view module, name;
};
constexpr Reference kReferences[] = {
    {0, "fate.arch.computing.partitioners._mmh3_partitioner", "mmh3_partitioner"},
    {1, "fate.arch.computing.partitioners._integer_partitioner", "integer_partitioner"},
    {3, "fate.arch.computing.partitioners._java_string_like_partitioner",
     "_java_string_like_partitioner"},
    {0, "eggroll.backport._partitioner", "mmh3_partitioner"},
};

// PROTO 5, FRAME, SHORT_BINUNICODE module, MEMOIZE, SHORT_BINUNICODE name, MEMOIZE, STACK_GLOBAL,
// MEMOIZE, STOP (spec/eggroll-compute-and-storage.md 13.2).
std::string PickledReference(const Reference& reference) {
  auto text = [](std::string_view s) {
    return std::string("\x8c") + static_cast<char>(s.size()) + std::string(s) + "\x94";
  };
  std::string body = text(reference.module) + text(reference.name) + "\x93\x94.";
  std::string frame = "\x80\x05\x95";
  for (int i = 0; i < 8; ++i) frame += static_cast<char>(body.size() >> 8 * i);
  return frame + body;
}

}  // namespace

int32_t Murmur3(std::string_view bytes, uint32_t seed) {
  static_assert(std::endian::native == std::endian::little);
  uint32_t hash = seed;
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    uint32_t block;
    std::memcpy(&block, bytes.data() + i, 4);
    hash = std::rotl(hash ^ Scramble(block), 13) * 5 + 0xe6546b64;
  }
  uint32_t tail = 0;
  for (size_t j = bytes.size(); j > i; --j)
    tail = tail << 8 | static_cast<unsigned char>(bytes[j - 1]);
  hash ^= Scramble(tail);
  return static_cast<int32_t>(Avalanche(hash ^ static_cast<uint32_t>(bytes.size())));
}

absl::StatusOr<Partitioner> Partitioner::FromType(int type) {
  if (type < 0 || type > 3) {
    return InvalidArgumentError("partitioner type {} is unknown; 0 to 3 are defined", type);
  }
  return Partitioner(type);
}

absl::StatusOr<Partitioner> Partitioner::FromFunctorBody(std::string_view body) {
  if (body == "native:mmh3") return Mmh3();
  for (const Reference& reference : kReferences) {
    if (body == PickledReference(reference)) return Partitioner(reference.type);
  }
  return UnimplementedError(
      "the partitioner is Python code of {} bytes, which needs a Python worker; "
      "use one of fate.arch.computing.partitioners",
      body.size());
}

int Partitioner::PartitionOf(std::string_view key, int partitions) const {
  if (type_ == 1) return BigEndianModulo(key, partitions);
  if (type_ == 3) return JumpConsistentHash(key, partitions);
  return ((Murmur3(key) % partitions) + partitions) % partitions;
}

std::string PartitionerFunctorBody(int type) {
  for (const Reference& reference : kReferences) {
    if (reference.type == type) return PickledReference(reference);
  }
  return PickledReference(kReferences[0]);
}

}  // namespace fate::wire
