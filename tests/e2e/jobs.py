"""Uploads, DAGs and results for the end-to-end tests."""
import csv
import json
import math
import pathlib
import re
import subprocess

from party import BIN, ROOT

EXAMPLE = BIN.parent / "example_data"


def example_data():
    """The breast table made from a Debian package, made once per build folder."""
    subprocess.run(["bash", str(ROOT / "deploy/example_data.sh"), str(EXAMPLE)], check=True,
                   stdout=subprocess.DEVNULL)
    return EXAMPLE


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if header:
            writer.writerow(header)
        writer.writerows(rows)
    return path


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def upload(party, path, name, label=None, name_space="experiment", partitions=4, meta=(), **kwargs):
    arguments = ["upload", str(path), "--namespace", name_space, "--name", name,
                 "--partitions", str(partitions), "-m", "match_id_name=id"]
    if label:
        arguments += ["-m", f"label_name={label}", "-m", "label_type=int64"]
    for pair in meta:
        arguments += ["-m", pair]
    return party.cli(*arguments, **kwargs)


def from_task(producer, key):
    return {"task_output_artifact": {"producer_task": producer, "output_artifact_key": key}}


def reader_psi_binning(guest, hosts, guest_table, host_tables, parameters=None, psi_only=False):
    """hosts: party ids; host_tables: {party: table name}."""
    tasks = {
        "reader_0": {"component_ref": "reader", "stage": "default"},
        "psi_0": {"component_ref": "psi", "stage": "default",
                  "inputs": {"data": {"input_data": from_task("reader_0", "output_data")}}},
    }
    if not psi_only:
        tasks["hetero_feature_binning_0"] = {
            "component_ref": "hetero_feature_binning", "parameters": parameters or {},
            "inputs": {"data": {"train_data": from_task("psi_0", "output_data")}}}

    def reader(role, party, table):
        return {"parties": [{"role": role, "party_id": [party]}],
                "tasks": {"reader_0": {"parameters": {"namespace": "experiment", "name": table}}}}

    party_tasks = {f"guest_{guest}": reader("guest", guest, guest_table)}
    for host in hosts:
        party_tasks[f"host_{host}"] = reader("host", host, host_tables[host])
    return {"dag": {"parties": [{"role": "guest", "party_id": [guest]}, {"role": "host", "party_id": hosts}],
                    "stage": "train", "tasks": tasks, "party_tasks": party_tasks},
            "schema_version": "2.2.0"}


def run_job(party, dag, timeout=60):
    """(job id, exit code, everything printed)"""
    path = party.folder / "dag.json"
    pathlib.Path(path).write_text(json.dumps(dag))
    result = party.cli("submit", str(path), "--watch", "--timeout", str(timeout), timeout=timeout + 30)
    text = result.stdout + result.stderr
    match = re.search(r"job (\d{21})", text)
    return (match.group(1) if match else None), result.returncode, text


# The clear-text reference of binning.
def split_points(values, bins):
    """Quantiles k/bins, element max(0, floor(phi n) - 1) of the sorted column, unique."""
    ordered = sorted(values)
    points = []
    for k in range(1, bins + 1):
        rank = math.floor(k / bins * len(ordered))
        point = ordered[max(0, rank - 1)]
        if not points or point != points[-1]:
            points.append(point)
    return points


def bin_of(value, points):
    for i, point in enumerate(points[:-1]):
        if value <= point:
            return i
    return len(points) - 1


def counts(values, labels, points):
    event, non_event = [0] * len(points), [0] * len(points)
    for value, label in zip(values, labels):
        (event if label == 1 else non_event)[bin_of(value, points)] += 1
    return event, non_event


def woe_iv(event, non_event, upstream=False):
    """(woe per bin, column iv): 1.11.3's definition, or as FATE 2.2 reports it."""
    event_total, non_event_total = sum(event), sum(non_event)
    woes, ivs = [], []
    for e, n in zip(event, non_event):
        if upstream:
            event_rate = e / event_total + (0.5 if e == 0 else 0)
            non_event_rate = n / non_event_total + (0.5 if n == 0 else 0)
        else:
            adjust = 0.5 if e == 0 or n == 0 else 0
            event_rate, non_event_rate = (e + adjust) / event_total, (n + adjust) / non_event_total
        woe = math.log(event_rate / non_event_rate)
        woes.append(woe)
        ivs.append((event_rate - non_event_rate) * woe)
    return woes, sum(ivs[1:] if upstream else ivs)
