"""Runs of the load generator, and what they cost the proxies."""
import json
import os
import pathlib
import subprocess
import sys

from report import median
from rollsite_load.proxies import BIN, HaProxy, Nginx, Other, wait_for

LOAD = str(BIN / "bench/rollsite_load")
PEERS = json.loads(pathlib.Path(os.environ["FATE_BENCH_PEERS"]).read_text()) if "FATE_BENCH_PEERS" in os.environ else {}
MB = 1 << 20
GB = 1 << 30


generator = [LOAD]  # and where it runs


def give_generator_a_core():
    """The load generator on one core, whatever is started from now on on another. Left to the scheduler, which of
    the three processes share a core changes from run to run, and with it the cost of waking each other."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: the load generator shares it", file=sys.stderr)
        return
    generator[:] = ["taskset", "-c", str(cores[0]), LOAD]
    os.sched_setaffinity(0, cores[1:2])


def load(mode, to, *options, tls=None):
    """One run of the load generator: its line of JSON."""
    command = [*generator, *(tls.options() if tls else []), mode, "--to", to, *map(str, options)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{' '.join(command)}: no end after {error.timeout:.0f} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def per_cpu_second(proxies, what, mode, to, *options, tls=None, unit=1):
    """The run's line, with `what` of it ("requests" or "bytes", in `unit`) per CPU-second of the
    proxies as "value" and their peak memory meanwhile as "peak_mb"."""
    for proxy in proxies:
        proxy.forget_peak()
    before = sum(p.cpu() for p in proxies)
    result = load(mode, to, *options, tls=tls)
    seconds = max(sum(p.cpu() for p in proxies) - before, 0.01)
    return result | {"value": result[what] / seconds / unit, "peak_mb": sum(p.memory("VmHWM") for p in proxies)}


def alternate(rounds, proxies, measure):
    """{name: medians over rounds of what measure(proxy) gives}, the proxies in turn; None for a peer that fails."""
    runs = {name: [] for name in proxies}
    for _ in range(rounds):
        for name, proxy in proxies.items():
            if runs[name] is None:
                continue
            try:
                runs[name].append(measure(proxy))
            except (RuntimeError, OSError) as error:
                if not is_peer(proxy):
                    raise
                print(f"{name} fails: {error}", file=sys.stderr)
                runs[name] = None
    return {name: done and {key: median([run[key] for run in done]) for key in done[0]} for name, done in runs.items()}


def is_peer(proxy):
    """Whether it, or what stands in the exchange's place of a chain, is not ours."""
    return isinstance(getattr(proxy, "exchange", proxy), (Nginx, HaProxy, Other))


def warm_up(java):
    """Java OSX listens before it knows its routes, and is slow in its first seconds."""
    def answers():
        try:
            return bool(load("unary", java.address, "--seconds", 1))
        except RuntimeError:
            return False

    wait_for(f"routes of {java.address}", answers)
    load("unary", java.address, "--seconds", 15)


def quoted(osx, unit):
    return f"; Java OSX 2.2 {osx} {unit} (quoted, not measured here)" if osx and "osx" not in PEERS else ""
