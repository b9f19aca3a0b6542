"""The Python module fate_utils by itself: vectors of the specification, pickles, errors.

FATE_UTILS names the folder of the module. Runs with the interpreter that the module was built for;
where that has no NumPy, what returns arrays is skipped."""
import array
import os
import pickle
import sys
import unittest

sys.path.insert(0, os.environ["FATE_UTILS"])
import fate_utils  # noqa: E402
from fate_utils import hash as fate_hash  # noqa: E402
from fate_utils import histogram, psi, quantile, secure_aggregation_helper  # noqa: E402

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
