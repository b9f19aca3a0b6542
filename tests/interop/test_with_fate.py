"""The Python module fate_utils beside FATE's own: what one makes, the other uses.

Runs where FATE_BENCH_PEERS names a JSON file with the key python_fate_utils: an interpreter of the
version that FATE_UTILS was built for, that imports FATE's module and NumPy. The two modules have one
name, so each lives in a process of its own; between them travel pickles, as between two parties."""
import json
import os
import pathlib
import pickle
import struct
import subprocess
import unittest

WORKER = """
import os, pickle, struct, sys
out = os.fdopen(os.dup(1), 'wb')
os.dup2(2, 1)  # FATE's module prints
def receive():
    size = sys.stdin.buffer.read(8)
    return pickle.loads(sys.stdin.buffer.read(struct.unpack('<Q', size)[0])) if size else None
while (request := receive()) is not None:
    code, arguments = request
    scope = {name: pickle.loads(value) for name, value in arguments.items()}
    try:
        exec(code, scope)
        answer = (True, pickle.dumps(scope.get('result')))
    except BaseException as error:
        answer = (False, f'{type(error).__name__}: {error}')
    answer = pickle.dumps(answer)
    out.write(struct.pack('<Q', len(answer)) + answer)
    out.flush()
"""


def interpreter():
    peers = os.environ.get("FATE_BENCH_PEERS", "")
    return json.loads(pathlib.Path(peers).read_text()).get("python_fate_utils") if peers else None


