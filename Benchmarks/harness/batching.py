"""Measures Manta's batching without configuration beside settings made by hand. Called by Benchmarks/batching.

Without an objective: a closed loop of clients, in rounds, all settings in turn. With one: the highest rate of an open
loop whose 99th percentile keeps the objective, for `slo` and for each setting by hand.
"""

import argparse
import os
import statistics

from generator import Generator
from open_loop import Search
from report import Record, Results, spread, table
from servers import WORK, Configured

DEFAULT = "nothing"


def by_hand(sizes):
    """What a person might configure: each request alone, batches of at most so many rows at once, full ones waited for."""
    batching = {
        **{f"`max_batch_size: {rows}`": f"max_batch_size: {rows}" for rows in (0, *sizes)},
        "64, or after 1 ms": "max_batch_size: 64, max_queue_delay_ms: 1, preferred_batch_sizes: [64]",
    }
    return {name: f"batching: {{{yaml}}}\n" for name, yaml in batching.items()}


def throughput(model, options, record):
    """What clients get that wait for their replies."""
    ways = {DEFAULT: "", **by_hand(options.sizes)}
    for number in range(options.rounds):
        for way, yaml in ways.items():
            with Configured(model, yaml) as server:
                for connections in options.connections:
                    server.load(model, connections, options.warm_up)
                    result = server.load(model, connections, options.seconds)
                    record(
                        "load", f"{model}, {way}, {connections} connections: {result['rate']:,.0f}/s", model=model, way=way,
                        round=number, connections=connections, **result)


def objective(model, bound, options, generator, record):
    """The highest rate that keeps the objective."""
    slo = f"slo: {{p99_ms: {bound:g}}}"
    ways = {f"`{slo}`": slo, **by_hand(options.sizes)}
    search = argparse.Namespace(seconds=4, last=8, timeout_ms=2000, seed=1)
    for way, yaml in ways.items():
        with Configured(model, yaml) as server:
            step = Search(generator, server, model, bound, search, 0, lambda *_, **row: row).run()
        row = step or {"rate": 0, "p99": 0, "model": model}
        record("objective", f"{model}, {way}: {row['rate']:,.0f}/s at {row['p99']:.1f} ms", **row, way=way, bound=bound)


def report(rows):
    results, parts = Results(rows), []
    for model in results.unique("model"):
        connections = [n for n in results.unique("connections") if results.values("load", "rate", model=model, connections=n)]
        if connections:
            parts.append(_throughput(results, model, connections))
        if steps := results.of("objective", model=model):
            best = max(step["rate"] for step in steps[1:])
            parts.append(f"### {model}: 99 % within {steps[0]['bound']:g} ms\n")
            parts.append(table(
                ["configured", "requests/s", "of the best by hand", "ms, 99 %"], steps,
                lambda step: [f"{step['rate']:,.0f}", f"{step['rate'] / best:.2f}" if best else "–", f"{step['p99']:.1f}"],
                label=lambda step: step["way"]))
    return "\n".join(parts)


def _throughput(results, model, connections):
    """The table of a model, and of each load which setting is best and how near to it none is, round by round."""
    def rates(way, number):
        return {row["round"]: row["rate"] for row in results.of("load", model=model, way=way, connections=number)}

    ways = [way for way in results.unique("way") if rates(way, connections[0])]

    def cell(line, number):
        if line in ways:
            return spread(rates(line, number).values())
        best = max(
            (way for way in ways if way != DEFAULT), key=lambda way: statistics.median(rates(way, number).values() or [0]))
        mine, theirs = rates(DEFAULT, number), rates(best, number)
        return f"{spread([mine[turn] / theirs[turn] for turn in mine if turn in theirs], 2)} of {best}"

    head = ["configured", *(f"{number} connections" for number in connections)]
    lines = ["nothing, to the best by hand", *ways]
    return f"### {model}: requests/s\n\n" + table(head, lines, lambda line: [cell(line, number) for number in connections])


def main():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/batching", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="digits,magika,minilm")
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], default=[1, 8, 64])
    parser.add_argument(
        "--sizes", type=lambda text: [int(word) for word in text.split(",")], default=[2, 4, 8, 16, 32, 64],
        help="the largest batches to try by hand")
    parser.add_argument("--slo", default="digits=20,minilm=100", help="objectives in milliseconds (%(default)s)")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default=os.path.join(WORK, "batching"))
    options = parser.parse_args()
    objectives = dict(word.split("=") for word in options.slo.split(",") if word)
    generator, record = Generator(), Record(options.out)
    try:
        for model in options.models.split(","):
            throughput(model, options, record)
            if model in objectives:
                objective(model, float(objectives[model]), options, generator, record)
    finally:
        record.publish(
            "Benchmarks/batching",
            f"{options.rounds} rounds in turn, {options.seconds} s each after {options.warm_up} s; medians, with the least and "
            "the most.\n\n" + report(record.rows))


main()
