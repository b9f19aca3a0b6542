"""kill -9 of every daemon and of a component during the toy, under supervisord."""
import os
import pathlib
import re
import signal
import time
import unittest

from party import PROGRAMS, Federation, processes_with, wait_until

ROWS = "400000"
WITHIN_S = 30


class Crash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 2, "10000": 2}, supervised=True)
        cls.addClassCleanup(cls.federation.stop)
        cls.federation.start()

    def submit(self):
        party = self.federation["9999"]
        dag = {"dag": {"parties": [{"role": "guest", "party_id": ["9999"]}, {"role": "host", "party_id": ["10000"]}],
                       "stage": "default",
                       "tasks": {"secure_add_example_0": {"component_ref": "secure_add_example",
                                                          "parameters": {"data_num": int(ROWS), "partition": 4}}}},
               "schema_version": "2.2.0"}
        return party.post("/v2/job/submit", {"dag_schema": dag})["job_id"]

    def components(self, party):
        return [p for p in processes_with(str(party.folder)) if "fate_component" in
                pathlib.Path(f"/proc/{p}/comm").read_text()]

    def eggs(self, party):
        return [p for p in processes_with(str(party.folder)) if "egg_pair" in
                pathlib.Path(f"/proc/{p}/comm").read_text()]

    def check_end(self, what, job, killed_at):
        """The job ends in time at both parties, and the next one works."""
        statuses = {}

        def ended(party):
            try:
                statuses[party.id] = party.job_status(job)
            except OSError:  # a fateflow that is being restarted
                return False
            return statuses[party.id] in ("success", "failed", "canceled")

        for party in self.federation.parties.values():
            left = max(1.0, WITHIN_S - (time.monotonic() - killed_at))
            wait_until(f"{what}: job {job} ended at {party.id}, now {statuses}", lambda: ended(party), left, 0.1)
        if statuses["9999"] == "failed":
            report = self.federation["9999"].cli("status", job)
            self.assertNotIn("no reason recorded", report.stderr, what)
        for party in self.federation.parties.values():
            party.wait_healthy()
        self.federation.wait_quiet()
        wait_until(f"{what}: tables of job {job} removed",
                   lambda: not any(p.leftover_stores(job) for p in self.federation.parties.values()), 60, 0.1)
        result = self.federation["9999"].toy("10000")
        self.assertEqual(result.returncode, 0, f"after {what}: {result.stdout}{result.stderr}")

    def test_every_daemon(self):
        for party in self.federation.parties.values():
            for program in PROGRAMS:
                with self.subTest(party=party.id, program=program):
                    job = self.submit()
                    wait_until("eggs run", lambda: self.eggs(party) and self.components(party))
                    os.kill(party.pid(program), signal.SIGKILL)
                    self.check_end(f"kill -9 of {program} of {party.id}", job, time.monotonic())

    def test_a_component_and_an_egg(self):
        for find in (self.components, self.eggs):
            for party in self.federation.parties.values():
                with self.subTest(party=party.id, what=find.__name__):
                    job = self.submit()
                    victims = wait_until("a process to kill", lambda: self.eggs(party) and find(party))
                    os.kill(victims[0], signal.SIGKILL)
                    self.check_end(f"kill -9 of one of {find.__name__} of {party.id}", job, time.monotonic())


if __name__ == "__main__":
    unittest.main(verbosity=2)
