#include "crypto/encoding/fate_vectors.h"

#include <cmath>
#include <cstdlib>

#include "base/status.h"
#include "crypto/encoding/bincode.h"

namespace fate::crypto {
namespace {

constexpr size_t kMinElementBytes = BincodeReader::kMinBigBytes + sizeof(int32_t);
constexpr size_t kTupleBytes = 3 * sizeof(uint64_t);

// What follows from inserting and merging: deltas reach 2 epsilon n (6.8).
absl::Status CheckSummary(const QuantileSummary& summary) {
  if (!(summary.epsilon > 0 && summary.epsilon < 1)) {
    return InvalidArgumentError("a quantile summary has error {}; expected one between 0 and 1",
                                summary.epsilon);
  }
  uint64_t total = 0;
  for (size_t i = 0; i < summary.tuples.size(); ++i) {
    const QuantileTuple& tuple = summary.tuples[i];
    if (std::isnan(tuple.value) || (i > 0 && tuple.value < summary.tuples[i - 1].value)) {
      return InvalidArgumentError("tuple {} of a quantile summary is out of order", i);
    }
    if (tuple.g > summary.n - total || tuple.delta / 2 > summary.n) {
      return InvalidArgumentError("tuple {} of a quantile summary counts more than its {} values",
                                  i, summary.n);
    }
    total += tuple.g;
  }
  if (total == summary.n) return absl::OkStatus();
  return InvalidArgumentError("the tuples of a quantile summary count {} of its {} values", total,
                              summary.n);
}

absl::StatusOr<QuantileTuple> ReadTuple(BincodeReader& reader) {
  QuantileTuple tuple;
  ASSIGN_OR_RETURN(tuple.value, reader.F64("a tuple's value"));
  ASSIGN_OR_RETURN(tuple.g, reader.U64("a tuple's g"));
  ASSIGN_OR_RETURN(tuple.delta, reader.U64("a tuple's delta"));
  return tuple;
}

}  // namespace

std::string SerializeCiphertexts(std::span<const BigInt> values,
                                 std::span<const int32_t> exponents) {
  if (values.size() != exponents.size()) std::abort();  // a caller's mistake
  BincodeWriter writer;
  writer.U64(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].IsNegative()) std::abort();  // would show a sign; no ring gives one
    writer.Big(values[i]);
    writer.I32(exponents[i]);
  }
  return writer.Take();
}

absl::StatusOr<ReceivedCiphertexts> ParseCiphertexts(std::string_view bytes,
                                                     const BigInt& modulus) {
  const int max_bits = 2 * modulus.BitLength();
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(const size_t count, reader.Count("the count of ciphertexts", kMinElementBytes));
  ReceivedCiphertexts received{std::vector<BigInt>(count), std::vector<int32_t>(count), 0};
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(BigInt value, reader.Big("a ciphertext", max_bits));
    ASSIGN_OR_RETURN(received.exponents[i], reader.I32("a ciphertext's exponent"));
    received.negatives += value.IsNegative();
    if (value.IsNegative() || value >= modulus) value = value.Mod(modulus);
    if (value.IsZero()) {
      return InvalidArgumentError("ciphertext {} of {} is 0 modulo the key's modulus", i, count);
    }
    received.values[i] = std::move(value);
  }
  RETURN_IF_ERROR(reader.ExpectEnd());
  return received;
}

std::string SerializePlaintexts(std::span<const FixedPointNumber> numbers) {
  BincodeWriter writer;
  writer.U64(numbers.size());
  for (const FixedPointNumber& number : numbers) {
    writer.Big(number.significand);
    writer.I32(number.exponent);
  }
  return writer.Take();
}

absl::StatusOr<std::vector<FixedPointNumber>> ParsePlaintexts(std::string_view bytes,
                                                              int max_bits) {
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(const size_t count, reader.Count("the count of plaintexts", kMinElementBytes));
  std::vector<FixedPointNumber> numbers(count);
  for (FixedPointNumber& number : numbers) {
    ASSIGN_OR_RETURN(number.significand, reader.Big("a plaintext", max_bits));
    ASSIGN_OR_RETURN(number.exponent, reader.I32("a plaintext's exponent"));
  }
  RETURN_IF_ERROR(reader.ExpectEnd());
  return numbers;
}

std::string SerializeQuantileSummary(const std::optional<QuantileSummary>& summary) {
  BincodeWriter writer;
  writer.U8(summary.has_value() ? 1 : 0);
  if (!summary.has_value()) return writer.Take();
  writer.U64(summary->tuples.size());
  for (const QuantileTuple& tuple : summary->tuples) {
    writer.F64(tuple.value);
    writer.U64(tuple.g);
    writer.U64(tuple.delta);
  }
  writer.F64(summary->epsilon);
  writer.U64(summary->n);
  return writer.Take();
}

absl::StatusOr<std::optional<QuantileSummary>> ParseQuantileSummary(std::string_view bytes) {
  BincodeReader reader(bytes);
  ASSIGN_OR_RETURN(const uint8_t marker, reader.U8("the marker of a quantile summary"));
  if (marker > 1) {
    return InvalidArgumentError("the marker of a quantile summary is {}; expected 0 or 1", marker);
  }
  if (marker == 0) {
    RETURN_IF_ERROR(reader.ExpectEnd());
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const size_t count, reader.Count("the count of tuples", kTupleBytes));
  QuantileSummary summary{std::vector<QuantileTuple>(count)};
  for (QuantileTuple& tuple : summary.tuples) {
    ASSIGN_OR_RETURN(tuple, ReadTuple(reader));
  }
  ASSIGN_OR_RETURN(summary.epsilon, reader.F64("the error of a quantile summary"));
  ASSIGN_OR_RETURN(summary.n, reader.U64("the size of a quantile summary"));
  RETURN_IF_ERROR(reader.ExpectEnd());
  RETURN_IF_ERROR(CheckSummary(summary));
  return summary;
}

}  // namespace fate::crypto
