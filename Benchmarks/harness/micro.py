"""Counts instructions and allocations of single operations, and compares them with what is recorded.

Instructions come from callgrind, which counts the same whatever else the machine does. A run's start-up is taken off by
running twice, with different numbers of repetitions."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

RECORD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Micro", "thresholds.json")
# Another compiler or C library changes counts a little; what matters changes them more.
TOLERANCE = 1.1
FEW, MANY = 50, 250


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/micro", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what is counted into Micro/thresholds.json")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Valgrind can't read the debug information of newer compilers; names of functions stay.
        binary = os.path.join(folder, "microbenchmarks")
        subprocess.run(["strip", "--strip-debug", "-o", binary, options.binary], check=True)
        names = subprocess.run([binary], check=True, capture_output=True, text=True).stdout.split()
        counts = {name: count(binary, name, folder) for name in names}
    if options.record:
        with open(RECORD, "w") as file:
            json.dump(counts, file, indent=2)
            file.write("\n")
    with open(RECORD) as file:
        recorded = json.load(file)
    print("| operation | instructions | recorded | allocations | recorded |\n|---|---|---|---|---|")
    over = []
    for name, found in counts.items():
        known = recorded.get(name, {"instructions": 0, "allocations": 0})
        print(f"| {name} | {found['instructions']:,} | {known['instructions']:,} | {found['allocations']} | {known['allocations']} |")
        if found["instructions"] > TOLERANCE * known["instructions"] or found["allocations"] > known["allocations"] + 0.5:
            over.append(name)
    if over:
        sys.exit(f"more than recorded: {', '.join(over)}; if that has a good reason, record it: Benchmarks/micro --record")


def count(binary, name, folder):
    few, many = (instructions(binary, name, repetitions, folder) for repetitions in (FEW, MANY))
    allocations = subprocess.run([binary, name, "1000"], check=True, capture_output=True, text=True).stdout
    return {"instructions": round((many - few) / (MANY - FEW)), "allocations": round(float(allocations), 1)}


def instructions(binary, name, repetitions, folder):
    out = os.path.join(folder, "callgrind")
    # Hashes, and with them the order of dictionaries, are to be the same in every run.
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", binary, name, str(repetitions)],
        check=True, capture_output=True, env={**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"})
    with open(out) as file:
        return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.MULTILINE)[1])


if __name__ == "__main__":
    main()
