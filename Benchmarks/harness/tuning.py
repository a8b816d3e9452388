"""Compares what the tuner finds with every fixed number of replicas and threads. Called by Benchmarks/tuning.

Measures every setting that fits the CPUs in a closed loop, and Manta with `tuning: true`: while it searches, and after
that. A server is started anew for each, in turn, round by round. With two CPUs it takes three minutes for each model,
number of connections and round.
"""

import argparse
import json
import os
import statistics
import urllib.request

from report import Record, Results, spread, table
from servers import PORT, WORK, Configured

ADMIN = PORT + 2


def settings(cpus):
    """Every number of replicas with every number of threads that the CPUs are enough for."""
    return [(replicas, threads) for replicas in range(1, cpus + 1) for threads in range(1, cpus // replicas + 1)]


def tuning(model):
    """What the tuner says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN}/admin/v1/deployments/{model}") as reply:
        return json.load(reply)["versions"][0]["tuning"]


def measure(model, connections, number, options, record):
    """A round: the settings in an order that differs from round to round, and the tuner in their midst."""
    turns = [*settings(options.cpus), None]
    turns = turns[number % len(turns):] + turns[:number % len(turns)]
    for setting in turns:
        about = {"model": model, "connections": connections, "round": number}
        if setting:
            replicas, threads = setting
            with Configured(model, f"replicas: {replicas}\nonnxruntime: {{threads: {threads}}}\n") as server:
                server.load(model, connections, options.warm_up)
                result = server.load(model, connections, options.seconds)
            record("fixed", f"{model}, {connections} connections, {replicas} × {threads}: {result['rate']:.0f}/s",
                   setting=f"{replicas} × {threads}", **about, **result)
        else:
            with Configured(model, "tuning: true\n") as server:
                meanwhile = server.load(model, connections, options.tune)
                result, found = server.load(model, connections, options.seconds), tuning(model)
            best = f"{found['best']['replicas']} × {found['best']['threads']}"
            record("search", setting=best, tuning=found, **about, **meanwhile)
            record("tuned", f"{model}, {connections} connections, tuned to {best}: {result['rate']:.0f}/s",
                   setting=best, state=found["state"], **about, **result)


class Comparison:
    """What came of a model and a number of connections."""

    def __init__(self, rows, model, connections, cpus):
        self.results, self.about = Results(rows), {"model": model, "connections": connections}
        self.default = f"{cpus} × 1"
        fixed = self.results.of("fixed", **self.about)
        rates = {row["setting"]: self._rates("fixed", setting=row["setting"]) for row in fixed}
        self.best = max(rates, key=lambda setting: statistics.median(rates[setting].values()))

    def _rates(self, kind, **more):
        return {row["round"]: row["rate"] for row in self.results.of(kind, **self.about, **more)}

    def _ratios(self, kind, setting):
        fixed = self._rates("fixed", setting=setting)
        return [rate / fixed[number] for number, rate in self._rates(kind).items()]

    def cells(self):
        tuned, search = self.results.of("tuned", **self.about), self.results.of("search", **self.about)
        answered = sum(row["rate"] * row["seconds"] for row in search)
        failed = sum(row["failed"] for row in search)
        return [
            str(self.about["connections"]), self.best,
            spread(list(self._rates("fixed", setting=self.best).values())),
            ", ".join(dict.fromkeys(row["setting"] for row in tuned)), spread([row["rate"] for row in tuned]),
            spread(self._ratios("tuned", self.best), 3), spread(self._ratios("search", self.default), 3),
            f"{failed} of {answered + failed:,.0f}", str(sum(row["state"] == "settled" for row in tuned))]


HEAD = ["model", "connections", "best fixed setting", "its requests/s", "tuned to", "then requests/s", "of the best",
        "while it searched, of the default", "failed meanwhile", "settled"]


def report(rows, options):
    comparisons = [Comparison(rows, model, n, options.cpus) for model in options.models for n in options.connections]
    noise = [row["other_cpus"] for row in rows]
    return (
        f"Replicas × threads. {options.rounds} rounds; the tuner had {options.tune} s in each. Ratios are taken within a "
        f"round; the median, with the least and the most.\n\n"
        + table(HEAD, comparisons, Comparison.cells, lambda comparison: comparison.about["model"])
        + f"\nCPUs that others used meanwhile: {statistics.median(noise):.2f}, at most {max(noise):.2f}.\n\n"
        + table(["model", "connections", "setting", "requests/s"], list(fixed_cells(rows)), lambda cells: cells[1:],
                lambda cells: cells[0]))


def fixed_cells(rows):
    """Every fixed setting."""
    results = Results(rows)
    for model, connections, setting in dict.fromkeys(
            (row["model"], row["connections"], row["setting"]) for row in results.of("fixed")):
        rates = results.values("fixed", "rate", model=model, connections=connections, setting=setting)
        yield [model, str(connections), setting, spread(rates)]


def main():
    def words(of):
        return lambda text: [of(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="Benchmarks/tuning", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=words(str), default=["digits", "magika", "minilm"])
    parser.add_argument("--connections", type=words(int), default=[1, 16])
    parser.add_argument("--tune", type=int, default=120, help="seconds of load for the tuner to search in (%(default)s)")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default=os.path.join(WORK, "tuning"))
    options = parser.parse_args()
    options.cpus = len(os.sched_getaffinity(0))
    record = Record(options.out)
    for number in range(options.rounds):
        for model in options.models:
            for connections in options.connections:
                measure(model, connections, number, options, record)
    record.publish("Benchmarks/tuning", report(record.rows, options))


main()
