"""Bad input and unreachable peers: a clear error, the job ends failed everywhere, nothing is left."""
import json
import pathlib
import socket
import subprocess
import unittest

import jobs
from party import BIN, Federation, wait_until

GUEST_ROWS = [[i, i % 2, 0.5 * i, 1.5 - i] for i in range(20)]
HOST_ROWS = [[i, 0.25 * i, 3 * i] for i in range(20)]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 1, "10000": 1})
        cls.addClassCleanup(cls.federation.stop)
        cls.federation.start()
        cls.guest, cls.host = cls.federation["9999"], cls.federation["10000"]
        cls.folder = cls.federation.folder
        cls.upload_good()

    @classmethod
    def upload_good(cls):
        guest = jobs.write_csv(cls.folder / "guest.csv", ["id", "y", "x0", "x1"], GUEST_ROWS)
        host = jobs.write_csv(cls.folder / "host.csv", ["id", "x0", "x1"], HOST_ROWS)
        for party, path, label in ((cls.guest, guest, "y"), (cls.host, host, None)):
            result = jobs.upload(party, path, "good", label)
            assert result.returncode == 0, result.stdout + result.stderr

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
        return path

    def refuse_upload(self, text, *expected, label="y", meta=(), name="bad"):
        result = jobs.upload(self.guest, self.file("bad.csv", text), name, label, meta=meta)
        output = result.stdout + result.stderr
        self.assertEqual(result.returncode, 1, output)
        for word in expected:
            self.assertIn(word, output)
        answer = self.guest.get("/v2/table/query", namespace="experiment", name="bad")
        self.assertEqual(answer["code"], 7001, "a refused upload left a table")

    def fail_job(self, dag, *expected, parties=("9999", "10000")):
        job, code, text = jobs.run_job(self.guest, dag)
        self.assertEqual(code, 1, text)
        for word in expected:
            self.assertIn(word, text)
        for party in parties:
            wait_until(f"job {job} failed at {party}",
                       lambda: self.federation[party].job_status(job) == "failed", 30)
        self.federation.wait_quiet()
        for party in parties:
            self.assertEqual(self.federation[party].leftover_stores(job), [])
        return job

    def binning(self, guest_table="good", host_table="good", **parameters):
        return jobs.reader_psi_binning("9999", ["10000"], guest_table, {"10000": host_table}, parameters)

    # Files.
    def test_empty_file(self):
        self.refuse_upload("", "empty")

    def test_header_only(self):
        self.refuse_upload("id,y,x0\n", "no rows")

    def test_non_numeric_cell_is_named(self):
        self.refuse_upload("id,y,x0\n1,0,0.5\n2,1,abc\n", "x0", "abc")

    def test_missing_cell_is_named(self):
        self.refuse_upload("id,y,x0\n1,0,0.5\n2,1\n", "2")

    def test_missing_label_column(self):
        self.refuse_upload("id,x0\n1,0.5\n", "y")

    def test_missing_match_id_column(self):
        self.refuse_upload("key,y,x0\n1,0,0.5\n", "id")

    def test_a_line_of_ten_megabytes_is_read_or_refused_by_name(self):
        text = "id,y,x0\n1,0," + "1" * (10 << 20) + "\n"
        result = jobs.upload(self.guest, self.file("long.csv", text), "bad", "y", timeout=120)
        self.assertEqual(result.returncode, 1, "a number of ten million digits is no cell")
        self.assertIn("x0", result.stdout + result.stderr)

    def test_names_that_leave_the_folder(self):
        for name in ("../evil", "a/b", ".."):
            result = jobs.upload(self.guest, self.folder / "guest.csv", name, "y")
            output = result.stdout + result.stderr
            self.assertEqual(result.returncode, 1, output)
            self.assertIn("not valid", output)
        self.assertFalse(list(self.folder.glob("**/evil*")))

    # Jobs on data.
    def test_duplicate_ids_at_a_host(self):
        path = jobs.write_csv(self.folder / "dup.csv", ["id", "x0", "x1"], HOST_ROWS + [HOST_ROWS[0]])
        self.assertEqual(jobs.upload(self.host, path, "duplicates").returncode, 0)
        self.fail_job(self.binning(host_table="duplicates"), "duplicate match_id detect")

    def test_duplicate_ids_at_the_guest_are_legal(self):
        path = jobs.write_csv(self.folder / "dup.csv", ["id", "y", "x0", "x1"], GUEST_ROWS + [[0, 1, 9, 9]])
        self.assertEqual(jobs.upload(self.guest, path, "duplicates", "y").returncode, 0)
        dag = jobs.reader_psi_binning("9999", ["10000"], "duplicates", {"10000": "good"}, psi_only=True)
        job, code, text = jobs.run_job(self.guest, dag)
        self.assertEqual(code, 0, text)
        data = self.host.get("/v2/output/data/display", job_id=job, role="host", party_id="10000",
                             task_name="psi_0")
        self.assertEqual(data["output_data"][0]["total"], 21)

    def test_label_that_is_not_binary(self):
        path = jobs.write_csv(self.folder / "three.csv", ["id", "y", "x0", "x1"],
                              [[i, i % 3, 0.5 * i, i] for i in range(20)])
        self.assertEqual(jobs.upload(self.guest, path, "three", "y").returncode, 0)
        self.fail_job(self.binning(guest_table="three"), "binary")

    def test_unknown_column_and_table(self):
        self.fail_job(self.binning(bin_col=["x9"]), "x9")
        self.fail_job(self.binning(guest_table="nowhere"), "nowhere")

    def test_wrong_parameter(self):
        self.fail_job(self.binning(n_bins=1), "n_bins")

    # Requests.
    def submit(self, dag):
        return self.guest.post("/v2/job/submit", {"dag_schema": {"dag": dag, "schema_version": "2.2.0"}})

    def toy_dag(self, **changes):
        dag = {"parties": [{"role": "guest", "party_id": ["9999"]}, {"role": "host", "party_id": ["10000"]}],
               "stage": "default",
               "tasks": {"toy_example_0": {"component_ref": "toy_example",
                                           "parameters": {"data_num": 10, "partition": 1}}}}
        dag.update(changes)
        return dag

    def test_ids_as_json_numbers(self):
        # In a DAG numbers become text; in a field of a request they are refused.
        answer = self.submit(self.toy_dag(parties=[{"role": "guest", "party_id": [9999]},
                                                   {"role": "host", "party_id": [10000]}]))
        self.assertEqual(answer["code"], 0, answer)
        answer = self.guest.post("/v2/job/stop", {"job_id": 12})
        self.assertEqual(answer["code"], 5001)
        self.assertEqual(answer["data"], {"json": {"job_id": ["Not a valid string."]}})
        self.federation.wait_quiet()

    def test_cycle(self):
        tasks = {name: {"component_ref": "psi", "inputs": {"data": {"input_data": jobs.from_task(other, "output_data")}}}
                 for name, other in (("a_0", "b_0"), ("b_0", "a_0"))}
        answer = self.submit(self.toy_dag(tasks=tasks))
        self.assertNotEqual(answer["code"], 0)
        self.assertIn("cycle", answer["message"])

    def test_unknown_producer(self):
        tasks = {"a_0": {"component_ref": "psi", "inputs": {"data": {"input_data": jobs.from_task("b_0", "output_data")}}}}
        answer = self.submit(self.toy_dag(tasks=tasks))
        self.assertNotEqual(answer["code"], 0)
        self.assertIn("b_0", answer["message"])

    def test_unknown_component(self):
        dag = {"dag": self.toy_dag(tasks={"a_0": {"component_ref": "no_such_component"}}),
               "schema_version": "2.2.0"}
        job, code, text = jobs.run_job(self.guest, dag)
        self.assertEqual(code, 1, text)
        self.assertIn("no_such_component", text)
        self.federation.wait_quiet()

    def test_unknown_party(self):
        answer = self.submit(self.toy_dag(parties=[{"role": "guest", "party_id": ["9999"]},
                                                   {"role": "host", "party_id": ["77777"]}]))
        self.assertEqual(answer["code"], 1002)
        self.assertIn("77777", answer["message"])
        self.assertIn("route", answer["message"])


