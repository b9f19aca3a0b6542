"""The module fate_utils: FATE's own in Rust, or ours, whichever the interpreter imports."""
import functools
import pickle
import sys

import numpy
from fate_utils import ou, paillier, psi

import peer

COUNT = 64
BINS, FEATURES, TERMS = 32, 30, 1024
random = numpy.random.default_rng(1)


@functools.lru_cache(None)
def key(bits):
    return paillier.keygen(bits)


@functools.lru_cache(None)
def ciphertexts(bits, count):
    _, public, coder = key(bits)
    return public.encrypt_encoded(coder.encode_f64_vec(random.normal(size=count)), True)


def encrypt(bits, count=COUNT):
    _, public, coder = pickle.loads(pickle.dumps((None, *paillier.keygen(bits)[1:])))  # without the owner's key
    values = random.normal(size=count)
    # From floats to masked ciphertexts, as FATE's tensors do it.
    return lambda: public.encrypt_encoded(coder.encode_f64_vec(values), True), count


def decrypt(bits):
    secret, vector = key(bits)[0], ciphertexts(bits, COUNT)
    return lambda: secret.decrypt_to_encoded(vector), COUNT


def add(bits):
    _, public, coder = key(bits)
    # Integers: all of one exponent, so that nothing has to be aligned.
    vector = public.encrypt_encoded(coder.encode_i64_vec(numpy.arange(1, 1025)), True)
    return lambda: vector.add(public, vector), 1024


def multiply(bits, low, high):
    _, public, coder = key(bits)
    plain = coder.encode_i64_vec(random.integers(low, high, COUNT))
    vector = ciphertexts(bits, COUNT)
    return lambda: vector.mul(public, plain), COUNT


def weighted_sum(bits, weight_bits):
    _, public, coder = key(bits)
    weights = coder.encode_i64_vec(random.integers(1 << (weight_bits - 1), 1 << weight_bits, TERMS))
    vector = ciphertexts(bits, TERMS)
    return lambda: vector.matmul(public, weights, [1, TERMS], [TERMS, 1]), TERMS


def histogram(bits, rows=256):
    _, public, coder = key(bits)
    vector = public.encrypt_encoded(coder.encode_i64_vec(numpy.arange(1, rows + 1)), True)
    bins = random.integers(0, BINS, (rows, FEATURES)) + numpy.arange(FEATURES) * BINS
    positions = bins.tolist()

    def work():
        paillier.CiphertextVector.zeros(BINS * FEATURES).iupdate(vector, positions, 1, public)

    return work, rows * FEATURES


@functools.lru_cache(None)
def ou_key():
    return ou.keygen(2048)


@functools.lru_cache(None)
def ou_ciphertexts():
    return ou_key()[1].encrypt_encoded(ou_key()[2].encode_u64_vec(numpy.arange(1, COUNT + 1, dtype="uint64")), True)


def ou_encrypt():
    _, public, coder = ou_key()
    values = coder.encode_u64_vec(random.integers(0, 1 << 31, COUNT).astype("uint64"))
    return lambda: public.encrypt_encoded(values, True), COUNT


def ou_decrypt():
    secret, vector = ou_key()[0], ou_ciphertexts()
    return lambda: secret.decrypt_to_encoded(vector), COUNT


def ou_add():
    public, vector = ou_key()[1], ou_ciphertexts()
    return lambda: vector.add(public, vector), COUNT


def psi_both():
    curve, ids = psi.Curve25519(), [str(13800000000 + i).encode() for i in range(256)]

    def work():
        curve.diffie_hellman_vec(curve.encrypt_vec(ids))

    return work, len(ids)


def cases():
    found = {"ou_2048_encrypt": ou_encrypt, "ou_2048_decrypt": ou_decrypt, "ou_2048_add": ou_add,
             "psi_curve25519": psi_both}
    for bits in (1024, 2048):
        prefix = f"paillier_{bits}_"
        found |= {prefix + name: functools.partial(make, bits, *arguments) for name, make, arguments in [
            ("encrypt_public", encrypt, ()), ("decrypt", decrypt, ()), ("add", add, ()),
            ("mul_24bit", multiply, (1 << 22, 1 << 23)), ("mul_53bit", multiply, (1 << 52, 1 << 53)),
            ("mul_negative", multiply, (-(1 << 23), -(1 << 22))),
            ("weighted_sum_1024x53", weighted_sum, (53,)), ("weighted_sum_100kx24", weighted_sum, (24,)),
            ("histogram", histogram, ())]}
    # FATE's module needs a quarter of an hour for 100,000: its cost an element does not depend on the count.
    count = 100000 if "--all" in sys.argv else 256
    found["fate_utils_encrypt_100k"] = functools.partial(encrypt, 2048, count)
    return found


peer.serve(cases())
