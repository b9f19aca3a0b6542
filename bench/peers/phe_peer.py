"""python-paillier with gmpy2: raw integers one at a time."""
import functools
import random

from phe import paillier

import peer

COUNT = 32
random.seed(1)


@functools.lru_cache(None)
def key(bits):
    return paillier.generate_paillier_keypair(n_length=bits)


@functools.lru_cache(None)
def ciphertexts(bits):
    return [key(bits)[0].encrypt(random.randrange(1 << 53)) for _ in range(COUNT)]


def encrypt(bits):
    public = key(bits)[0]
    return lambda: [public.raw_encrypt(12345 + i) for i in range(COUNT)], COUNT


def decrypt(bits):
    private, values = key(bits)[1], [c.ciphertext() for c in ciphertexts(bits)]
    return lambda: [private.raw_decrypt(c) for c in values], COUNT


def add(bits):
    vector = ciphertexts(bits)
    return lambda: [c + c for c in vector], COUNT


def multiply(bits, low, high):
    pairs = [(c, random.randrange(low, high)) for c in ciphertexts(bits)]
    return lambda: [c * factor for c, factor in pairs], COUNT


peer.serve({f"paillier_{bits}_{case}": functools.partial(make, bits, *arguments)
            for bits in (1024, 2048)
            for case, make, arguments in [("encrypt_public", encrypt, ()), ("decrypt", decrypt, ()), ("add", add, ()),
                                          ("mul_24bit", multiply, (1 << 22, 1 << 23)),
                                          ("mul_53bit", multiply, (1 << 52, 1 << 53)),
                                          ("mul_negative", multiply, (-(1 << 23), -(1 << 22)))]})