class UnreachablePeer(unittest.TestCase):
    def test_a_peer_on_a_wrong_port_is_named(self):
        with Federation({"9999": 1}) as federation:
            party = federation["9999"]
            with socket.socket() as probe:
                probe.bind((party.address, 0))
                port = probe.getsockname()[1]
            table = json.loads((party.folder / "conf/route_table.json").read_text())
            table["route_table"]["10000"] = {"default": [{"ip": party.address, "port": port}]}
            (party.folder / "conf/route_table.json").write_text(json.dumps(table))
            party.stop("fate-rollsite")
            party.start(["fate-rollsite"])
            party.wait_healthy()
            result = party.toy("10000", "--timeout", "60")
            text = result.stdout + result.stderr
            self.assertEqual(result.returncode, 1, text)
            self.assertIn("10000", text)
            self.assertIn(str(port), text)


class Configuration(unittest.TestCase):
    """--check-config of every daemon names file, place and remedy."""

    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 1})
        cls.addClassCleanup(cls.federation.stop)
        cls.conf = cls.federation["9999"].folder / "conf"

    def check(self, program, config):
        return subprocess.run([str(BIN / program), "--config", str(config), "--check-config"],
                              capture_output=True, text=True, timeout=20)

    def test_good_files_are_correct(self):
        for program in ("rollsite", "clustermanager", "nodemanager", "storage_service"):
            result = self.check(program, self.conf / "eggroll.properties")
            self.assertEqual(result.returncode, 0, program + result.stderr)
        self.assertEqual(self.check("fateflow", self.conf / "service_conf.yaml").returncode, 0)

    def test_bad_ports_are_named_with_file_and_line(self):
        for program, key in (("rollsite", "eggroll.rollsite.port"),
                             ("clustermanager", "eggroll.resourcemanager.clustermanager.port"),
                             ("nodemanager", "eggroll.resourcemanager.nodemanager.port"),
                             ("storage_service", "eggroll.storage.port")):
            lines = (self.conf / "eggroll.properties").read_text().splitlines()
            number = next(i for i, line in enumerate(lines) if line.startswith(key + "="))
            lines[number] = key + "=93x70"
            bad = self.conf / "bad.properties"
            bad.write_text("\n".join(lines))
            result = self.check(program, bad)
            self.assertEqual(result.returncode, 2, program)
            self.assertIn(f"bad.properties:{number + 1}: {key} = '93x70'", result.stderr)

    def test_malformed_route_table_is_named(self):
        bad = self.conf / "bad_route.json"
        bad.write_text('{"route_table": {"10000": {"default": [{"ip": "127.0.0.1"}]}}, "self_party": ["9999"]}')
        text = (self.conf / "eggroll.properties").read_text()
        properties = self.conf / "route.properties"
        properties.write_text(text.replace("route_table.json", "bad_route.json"))
        result = self.check("rollsite", properties)
        self.assertEqual(result.returncode, 2)
        self.assertIn("bad_route.json", result.stderr)
        self.assertIn("port", result.stderr)
        bad.write_text('{"route_table": ')
        self.assertEqual(self.check("rollsite", properties).returncode, 2)

    def test_malformed_service_conf_is_named(self):
        bad = self.conf / "bad.yaml"
        bad.write_text((self.conf / "service_conf.yaml").read_text().replace("http_port: 9380", "http_port: many"))
        result = self.check("fateflow", bad)
        self.assertEqual(result.returncode, 2)
        self.assertIn("http_port", result.stderr)
        self.assertIn("bad.yaml", result.stderr)

    def test_missing_file(self):
        for program in ("rollsite", "clustermanager", "nodemanager", "storage_service", "fateflow"):
            result = self.check(program, pathlib.Path("/nonexistent/file"))
            self.assertEqual(result.returncode, 2)
            self.assertIn("/nonexistent/file", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
