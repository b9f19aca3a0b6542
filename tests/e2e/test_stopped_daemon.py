"""The toy's path is real: without any one daemon of either party it fails, in time, and says which."""
import time
import unittest

from party import PROGRAMS, Federation

DEADLINE_S = 45


class StoppedDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 1, "10000": 1})
        cls.addClassCleanup(cls.federation.stop)
        cls.federation.start()

    def check_toy_fails(self, party, program):
        guest = self.federation["9999"]
        start = time.monotonic()
        result = guest.toy("10000", "--timeout", str(DEADLINE_S), timeout=DEADLINE_S + 20)
        elapsed = time.monotonic() - start
        text = result.stdout + result.stderr
        self.assertNotEqual(result.returncode, 0, text)
        self.assertLess(elapsed, DEADLINE_S)
        if party is not guest or program != "fate-fateflow":
            self.assertIn(party.id, text)
        self.assertIn(program.removeprefix("fate-"), text)

    def test_each_daemon_of_each_party(self):
        guest = self.federation["9999"]
        for party in self.federation.parties.values():
            for program in PROGRAMS:
                with self.subTest(party=party.id, program=program):
                    party.stop(program)
                    try:
                        self.check_toy_fails(party, program)
                    finally:
                        party.start([program])
                        party.wait_healthy()
        self.federation.wait_quiet()
        result = guest.toy("10000")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
