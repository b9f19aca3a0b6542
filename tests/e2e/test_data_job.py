"""reader, psi and hetero_feature_binning on the breast table, against a clear-text reference."""
import math
import tarfile
import unittest

import jobs
from party import Federation

HOSTS = ["10000", "10001"]

# Guest x0 of the breast table, 10 quantile bins (spec/federated-algorithms.md 16.5).
SPLIT_POINTS = [-1.055953, -0.786746, -0.614867, -0.482335, -0.27111, -0.059886, 0.230029, 0.828498,
                1.534649, 4.094189]
EVENT = [56, 57, 55, 55, 55, 42, 32, 5, 0, 0]
NON_EVENT = [0, 0, 2, 2, 2, 15, 25, 52, 57, 57]
UPSTREAM_WOE = [-1.159237, -1.141537, 2.793036, 2.793036, 2.793036, 0.508470, -0.274289, -2.862955,
                0.620388, 0.620388]


def by_bin(values):
    return [values[str(i)] for i in range(len(values))]


class DataJob(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 2, "10000": 2, "10001": 1})
        cls.addClassCleanup(cls.federation.stop)
        cls.federation.start()
        cls.guest = cls.federation["9999"]
        data = jobs.example_data()
        cls.tables = {"guest": jobs.read_csv(data / "breast_hetero_guest.csv"),
                      "host": jobs.read_csv(data / "breast_hetero_host.csv")}
        for party in cls.federation.parties.values():
            role = "guest" if party is cls.guest else "host"
            result = jobs.upload(party, data / f"breast_hetero_{role}.csv", "breast",
                                 "y" if role == "guest" else None)
            assert result.returncode == 0, result.stdout + result.stderr

    def run_job(self, hosts, **parameters):
        dag = jobs.reader_psi_binning("9999", hosts, "breast", {h: "breast" for h in hosts}, parameters)
        job, code, text = jobs.run_job(self.guest, dag)
        self.assertEqual(code, 0, text)
        return job

    def model(self, job):
        answer = self.guest.get("/v2/output/model/query", job_id=job, role="guest", party_id="9999",
                                task_name="hetero_feature_binning_0")
        return answer["data"]["output_model"]["data"]

    def metric(self, party, role, job, task, name):
        answer = party.get("/v2/output/metric/query", job_id=job, role=role, party_id=party.id, task_name=task)
        found = [record["data"] for record in answer["data"] if record["name"] == name]
        self.assertTrue(found, f"no metric {name} in {answer}")
        return found[0]

    def check_summary(self, summary, table, rename, upstream):
        labels = {row["id"]: int(row["y"]) for row in self.tables["guest"]}
        rows = self.tables[table]
        columns = [c for c in rows[0] if c not in ("id", "y")]
        self.assertEqual(set(summary["iv"]), {rename(c) for c in columns})
        for column in columns:
            values = [float(row[column]) for row in rows]
            points = jobs.split_points(values, 10)
            event, non_event = jobs.counts(values, [labels[row["id"]] for row in rows], points)
            woe, iv = jobs.woe_iv(event, non_event, upstream)
            name = rename(column)
            self.assertEqual(by_bin(summary["event_count"][name]), event, name)
            self.assertEqual(by_bin(summary["non_event_count"][name]), non_event, name)
            for ours, reference in zip(by_bin(summary["woe"][name]), woe):
                self.assertAlmostEqual(ours, reference, delta=1e-9)
            self.assertAlmostEqual(summary["iv"][name], iv, delta=1e-9)

    def test_counts_split_points_woe_and_iv_of_both_parties(self):
        job = self.run_job(["10000"])
        for party, role in ((self.guest, "guest"), (self.federation["10000"], "host")):
            summary = self.metric(party, role, job, "psi_0", "summary")
            self.assertEqual((summary["input_count"], summary["intersect_count"], summary["intersect_rate"],
                              summary["method"]), (569, 569, 1.0, "curve25519"))
        data = self.model(job)
        self.assertEqual(by_bin(data["split_pt_dict"]["x0"]), SPLIT_POINTS)
        self.assertEqual(by_bin(data["metrics_summary"]["event_count"]["x0"]), EVENT)
        self.assertEqual(by_bin(data["metrics_summary"]["non_event_count"]["x0"]), NON_EVENT)
        for column in [f"x{i}" for i in range(10)]:
            points = jobs.split_points([float(row[column]) for row in self.tables["guest"]], 10)
            self.assertEqual(by_bin(data["split_pt_dict"][column]), points)
        self.check_summary(data["metrics_summary"], "guest", lambda c: c, upstream=False)
        host, = data["host_metrics_summary"].values()
        self.check_summary(host, "host", lambda c: f"host_10000_{c}", upstream=False)
        self.federation.wait_quiet()

    def test_compatibility_with_fate_2_2(self):
        job = self.run_job(["10000"], compatibility="fate-2.2")
        data = self.model(job)
        for ours, reference in zip(by_bin(data["metrics_summary"]["woe"]["x0"]), UPSTREAM_WOE):
            self.assertAlmostEqual(ours, reference, delta=1e-6)
        self.assertAlmostEqual(data["metrics_summary"]["iv"]["x0"], 2.580880, delta=1e-6)
        self.assertAlmostEqual(data["metrics_summary"]["iv"]["x1"], 0.906669, delta=1e-6)
        self.check_summary(data["metrics_summary"], "guest", lambda c: c, upstream=True)
        host, = data["host_metrics_summary"].values()
        self.check_summary(host, "host", lambda c: f"host_10000_{c}", upstream=True)

    def test_two_hosts(self):
        job = self.run_job(HOSTS, he_param={"kind": "paillier", "key_length": 1024})
        data = self.model(job)
        self.assertEqual(len(data["host_metrics_summary"]), 2)
        for host in HOSTS:
            summary = next(s for s in data["host_metrics_summary"].values() if f"host_{host}_x0" in s["iv"])
            self.check_summary(summary, "host", lambda c: f"host_{host}_{c}", upstream=False)

    def test_the_host_learns_no_label(self):
        job = self.run_job(["10000"])
        host = self.federation["10000"]
        answer = host.get("/v2/output/model/query", job_id=job, role="host", party_id="10000",
                          task_name="hetero_feature_binning_0")
        data = answer["data"]["output_model"]["data"]
        self.assertFalse(data.get("metrics_summary"), "the host's model holds label statistics")
        self.assertFalse(data.get("host_metrics_summary"))
        self.assertEqual(set(data["split_pt_dict"]), {f"x{i}" for i in range(20)})

    def test_tables_can_be_shown_and_downloaded(self):
        result = self.guest.cli("table", "show", "experiment", "breast", "--display")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("569", result.stdout)
        path = self.federation.folder / "table.tar.gz"
        result = self.guest.cli("table", "download", "experiment", "breast", "-o", str(path))
        self.assertEqual(result.returncode, 0, result.stderr)
        with tarfile.open(path) as archive:
            name = next(n for n in archive.getnames() if n.endswith(".csv"))
            text = archive.extractfile(name).read().decode()
        lines = text.splitlines()
        self.assertEqual(len(lines), 570)
        total = math.fsum(float(line.split(",")[-1]) for line in lines[1:])
        self.assertAlmostEqual(total, math.fsum(float(row["x9"]) for row in self.tables["guest"]), delta=1e-6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
