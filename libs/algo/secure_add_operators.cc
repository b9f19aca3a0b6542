#include <openssl/evp.h>

#include <cstring>
#include <memory>

#include "algo/compensated_sum.h"
#include "algo/rows.h"
#include "algo/secure_add.h"
#include "base/status.h"
#include "fate/secure_add.pb.h"
#include "wire/partitioner.h"

namespace fate::algo {
namespace {

using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;

constexpr double kValue = 1;

std::string_view Bytes(const double& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

absl::StatusOr<double> NumberOf(std::string_view bytes) {
  double number;
  if (bytes.size() != sizeof number) {
    return DataLossError("a share has {} bytes instead of 8", bytes.size());
  }
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

// A random number for every row, the same whenever the same row is asked for: AES-256 of the key.
class RowRandom {
 public:
  static absl::StatusOr<RowRandom> Create(const std::string& key) {
    RowRandom random;
    random.cipher_.reset(EVP_CIPHER_CTX_new());
    if (key.size() != 32 || random.cipher_ == nullptr ||
        EVP_EncryptInit_ex(random.cipher_.get(), EVP_aes_256_ecb(), nullptr,
                           reinterpret_cast<const uint8_t*>(key.data()), nullptr) != 1) {
      return InvalidArgumentError("secure_add.split: the key cannot be used");
    }
    return random;
  }

  // Uniform over the odd multiples of 2^-51 in (-1, 1).
  absl::StatusOr<double> Uniform(std::string_view row_key) {
    uint8_t in[16] = {}, out[16];
    int size = 0;
    if (row_key.size() != 8) {
      return InvalidArgumentError("secure_add.split: a row key has {} bytes", row_key.size());
    }
    std::memcpy(in, row_key.data(), 8);
    if (EVP_EncryptUpdate(cipher_.get(), out, &size, in, sizeof in) != 1) {
      return InternalError("secure_add.split: AES failed");
    }
    uint64_t bits;
    std::memcpy(&bits, out, sizeof bits);
    int64_t odd = 2 * int64_t(bits >> 13) + 1 - (int64_t{1} << 51);
    return double(odd) * 0x1p-51;
  }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> cipher_;
};

absl::Status MakeRows(const OperatorContext& context, PairReader&, PairWriter& output) {
  SecureAddRows parameters;
  if (!parameters.ParseFromString(context.parameters)) {
    return InvalidArgumentError("secure_add.rows: unreadable parameters");
  }
  auto partitioner = wire::Partitioner::Mmh3();
  for (int64_t i = 0; i < parameters.data_num(); ++i) {
    if (i % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    std::string key = RowKey(i);
    if (partitioner.PartitionOf(key, context.partitions) != context.partition) continue;
    RETURN_IF_ERROR(output.Put(key, Bytes(kValue)));
  }
  return absl::OkStatus();
}

absl::Status Split(const OperatorContext& context, PairReader& input, PairWriter& output) {
  SecureAddSplit parameters;
  if (!parameters.ParseFromString(context.parameters)) {
    return InvalidArgumentError("secure_add.split: unreadable parameters");
  }
  ASSIGN_OR_RETURN(RowRandom random, RowRandom::Create(parameters.key()));
  while (input.Next()) {
    if (output.count() % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(double value, NumberOf(input.value()));
    ASSIGN_OR_RETURN(double uniform, random.Uniform(input.key()));
    double share = value * uniform;
    if (parameters.second()) share = value - share;
    RETURN_IF_ERROR(output.Put(input.key(), Bytes(share)));
  }
  return input.status();
}

// Both sides must have the same keys: a row that one party lacks would be lost without a word.
absl::Status Add(const OperatorContext& context, PairReader& left, PairReader& right,
                 PairWriter& output) {
  for (;;) {
    if (output.count() % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    bool more = left.Next(), more_right = right.Next();
    if (more != more_right || (more && left.key() != right.key())) {
      RETURN_IF_ERROR(left.status());
      RETURN_IF_ERROR(right.status());
      return InvalidArgumentError(
          "the parties' rows differ in partition {}; give guest and host the same data_num",
          context.partition);
    }
    if (!more) break;
    ASSIGN_OR_RETURN(double x, NumberOf(left.value()));
    ASSIGN_OR_RETURN(double y, NumberOf(right.value()));
    RETURN_IF_ERROR(output.Put(left.key(), Bytes(x + y)));
  }
  RETURN_IF_ERROR(left.status());
  return right.status();
}

absl::StatusOr<std::string> Sum(const OperatorContext& context, PairReader& input) {
  CompensatedSum sum;
  for (int64_t rows = 0; input.Next(); ++rows) {
    if (rows % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(double value, NumberOf(input.value()));
    sum.Add(value);
  }
  RETURN_IF_ERROR(input.status());
  return sum.Encode();
}

}  // namespace

void RegisterSecureAddOperators(compute::OperatorRegistry& registry) {
  registry.AddMap("secure_add.rows", &MakeRows);
  registry.AddMap("secure_add.split", &Split);
  registry.AddJoin("secure_add.add", &Add);
  registry.AddFold("secure_add.sum", &Sum);
}

}  // namespace fate::algo
