"""Cryptography: Paillier, Okamoto-Uchiyama, PSI and the Python module, one core, beside the best peers."""
import argparse
import json
import os
import pathlib
import subprocess

from report import figure, median, publish

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
# Scripts below bench/peers, and the key of FATE_BENCH_PEERS that names an interpreter for each.
PEERS = {"fate_utils": "python_fate_utils", "heu": "python_heu", "ipcl": "python_ipcl", "phe": "python_phe",
         "spu": "python_spu"}
NAMES = {"fate_utils": "fate_utils", "heu": "HEU", "ipcl": "IPCL", "phe": "phe", "spu": "SPU", "gmp": "GMP",
         "openssl": "OpenSSL X25519", "ours": "ours"}

# Case of ours, its peer and the least ratio: on AVX2 or generic, and on AVX-512 IFMA. A peer is
# (process, case); no process: this library itself.
PAILLIER = {
    "encrypt_public": (("heu", "encrypt_public", 1.4), ("heu", "encrypt_public", 4)),
    "encrypt_owner": ((None, "encrypt_public", 1.5), (None, "encrypt_public", 1.5)),
    "decrypt": (("gmp", "decrypt", 1.0), ("ipcl", "decrypt", 1.0)),
    "add": (("heu", "add", 1.1), ("heu", "add", 2.5)),
    "mul_24bit": (("heu", "mul_24bit", 1.1), ("ipcl", "mul_24bit", 1.5)),
    "mul_53bit": (("heu", "mul_53bit", 1.1), ("ipcl", "mul_53bit", 1.5)),
    "mul_negative": ((None, "mul_24bit", 1 / 1.3), (None, "mul_24bit", 1 / 1.3)),
    "weighted_sum_1024x53": (("fate_utils", "weighted_sum_1024x53", 8), ("fate_utils", "weighted_sum_1024x53", 20)),
    "weighted_sum_100kx24": (("fate_utils", "weighted_sum_100kx24", 15), ("fate_utils", "weighted_sum_100kx24", 40)),
    "histogram": (("fate_utils", "histogram", 1.1), ("fate_utils", "histogram", 2.5)),
}
OU = {"encrypt": 1.2, "add": 1.2, "decrypt": 1.2}, {"encrypt": 2, "add": 2, "decrypt": 2}
PSI = {"generic": ("openssl", 0.5), "avx2": ("openssl", 1.5), "avx512": ("openssl", 1.5), "avx512_ifma": ("spu", 1.0)}
# What is measured besides, for the notes: our short exponents, keys with subgroups, the way to bytes, the owner's
# encryption.
ASIDES = {"encrypt_public": ["encrypt_short"], "encrypt_owner": ["encrypt_owner_subgroup", "decrypt_subgroup"],
          "add": ["bytes_out_and_in"], "encrypt": ["encrypt_full", "encrypt_owner"]}
NOTES = {"paillier_2048_add": "operands and sum lie in the library's own form (Montgomery), as HEU's; bytes_out_and_in: to "
                              "bytes and back",
         "ou_2048_encrypt": "exponents of 224 bits, as HEU's; encrypt_full: uniform masks"}


class Process:
    """A program that answers a case's name by a line of JSON; pinned to one core, idle in between."""

    def __init__(self, command, cores, environment=None):
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, **(environment or {})}, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        self.hello = json.loads(self.process.stdout.readline() or "{}")

    def measure(self, case):
        try:
            self.process.stdin.write(case + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline() or '{"error": "the process is gone"}')
        except OSError as error:
            return {"error": str(error)}

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            print(f"crypto: {' '.join(map(str, self.process.args))} died; its figures are missing or of fewer rounds")
        self.process.wait()


def start_peers(seconds, core):
    path = os.environ.get("FATE_BENCH_PEERS")
    interpreters = json.loads(pathlib.Path(path).read_text()) if path else {}
    peers = {}
    for name, key in PEERS.items():
        if key in interpreters:
            peer = Process([interpreters[key], ROOT / "bench/peers" / f"{name}_peer.py", seconds], {core})
            if peer.hello:
                peers[name] = peer
            else:
                print(f"crypto: the interpreter of {key} cannot run bench/peers/{name}_peer.py")
    return peers


