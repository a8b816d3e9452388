"""Puts each server under load in turn with Manta, and writes down what both did. Called by Benchmarks/compare."""

import argparse
import json
import os
import statistics
import time
from contextlib import ExitStack

from limits import StaticServer, engine
from processes import wait_for_rest
from report import Results, conditions, table
from servers import SECOND_PORT, WORK, Run, Server


def measure_limits(options, record):
    """The engine and the sockets, in the same run as the servers."""
    for model in options.models:
        for lanes, threads, rows, rate, milliseconds in engine(model, options.seconds / 4):
            record(
                kind="engine", limit=model, lanes=lanes, threads=threads, rows=rows, rate=rate,
                milliseconds=milliseconds)
        with open(os.path.join(WORK, "models", model, "answer.json")) as file:
            answer = json.load(file)
        server = StaticServer(json.dumps({"model_name": model, "outputs": [{"data": answer}]}))
        try:
            for connections in options.connections:
                record(kind="static", limit=model, at=connections, **server.load(model, connections, options.seconds))
        finally:
            server.end()


def measure(run, number, options, record):
    """A server beside Manta: both stay, and are put under each load in turn, several times."""
    ours = next(Run.of("manta", options.models))
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(ours))]
        if run.name != ours.name:
            # The one that starts second isn't to start beside the first one's warm-up.
            wait_for_rest(0.1)
            servers.append(stack.enter_context(Server(run, port=SECOND_PORT)))
        for model in run.models:
            for connections in options.connections:
                # What a server learns of a load, or starts for it, isn't what it does from then on.
                for server in servers:
                    server.load(model, connections, options.warm_up)
                for turn in range(options.rounds):
                    # Who is second in one turn is first in the next, so that a machine that slows down does so for both.
                    for server in servers if turn % 2 == 0 else reversed(servers):
                        # Some go on with what they were asked for when nobody waits for it any more.
                        wait_for_rest(0.1, limit=4)
                        server.load(model, connections, 1)
                        neighbours = [other.processes for other in servers if other is not server]
                        before = sum(processes.cpu_seconds() for processes in neighbours)
                        result = server.load(model, connections, options.seconds)
                        used = sum(processes.cpu_seconds() for processes in neighbours) - before
                        result["other_cpus"] -= used / result["seconds"]
                        result["neighbour_cpus"] = used / result["seconds"]
                        record(
                            kind="load", server=server.run.title, model=model, round=f"{number}.{turn}",
                            connections=connections, **result)
        # Some give memory back when they have nothing to do for a while.
        time.sleep(5)
        for server in servers:
            resident, share = server.processes.memory()
            record(
                kind="run", server=server.run.title, models=", ".join(server.run.models), round=number,
                start=server.start_seconds, resident=resident, share=share)


class Limits:
    """What the machine can do with a model, of the rows that were measured."""

    def __init__(self, rows, model):
        self.engine, self.static = {}, {}
        for row in rows:
            if row.get("limit") == model and row["kind"] == "engine":
                self.engine.setdefault((row["lanes"], row["threads"], row["rows"]), []).append(row)
            elif row.get("limit") == model:
                self.static.setdefault(row["at"], []).append(row["rate"])

    @property
    def best(self):
        """The engine's most rows per second, and the setting that gives them."""
        rates = {setting: statistics.median(row["rate"] for row in rows) for setting, rows in self.engine.items()}
        setting = max(rates, key=rates.get)
        return rates[setting], setting

    @property
    def alone(self):
        """Milliseconds that the engine takes for one row at its best."""
        return min(
            statistics.median(row["milliseconds"] for row in rows)
            for (_, _, count), rows in self.engine.items() if count == 1)

    def reply(self, connections):
        """Replies per second that stand ready."""
        return statistics.median(self.static[connections])

    def bound(self, connections):
        """Requests per second if each took the CPUs for as long as a ready reply and a row of the engine do."""
        return 1 / (1 / self.reply(connections) + 1 / self.best[0])


def limits_text(rows, models, connections):
    """The limits as a table."""
    limits = [Limits(rows, model) for model in models]
    lines = {
        "engine alone, rows/s at its best": lambda limit: "{:,.0f} ({} × {} threads, {} rows)".format(
            limit.best[0], *limit.best[1]),
        "engine alone, ms for one row": lambda limit: f"{limit.alone:.3f}",
    }
    for number in connections:
        lines[f"ready reply, requests/s at {number}"] = lambda limit, number=number: f"{limit.reply(number):,.0f}"
        lines[f"bound of both, requests/s at {number}"] = lambda limit, number=number: f"{limit.bound(number):,.0f}"
    return "### Limits\n\n" + table(["", *models], lines, lambda title: map(lines[title], limits))


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/compare")
    parser.add_argument("--peers", required=True)
    parser.add_argument("--models", type=lambda text: text.split(","), required=True)
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    rows = []
    with open(os.path.join(options.out, "results.jsonl"), "w") as file:

        def record(**row):
            rows.append(row)
            print(json.dumps(row), file=file, flush=True)
            what = [str(row[key]) for key in ("server", "limit", "model", "connections", "at", "rows") if key in row]
            print(*what, f"{row['rate']:,.0f}/s" if "rate" in row else "", flush=True)

        measure_limits(options, record)
        peers = list(filter(None, options.peers.split(",")))
        runs = [run for name in peers for run in Run.of(name, options.models) if name != "manta" or len(peers) == 1]
        for number, run in enumerate(runs):
            try:
                measure(run, number, options, record)
            except RuntimeError as error:
                print(f"left out: {error}", flush=True)
        if runs:
            measure_limits(options, record)
    text = f"{conditions()}\n\n{limits_text(rows, options.models, options.connections)}"
    results = Results(rows)
    has_loads = bool(results.of("load"))
    if has_loads:
        text += f"\nEach server in turn with Manta, {options.rounds} times {options.seconds} s; medians, with the least and the most.\n\n"
        text += results.markdown()
    with open(os.path.join(options.out, "results.md"), "w") as file:
        file.write(text)
    if has_loads:
        results.plot(os.path.join(options.out, "results.png"))
    print(text)


main()
