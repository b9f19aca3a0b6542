#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "crypto/big_int.h"
#include "crypto/random.h"
#include "crypto_case.h"

namespace fate::bench {
namespace {

using crypto::BigInt;
using crypto::Random;

BigInt Prime(int bits) {
  BigInt top = BigInt::PowerOfTwo(bits - 1) + BigInt::PowerOfTwo(bits - 2);
  return (top + Random::Bits(bits - 2)).NextPrime();
}

// Paillier as in the textbook, on mpz.
struct PlainPaillier {
  explicit PlainPaillier(int bits) : p(Prime(bits / 2)), q(Prime(bits / 2)), n(p * q) {
    n2 = n * n;
    p2 = p * p;
    q2 = q * q;
    hp = *((BigInt(1) + n).PowMod(p - 1, p2) / p).InverseMod(p);
    hq = *((BigInt(1) + n).PowMod(q - 1, q2) / q).InverseMod(q);
    p_inverse = *p.InverseMod(q);
    for (int i = 0; i < 16; ++i) ciphertexts.push_back(Encrypt(BigInt(12345 + i)));
  }

  BigInt Encrypt(const BigInt& m) const {
    return ((BigInt(1) + n * m) * Random::Below(n).PowMod(n, n2)).Mod(n2);
  }
  BigInt Decrypt(const BigInt& c) const {
    const BigInt mp = ((c.PowMod(p - 1, p2) / p) * hp).Mod(p);
    const BigInt mq = ((c.PowMod(q - 1, q2) / q) * hq).Mod(q);
    return mp + ((mq - mp) * p_inverse).Mod(q) * p;
  }

  BigInt p, q, n, n2, p2, q2, hp, hq, p_inverse;
  std::vector<BigInt> ciphertexts;
};

using Key = std::shared_ptr<const PlainPaillier>;

void Expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "crypto_speed: %s is wrong\n", what);
  std::exit(1);
}

Work EncryptWork(const Key& key) {
  return {[=] { key->Encrypt(BigInt(12345)); }, 1};
}

Work DecryptWork(const Key& key) {
  Expect(key->Decrypt(key->ciphertexts[3]) == BigInt(12348), "plain Paillier");
  return {[=] {
            for (const BigInt& c : key->ciphertexts) key->Decrypt(c);
          },
          static_cast<double>(key->ciphertexts.size())};
}

Work AddWork(const Key& key) {
  const auto product = std::make_shared<BigInt>();
  return {[=] {
            for (int i = 0; i < 256; ++i) {
              const BigInt& c = key->ciphertexts[static_cast<size_t>(i) % 16];
              mpz_mul(product->mpz(), c.mpz(), key->ciphertexts[0].mpz());
              mpz_tdiv_r(product->mpz(), product->mpz(), key->n2.mpz());
            }
          },
          256};
}

Work MultiplyWork(const Key& key, int bits) {
  const BigInt factor = BigInt::PowerOfTwo(bits) - 12345;
  return {[=] { key->ciphertexts[0].PowMod(factor, key->n2); }, 1};
}

// Two multiplications: what an id costs one party, but for the hash.
Work X25519Work() {
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  };
  const std::string secret = Random::Bytes(32), point = Random::Bytes(32);
  const auto bytes = [](const std::string& s) {
    return reinterpret_cast<const uint8_t*>(s.data());
  };
  const std::shared_ptr<EVP_PKEY> own(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, bytes(secret), 32), Free());
  const std::shared_ptr<EVP_PKEY> other(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, bytes(point), 32), Free());
  const std::shared_ptr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(own.get(), nullptr), Free());
  Expect(EVP_PKEY_derive_init(context.get()) == 1 &&
             EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1,
         "X25519");
  return {[=] {
            uint8_t shared[32];
            for (int i = 0; i < 64; ++i) {
              size_t size = sizeof(shared);
              Expect(EVP_PKEY_derive(context.get(), shared, &size) == 1, "X25519");
            }
          },
          32};
}

}  // namespace

Cases PlainCases() {
  Cases cases;
  for (int bits : {1024, 2048}) {
    const auto key = [bits] {
      static std::map<int, Key> keys;
      Key& key = keys[bits];
      if (!key) key = std::make_shared<const PlainPaillier>(bits);
      return key;
    };
    const std::string prefix = "gmp_paillier_" + std::to_string(bits) + "_";
    cases[prefix + "encrypt_public"] = [=] { return EncryptWork(key()); };
    cases[prefix + "decrypt"] = [=] { return DecryptWork(key()); };
    cases[prefix + "add"] = [=] { return AddWork(key()); };
    cases[prefix + "mul_24bit"] = [=] { return MultiplyWork(key(), 23); };
    cases[prefix + "mul_53bit"] = [=] { return MultiplyWork(key(), 53); };
  }
  cases["openssl_psi_curve25519"] = &X25519Work;
  return cases;
}

}  // namespace fate::bench