class Party:
    """Runs code in a process; arguments and results are pickles that only such processes open."""

    def __init__(self, python, folder=None):
        environment = {**os.environ, "RUST_BACKTRACE": "0"}
        environment.pop("PYTHONPATH", None)
        if folder:
            environment["PYTHONPATH"] = folder
        self.process = subprocess.Popen([python, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment)

    def __call__(self, code, **arguments):
        request = pickle.dumps((code, arguments))
        self.process.stdin.write(struct.pack("<Q", len(request)) + request)
        self.process.stdin.flush()
        size = struct.unpack("<Q", self.process.stdout.read(8))[0]
        succeeded, answer = pickle.loads(self.process.stdout.read(size))
        if not succeeded:
            raise RuntimeError(answer)
        return answer

    def value(self, code, **arguments):
        return pickle.loads(self(code, **arguments))

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@unittest.skipUnless(interpreter(), "FATE_BENCH_PEERS names no python_fate_utils")
class Parties(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours, cls.theirs = Party(interpreter(), os.environ["FATE_UTILS"]), Party(interpreter())
        assert cls.ours.value("import fate_utils; result = hasattr(fate_utils, 'set_threads')")
        assert not cls.theirs.value("import fate_utils; result = hasattr(fate_utils, 'set_threads')")

    @classmethod
    def tearDownClass(cls):
        cls.ours.close()
        cls.theirs.close()

    def both_ways(self):
        return [(self.ours, self.theirs), (self.theirs, self.ours)]

    def same(self, code, **arguments):
        """Both modules give the same plain value."""
        ours, theirs = (party.value(code, **arguments) for party in (self.ours, self.theirs))
        self.assertEqual(ours, theirs)
        return ours


class WithFate(Parties):
    def test_psi(self):
        ids = pickle.dumps([b"", b"1", b"13812345678", "标识".encode()] + [str(i).encode() for i in range(200)])
        self.same("from fate_utils.psi import Curve25519 as C\nresult = C(bytes(range(32))).encrypt_vec(ids)", ids=ids)
        for one, other in self.both_ways():
            secret = one("from fate_utils.psi import Curve25519\nresult = Curve25519()")
            first = one("result = secret.encrypt_vec(ids)", secret=secret, ids=ids)
            self.assertEqual(other.value("result = secret.encrypt_vec(ids)", secret=secret, ids=ids),
                             pickle.loads(first))
            self.same("from fate_utils.psi import Curve25519 as C\nresult = C(b'7' * 32).diffie_hellman_vec(first)",
                      first=first)

    def test_sm3(self):
        self.same("from fate_utils import hash\nresult = [hash.sm3_hash(b'x' * n) for n in range(200)]")

    def test_quantile(self):
        fill = ("import numpy, pickle\nfrom fate_utils.quantile import *\nr = numpy.random.default_rng(seed)\n"
                "def make(n):\n  s = QuantileSummaryStream(epsilon); s.insert_array(r.normal(size=n)); return s\n"
                "x, y = make(1000), make(700)\nphi = [i / 50 for i in range(51)]\n")
        for seed, epsilon in [(1, 0.1), (2, 0.01), (3, 0.001), (4, 0.3)]:
            arguments = {"seed": pickle.dumps(seed), "epsilon": pickle.dumps(epsilon)}
            self.same(fill + "m = x.merge(y)\nresult = x.queries(phi), pickle.dumps(x), m.queries(phi), pickle.dumps(m)",
                      **arguments)
            for one, other in self.both_ways():
                merged = one(fill + "result = x.merge(y)", **arguments)
                grow = "import numpy\nm.insert_array(numpy.array([0.5, -0.5]))\nresult = m.queries([0.1, 0.5, 0.9])"
                self.assertEqual(other.value(grow, m=merged), one.value(grow, m=merged))
        self.same("import numpy\nfrom fate_utils import quantile\nd = numpy.random.default_rng(5).normal(size=(300, 4))\n"
                  "result = quantile.quantile_f64_ix2(d.T.copy().T, [0.1, 0.5], 0.01).tolist()")

    def test_histogram_indexer(self):
        self.same("""
from fate_utils.histogram import HistogramIndexer, Shuffler
i = HistogramIndexer(3, [4, 1, 7])
result = [i.get_positions([2, 0], [[3, 0, 6], [0, 0, 0]]), [i.get_reverse_position(p) for p in range(36)],
          i.get_node_intervals(), i.get_feature_position_ranges(), i.splits_into_k(5), i.total_data_size(),
          i.one_node_data_size(), i.global_flatten_bin_sizes(), i.unflatten_indexes(), i.get_bin_interval(2, 1),
          i.squeeze_bins().get_node_intervals(), i.flatten_in_node().get_node_intervals(), i.feature_axis_stride]
for seed in range(20):
    s = i.get_shuffler(seed)
    result += [s.get_global_perm_index(), s.get_shuffle_index(2, False), s.get_shuffle_index(3, True),
               s.get_reverse_indexes(2, [0, 5, 71]), s.reverse_index(13)]
""")

    def test_secure_aggregation(self):
        mix = ("import numpy\nfrom fate_utils.secure_aggregation_helper import RandomMix\nr = numpy.random.default_rng(6)\n"
               "values = [r.normal(size=(4, 5)), 1e5 * r.normal(size=7)]\n")
        self.same(mix + "m = RandomMix({1: bytes(range(32))}, 0)\n"
                        "result = [[(a.tolist(), b.tolist()) for a, b in m.mix(values, w)] for w in (None, 0.25, None)]")
        # Three clients, of which one or two run on this module, and an aggregator of either kind.
        client = mix + ("seeds = {o: bytes([rank + o]) * 32 for o in range(3) if o != rank}\n"
                        "result = RandomMix(seeds, rank).mix(values, rank + 1.0)")
        for one, other in self.both_ways():
            parts = [party(client, rank=pickle.dumps(rank)) for rank, party in enumerate([one, other, one])]
            check = mix + ("from fate_utils.secure_aggregation_helper import MixAggregate\na = MixAggregate()\n"
                           "for part in (x, y, z): a.aggregate(part)\n"
                           "result = all(numpy.allclose(m, v, atol=1e-9) for m, v in zip(a.finalize(6.0), values))")
            for party in (one, other):
                self.assertTrue(party.value(check, x=parts[0], y=parts[1], z=parts[2]))

    def test_key_agreement(self):
        # Keys are not pickled: each side keeps its own, and answers with the secret.
        for one, other in self.both_ways():
            make = "import fate_utils.secure_aggregation_helper as s, builtins\nbuiltins.key = s.DiffieHellman()\n"
            mine, yours = (party(make + "result = builtins.key.get_public_key()") for party in (one, other))
            agree = "import builtins\nresult = builtins.key.diffie_hellman(public)"
            self.assertEqual(one.value(agree, public=yours), other.value(agree, public=mine))


class PaillierWithFate(Parties):
    """`one` makes keys and has the secret one; `other` computes with the public key; and the other way round."""
    SETUP = """
import array, numpy, pickle, warnings
from fate_utils import paillier
warnings.simplefilter('ignore')
values = numpy.array([1.5, -2.25, 0.0, 3e-3, -1000.0, 0.1, 123.456, -7e-5])
weights = numpy.array([0.5, -4.0, 1.0, 1e-3, -2.0, 3.0, 0.25, 8.0])
"""
    DECRYPT = "result = [coder.decode_f64(p) for p in sk.decrypt_to_encoded(vector).tolist()]"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make = cls.SETUP + "result = [pickle.dumps(thing) for thing in paillier.keygen(1024)]"
        cls.keys = [dict(zip(("sk", "pk", "coder"), party.value(make))) for party in (cls.ours, cls.theirs)]

    def owners(self):
        """(owner of the secret key, the other party, what each knows)"""
        for (one, other), keys in zip(self.both_ways(), self.keys):
            yield one, other, keys, {"pk": keys["pk"], "coder": keys["coder"]}

    def near(self, values, expected):
        self.assertEqual(len(values), len(expected))
        for value, wanted in zip(values, expected):
            self.assertAlmostEqual(value, wanted, places=8)

    def test_keys_and_coders_keep_their_bytes(self):
        for one, other, keys, _ in self.owners():
            for name in ("pk", "coder", "sk"):
                state = one.value("result = x.__getstate__()", x=keys[name])
                self.assertEqual(other.value("result = x.__getstate__()", x=keys[name]), state)
            fields = one.value("result = bytes(sk.__getstate__())", **keys)
            self.assertGreater(len(fields), 1000)

    def test_vectors_of_one_are_computed_with_and_decrypted_by_the_other(self):
        compute = self.SETUP + """
import operator
x = vector
y = pk.encrypt_encoded(coder.encode_f64_vec(weights), True)
w, i = coder.encode_f64_vec(weights), coder.encode_i64_vec(numpy.arange(8) - 4)
m = coder.encode_f64_vec(weights[:4])
s = pk.encrypt_encoded_scalar(coder.encode_f64(2.5), True)
h = paillier.CiphertextVector.zeros(8)
h.iupdate(x, [[0, 3], [1, 3], [0, 2], [1, 1]], 2, pk)
c = x.slice(0, 8)
c.chunking_cumsum_with_step(pk, [4, 4], 2)
d = x.slice(0, 8)
d.iadd_vec_self(1, 1, 4, pk)
d.isub_vec(y, 2, 1, 3, pk)
result = [x.add(pk, y), x.sub(pk, y), x.rsub(pk, y), x.add_scalar(pk, s), x.rsub_scalar(pk, s), x.mul(pk, w), x.mul(pk, i),
          x.mul_scalar(pk, coder.encode_f64(-0.5)), x.matmul(pk, m, [4, 2], [2, 2]), x.rmatmul(pk, m, [2, 4], [2, 2]), h, c, d,
          x.intervals_sum_with_step(pk, [(0, 4), (4, 8)], 2), x.shuffle([7, 6, 5, 4, 3, 2, 1, 0]),
          x.intervals_slice([(0, 1), (5, 8)]), x.cat([y])]
"""
        decrypt = self.SETUP + ("result = [[coder.decode_f64(p) for p in sk.decrypt_to_encoded(v).tolist()] "
                                "for v in vectors]")
        for one, other, keys, known in self.owners():
            expected = None
            for maker, worker, reader in [(one, one, one), (one, other, one), (other, one, one), (other, other, one),
                                          (one, other, other)]:
                vector = maker(self.SETUP + "result = pk.encrypt_encoded(coder.encode_f64_vec(values), True)", **known)
                vectors = worker(compute, vector=vector, **known)
                results = reader.value(decrypt, vectors=vectors, **keys)
                expected = expected or results
                for result, wanted in zip(results, expected):
                    self.near(result, wanted)
            self.near(expected[0], [2.0, -6.25, 1.0, 4e-3, -1002.0, 3.1, 123.706, 7.99993])

    def test_what_fate_does_not_mask_is_taken(self):
        """FATE's ciphertexts of negative numbers are negative, each with its own exponent."""
        for one, other, keys, known in self.owners():
            vector = self.theirs(self.SETUP + "result = pk.encrypt_encoded(coder.encode_f64_vec(values), False)", **known)
            total = self.ours(self.SETUP + "result = vector.add(pk, vector)", vector=vector, **known)
            for party in (one, other):
                self.near(party.value(self.SETUP + self.DECRYPT, vector=total, **keys),
                          [3.0, -4.5, 0.0, 6e-3, -2000.0, 0.2, 246.912, -14e-5])

    def test_integers(self):
        edges = "numpy.array([0, 1, -1, 2**40, -2**40, 2**62, -2**62])"
        for one, other, keys, known in self.owners():
            vector = other(self.SETUP + f"result = pk.encrypt_encoded(coder.encode_i64_vec({edges}), True)", **known)
            self.assertEqual(one.value(self.SETUP + "result = coder.decode_i64_vec(sk.decrypt_to_encoded(vector))",
                                       vector=vector, **keys), [0, 1, -1, 2**40, -2**40, 2**62, -2**62])

    def test_packed_and_squeezed(self):
        """As SecureBoost does it: packed gradients, sums in bins, squeezed, unpacked by the guest."""
        pack = self.SETUP + ("gh = numpy.random.default_rng(7).uniform(size=(40, 2))\n"
                             "packed = coder.pack_floats(gh.flatten().tolist(), 70, 2, 52)\n"
                             "result = pk.encrypt_encoded(packed, True), gh.tolist()")
        sums = self.SETUP + ("h = paillier.CiphertextVector.zeros(6)\n"
                             "h.iupdate(vector[0], [[i % 6] for i in range(40)], 1, pk)\nresult = h.pack_squeeze(3, 140, pk)")
        unpack = "result = coder.unpack_floats(sk.decrypt_to_encoded(vector), 70, 6, 52, 12)"
        for one, other, keys, known in self.owners():
            vector = one(pack, **known)
            gh = one.value("result = vector[1]", vector=vector)
            squeezed = other(sums, vector=vector, **known)
            for party in (one, other):
                values = party.value(unpack, vector=squeezed, **keys)
                self.near(values, [sum(row[k] for row in gh[b::6]) for b in range(6) for k in range(2)])

    def test_plaintext_vectors(self):
        for one, other, keys, known in self.owners():
            plain = one(self.SETUP + "result = coder.encode_f64_vec(values)", **known)
            self.near(other.value("result = coder.decode_f64_vec(plain).tolist()", plain=plain, **known),
                      [1.5, -2.25, 0.0, 3e-3, -1000.0, 0.1, 123.456, -7e-5])


class OuWithFate(Parties):
    SETUP = "import numpy, pickle\nfrom fate_utils import ou\nu = lambda *v: numpy.array(v, dtype='uint64')\n"

    def test_vectors_of_one_are_computed_with_and_decrypted_by_the_other(self):
        compute = self.SETUP + """
y = pk.encrypt_encoded(coder.encode_u64_vec(u(10, 20, 30, 40)), True)
h = ou.CiphertextVector.zeros(3)
h.iupdate(x, [[0], [2], [0, 2], [2]], 1, pk)
result = [x.add(pk, y), y.sub(pk, x), x.mul(pk, coder.encode_u64_vec(u(3, 0, 2, 1))), h, x.pack_squeeze(2, 80, pk),
          x.matmul(pk, coder.encode_u64_vec(u(1, 2, 3, 4)), [2, 2], [2, 2])]
"""
        # What has more than 64 bits is asked for as packed integers.
        decrypt = self.SETUP + """
p = [sk.decrypt_to_encoded(v) for v in vectors]
result = [coder.decode_u64_vec(v) for v in p[:4] + p[5:]] + [coder.unpack_floats(p[4], 80, 2, 0, 4)]
"""
        for one, other in self.both_ways():
            keys = dict(zip(("sk", "pk", "coder"), one.value(
                self.SETUP + "result = [pickle.dumps(thing) for thing in ou.keygen(1024)]")))
            known = {"pk": keys["pk"], "coder": keys["coder"]}
            for name in keys:
                state = "result = list(x.__getstate__())"
                self.assertEqual(one.value(state, x=keys[name]), other.value(state, x=keys[name]))
            for maker, worker, reader in [(one, other, one), (other, one, one), (other, other, other), (one, one, other)]:
                x = maker(self.SETUP + "result = pk.encrypt_encoded(coder.encode_u64_vec(u(1, 2, 3, 4)), True)", **known)
                vectors = worker(compute, x=x, **known)
                self.assertEqual(reader.value(decrypt, vectors=vectors, **keys),
                                 [[11, 22, 33, 44], [9, 18, 27, 36], [3, 0, 6, 4], [4, 0, 9], [7, 10, 15, 22],
                                  [1.0, 2.0, 3.0, 4.0]])


if __name__ == "__main__":
    unittest.main()
