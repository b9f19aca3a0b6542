"""The Python module fate_utils by itself: vectors of the specification, pickles, errors.

FATE_UTILS names the folder of the module. Runs with the interpreter that the module was built for;
where that has no NumPy, what returns arrays is skipped."""
import array
import multiprocessing
import os
import pickle
import struct
import sys
import threading
import unittest
import warnings

sys.path.insert(0, os.environ["FATE_UTILS"])
import fate_utils  # noqa: E402
from fate_utils import hash as fate_hash  # noqa: E402
from fate_utils import histogram, ou, paillier, psi, quantile, secure_aggregation_helper  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None

needs_numpy = unittest.skipIf(numpy is None, f"{sys.executable} has no NumPy")


def doubles(values):
    """What has a buffer of doubles is an array to the module."""
    return array.array("d", values)


class Hash(unittest.TestCase):
    def test_sm3(self):  # spec 16.4
        for message, digest in [
                (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
                (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
                (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b")]:
            self.assertEqual(fate_hash.sm3_hash(message), bytearray.fromhex(digest))

    def test_wants_bytes(self):
        with self.assertRaisesRegex(TypeError, "'str' object cannot be converted to 'PyBytes'"):
            fate_hash.sm3_hash("abc")


class Psi(unittest.TestCase):
    K1, K2 = bytes(range(1, 33)), bytes(range(33, 65))

    def test_vectors(self):  # spec 16.3
        one, two = psi.Curve25519(self.K1), psi.Curve25519(list(self.K2))
        self.assertEqual(one.get_private_key().hex(),
                         "275a174ad03fe2575cd01bc64f1a51e61012131415161718191a1b1c1d1e1f00")
        first = one.encrypt_vec([b"1", b"133", b"", b"13812345678"])
        self.assertEqual([u.hex() for u in first], [
            "34d915ecb45797d4d123fda04f0a1979e856ea36dc33a00181262e1b2b62090a",
            "78b1f4e63daa695c94c963059c5ecf4e19812320f247e8da08d67c3743676f4d",
            "45413665788f84c16632765d00a52044dfc23d71e48a8f1f448ca514127ab752",
            "d63388a34492e8668dc49ecb9ebfdf48019fe339b314221b9d236506fe45f027"])
        second = two.diffie_hellman_vec(first)
        self.assertEqual(second[1].hex(), "ccc1f2b4186990d83321cca3207607204416a96a8b8530aa110486e2493ec609")
        self.assertEqual(second, one.diffie_hellman_vec(two.encrypt_vec([b"1", b"133", b"", b"13812345678"])))
        self.assertEqual(one.encrypt(b"1"), first[0])
        self.assertEqual(two.diffie_hellman(first[0]), second[0])

    def test_pickles_as_fate_does(self):
        secret = psi.Curve25519(self.K1)
        self.assertEqual(
            pickle.dumps(secret, protocol=4),
            b"\x80\x04\x95H\x00\x00\x00\x00\x00\x00\x00\x8c\x0efate_utils.psi\x94\x8c\nCurve25519\x94\x93\x94)\x81\x94C "
            + secret.get_private_key() + b"\x94b.")
        self.assertEqual(pickle.loads(pickle.dumps(secret)).get_private_key(), secret.get_private_key())

    def test_random_secrets_differ(self):
        self.assertNotEqual(psi.Curve25519().get_private_key(), psi.Curve25519().get_private_key())

    def test_errors(self):
        secret = psi.Curve25519()
        for call, error, text in [
                (lambda: psi.Curve25519(1, 2), TypeError, "zero or one"),
                (lambda: psi.Curve25519(b"short"), TypeError, "length 32"),
                (lambda: secret.encrypt("id"), TypeError, "PyBytes"),
                (lambda: secret.encrypt_vec([b"id", 1]), TypeError, "'int' object cannot be converted"),
                (lambda: secret.diffie_hellman(b"short"), ValueError, "has 32 bytes, not 5"),
                (lambda: pickle.loads(pickle.dumps(secret).replace(b"C ", b"C\x1f").replace(b"\x94b.", b"b.")),
                 Exception, "")]:
            with self.subTest(text), self.assertRaisesRegex(error, text):
                call()


class Quantile(unittest.TestCase):
    def test_queries_merge_and_state(self):
        summary, other = quantile.QuantileSummaryStream(0.2), quantile.QuantileSummaryStream(0.2)
        summary.insert_array(doubles([3, 1, 2, 5, 4]))
        other.insert_array(doubles([6, 7]))
        # Written by FATE's fate_utils 0.1.0.
        state = bytes.fromhex(
            "010500000000000000000000000000f03f01000000000000000000000000000000000000000000004001000000000000000000"
            "0000000000000000000000000840010000000000000000000000000000000000000000001040010000000000000001000000"
            "000000000000000000001440010000000000000000000000000000009a9999999999c93f0500000000000000")
        self.assertEqual(summary.__getstate__(), state)
        again = pickle.loads(pickle.dumps(summary))
        self.assertEqual(again.queries([0, 0.5, 1]), summary.queries([0, 0.5, 1]))
        self.assertEqual(summary.merge(other).queries([1.0]), [7.0])

    def test_empty_object_as_pickle_makes_it(self):
        self.assertEqual(quantile.QuantileSummaryStream().__getstate__(), b"\0")
        with self.assertRaisesRegex(RuntimeError, "without an epsilon"):
            quantile.QuantileSummaryStream().queries([0.5])

    def test_functions(self):
        self.assertEqual(quantile.quantile_f64_ix1(doubles(range(101)), [0.0, 0.5], 0.01), [0.0, 50.0])

    @needs_numpy
    def test_functions_of_matrices(self):
        data = numpy.stack([numpy.arange(101.0), 2 * numpy.arange(101.0)], axis=1)
        answer = quantile.quantile_f64_ix2(data, [0.0, 0.5], 0.01)
        self.assertEqual((str(answer.dtype), answer.tolist()), ("float64", [[0, 0], [50, 100]]))
        self.assertEqual([s.queries([0.5]) for s in quantile.summary_f64_ix2(data, 0.01)], [[50], [100]])

    def test_errors(self):
        summary = quantile.QuantileSummaryStream(0.1)
        for call, error, text in [
                (lambda: quantile.QuantileSummaryStream("a"), TypeError, "must be real number"),
                (lambda: summary.insert_array([1.0]), TypeError, "expected an array of float64, not list"),
                (lambda: summary.insert_array(array.array("l", [1])), TypeError, "not one of 8-byte elements 'l'"),
                (lambda: summary.insert_array(doubles([float("nan")])), ValueError, "NaN"),
                (lambda: summary.queries([0.5]), RuntimeError, "without values"),
                (lambda: summary.merge(quantile.QuantileSummaryStream(0.2)), ValueError, "0.1 and 0.2"),
                (lambda: summary.__setstate__(b"\1short"), ValueError, "needs 8 bytes but 5 are left")]:
            with self.subTest(text), self.assertRaisesRegex(error, text):
                call()


class Histogram(unittest.TestCase):
    def test_places(self):
        indexer = histogram.HistogramIndexer(2, [3, 2])
        self.assertEqual(indexer.get_position(1, 1, 1), 9)
        self.assertEqual(indexer.get_positions([0, 1], [[1, 1], [2, 0]]), [[1, 4], [7, 8]])
        self.assertEqual(indexer.get_reverse_position(7), (1, 0, 2))
        self.assertEqual(indexer.get_node_intervals(), [(0, 5), (5, 10)])
        self.assertEqual(indexer.get_feature_position_ranges(), [(0, 3), (3, 5), (5, 8), (8, 10)])
        self.assertEqual(indexer.splits_into_k(2), [(0, (0, 3), [(0, 3), (5, 8)]), (1, (3, 5), [(3, 5), (8, 10)])])
        self.assertEqual(indexer.global_flatten_bin_sizes(), [3, 2, 3, 2])
        self.assertEqual(indexer.unflatten_indexes(), {0: {0: [0, 1, 2], 1: [3, 4]}, 1: {0: [5, 6, 7], 1: [8, 9]}})
        self.assertEqual((indexer.get_bin_num(1), indexer.get_bin_interval(1, 0)), (2, (5, 8)))
        self.assertEqual((indexer.node_size, indexer.num_nodes, indexer.feature_size, indexer.node_axis_stride,
                          indexer.feature_axis_stride, indexer.feature_bin_sizes), (2, 2, 2, 5, [0, 3, 5], [3, 2]))
        self.assertEqual(indexer.squeeze_bins().feature_bin_sizes, [1, 1])
        self.assertEqual(indexer.flatten_in_node().feature_bin_sizes, [5])
        self.assertEqual(indexer.reshape([4, 4]).total_data_size(), 16)

    def test_shuffle_is_fates(self):  # made with fate_utils 0.1.0
        shuffler = histogram.HistogramIndexer(2, [3, 2]).get_shuffler(42)
        self.assertEqual(shuffler.get_global_perm_index(), [0, 4, 3, 2, 1, 5, 9, 8, 7, 6])
        self.assertEqual(shuffler.get_shuffle_index(2, False)[:6], [0, 1, 8, 9, 6, 7])
        self.assertEqual(shuffler.reverse_index(6), (1, 4))
        order, back = shuffler.get_shuffle_index(2, False), shuffler.get_shuffle_index(2, True)
        self.assertEqual([order[i] for i in back], list(range(20)))
        self.assertEqual(shuffler.get_reverse_indexes(1, [0, 3]), [0, 2])

    def test_errors(self):
        indexer = histogram.HistogramIndexer(2, [3, 2])
        for call in (lambda: indexer.get_position(0, 9, 0), lambda: indexer.get_reverse_position(10),
                     lambda: indexer.get_bin_num(2), lambda: indexer.get_shuffler(1).reverse_index(10)):
            self.assertRaises(IndexError, call)


class SecureAggregation(unittest.TestCase):
    SEED = bytes(range(32))

    def test_key_agreement(self):
        one, two = (secure_aggregation_helper.DiffieHellman() for _ in range(2))
        public = one.get_public_key()
        self.assertEqual(one.diffie_hellman(two.get_public_key()), two.diffie_hellman(public))
        for call, text in [(lambda: one.diffie_hellman(public), "Private key not found"),
                           (lambda: secure_aggregation_helper.DiffieHellman().diffie_hellman(b"short"), "32 bytes")]:
            with self.assertRaisesRegex(TypeError, text):
                call()

    @needs_numpy
    def test_vectors(self):  # spec 16.4
        zero = secure_aggregation_helper.RandomMix({1: self.SEED}, 0)
        one = secure_aggregation_helper.RandomMix({0: list(self.SEED)}, 1)
        first = zero.mix([doubles([1.5, -2.25])])
        self.assertEqual([a.tolist() for a in first[0]],
                         [[1.2504064831882715, 0.6227688603103161], [1710885.0, 4274026.0]])
        second = one.mix([doubles([0.5, 1.0])], None)
        self.assertEqual([a.tolist() for a in second[0]],
                         [[-0.2504064831882715, -0.8727688603103161], [-1710884.0, -4274027.0]])
        self.assertEqual((zero.get_index(1), one.get_index(0)), (2, 2))
        total = secure_aggregation_helper.MixAggregate()
        total.aggregate(first)
        total.aggregate(second)
        self.assertEqual(total.finalize(None)[0].tolist(), [2.0, -1.25])
        self.assertEqual(total.finalize(2.0)[0].tolist(), [1.0, -0.625])

    @needs_numpy
    def test_shapes_and_weights(self):
        matrix = numpy.arange(6.0).reshape(2, 3).T
        total = secure_aggregation_helper.MixAggregate()
        for rank in range(3):
            seeds = {other: bytes([rank + other]) * 32 for other in range(3) if other != rank}
            total.aggregate(secure_aggregation_helper.RandomMix(seeds, rank).mix([matrix, numpy.array(rank)*1.0], 2.0))
        mean, scalar = total.finalize(6.0)
        self.assertEqual((mean.shape, scalar.shape), ((3, 2), ()))
        self.assertTrue(numpy.allclose(mean, matrix, atol=1e-9))
        self.assertAlmostEqual(float(scalar), 1.0)

    def test_errors(self):
        for call, error, text in [
                (lambda: secure_aggregation_helper.RandomMix({0: self.SEED}, 0), IndexError, "should not contain"),
                (lambda: secure_aggregation_helper.RandomMix({1: b"short"}, 0), TypeError, "32-byte"),
                (lambda: secure_aggregation_helper.RandomMix({1: self.SEED}, 0).get_index(5), IndexError, "Rank 5"),
                (lambda: secure_aggregation_helper.MixAggregate().aggregate([1]), TypeError, "pairs")]:
            with self.subTest(text), self.assertRaisesRegex(error, text):
                call()


def big_integers(state):
    """(integer, exponent) of each element of a pickled vector (spec 6.4)."""
    state, at, elements = bytes(state), 8, []
    for _ in range(struct.unpack("<Q", state[:8])[0]):
        radix, length = struct.unpack("<iQ", state[at:at + 12])
        text = state[at + 12:at + 12 + length].decode()
        at += 12 + length + 4
        elements.append((int(text, radix), struct.unpack("<i", state[at - 4:at])[0]))
    assert at == len(state)
    return elements


class Paillier(unittest.TestCase):
    FLOATS = [1.5, -2.25, 0.0, 3e-3, -1e6, 0.1]

    @classmethod
    def setUpClass(cls):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cls.sk, cls.pk, cls.coder = paillier.keygen(1024)
        state = bytes(cls.pk.__getstate__())
        cls.n = int(state[12:12 + struct.unpack("<Q", state[4:12])[0]], 16)

    def encrypt(self, values, obfuscate=True):
        return self.pk.encrypt_encoded(self.coder.encode_f64_vec(doubles(values)), obfuscate)

    def encrypt_integers(self, values):
        return self.pk.encrypt_encoded(self.coder.encode_i64_vec(array.array("l", values)), False)

    def decrypt(self, vector):
        return [self.coder.decode_f64(p) for p in self.sk.decrypt_to_encoded(vector).tolist()]

    def assert_decrypts(self, vector, expected):
        values = self.decrypt(vector)
        self.assertEqual(len(values), len(expected))
        scale = max(map(abs, expected), default=1) or 1
        for value, wanted in zip(values, expected):
            self.assertAlmostEqual(value / scale, wanted / scale, places=12)

    def test_floats_and_integers_come_back(self):
        self.assert_decrypts(self.encrypt(self.FLOATS), self.FLOATS)
        edges = [0, 1, -1, 2**63 - 1, -2**63]
        plain = self.sk.decrypt_to_encoded(self.encrypt_integers(edges))
        self.assertEqual(self.coder.decode_i64_vec(plain), edges)
        for value in self.FLOATS:
            one = self.pk.encrypt_encoded_scalar(self.coder.encode_f64(value), True)
            self.assertEqual(self.coder.decode_f64(self.sk.decrypt_to_encoded_scalar(one)), value)
        self.assertEqual(self.coder.decode_i32(self.coder.encode_i32(-7)), -7)
        self.assertEqual(self.coder.decode_f32(self.coder.encode_f32(0.25)), 0.25)

    @needs_numpy
    def test_arrays(self):
        for kind, values in [("f64", numpy.array(self.FLOATS)), ("f32", numpy.array([0.5, -8], dtype="float32"))]:
            plain = getattr(self.coder, f"encode_{kind}_vec")(values)
            back = getattr(self.coder, f"decode_{kind}_vec")(plain)
            self.assertEqual(back.dtype, values.dtype)
            self.assertTrue(numpy.allclose(back, values))
        for kind, values in [("i64", numpy.array([5, -5])), ("i32", numpy.array([5, -5], dtype="int32"))]:
            plain = getattr(self.coder, f"encode_{kind}_vec")(values)
            self.assertEqual(getattr(self.coder, f"decode_{kind}_vec")(plain), [5, -5])
        with self.assertRaisesRegex(TypeError, "expected an array of float64"):
            self.coder.encode_f64_vec(numpy.array([1]))

    def test_bytes_of_plaintexts(self):  # spec 16.1
        self.assertEqual(big_integers(self.coder.encode_f64_vec(doubles([1.0, -0.5])).__getstate__()),
                         [(4503599627370496, -13), (-2251799813685248, -13)])
        self.assertEqual(big_integers(self.coder.encode_i64_vec(array.array("l", [255, -7])).__getstate__()),
                         [(255, 0), (self.n - 7, 0)])
        toy = "1000000010000000000000003564366635376262353430626132666410000000100000000000000032656237616264646161303564313765"
        coder = paillier.Coder()
        coder.__setstate__(list(bytes.fromhex(toy)))
        self.assertEqual(bytes(coder.__getstate__()).hex(), toy)
        toy = ("10000000100000000000000035643666353762623534306261326664100000002000000000000000323231613136326234643934333262"
               "366636633562373162373138333265303910000000100000000000000032656237616264646161303564313765")
        with self.assertRaisesRegex(ValueError, "too small"):
            paillier.PK().__setstate__(list(bytes.fromhex(toy)))

    def test_what_leaves_is_masked_positive_and_of_one_exponent(self):
        empty_bins = paillier.CiphertextVector.zeros(6)
        empty_bins.iadd_vec(self.encrypt([1.0]), 2, 0, None, self.pk)
        for vector in (self.encrypt(self.FLOATS), self.encrypt(self.FLOATS, obfuscate=False), empty_bins,
                       self.encrypt([1.0] * 6, False).mul(self.pk, self.coder.encode_i64_vec(array.array("l", [0] * 6))),
                       self.encrypt_integers([1, -1, 0, 5, -5, 7])):
            elements = big_integers(vector.__getstate__())
            self.assertEqual(len({exponent for _, exponent in elements}), 1)
            for integer, _ in elements:
                self.assertTrue(0 < integer < self.n**2)
                self.assertNotEqual(integer % self.n, 1)
        equal = [integer for integer, _ in big_integers(self.encrypt([1.0] * 50, False).__getstate__())]
        self.assertEqual(len(set(equal)), 50)

    def test_pickles(self):
        sk, pk, coder = (pickle.loads(pickle.dumps(thing)) for thing in (self.sk, self.pk, self.coder))
        vector = pickle.loads(pickle.dumps(self.encrypt(self.FLOATS)))
        vector = vector.add(pk, pk.encrypt_encoded(coder.encode_f64_vec(doubles(self.FLOATS)), True))
        values = [coder.decode_f64(p) for p in sk.decrypt_to_encoded(vector).tolist()]
        for value, wanted in zip(values, self.FLOATS):
            self.assertAlmostEqual(value, 2 * wanted, places=9)
        self.assertIsInstance(self.pk.__getstate__(), list)
        for thing in (paillier.PK(), paillier.SK(), paillier.Coder()):
            with self.assertRaisesRegex(RuntimeError, "no key yet"):
                thing.__getstate__()

    def test_arithmetic(self):
        a, b = self.FLOATS, [0.5, 4.0, -1.0, 1.0, 2.0, 1e-3]
        x, y = self.encrypt(a), self.encrypt(b)
        scalar = self.pk.encrypt_encoded_scalar(self.coder.encode_f64(3.5), False)
        plain = self.coder.encode_f64_vec(doubles(b))
        for vector, expected in [
                (x.add(self.pk, y), [p + q for p, q in zip(a, b)]), (x.sub(self.pk, y), [p - q for p, q in zip(a, b)]),
                (x.rsub(self.pk, y), [q - p for p, q in zip(a, b)]), (x.add_scalar(self.pk, scalar), [p + 3.5 for p in a]),
                (x.sub_scalar(self.pk, scalar), [p - 3.5 for p in a]),
                (x.rsub_scalar(self.pk, scalar), [3.5 - p for p in a]),
                (x.mul(self.pk, plain), [p * q for p, q in zip(a, b)]),
                (x.mul_scalar(self.pk, self.coder.encode_f64(-2.0)), [-2 * p for p in a]),
                (x.add(self.pk, self.encrypt_integers([1, 2, 3, -4, 5, 6])), [p + q for p, q in zip(a, [1, 2, 3, -4, 5, 6])])]:
            self.assert_decrypts(vector, expected)

    def test_matrices(self):
        plain = self.coder.encode_f64_vec(doubles([1, 2, 3, -1, 0.5, 0]))
        x = self.encrypt([1, -2, 3, 4, 0, 2])
        self.assert_decrypts(x.matmul(self.pk, plain, [2, 3], [3, 2]), [1 - 6 + 1.5, 2 + 2, 4 + 1, 8])
        self.assert_decrypts(x.rmatmul(self.pk, plain, [2, 3], [3, 2]),
                             [1 + 8, -2, 3 + 4, 3 - 4, -6, 9 - 2, 0.5, -1, 1.5])
        with self.assertRaisesRegex(ValueError, "cannot be multiplied"):
            x.matmul(self.pk, plain, [2, 3], [2, 3])

    def test_changes_in_place(self):
        x = self.encrypt([1, 2, 3, 4])
        x.iadd(self.pk, self.encrypt([10, 20, 30, 40]))
        self.assert_decrypts(x, [11, 22, 33, 44])
        x.idouble(self.pk)
        x.iadd_vec(self.encrypt([1, 2, 3]), 1, 0, 2, self.pk)
        x.isub_vec(self.encrypt([1, 2, 3]), 2, 1, None, self.pk)
        self.assert_decrypts(x, [22, 45, 66, 85])
        x.iadd_vec_self(0, 0, 2, self.pk)
        self.assert_decrypts(x, [44, 90, 66, 85])
        x.isub_vec_self(1, 1, None, self.pk)
        self.assert_decrypts(x, [44, 0, 0, 0])
        x.iadd_vec_self(1, 0, None, self.pk)  # reads what was there before
        self.assert_decrypts(x, [44, 44, 0, 0])
        x.isub_vec_self(0, 1, 3, self.pk)
        self.assert_decrypts(x, [0, 44, 0, 0])
        x.iadd_vec(self.encrypt([44, 0, 44, 44]), 0, 0, None, self.pk)
        x.iadd_slice(self.pk, 2, [self.pk.encrypt_encoded_scalar(self.coder.encode_f64(v), True) for v in (1.0, 2.0)])
        self.assert_decrypts(x, [44, 44, 45, 46])
        before = x.slice(0, 4)
        x.idouble(self.pk)
        self.assert_decrypts(before, [44, 44, 45, 46])

    def test_histograms(self):
        values = self.encrypt([1, 10, 2, 20, 4, 40])  # three rows of two
        sums = paillier.CiphertextVector.zeros(8)
        sums.iupdate(values, [[0, 3], [1, 3], [0, 2]], 2, self.pk)
        self.assert_decrypts(sums, [5, 50, 2, 20, 4, 40, 3, 30])
        masked = paillier.CiphertextVector.zeros(8)
        masked.iupdate_with_masks(values, [[0, 3], [1]], [True, False, True], 2, self.pk)
        self.assert_decrypts(masked, [1, 10, 4, 40, 0, 0, 1, 10])
        sums.chunking_cumsum_with_step(self.pk, [4, 4], 2)
        self.assert_decrypts(sums, [5, 50, 7, 70, 4, 40, 7, 70])
        self.assert_decrypts(sums.intervals_sum_with_step(self.pk, [(0, 4), (4, 8), (2, 2)], 2), [12, 120, 11, 110, 0, 0])

    def test_order(self):
        x = self.encrypt([0, 1, 2, 3, 4])
        self.assert_decrypts(x.slice(1, 3), [1, 2, 3])
        self.assert_decrypts(x.slice_indexes([4, 0, 4]), [4, 0, 4])
        self.assert_decrypts(x.intervals_slice([(0, 2), (3, 5)]), [0, 1, 3, 4])
        self.assert_decrypts(x.shuffle([2, 0, 1, 4, 3]), [2, 0, 1, 4, 3])
        self.assert_decrypts(x.cat([x.slice(0, 1), paillier.CiphertextVector.zeros(1)]), [0, 1, 2, 3, 4, 0, 0])
        self.assert_decrypts(paillier.Evaluator.cat([x, x])
                             .slice(3, 4), [3, 4, 0, 1])
        self.assert_decrypts(paillier.Evaluator.slice_indexes(x, [3]), [3])
        self.assertEqual([len(part) for part in x.tolist()], [1] * 5)
        x.i_shuffle([4, 3, 2, 1, 0])
        self.assert_decrypts(x, [4, 3, 2, 1, 0])
        loose = pickle.loads(pickle.dumps(x))
        self.assert_decrypts(loose.slice(0, 2).cat([loose]), [4, 3, 4, 3, 2, 1, 0])
        plain = self.coder.encode_i64_vec(array.array("l", range(6)))
        self.assertEqual(self.coder.decode_i64_vec(plain.get_stride(1, 3)), [3, 4, 5])

    def test_packing_and_squeezing(self):
        floats = [0.5, 1.25, 3.0, 0.125, 2.5]
        packed = self.coder.pack_floats(floats, 60, 2, 20)
        self.assertEqual(big_integers(packed.__getstate__())[0][0], (1 << 79) + (5 << 18))
        self.assertEqual(self.coder.unpack_floats(packed, 60, 2, 20, 5), floats)
        squeezed = self.pk.encrypt_encoded(packed, True).slice(0, 2).pack_squeeze(2, 120, self.pk)
        self.assertEqual(self.coder.unpack_floats(self.sk.decrypt_to_encoded(squeezed), 60, 4, 20, 4), floats[:4])
        whole = self.coder.pack_u64_vec([7, 8, 9], 64, 2)
        self.assertEqual(self.coder.unpack_u64_vec(whole, 64, 2, 3), [7, 8, 9])

    def test_errors(self):
        x = self.encrypt([1, 2])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, other, _ = paillier.keygen(1024)
        for call, error, text in [
                (lambda: paillier.keygen(512), ValueError, "minimum is 1024"),
                (lambda: x.add(other, x), ValueError, "another public key"),
                (lambda: x.add(self.pk, self.encrypt([1])), ValueError, "do not fit"),
                (lambda: x.slice(1, 2), IndexError, "no 2 ciphertexts from 1"),
                (lambda: x.slice_indexes([2]), ValueError, "no ciphertext 2"),
                (lambda: x.intervals_slice([(0, 3)]), RuntimeError, "end index out of range"),
                (lambda: x.iadd_vec(x, 1, 0, 2, self.pk), RuntimeError, "end index out of range"),
                (lambda: x.iupdate(x, [[5]], 1, self.pk), ValueError, ""),
                (lambda: self.encrypt([float("nan")]), ValueError, ""),
                (lambda: x.pack_squeeze(2, 30, self.pk).pack_squeeze(0, 30, self.pk), ValueError, ""),
                (lambda: paillier.CiphertextVector().__setstate__([1, 2]), ValueError, ""),
                (lambda: paillier.CiphertextVector().__setstate__([300]), ValueError, "bytes, not 300")]:
            with self.subTest(text), self.assertRaisesRegex(error, text):
                call()
        with self.assertWarnsRegex(UserWarning, "1024"):
            paillier.keygen(1024)

    def test_threads_of_python(self):
        x, one, busy = self.encrypt([0.0] * 64), self.encrypt([1.0] * 64), []

        def add():
            for _ in range(20):
                try:
                    x.iadd(self.pk, one)
                except RuntimeError as error:
                    busy.append(str(error))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(all(text == "Already mutably borrowed" for text in busy))
        self.assert_decrypts(x, [80.0 - len(busy)] * 64)

    def test_forked_processes_have_threads_of_their_own(self):
        fate_utils.set_threads(2)
        try:
            self.assert_decrypts(self.encrypt([1.0] * 20), [1.0] * 20)
            with multiprocessing.get_context("fork").Pool(1) as pool:
                self.assertEqual(pool.apply_async(encrypt_in_child, (self.pk, self.coder)).get(60), 20)
        finally:
            fate_utils.set_threads(1)


class OkamotoUchiyama(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sk, cls.pk, cls.coder = ou.keygen(1024)

    def encrypt(self, values):
        return self.pk.encrypt_encoded(self.coder.encode_u64_vec(array.array("L", values)), True)

    def decrypt(self, vector):
        return self.coder.decode_u64_vec(self.sk.decrypt_to_encoded(vector))

    def test_numbers_come_back(self):
        edges = [0, 1, 2**32, 2**64 - 1]
        self.assertEqual(self.decrypt(self.encrypt(edges)), edges)
        self.assertEqual(self.coder.decode_u32_vec(self.coder.encode_u32_vec(array.array("I", [7, 2**32 - 1]))),
                         [7, 2**32 - 1])
        one = self.pk.encrypt_encoded_scalar(self.coder.encode_u64(77), True)
        self.assertEqual(self.coder.decode_u64(self.sk.decrypt_to_encoded_scalar(one)), 77)

    def test_arithmetic_and_pickles(self):
        sk, pk, coder = (pickle.loads(pickle.dumps(thing)) for thing in (self.sk, self.pk, self.coder))
        x = pickle.loads(pickle.dumps(self.encrypt([1, 2, 3, 4])))
        total = x.add(pk, self.encrypt([10, 20, 30, 40]))
        self.assertEqual(coder.decode_u64_vec(sk.decrypt_to_encoded(total)), [11, 22, 33, 44])
        self.assertEqual(self.decrypt(x.mul(pk, coder.encode_u64_vec(array.array("L", [5, 0, 1, 2])))), [5, 0, 3, 8])
        sums = ou.CiphertextVector.zeros(3)
        sums.iupdate(x, [[0], [2], [0], [2]], 1, pk)
        self.assertEqual(self.decrypt(sums), [4, 0, 6])
        self.assertEqual(self.decrypt(self.encrypt([44]).sub(pk, self.encrypt([2]))), [42])
        self.assertEqual(list(coder.__getstate__()), [])

    def test_packing(self):
        packed = self.coder.pack_floats([0.5, 1.25, 3.0, 0.125], 60, 2, 20)
        squeezed = self.pk.encrypt_encoded(packed, True).pack_squeeze(2, 120, self.pk)
        self.assertEqual(self.coder.unpack_floats(self.sk.decrypt_to_encoded(squeezed), 60, 4, 20, 4), [0.5, 1.25, 3.0, 0.125])

    def test_what_leaves_is_masked(self):
        zeros = ou.CiphertextVector.zeros(4)
        zeros.iadd_vec(self.encrypt([1]), 0, 0, 1, self.pk)
        integers = [integer for integer, _ in big_integers(zeros.__getstate__())]
        self.assertTrue(all(integer > 2**64 for integer in integers))
        self.assertEqual(len(set(integers)), 4)

    def test_errors(self):
        x = self.encrypt([1, 2])
        for call, error, text in [
                (lambda: ou.keygen(512), ValueError, "minimum is 1024"),
                (lambda: self.pk.encrypt_encoded(self.coder.pack_floats([1.0] * 20, 60, 20, 20), True), ValueError, ""),
                (lambda: x.add(self.pk, paillier.CiphertextVector.zeros(2)), TypeError, "incompatible function arguments"),
                (lambda: x.slice(3, 1), IndexError, "no 1 ciphertexts")]:
            with self.subTest(text), self.assertRaisesRegex(error, text):
                call()


def encrypt_in_child(pk, coder):
    return len(pk.encrypt_encoded(coder.encode_f64_vec(doubles([1.0] * 20)), True))


class Threads(unittest.TestCase):
    def tearDown(self):
        fate_utils.set_threads(1)

    def test_number(self):
        self.assertEqual(fate_utils.threads(), 1)
        fate_utils.set_threads(2)
        self.assertEqual(fate_utils.threads(), 2)
        for threads in (0, 1000):
            with self.assertRaisesRegex(ValueError, "give 1 to 256"):
                fate_utils.set_threads(threads)


if __name__ == "__main__":
    unittest.main()
