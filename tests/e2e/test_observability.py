"""Health, reflection, metrics and logs of every daemon; help and completion of the tool."""
import json
import pathlib
import re
import subprocess
import unittest
import urllib.request

from party import BIN, HEALTH_PORTS, Federation

PROBE = BIN.parent / "tests/grpc_probe"
GRPC = {"fate-clustermanager": (4670, "com.webank.eggroll.core.command.CommandService"),
        "fate-nodemanager": (4671, "com.webank.eggroll.core.command.CommandService"),
        "fate-storage": (7778, "com.webank.eggroll.core.transfer.TransferService"),
        "fate-rollsite": (9370, "com.webank.ai.eggroll.api.networking.proxy.DataTransferService"),
        "fate-fateflow": (9360, "com.webank.ai.eggroll.api.networking.proxy.DataTransferService")}
COMMANDS = ["demo", "toy", "upload", "table", "submit", "status", "stop", "log", "route", "version", "completion"]


class Observability(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = Federation({"9999": 1})
        cls.addClassCleanup(cls.federation.stop)
        cls.party = cls.federation["9999"]
        for program in cls.party.commands:
            cls.party.commands[program] += ["--log-format", "json"]
        cls.federation.start()
        cls.toy = cls.party.toy("9999")

    def fetch(self, port, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"http://{self.party.address}:{port}{path}", timeout=10).read().decode()

    def test_grpc_health_and_reflection(self):
        for program, (port, service) in GRPC.items():
            with self.subTest(program=program):
                probe = subprocess.run([str(PROBE), f"{self.party.address}:{port}"], capture_output=True, text=True)
                self.assertEqual(probe.returncode, 0, probe.stdout + probe.stderr)
                self.assertIn("health SERVING", probe.stdout)
                self.assertIn(f"service {service}", probe.stdout)

    def test_healthz_and_metrics(self):
        for program, port in HEALTH_PORTS.items():
            with self.subTest(program=program):
                self.assertEqual(self.fetch(port, "/healthz").strip(), "ok")
                metrics = self.fetch(port, "/metrics")
                self.assertRegex(metrics, r"(?m)^process_resident_memory_bytes \d")
                self.assertRegex(metrics, r"(?m)^# TYPE \w+ (counter|gauge|histogram)$")

    def test_json_logs_name_job_and_session(self):
        self.assertEqual(self.toy.returncode, 0, self.toy.stdout + self.toy.stderr)
        job = re.search(r"toy test job (\d+)", self.toy.stdout).group(1)
        mentions = {}
        for program in GRPC:
            lines = (self.party.folder / f"logs/{program}.log").read_text().splitlines()
            self.assertTrue(lines, program)
            records = [json.loads(line) for line in lines]
            for record in records:
                self.assertLessEqual({"time", "level", "service", "message"}, set(record))
            mentions[program] = [r for r in records if job in r.get("job", "") or job in r.get("session", "")]
        for program in ("fate-clustermanager", "fate-nodemanager", "fate-fateflow"):
            self.assertTrue(mentions[program], f"{program} logged nothing with the job's id")

    def test_help_names_every_command_and_its_options(self):
        top = subprocess.run([str(BIN / "fate"), "--help"], capture_output=True, text=True)
        self.assertEqual(top.returncode, 0)
        for command in COMMANDS:
            self.assertRegex(top.stdout, rf"(?m)^  {command} ")
            text = subprocess.run([str(BIN / "fate"), command, "--help"], capture_output=True, text=True)
            self.assertEqual(text.returncode, 0, command)
            self.assertIn("--help", text.stdout)
        for program in ("rollsite", "clustermanager", "nodemanager", "storage_service", "fateflow", "egg_pair"):
            text = subprocess.run([str(BIN / program), "--help"], capture_output=True, text=True)
            self.assertEqual(text.returncode, 0, program)
            self.assertIn("--config", text.stdout)
            version = subprocess.run([str(BIN / program), "--version"], capture_output=True, text=True)
            self.assertRegex(version.stdout, rf"^{program} \d+\.\d+\.\d+")

    def test_completion_offers_commands_and_options(self):
        script = subprocess.run([str(BIN / "fate"), "completion", "bash"], capture_output=True, text=True)
        check = subprocess.run(["bash", "-c", script.stdout + "\ncomplete -p fate"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)
        words = subprocess.run([str(BIN / "fate"), "complete", "--", "toy"], capture_output=True, text=True)
        self.assertIn("--guest", words.stdout.split())


if __name__ == "__main__":
    unittest.main(verbosity=2)