class Bench:
    def __init__(self, arguments):
        self.seconds, self.rounds = (0.1, 1) if arguments.quick else (0.5, 5)
        self.quick = arguments.quick
        cores = sorted(os.sched_getaffinity(0))
        self.core, self.cores = cores[-1], set(cores[-2:])
        command = [BUILD / "bench/crypto_speed", self.seconds] + ([arguments.isa] if arguments.isa else [])
        self.ours = Process(command, {self.core})
        if not self.ours.hello:
            raise SystemExit(f"crypto: {' '.join(map(str, command))} does not start; does this CPU have that instruction set?")
        self.isa = self.ours.hello["isa"]
        self.on_two_cores = Process(command, self.cores)
        self.peers = start_peers(self.seconds, self.core)
        self.figures = []

    @property
    def is_ifma(self):
        return self.isa == "avx512_ifma"

    def ask(self, process, case):
        if process in ("gmp", "openssl"):
            return self.ours.measure(f"{process}_{case}")
        if process is None:
            return self.ours.measure(case)
        return self.peers[process].measure(case) if process in self.peers else {"error": "missing"}

    def rounds_of(self, cases):
        """Medians of alternating rounds: operations per second of CPU time, by (process, case)."""
        samples, last = {case: [] for case in cases}, {}
        for _ in range(self.rounds):
            for case in cases:
                answer = self.ask(*case)
                if "error" not in answer:
                    samples[case].append(answer["ops_per_cpu_s"])
                    last[case] = answer
        return {case: median(values) for case, values in samples.items() if values}, last

    def add(self, name, peer, peer_case, bar, others=(), asides=()):
        """others: peers to mention; asides: further cases of ours."""
        mine, theirs = (None, name), (peer, peer_case)
        cases = [mine, theirs] + [(other, name) for other in others if other != peer]
        cases += [(None, aside) for aside in asides]
        speeds, last = self.rounds_of(list(dict.fromkeys(cases)))
        said = [f"{NAMES[process] if process else case.split('_', 2)[2]} {speed:.4g}/s"
                for (process, case), speed in speeds.items() if (process, case) not in (mine, theirs)]
        note = "; ".join(filter(None, [NOTES.get(name), ", ".join(said)])) or None
        line = figure(name, speeds.get(mine), "1/s", "higher", bar, NAMES[peer or "ours"], speeds.get(theirs), "ratio", note)
        if mine in last:
            line |= {"isa": self.isa, "cpu_s": last[mine]["cpu_s"], "peak_mb": last[mine]["peak_mb"]}
        self.figures.append(line)

    def paillier(self, bits):
        for case, bars in PAILLIER.items():
            peer, peer_case, bar = bars[self.is_ifma]
            prefix = f"paillier_{bits}_"
            self.add(prefix + case, peer, prefix + peer_case, bar if bits == 2048 else None,
                     ["gmp", "fate_utils", "heu", "ipcl", "phe"], [prefix + aside for aside in ASIDES.get(case, [])])

    def okamoto_uchiyama(self):
        for case, bar in OU[self.is_ifma].items():
            name = "ou_2048_" + case
            self.add(name, "heu", name, bar, ["fate_utils"], ["ou_2048_" + aside for aside in ASIDES.get(case, [])])

    def psi(self):
        peer, bar = PSI[self.isa]
        self.add("psi_curve25519", peer, "psi_curve25519", bar, ["openssl", "fate_utils", "spu"])

    def python_module(self):
        """100,000 floats by our module, a short vector by FATE's, whose time an element is the same."""
        name = "fate_utils_encrypt_100k"
        bar = 60 if self.is_ifma else 20
        interpreter = self.peers.get("fate_utils")
        mine = None
        if interpreter and list((BUILD / "python").glob("fate_utils*.so")):
            command = [interpreter.process.args[0], ROOT / "bench/peers/fate_utils_peer.py", 0.01]
            ours = Process(command if self.quick else command + ["--all"], {self.core},
                           {"PYTHONPATH": str(BUILD / "python"), "FATE_UTILS_ISA": self.isa})
            mine = ours.measure(name)
            ours.close()
        theirs, _ = self.rounds_of([("fate_utils", name)])
        line = figure(name, mine and mine.get("ops_per_cpu_s"), "1/s", "higher", bar, "fate_utils",
                      theirs.get(("fate_utils", name)), "ratio",
                      "elements a second, from floats to masked ciphertexts by the public key; the peer's vector has 256")
        if mine and "error" not in mine:
            line |= {"cpu_s": mine["cpu_s"], "peak_mb": mine["peak_mb"]}
            line["note"] += f"; {mine['cpu_s']:.1f} CPU-s, {mine['peak_mb']:.0f} MB at most"
        self.figures.append(line)

    def threads(self):
        samples = {1: [], 2: []}
        for _ in range(self.rounds):
            for threads in samples:
                samples[threads].append(self.on_two_cores.measure(f"threads_{threads}")["ops_per_wall_s"])
        one, two = median(samples[1]), median(samples[2])
        self.figures.append(figure("threads_2", two, "1/s", "higher", 1.8, "one thread", one, "ratio",
                                   "encryptions a second of wall time; only idle cores can hold this"))

    def run(self):
        for bits in (2048, 1024):
            self.paillier(bits)
        self.okamoto_uchiyama()
        self.psi()
        self.python_module()
        self.threads()
        for process in [self.ours, self.on_two_cores, *self.peers.values()]:
            process.close()
        peak = max(line.get("peak_mb", 0) for line in self.figures if line["name"] != "fate_utils_encrypt_100k")
        print(f"instruction set: {self.isa}; figures: operations a second of CPU time, one core; "
              f"crypto_speed took {peak:.0f} MB at most (100,000 ciphertexts of 1,024 bytes and their bins)")
        publish("crypto", self.figures, self.quick)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--isa", choices=["generic", "avx2", "avx512", "ifma"], help="not the best this CPU has")
    arguments = parser.parse_args()
    targets = ["crypto_speed"]
    if "fate_utils_module" in subprocess.run(["ninja", "-C", BUILD, "-t", "targets", "all"], check=True,
                                             capture_output=True, text=True).stdout:
        targets.append("fate_utils_module")
    subprocess.run(["ninja", "-C", BUILD, *targets], check=True, stdout=subprocess.DEVNULL)
    Bench(arguments).run()


main()
