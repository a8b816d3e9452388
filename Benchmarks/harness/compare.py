"""Runs the servers in turn, round by round, and writes down what they did. Called by Benchmarks/compare."""

import argparse
import json
import os
import statistics
import time

from limits import StaticServer, engine
from report import Results, conditions, table
from servers import WORK, Run, Server


def measure_limits(models, options, record):
    """The engine and the sockets, in the same run as the servers."""
    for model in models:
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
    """One server's turn in a round."""
    server = Server(run)
    try:
        for model in run.models:
            for connections in options.connections:
                # What a server learns of a load, or starts for it, isn't what it does from then on.
                server.load(model, connections, options.warm_up)
                result = server.load(model, connections, options.seconds)
                record(kind="load", server=run.title, model=model, round=number, connections=connections, **result)
        # Some give memory back when they have nothing to do for a while.
        time.sleep(5)
        resident, share = server.processes.memory()
        record(
            kind="run", server=run.title, models=", ".join(run.models), round=number, start=server.start_seconds,
            resident=resident, share=share)
    finally:
        server.end()


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
    parser.add_argument("--models", required=True)
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    models = options.models.split(",")
    os.makedirs(options.out, exist_ok=True)
    rows = []
    with open(os.path.join(options.out, "results.jsonl"), "w") as file:

        def record(**row):
            rows.append(row)
            print(json.dumps(row), file=file, flush=True)
            what = [str(row[key]) for key in ("server", "limit", "model", "connections", "at", "rows") if key in row]
            print(*what, f"{row['rate']:,.0f}/s" if "rate" in row else "", flush=True)

        for number in range(max(1, options.rounds)):
            measure_limits(models, options, record)
            if options.rounds == 0:
                break
            for name in filter(None, options.peers.split(",")):
                for run in Run.of(name, models):
                    try:
                        measure(run, number, options, record)
                    except RuntimeError as error:
                        print(f"left out: {error}", flush=True)
    text = f"{conditions()}\n\n{limits_text(rows, models, options.connections)}"
    results = Results(rows)
    has_loads = bool(results.of("load"))
    if has_loads:
        text += f"\n{options.rounds} rounds in turn, {options.seconds} s each after {options.warm_up} s; medians, with the least and the most.\n\n"
        text += results.markdown()
    with open(os.path.join(options.out, "results.md"), "w") as file:
        file.write(text)
    if has_loads:
        results.plot(os.path.join(options.out, "results.png"))
    print(text)


main()
