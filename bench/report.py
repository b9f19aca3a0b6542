"""What the benchmarks share: figures, their bars, the table and the JSON file."""
import json
import math
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


def table(rows):
    """Rows of cells as text, in columns; the first row is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def publish(name, figures, quick):
    def text(value):
        return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)

    rows = [["figure", "ours", "unit", "peer", "its value", "ratio", "bar", "holds"]]
    for f in figures:
        rows.append([f["name"], text(f["value"]), f["unit"], f["peer"] or "-", "missing" if f["peer"] and f["peer_value"] is None else text(f["peer_value"]),
                     text(f["ratio"]), text(f["bar"]),
                     "-" if f["holds"] is None else "yes" if f["holds"] else "NO"])
    print(table(rows))
    for f in figures:
        if f.get("note"):
            print(f"{f['name']}: {f['note']}")
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written: {path}" + (" (quick: for a first look; bars count in a full run)" if quick else ""))


def plot(name, figures):
    """bench/out/NAME.svg: how far every figure is from its bar, or in grey from its peer, on a scale of powers of two."""
    rows = [(f, f["ratio"] if f["bar_on"] == "ratio" or not f["bar"] else f["value"], f["bar"] or 1.0) for f in figures]
    rows = [(f, judged / bar if f["better"] == "higher" else bar / judged) for f, judged, bar in rows if judged and judged > 0]
    left, scale, reach, height = 210, 70, 5, 22

    def x(margin):
        return left + scale * (min(max(math.log2(margin), -2), reach) + 2)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{x(2 ** reach) + 190:.0f}" height="{height * (len(rows) + 2)}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="8" y="15">{name}: how many times better than its bar (grey: than the peer)</text>']
    bottom = height * (len(rows) + 1)
    for power in range(-2, reach + 1):
        lines.append(f'<line x1="{x(2 ** power)}" y1="{height}" x2="{x(2 ** power)}" y2="{bottom}" '
                     f'stroke="{"black" if power == 0 else "#ddd"}"/>'
                     f'<text x="{x(2 ** power)}" y="{bottom + 14}" text-anchor="middle">{2 ** power:g}</text>')
    for i, (f, margin) in enumerate(rows):
        y, start, end = height * (i + 1) + 4, min(x(1), x(margin)), max(x(1), x(margin))
        text = f"{f['value']:.4g} {f['unit']}" + (f", {f['ratio']:.2f} x {f['peer']}" if f["bar_on"] == "ratio" or not f["bar"] else "")
        colour = "#999" if not f["bar"] else "#3a7" if margin >= 1 else "#c44"
        lines.append(f'<text x="8" y="{y + 12}">{f["name"]}</text>'
                     f'<rect x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="15" fill="{colour}"/>'
                     f'<text x="{max(end, x(1)) + 5:.1f}" y="{y + 12}">{text}</text>')
    path = OUT / f"{name}.svg"
    path.write_text("\n".join(lines + ["</svg>"]) + "\n")
    print(f"written: {path}")


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
