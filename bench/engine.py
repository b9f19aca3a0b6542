"""The engine: session start, table and federation throughput, memory of eggs and gateways."""
import subprocess
import sys

from report import figure, publish

BARS = {"session_start": 500.0, "peak_anonymous_memory": 512.0}
UNITS_LOWER = {"ms", "MB"}


def main():
    quick = "--quick" in sys.argv
    subprocess.run(["ninja", "-C", "build/release", "engine_bench", "clustermanager", "nodemanager",
                    "egg_pair", "rollsite"], check=True,
                   stdout=subprocess.DEVNULL)
    command = ["build/release/bench/engine_bench", "200000" if quick else "5000000", "3" if quick else "15"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = []
    for line in out.splitlines():
        name, value, unit = line.split()
        better = "lower" if unit in UNITS_LOWER else "higher"
        figures.append(figure(name, float(value), unit, better, BARS.get(name)))
    publish("engine", figures, quick)


main()
