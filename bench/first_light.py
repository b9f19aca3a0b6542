"""Two parties from start to result: start-up, memory, toy, session start, psi and binning.

The peer is FATE 2.2 where FATE_BENCH_PEERS names commands for it (bench/README.md); it runs in
turn with ours. Without it the report says "missing" and only quotes what it took elsewhere.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "bench")]

import jobs  # noqa: E402
from party import BIN, PROGRAMS, Federation, processes_with  # noqa: E402
from report import cpu_seconds, figure, median, publish, rss_anon, smaps, Stopwatch  # noqa: E402

PEER = "FATE 2.2"
# {"fate_toy": [command, ...], "fate_psi": [command, ...]}
PEERS = json.loads(pathlib.Path(os.environ["FATE_BENCH_PEERS"]).read_text()) if "FATE_BENCH_PEERS" in os.environ else {}
QUOTED = {"fate_toy": "FATE 2.2 took 12.6-14.6 s on a machine of this kind (quoted, not measured here)",
          "fate_psi": "FATE 2.2's reader and psi alone took 20 s (quoted, not measured here)",
          "eggroll_session": "eggroll 3.2 took 1.5-1.8 s (quoted, not measured here)",
          "memory": "OSX 4.35 GB, managers 340 MB (quoted, not measured here)"}


def peer_seconds(name):
    """One run of the peer's command, in seconds; None when the peer is missing."""
    command = PEERS.get(name)
    if not command:
        return None
    with Stopwatch() as watch:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    return watch.seconds


def start_to_healthy(rounds):
    seconds = []
    for _ in range(rounds):
        federation = Federation({"9999": 4})
        party = federation["9999"]
        try:
            with Stopwatch() as watch:
                party.start()
                party.wait_healthy()
            seconds.append(watch.seconds)
        finally:
            federation.stop()
    return median(seconds)


def idle_memory(party):
    """Proportional set of all daemons of a party, in MB, five seconds after the last job."""
    time.sleep(5)
    return sum(smaps(party.pid(p), "Pss") for p in PROGRAMS) / 1e6


def peer_median(values):
    return None if None in values else median(values)


def milliseconds(text, pattern):
    match = re.search(pattern, text)
    return float(match.group(1)) if match else None


def component_times(party, job, role, task):
    """(session start, whole run) in ms, from the line the component logs at its end."""
    answer = party.get("/v2/log/query", log_type="task_info", job_id=job, role=role, party_id=party.id,
                       task_name=task)
    text = "\n".join(line["content"] for line in answer["data"])
    return (milliseconds(text, r"session started in (\d+(?:\.\d+)?) ms"),
            milliseconds(text, r"component ran for (\d+(?:\.\d+)?) ms"))


def toy(federation, rounds):
    guest, host = federation["9999"], federation["10000"]
    walls, scheduling, sessions, peer = [], [], [], []
    for _ in range(rounds):
        peer.append(peer_seconds("fate_toy"))
        with Stopwatch() as watch:
            result = guest.toy("10000")
        assert result.returncode == 0, result.stdout + result.stderr
        job = re.search(r"toy test job (\d+)", result.stdout).group(1)
        record = guest.get("/v2/job/query", job_id=job, party_id="9999")["data"][0]
        wall_ms = record["end_time"] - record["create_time"]
        runs = [component_times(party, job, role, "secure_add_example_0")
                for party, role in ((guest, "guest"), (host, "host"))]
        walls.append(watch.seconds)
        sessions += [start for start, _ in runs]
        scheduling.append(wall_ms - max(run for _, run in runs))
    return median(walls), median(scheduling), median(sessions), peer_median(peer)


def psi_binning(federation, rounds):
    guest, host = federation["9999"], federation["10000"]
    data = jobs.example_data()
    for party, name, label in ((guest, "guest", "y"), (host, "host", None)):
        result = jobs.upload(party, data / f"breast_hetero_{name}.csv", f"breast_{name}", label)
        assert result.returncode == 0, result.stdout + result.stderr
    dag = jobs.reader_psi_binning("9999", ["10000"], "breast_guest", {"10000": "breast_host"},
                                  {"he_param": {"kind": "paillier", "key_length": 2048}})
    walls, peer = [], []
    for _ in range(rounds):
        peer.append(peer_seconds("fate_psi"))
        with Stopwatch() as watch:
            _, code, text = jobs.run_job(guest, dag)
        assert code == 0, text
        walls.append(watch.seconds)
    return median(walls), peer_median(peer)


class ProcessSampler(threading.Thread):
    """Samples every process of the federation: peak RssAnon by program, CPU seconds by process."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.peak, self.cpu, self.stopping = str(folder), {}, {}, False

    def run(self):
        while not self.stopping:
            for pid in processes_with(self.folder):
                try:
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                except OSError:
                    continue
                self.peak[name] = max(self.peak.get(name, 0), rss_anon(pid))
                first, last = self.cpu.get(pid, (cpu_seconds(pid), 0.0))
                self.cpu[pid] = (first, max(last, cpu_seconds(pid)))
            time.sleep(0.1)


def big_toy(federation, rows):
    guest = federation["9999"]
    memory = ProcessSampler(federation.folder)
    memory.start()
    with Stopwatch() as watch:
        result = guest.toy("10000", "--data-num", str(rows), "--partitions", "4", "--timeout", "1800",
                           timeout=1900)
    memory.stopping = True
    memory.join()
    text = result.stdout + result.stderr
    assert result.returncode == 0, text
    value = float(re.search(r"secure_sum, it is (\S+)", text).group(1))
    assert abs(value - 2 * rows) < 1e-6, f"the sum is {value}, not {2 * rows}"
    worst = max(memory.peak, key=memory.peak.get)
    cpu = sum(last - first for first, last in memory.cpu.values())
    return watch.seconds, memory.peak[worst] / 1e6, worst, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, a tenth of the rows")
    options = parser.parse_args()
    rounds = 3 if options.quick else 9
    rows = 1_000_000 if options.quick else 10_000_000
    healthy = start_to_healthy(rounds)
    with Federation({"9999": 4, "10000": 4}) as federation:
        wall, scheduling, session, peer_toy = toy(federation, rounds)
        job, peer_job = psi_binning(federation, rounds)
        idle = idle_memory(federation["9999"])
        seconds, peak, worst, cpu = big_toy(federation, rows)
    figures = [
        figure("toy_wall", wall, "s", "lower", 2.0, PEER, peer_toy, note=QUOTED["fate_toy"]),
        figure("toy_scheduling", scheduling, "ms", "lower", 200.0),
        figure("session_start", session, "ms", "lower", 500.0, note=QUOTED["eggroll_session"]),
        figure("psi_binning_wall", job, "s", "lower", 5.0, PEER, peer_job, note=QUOTED["fate_psi"]),
        figure("idle_memory", idle, "MB", "lower", 150.0, note=QUOTED["memory"]),
        figure("start_to_healthy", healthy, "s", "lower", 3.0),
        figure("toy_10m_rows_per_s", rows / seconds, "rows/s", "higher",
               note=f"{rows} rows at each party, {seconds:.1f} s, {cpu:.1f} CPU-s of all processes"),
        figure("toy_10m_peak_memory", peak, "MB", "lower", 512.0, note=f"RssAnon of {worst}"),
    ]
    publish("first_light", figures, options.quick)


if __name__ == "__main__":
    main()
