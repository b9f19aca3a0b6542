"""The road between parties: transit, exchange, queues, TLS, memory and start of rollsite, beside nginx and HAProxy.

All peers run in one benchmark, in alternating rounds, between the same load generator and sink
(bench/rollsite_load); a figure is the median of its rounds. A step that fails is named at the end and
its figures are missing; the others are measured. FATE_BENCH_PEERS may name "osx", a command that
starts one more proxy (bench/README.md).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import traceback

from report import figure, median, plot, publish, table
from rollsite_load.measure import GB, MB, PEERS, alternate, generator, give_generator_a_core, load, per_cpu_second, quoted, warm_up
from rollsite_load.proxies import Certificates, Chain, HaProxy, Nginx, Other, Rollsite, Sink, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[1]

# What is measured, step by step, and the figures of each.
STEPS = {
    "small_messages": ["unary_1k", "unary_64k"],
    "new_connections": ["unary_1k_new_connection"],
    "bulk": ["bulk", "bulk_16"],
    "mtls": ["mtls_unary_1k", "mtls_unary_64k", "mtls_bulk"],
    "latency": ["added_p50"],
    "stalled_neighbours": ["stalled_neighbours_p99"],
    "memory": ["peak_memory_16x4mb", "peak_memory_1gb", "peak_memory_slow_sink"],
    "parked_pops": ["parked_pop_memory_10k", "parked_pop_wakeup_p99"],
    "queues": ["queue_1mb", "queue_1k_1000_topics"],
    "exchange": ["exchange_unary_1k", "exchange_bulk", "exchange_queue_1mb", "exchange_added_p50"],
    "mtls_exchange": ["mtls_exchange_unary_1k", "mtls_exchange_bulk", "mtls_exchange_queue_1mb", "mtls_exchange_added_p50"],
    "start": ["start"],
}


def installed(**makers):
    """Those peers whose programs are there and start."""
    peers = {}
    for name, make in makers.items():
        try:
            if shutil.which(name):
                peers[name] = make()
        except RuntimeError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return peers


def peers_to(sink, buffer=16 << 10, **more):
    return installed(nginx=lambda: Nginx(sink, **more), haproxy=lambda: HaProxy(sink, buffer, **more))


def stop(*processes):
    for process in processes:
        process.stop()


class Bench:
    def __init__(self, quick, unpinned):
        if not unpinned:
            give_generator_a_core()
        self.rounds = 1 if quick else 5
        self.seconds = 1 if quick else 3
        self.quick = quick
        self.messages = 500 if quick else 3000  # of 1 MB, in a bulk stream
        self.figures = []
        self.failed = {}  # step: why
        self.sink = Sink()
        self.proxies = {"rollsite": Rollsite(self.sink.address)} | peers_to(self.sink.address)
        if "osx" in PEERS:
            self.proxies["osx"] = Other(self.sink.address, PEERS["osx"])
            warm_up(self.proxies["osx"])

    def add(self, name, runs, unit, better, bars, note=None):
        """A figure for every peer in `bars`: {peer: bar on the ratio}; without a bar, None."""
        for peer in dict.fromkeys(["nginx", *bars, *list(runs)[1:]]):
            first = peer == "nginx"
            its = runs.get(peer) or {}
            line = figure(name if first else f"{name}_{peer}", runs["rollsite"]["value"], unit, better, bars.get(peer),
                          peer, its.get("value"), "ratio", note if first else None)
            self.figures.append(line | {"runs": runs} if first else line)

    def small_messages(self):
        for name, size, bars, osx in (("unary_1k", 1024, {"nginx": 2.0, "haproxy": 1.3}, 7.8), ("unary_64k", 65536, {}, None)):
            options = ("--bytes", size, "--seconds", self.seconds)
            runs = alternate(self.rounds, self.proxies,
                             lambda p: per_cpu_second([p], "requests", "unary", p.address, *options, unit=1e3))
            direct = load("unary", self.sink.address, *options)
            note = f"without a proxy {direct['requests'] / direct['seconds'] / 1e3:.1f}k requests/s at concurrency 32"
            self.add(name, runs, "k requests/CPU-s", "higher", bars, note + quoted(osx, "k requests/CPU-s"))

    def new_connections(self):
        """FATE's client opens a connection for every push; ours passes it on as invoke."""
        runs = alternate(self.rounds, self.proxies, lambda p: per_cpu_second(
            [p], "requests", "unary", p.address, "--queue-push", "--connections", 0, "--concurrency", 4,
            "--seconds", self.seconds, unit=1e3))
        self.add("unary_1k_new_connection", runs, "k calls/CPU-s", "higher", {"nginx": 1.2}, quoted(2.2, "k calls/CPU-s").lstrip("; "))

    def bulk(self):
        proxies = self.proxies | installed(haproxy=lambda: HaProxy(self.sink.address, 64 << 10))
        for name, options, bars, osx in (
                ("bulk", self.one_stream(), {"nginx": 1.0}, 0.85),
                ("bulk_16", ("--bytes", 4 * MB, "--messages", self.messages // 64, "--streams", 16), {"nginx": 1.5}, None)):
            runs = alternate(self.rounds, proxies, lambda p: per_cpu_second([p], "bytes", "push", p.address, *options, unit=1e9))
            self.add(name, runs, "GB/CPU-s", "higher", bars, quoted(osx, "GB/CPU-s").lstrip("; "))

    def one_stream(self):
        return ("--bytes", MB, "--messages", self.messages, "--connections", 1)

    def mtls(self):
        """TLS with client certificates on both legs."""
        certificates = Certificates(self.sink.folder)
        sink = Sink(certificates)
        proxies = {"rollsite": Rollsite(sink.address, certificates=certificates)}
        proxies |= peers_to(sink.address, certificates=certificates)
        for name, size in (("mtls_unary_1k", 1024), ("mtls_unary_64k", 65536)):
            runs = alternate(self.rounds, proxies, lambda p: per_cpu_second(
                [p], "requests", "unary", p.address, "--bytes", size, "--seconds", self.seconds, tls=certificates, unit=1e3))
            self.add(name, runs, "k requests/CPU-s", "higher", {}, "TLS with client certificates on both legs")
        runs = alternate(self.rounds, proxies, lambda p: per_cpu_second(
            [p], "bytes", "push", p.address, *self.one_stream(), tls=certificates, unit=1e9))
        self.add("mtls_bulk", runs, "GB/CPU-s", "higher", {"nginx": 1.0}, "TLS with client certificates on both legs")
        stop(*proxies.values(), sink)

    def p50(self, address, *options, tls=None):
        run = load("unary", address, "--concurrency", 1, "--connections", 1, "--seconds", self.seconds, *options, tls=tls)
        return run | {"value": run["p50_us"]}

    def add_p50(self, name, runs, note):
        """The p50 of `runs` less that of the one "direct" among them."""
        direct = runs.pop("direct")["value"]
        added = {who: run and run | {"value": run["value"] - direct} for who, run in runs.items()}
        self.add(name, added, "us", "lower", {"nginx": 1.0} if name == "added_p50" else {}, note.format(direct))

    def latency(self):
        runs = alternate(self.rounds, self.proxies | {"direct": self.sink}, lambda p: self.p50(p.address))
        self.add_p50("added_p50", runs, "without a proxy {:.0f} us" + quoted(235, "us"))

    def stalled_neighbours(self):
        proxy = self.proxies["rollsite"]
        ways = {"with": 8, "without": 0}
        runs = alternate(self.rounds, ways, lambda stalled: load(
            "unary", proxy.address, "--concurrency", 4, "--seconds", self.seconds, "--stalled", stalled))
        self.figures.append(figure("stalled_neighbours_p99", runs["with"]["p99_us"], "us", "lower", 2.0, "no stalled downloads",
                                   runs["without"]["p99_us"], "ratio") | {"runs": runs})

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
        command = [*generator, "park", "--to", proxy.address, "--party", "9999", "--topics", str(pops), "--connections", "20",
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
                                   note=f"from the push's start to the pop's answer; p50 {result['p50_us'] / 1e3:.2f} ms" + quoted(222, "ms at p50"))
                            | {"runs": {"rollsite": result}})

    def queues(self):
        second = Rollsite(self.sink.address, party="10000", host="second")
        first = Rollsite(second.address)
        for name, what, unit, text, bar, options, note in (
                ("queue_1mb", "bytes", 1e9, "GB/CPU-s", 0.6, ("--bytes", MB, "--topics", 4, "--messages", 100 if self.quick else 500),
                 "push at one rollsite, pop at the next, CPU of both together" + quoted(0.12, "GB/CPU-s")),
                ("queue_1k_1000_topics", "requests", 1e3, "k messages/CPU-s", None,
                 ("--bytes", 1024, "--topics", 1000, "--messages", 5 if self.quick else 30),
                 "1 KiB messages in 1,000 topics at once, both rollsites together")):
            runs = alternate(self.rounds, {"rollsite": (first, second)}, lambda both: per_cpu_second(
                both, what, "queue", first.address, "--at", second.address, *options, unit=unit))
            self.figures.append(figure(name, runs["rollsite"]["value"], text, "higher", bar, note=note) | {"runs": runs})
        stop(first, second)

    def exchange(self, certificates=None):
        """Party A's rollsite, an exchange and party B's: what the one in the middle costs."""
        prefix, more = ("mtls_", {"certificates": certificates}) if certificates else ("", {})
        sink = Sink(certificates)
        last = Rollsite(sink.address, party="10000", host="second", **more)
        between = {"rollsite": Rollsite(last.address, party="exchange", host="exchange", **more)}
        between |= peers_to(last.address, **more)
        chains = {name: Chain(Rollsite(exchange.address, **more), exchange, last) for name, exchange in between.items()}
        to = ("--party", "10001")  # behind party B's rollsite, where calls pass on to the sink
        note = "CPU of the exchange in the middle of three" + (", TLS with client certificates on all legs" if certificates else "")
        for name, what, mode, unit, text, options in (
                ("exchange_unary_1k", "requests", "unary", 1e3, "k requests/CPU-s", ("--bytes", 1024, "--seconds", self.seconds)),
                ("exchange_bulk", "bytes", "push", 1e9, "GB/CPU-s", self.one_stream())):
            runs = alternate(self.rounds, chains, lambda chain: per_cpu_second(
                [chain.exchange], what, mode, chain.address, *options, *to, tls=certificates, unit=unit))
            self.add(prefix + name, runs, text, "higher", {}, note)
        runs = alternate(self.rounds, chains, lambda chain: per_cpu_second(
            [chain.exchange], "bytes", "queue", chain.first.plain, "--at", last.plain,
            "--bytes", MB, "--topics", 4, "--messages", 100 if self.quick else 500, unit=1e9))
        self.add(prefix + "exchange_queue_1mb", runs, "GB/CPU-s", "higher", {}, note)
        straight = Rollsite(last.address, **more)
        runs = alternate(self.rounds, chains | {"direct": straight}, lambda p: self.p50(p.address, *to, tls=certificates))
        self.add_p50(prefix + "exchange_added_p50", runs, "what the exchange adds; without it {:.0f} us through two rollsites")
        stop(*(p for chain in chains.values() for p in (chain.first, chain.exchange)), straight, last, sink)

    def mtls_exchange(self):
        self.exchange(Certificates(self.sink.folder))

    def start(self):
        milliseconds = []
        for _ in range(3 if self.quick else 9):
            proxy = Rollsite(self.sink.address)
            wait_for("health", proxy.healthy)
            milliseconds.append((time.monotonic() - proxy.started) * 1e3)
            proxy.stop()
        self.figures.append(figure("start", median(milliseconds), "ms", "lower", 100.0,
                                   note="exec to /healthz answering" + quoted("1600-7800", "ms")))

    def run(self, steps):
        """Every step, whatever becomes of the others."""
        for step in steps:
            try:
                self.revive()
                getattr(self, step)()
            except Exception as error:  # whatever it is, the other figures count
                traceback.print_exc()
                self.fail(step, f"{type(error).__name__}: {error}".splitlines()[0])

    def fail(self, step, why):
        self.failed[step] = why
        measured = {f["name"] for f in self.figures}
        for name in STEPS[step]:
            if name not in measured:
                self.figures.append(figure(name, None, "", "higher", note=f"missing: {why}"))

    def revive(self):
        """A proxy that a step has killed is not missed by the next one."""
        for process in (self.sink, *self.proxies.values()):
            if process.process.poll() is not None:
                print(f"{process.address} has ended; it is started again", file=sys.stderr)
                process.restart()


def details(figures):
    """Latencies and peak memory behind the figures, of every proxy."""
    rows = [["figure", "proxy", "p50 us", "p90 us", "p99 us", "peak MB"]]
    for f in figures:
        for who, run in f.get("runs", {}).items():
            if run:
                rows.append([f["name"], who, *(f"{run[key]:.0f}" for key in ("p50_us", "p90_us", "p99_us")),
                             f"{run['peak_mb']:.1f}" if "peak_mb" in run else "-"])
    print(table(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round each, within three minutes")
    parser.add_argument("--steps", default=",".join(STEPS), help="only these, separated by commas: %(default)s")
    parser.add_argument("--unpinned", action="store_true",
                        help="let the scheduler choose every process's core; by default the load generator has one of its own")
    options = parser.parse_args()
    steps = options.steps.split(",")
    for unknown in set(steps) - set(STEPS):
        parser.error(f"no step {unknown}; there are {', '.join(STEPS)}")
    subprocess.run(["ninja", "-C", str(ROOT / "build/release"), "rollsite", "rollsite_load"], check=True,
                   stdout=subprocess.DEVNULL)
    bench = Bench(options.quick, options.unpinned)
    bench.run(steps)
    details(bench.figures)
    name = "rollsite" if len(steps) == len(STEPS) else "rollsite_steps"
    publish(name, bench.figures, options.quick)
    plot(name, bench.figures)
    for step, why in bench.failed.items():
        print(f"FAILED: step {step}: {why}", file=sys.stderr)
    sys.exit(1 if bench.failed else 0)


if __name__ == "__main__":
    main()
