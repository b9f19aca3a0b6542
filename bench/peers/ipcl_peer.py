"""Intel's IPCL (DJN), under its Python wrapper's encoding: raw integers in vectors of 64."""
import functools
import random

from ipcl_python import PaillierKeypair
from ipcl_python.bindings.ipcl_bindings import ipclPlainText
from ipcl_python.ipcl_python import BNUtils

import peer

COUNT = 64
random.seed(1)


@functools.lru_cache(None)
def key(bits):
    public, private = PaillierKeypair.generate_keypair(bits)
    return public.pubkey, private.prikey


def plain(low, high):
    return ipclPlainText([BNUtils.int2BN(random.randrange(low, high)) for _ in range(COUNT)])


@functools.lru_cache(None)
def ciphertexts(bits):
    return key(bits)[0].encrypt(plain(0, 1 << 53), True)


def encrypt(bits):
    public, values = key(bits)[0], plain(0, 1 << 53)
    return lambda: public.encrypt(values, True), COUNT


def decrypt(bits):
    private, vector = key(bits)[1], ciphertexts(bits)
    return lambda: private.decrypt(vector), COUNT


def add(bits):
    vector = ciphertexts(bits)
    return lambda: vector + vector, COUNT


def multiply(bits, low, high):
    vector, factors = ciphertexts(bits), plain(low, high)
    return lambda: vector * factors, COUNT


peer.serve({f"paillier_{bits}_{case}": functools.partial(make, bits, *arguments)
            for bits in (1024, 2048)
            for case, make, arguments in [("encrypt_public", encrypt, ()), ("decrypt", decrypt, ()), ("add", add, ()),
                                          ("mul_24bit", multiply, (1 << 22, 1 << 23)),
                                          ("mul_53bit", multiply, (1 << 52, 1 << 53))]})
