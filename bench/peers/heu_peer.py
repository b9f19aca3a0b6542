"""SecretFlow's HEU: Paillier after Zhang, and Okamoto-Uchiyama. Arrays, integers without scale."""
import functools

import numpy
from heu import numpy as hnp
from heu import phe

import peer

COUNT = 128
random = numpy.random.default_rng(1)
SCHEMAS = {"paillier_1024": (phe.SchemaType.ZPaillier, 1024), "paillier_2048": (phe.SchemaType.ZPaillier, 2048),
           "ou_2048": (phe.SchemaType.OU, 2048)}


@functools.lru_cache(None)
def kit(name):
    return hnp.setup(*SCHEMAS[name])


def plain(name, low, high, count=COUNT):
    return kit(name).array(random.integers(low, high, count), kit(name).integer_encoder(scale=1))


@functools.lru_cache(None)
def ciphertexts(name):
    return kit(name).encryptor().encrypt(plain(name, 0, 1 << 31))


def encrypt(name):
    encryptor, values = kit(name).encryptor(), plain(name, 0, 1 << 31)
    return lambda: encryptor.encrypt(values), COUNT


def decrypt(name):
    decryptor, vector = kit(name).decryptor(), ciphertexts(name)
    return lambda: decryptor.decrypt(vector), COUNT


def add(name):
    evaluator, vector = kit(name).evaluator(), ciphertexts(name)
    return lambda: evaluator.add(vector, vector), COUNT


def multiply(name, low, high):
    evaluator, vector, factors = kit(name).evaluator(), ciphertexts(name), plain(name, low, high)
    return lambda: evaluator.mul(vector, factors), COUNT


def weighted_sum(name, bits, terms=1024):
    evaluator, encoder = kit(name).evaluator(), kit(name).integer_encoder(scale=1)
    row = kit(name).encryptor().encrypt(
        kit(name).array(random.integers(0, 1 << 23, (1, terms)), encoder))
    column = kit(name).array(random.integers(1 << (bits - 1), 1 << bits, (terms, 1)), encoder)
    return lambda: evaluator.matmul(row, column), terms


def histogram(name, rows=1024, bins=32, features=30):
    evaluator, encoder = kit(name).evaluator(), kit(name).integer_encoder(scale=1)
    column = kit(name).encryptor().encrypt(
        kit(name).array(random.integers(0, 1 << 23, (rows, 1)), encoder))
    rows_in, places = numpy.ones(rows, "int8"), random.integers(0, bins, (rows, features)).astype("int8")
    return lambda: evaluator.feature_wise_bucket_sum(column, rows_in, places, bins, False), rows * features


def cases():
    found = {}
    for name in SCHEMAS:
        makers = {"encrypt_public" if name != "ou_2048" else "encrypt": (encrypt,), "decrypt": (decrypt,),
                  "add": (add,), "mul_24bit": (multiply, 1 << 22, 1 << 23), "mul_53bit": (multiply, 1 << 52, 1 << 53),
                  "mul_negative": (multiply, -(1 << 23), -(1 << 22)),
                  "weighted_sum_1024x53": (weighted_sum, 53), "weighted_sum_100kx24": (weighted_sum, 24),
                  "histogram": (histogram,)}
        for case, (make, *arguments) in makers.items():
            found[f"{name}_{case}"] = functools.partial(make, name, *arguments)
    return found


peer.serve(cases())
