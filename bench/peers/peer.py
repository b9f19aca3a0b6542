"""What the peers share: a line with a case's name comes in, a line of JSON with its speed goes out.

A case is a function that prepares its operands and returns (work, operations): what to time, and how
many operations one call of it makes. Time is CPU time of the whole process, so that threads behind a
library's back count and other processes on the core do not."""
import json
import os
import resource
import sys
import time


def measure(work, operations, seconds):
    work()
    calls, cpu, wall = 0, time.process_time(), time.monotonic()
    while True:
        work()
        calls += 1
        spent = time.process_time() - cpu
        if spent >= seconds:
            break
    return {"ops_per_cpu_s": calls * operations / spent, "cpu_s": spent,
            "wall_s": time.monotonic() - wall,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def serve(cases):
    """Usage of a peer: python3 peers/NAME_peer.py SECONDS_A_ROUND < names, one a line."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    answers = os.fdopen(os.dup(answers.fileno()), "w")
    os.dup2(sys.stderr.fileno(), 1)
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(json.dumps({"cases": sorted(cases)}), file=answers, flush=True)
    prepared = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in prepared:
                prepared[name] = cases[name]()
            answer = measure(*prepared[name], seconds)
        except Exception as error:  # the benchmark reports it, and goes on with the other peers
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"case": name, **answer}), file=answers, flush=True)
