"""The toy secure sum through every daemon of two and three parties."""
import re
import unittest

from party import Federation

GUEST_LINES = [
    "begin to init parameters of secure add example guest",
    "begin to make guest data",
    "split data into two random parts",
    "share one random part data to host",
    "get share of one random part data from host",
    "begin to get sum of guest and host",
    "receive host sum from guest",
    "success to calculate secure_sum, it is 2000.0",
]


class Toy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 2, "10000": 2, "8888": 2})
        cls.addClassCleanup(cls.federation.stop)
        cls.federation.start()

    def assert_success(self, result):
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_prints_the_documented_lines_in_order(self):
        result = self.federation["9999"].toy("10000")
        self.assert_success(result)
        self.assertRegex(result.stdout, r"toy test job \d{21} is success")
        lines = [line for line in result.stdout.splitlines() if "secure_add_guest.py[line" in line]
        self.assertEqual(len(lines), len(GUEST_LINES), result.stdout)
        for line, expected in zip(lines, GUEST_LINES):
            self.assertTrue(line.endswith(expected), f"'{line}' should end with '{expected}'")
        self.federation.wait_quiet()

    def test_every_pair_of_three_parties(self):
        for guest in self.federation.parties:
            for host in self.federation.parties:
                if guest != host:
                    with self.subTest(guest=guest, host=host):
                        result = self.federation[guest].toy(host)
                        self.assert_success(result)
                        self.assertIn("it is 2000.0", result.stdout)

    def test_a_party_with_itself(self):
        result = self.federation["9999"].toy("9999")
        self.assert_success(result)
        self.assertIn("success to calculate secure_sum, it is 2000.0", result.stdout)

    def test_ten_thousand_rows_in_seven_partitions(self):
        result = self.federation["9999"].toy("10000", "--data-num", "10000", "--partitions", "7")
        self.assert_success(result)
        value = float(re.search(r"secure_sum, it is (\S+)", result.stdout).group(1))
        self.assertAlmostEqual(value, 20000.0, delta=1e-6)

    def test_toy_example_makes_a_frame_and_a_model_at_both_parties(self):
        result = self.federation["9999"].toy("10000", "--component", "toy_example", "--data-num", "1024")
        self.assert_success(result)
        job = re.search(r"toy test job (\d+)", result.stdout).group(1)
        for role, party in (("guest", "9999"), ("host", "10000")):
            answer = self.federation[party].get("/v2/output/model/query", job_id=job, role=role,
                                                party_id=party, task_name="toy_example_0")
            self.assertEqual(answer["data"], {"json_model_output": {"test_role": role}})
            data = self.federation[party].get("/v2/output/data/display", job_id=job, role=role,
                                              party_id=party, task_name="toy_example_0")
            self.assertEqual(data["output_data"][0]["total"], 1024)

    def test_sums_of_zero_rows_are_refused_by_name(self):
        dag = {"dag": {"parties": [{"role": "guest", "party_id": ["9999"]}, {"role": "host", "party_id": ["10000"]}],
                       "stage": "default",
                       "tasks": {"secure_add_example_0": {"component_ref": "secure_add_example",
                                                          "parameters": {"data_num": 0}}}},
               "schema_version": "2.2.0"}
        party = self.federation["9999"]
        answer = party.post("/v2/job/submit", {"dag_schema": dag})
        result = party.cli("status", answer["job_id"], "--watch", "--timeout", "30")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("data_num", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
