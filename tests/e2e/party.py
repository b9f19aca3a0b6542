"""Real daemons of one or more parties for the end-to-end tests and benchmarks.

    with Federation({"9999": 4, "10000": 4}) as federation:
        federation["9999"].toy("10000")

Every party gets a loopback address of its own, a temporary folder made by deploy/make_party.sh and
the documented ports. Whatever was started is stopped by its process id.
"""
import configparser
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("FATE_BIN", ROOT / "build/release/bin"))
PROGRAMS = ["fate-clustermanager", "fate-nodemanager", "fate-storage", "fate-rollsite", "fate-fateflow"]
HEALTH_PORTS = {"fate-clustermanager": 14670, "fate-nodemanager": 14671, "fate-storage": 17778,
                "fate-rollsite": 19370, "fate-fateflow": 9380}


def wait_until(what, condition, seconds=30.0, pause=0.02):
    """Waits for condition() to be true; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def http_json(method, url, body=None, timeout=30):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method,
                                     headers={"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as answer:
        return json.load(answer)


def children_of(pid):
    found = []
    try:
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found.append(int(child))
            found.extend(children_of(int(child)))
    except FileNotFoundError:
        pass
    return found


def processes_with(text):
    """Process ids whose command line contains `text`, this process excluded."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(int(entry.name))
    return found


class Party:
    def __init__(self, party_id, address, folder, eggs, supervised):
        self.id, self.address, self.folder, self.eggs = party_id, address, folder, eggs
        self.supervised = supervised
        self.processes = {}
        self.supervisord = None
        self.flow = f"http://{address}:9380"

    def configure(self, peers):
        environment = dict(os.environ, FATE_BIN=str(BIN), FATE_EGGS_PER_NODE=str(self.eggs))
        routes = [f"{p.id}={p.address}" for p in peers]
        subprocess.run(["bash", str(ROOT / "deploy/make_party.sh"), str(self.folder), self.id,
                        self.address, *routes], check=True, env=environment, capture_output=True)
        config = configparser.RawConfigParser()
        config.read(self.folder / "supervisord.conf")
        self.commands = {p: config[f"program:{p}"]["command"].split() for p in PROGRAMS}

    # Starting and stopping.
    def start(self, programs=PROGRAMS):
        if self.supervised:
            self.supervisord = subprocess.Popen(
                ["supervisord", "-n", "-c", str(self.folder / "supervisord.conf")],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return
        for program in programs:
            log = open(self.folder / f"logs/{program}.log", "ab")
            self.processes[program] = subprocess.Popen(
                self.commands[program], cwd=self.folder, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True)
            log.close()

    def wait_healthy(self, programs=PROGRAMS, seconds=30):
        for program in programs:
            wait_until(f"{program} of party {self.id} healthy; see {self.folder}/logs/{program}.log",
                       lambda: self.healthy(program), seconds, 0.005)

    def healthy(self, program):
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            url = f"http://{self.address}:{HEALTH_PORTS[program]}/healthz"
            return opener.open(url, timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def pid(self, program):
        if not self.supervised:
            return self.processes[program].pid
        answer = subprocess.run(["supervisorctl", "-c", str(self.folder / "supervisord.conf"), "pid",
                                 program], capture_output=True, text=True)
        text = answer.stdout.strip()
        return int(text) if text.isdigit() and int(text) > 0 else None

    def stop(self, program, sig=signal.SIGTERM):
        process = self.processes.pop(program)
        process.send_signal(sig)
        process.wait(30)

    def stop_all(self):
        if self.supervised and self.supervisord:
            self.supervisord.terminate()
            self.supervisord.wait(60)
            return
        for program in reversed(PROGRAMS):
            if program in self.processes and self.processes[program].poll() is None:
                self.processes[program].send_signal(signal.SIGTERM)
        for program, process in self.processes.items():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{program} of party {self.id} did not stop on SIGTERM")
        self.processes.clear()

    # Using.
    def cli(self, *arguments, timeout=120):
        return subprocess.run([str(BIN / "fate"), "--flow", self.flow, *arguments],
                              capture_output=True, text=True, timeout=timeout)

    def toy(self, host, *arguments, timeout=120):
        return self.cli("toy", "--guest", self.id, "--host", host, *arguments, timeout=timeout)

    def get(self, path, **query):
        return http_json("GET", f"{self.flow}{path}?{urllib.parse.urlencode(query)}")

    def post(self, path, body):
        return http_json("POST", self.flow + path, body)

    def job_status(self, job_id):
        answer = self.get("/v2/job/query", job_id=job_id, party_id=self.id)
        return answer["data"][0]["status"] if answer.get("data") else answer["message"]

    def job_processes(self):
        """Components and eggs of this party that run now."""
        return [p for p in processes_with(str(self.folder))
                if pathlib.Path(f"/proc/{p}/comm").exists()
                and pathlib.Path(f"/proc/{p}/comm").read_text().strip() in ("fate_component", "egg_pair")]


    def leftover_stores(self, job_id):
        """Temporary and received tables of a job on this party's disk."""
        return [str(p) for p in (self.folder / "data/eggroll/IN_MEMORY").glob(f"{job_id}*")]


class Federation:
    """Parties by id, each routed to all others."""

    def __init__(self, parties, supervised=False, keep=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fate-e2e-"))
        block = f"127.{random.randint(20, 250)}.{random.randint(0, 250)}"
        self.parties = {
            party_id: Party(party_id, f"{block}.{i + 1}", self.folder / f"party-{party_id}", eggs, supervised)
            for i, (party_id, eggs) in enumerate(parties.items())}
        self.keep = keep or os.environ.get("FATE_E2E_KEEP") == "1"
        for party in self.parties.values():
            party.folder.mkdir()
            party.configure([p for p in self.parties.values() if p is not party])

    def __getitem__(self, party_id):
        return self.parties[party_id]

    def start(self):
        for party in self.parties.values():
            party.start()
        for party in self.parties.values():
            party.wait_healthy()
        return self

    def stop(self):
        try:
            for party in self.parties.values():
                party.stop_all()
        finally:
            left = processes_with(str(self.folder))
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not self.keep:
                shutil.rmtree(self.folder, ignore_errors=True)
            else:
                print(f"kept {self.folder}")
        return left

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def wait_quiet(self, seconds=15):
        """Until no component and no egg of any party is left."""
        wait_until("components and eggs gone",
                   lambda: not any(p.job_processes() for p in self.parties.values()), seconds, 0.05)
