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
class WithFate(unittest.TestCase):
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


if __name__ == "__main__":
    unittest.main()
