"""What the benchmarks share: figures, their bars, the table and the JSON file."""
import json
import pathlib
import re
import statistics
import time

OUT = pathlib.Path(__file__).resolve().parent / "out"


def figure(name, value, unit, better, bar=None, peer=None, peer_value=None, bar_on="value", note=None):
    """One line of a report. `bar` bounds the value, or the ratio to the peer with bar_on="ratio"."""
    ratio = None if not peer_value or value is None else value / peer_value
    judged = ratio if bar_on == "ratio" else value
    holds = None
    if bar is not None and judged is not None:
        holds = judged <= bar if better == "lower" else judged >= bar
    line = {"name": name, "value": value, "unit": unit, "better": better, "peer": peer,
            "peer_value": peer_value, "ratio": ratio, "bar": bar, "bar_on": bar_on, "holds": holds}
    if note:
        line["note"] = note
    return line


def publish(name, figures, quick):
    def text(value):
        return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)

    rows = [["figure", "ours", "unit", "peer", "its value", "ratio", "bar", "holds"]]
    for f in figures:
        rows.append([f["name"], text(f["value"]), f["unit"], f["peer"] or "-", "missing" if f["peer"] and f["peer_value"] is None else text(f["peer_value"]),
                     text(f["ratio"]), text(f["bar"]),
                     "-" if f["holds"] is None else "yes" if f["holds"] else "NO"])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for f in figures:
        if f.get("note"):
            print(f"{f['name']}: {f['note']}")
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written: {path}" + (" (quick: for a first look; bars count in a full run)" if quick else ""))


def median(values):
    return statistics.median(values)


def smaps(pid, field):
    """A field of /proc/<pid>/smaps_rollup in bytes; 0 when the process is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def rss_anon(pid):
    try:
        match = re.search(r"RssAnon:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
        return int(match.group(1)) * 1024 if match else 0
    except OSError:
        return 0


def cpu_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100.0
    except OSError:
        return 0.0


class Stopwatch:
    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
