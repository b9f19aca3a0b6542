"""The road between parties: transit, queues, memory and start of rollsite, beside nginx and HAProxy.

All peers run in one benchmark, in alternating rounds, between the same load generator and sink
(bench/rollsite_load); a figure is the median of its rounds. FATE_BENCH_PEERS may name "osx", a
command that starts one more proxy (bench/README.md).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from report import figure, median, plot, publish
from rollsite_load.proxies import BIN, Certificates, HaProxy, Nginx, Other, Rollsite, Sink, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOAD = str(BIN / "bench/rollsite_load")
PEERS = json.loads(pathlib.Path(os.environ["FATE_BENCH_PEERS"]).read_text()) if "FATE_BENCH_PEERS" in os.environ else {}
MB = 1 << 20
GB = 1 << 30


def load(mode, to, *options, tls=None):
    """One run of the load generator: its line of JSON."""
    command = [LOAD, *(tls.options() if tls else []), mode, "--to", to, *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def per_cpu_second(proxies, what, mode, to, *options, tls=None):
    """`what` of the run ("requests" or "bytes") per CPU-second of the proxies."""
    before = sum(p.cpu() for p in proxies)
    result = load(mode, to, *options, tls=tls)
    return result[what] / max(sum(p.cpu() for p in proxies) - before, 0.01)


def alternate(rounds, proxies, measure):
    """{name: median over rounds of measure(proxy)}, the proxies in turn; a peer that fails once has None."""
    values = {name: [] for name in proxies}
    for _ in range(rounds):
        for name, proxy in proxies.items():
            if values[name] is None:
                continue
            try:
                values[name].append(measure(proxy))
            except RuntimeError as error:
                if not isinstance(proxy, (Nginx, HaProxy, Other)):
                    raise
                print(f"{name} fails: {error}", file=sys.stderr)
                values[name] = None
    return {name: v and median(v) for name, v in values.items()}


def warm_up(java):
    """Java OSX listens before it knows its routes, and is slow in its first seconds."""
    def answers():
        try:
            return bool(load("unary", java.address, "--seconds", 1))
        except RuntimeError:
            return False

    wait_for(f"routes of {java.address}", answers)
    load("unary", java.address, "--seconds", 15)


def installed(**makers):
    """Those peers whose programs are there."""
    return {name: make() for name, make in makers.items() if shutil.which(name)}


class Bench:
    def __init__(self, quick):
        self.rounds = 1 if quick else 5
        self.seconds = 1 if quick else 3
        self.quick = quick
        self.figures = []
        self.sink = Sink()
        self.proxies = {"rollsite": Rollsite(self.sink.address)}
        self.proxies |= installed(nginx=lambda: Nginx(self.sink.address),
                                  haproxy=lambda: HaProxy(self.sink.address, 16 << 10))
        if "osx" in PEERS:
            self.proxies["osx"] = Other(self.sink.address, PEERS["osx"])
            warm_up(self.proxies["osx"])

    def add(self, name, values, unit, better, bars, note=None):
        """A figure for every peer in `bars`: {peer: bar on the ratio}; without a bar, None."""
        for peer in dict.fromkeys(["nginx", *bars, *list(values)[1:]]):
            self.figures.append(figure(
                name if peer == "nginx" else f"{name}_{peer}", values["rollsite"], unit, better, bars.get(peer), peer,
                values.get(peer), "ratio", note if peer == "nginx" else None))

    def small_messages(self):
        for name, size, bars, osx in (("unary_1k", 1024, {"nginx": 2.0, "haproxy": 1.3}, 7.8), ("unary_64k", 65536, {}, None)):
            run = ("requests", "unary")
            options = ("--bytes", size, "--seconds", self.seconds)
            values = alternate(self.rounds, self.proxies, lambda p: per_cpu_second([p], *run, p.address, *options) / 1e3)
            direct = load("unary", self.sink.address, *options)
            note = f"without a proxy {direct['requests'] / direct['seconds'] / 1e3:.1f}k requests/s at concurrency 32"
            self.add(name, values, "k requests/CPU-s", "higher", bars, note + quoted(osx, "k requests/CPU-s"))

    def new_connections(self):
        """FATE's client opens a connection for every push; ours passes it on as invoke."""
        values = alternate(self.rounds, self.proxies, lambda p: per_cpu_second(
            [p], "requests", "unary", p.address, "--queue-push", "--connections", 0, "--concurrency", 4,
            "--seconds", self.seconds) / 1e3)
        self.add("unary_1k_new_connection", values, "k calls/CPU-s", "higher", {"nginx": 1.2}, quoted(2.2, "k calls/CPU-s").lstrip("; "))

    def bulk(self):
        proxies = self.proxies | installed(haproxy=lambda: HaProxy(self.sink.address, 64 << 10))
        messages = 500 if self.quick else 3000
        for name, options, bars, osx in (
                ("bulk", ("--bytes", MB, "--messages", messages, "--connections", 1), {"nginx": 1.0}, 0.85),
                ("bulk_16", ("--bytes", 4 * MB, "--messages", messages // 64, "--streams", 16), {"nginx": 1.5}, None)):
            values = alternate(self.rounds, proxies, lambda p: per_cpu_second([p], "bytes", "push", p.address, *options) / 1e9)
            self.add(name, values, "GB/CPU-s", "higher", bars, quoted(osx, "GB/CPU-s").lstrip("; "))

    def mtls(self, folder):
        options = ("--bytes", MB, "--messages", 500 if self.quick else 3000, "--connections", 1)
        try:
            certificates = Certificates(folder)
            sink = Sink(certificates)
            proxies = {"rollsite": Rollsite(sink.address, certificates=certificates)}
            proxies |= installed(nginx=lambda: Nginx(sink.address, certificates=certificates))
            values = alternate(self.rounds, proxies, lambda p: per_cpu_second(
                [p], "bytes", "push", p.address, *options, tls=certificates) / 1e9)
            note = "TLS with client certificates on both legs"
        except RuntimeError as error:
            values, note = {"rollsite": None}, f"missing: {str(error).splitlines()[0]}"
        self.add("mtls_bulk", values, "GB/CPU-s", "higher", {"nginx": 1.0}, note)

    def latency(self):
        def p50(address):
            return load("unary", address, "--concurrency", 1, "--connections", 1, "--seconds", self.seconds)["p50_us"]

        everyone = {"direct": self.sink, **self.proxies}
        values = alternate(self.rounds, everyone, lambda p: p50(p.address))
        direct = values.pop("direct")
        added = {name: value and value - direct for name, value in values.items()}
        self.add("added_p50", added, "us", "lower", {"nginx": 1.0}, f"without a proxy {direct:.0f} us" + quoted(235, "us"))

    def stalled_neighbours(self):
        proxy = self.proxies["rollsite"]
        ways = {"with": 8, "without": 0}
        values = alternate(self.rounds, ways, lambda stalled: load(
            "unary", proxy.address, "--concurrency", 4, "--seconds", self.seconds, "--stalled", stalled)["p99_us"])
        self.figures.append(figure("stalled_neighbours_p99", values["with"], "us", "lower", 2.0, "no stalled downloads",
                                   values["without"], "ratio"))

    def memory(self):
        for name, options in (
                ("peak_memory_16x4mb", ("--bytes", 4 * MB, "--messages", 8 if self.quick else 40, "--streams", 16)),
                ("peak_memory_1gb", ("--bytes", GB, "--messages", 1, "--connections", 1)),
                ("peak_memory_slow_sink", ("--bytes", MB, "--messages", 100 if self.quick else 500, "--connections", 1,
                                           "--delay-ms", 10))):
            peak, anonymous = {}, {}
            fresh = {"rollsite": Rollsite(self.sink.address)} | installed(nginx=lambda: Nginx(self.sink.address))
            for kind, proxy in fresh.items():
                load("push", proxy.address, *options)
                peak[kind] = proxy.memory("VmHWM")
                anonymous[kind] = proxy.memory("RssAnon")
                proxy.stop()
            self.figures.append(figure(name, peak["rollsite"], "MB", "lower", 32.0, "nginx", peak.get("nginx"),
                                       note=f"VmHWM; of ours {anonymous['rollsite']:.1f} MB RssAnon at the end" + quoted(6100, "MB")))

    def parked_pops(self):
        pops = 10_000
        proxy = Rollsite(self.sink.address)
        idle = proxy.memory("VmRSS")
        command = [LOAD, "park", "--to", proxy.address, "--party", "9999", "--topics", str(pops), "--connections", "20",
                   "--messages", str(1000 if self.quick else 10_000)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parking:
            parking.stdout.readline()
            wait_for("parked pops", lambda: proxy.metric("rollsite_waiting_pops") == pops)
            memory, threads = proxy.memory("VmRSS"), len(os.listdir(f"/proc/{proxy.process.pid}/task"))
            parking.stdin.write("go\n")
            parking.stdin.flush()
            result = json.loads(parking.stdout.readline())
        proxy.stop()
        self.figures.append(figure("parked_pop_memory_10k", memory, "MB", "lower", 100.0,
                                   note=f"VmRSS, of which {idle:.1f} MB before; {threads} threads in all"))
        self.figures.append(figure("parked_pop_wakeup_p99", result["p99_us"] / 1e3, "ms", "lower", 5.0,
                                   note=f"from the push's start to the pop's answer; p50 {result['p50_us'] / 1e3:.2f} ms" + quoted(222, "ms at p50")))

    def queues(self):
        second = Rollsite(self.sink.address, party="10000", host="second")
        first = Rollsite(second.address)
        pair = {"rollsite": (first, second)}

        def run(what, *options):
            return alternate(self.rounds, pair, lambda both: per_cpu_second(
                both, what, "queue", first.address, "--at", second.address, *options))["rollsite"]

        value = run("bytes", "--bytes", MB, "--topics", 4, "--messages", 100 if self.quick else 500) / 1e9
        self.figures.append(figure("queue_1mb", value, "GB/CPU-s", "higher", 0.6,
                                   note="push at one rollsite, pop at the next, CPU of both together" + quoted(0.12, "GB/CPU-s")))
        value = run("requests", "--bytes", 1024, "--topics", 1000, "--messages", 5 if self.quick else 30) / 1e3
        self.figures.append(figure("queue_1k_1000_topics", value, "k messages/CPU-s", "higher",
                                   note="1 KiB messages in 1,000 topics at once, both rollsites together"))
        first.stop()
        second.stop()

    def start(self):
        milliseconds = []
        for _ in range(3 if self.quick else 9):
            proxy = Rollsite(self.sink.address)
            wait_for("health", proxy.healthy)
            milliseconds.append((time.monotonic() - proxy.started) * 1e3)
            proxy.stop()
        self.figures.append(figure("start", median(milliseconds), "ms", "lower", 100.0,
                                   note="exec to /healthz answering" + quoted("1600-7800", "ms")))

    def run(self):
        self.small_messages()
        self.new_connections()
        self.bulk()
        self.mtls(self.sink.folder)
        self.latency()
        self.stalled_neighbours()
        self.memory()
        self.parked_pops()
        self.queues()
        self.start()


def quoted(osx, unit):
    return f"; Java OSX 2.2 {osx} {unit} (quoted, not measured here)" if osx and "osx" not in PEERS else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round each, within a minute")
    options = parser.parse_args()
    subprocess.run(["ninja", "-C", str(ROOT / "build/release"), "rollsite", "rollsite_load"], check=True,
                   stdout=subprocess.DEVNULL)
    bench = Bench(options.quick)
    bench.run()
    publish("rollsite", bench.figures, options.quick)
    plot("rollsite", bench.figures)


if __name__ == "__main__":
    main()
