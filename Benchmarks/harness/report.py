"""Tables and plots of what was measured."""

import json
import os
import platform
import shlex
import statistics
import sys
import time


def conditions():
    """When and on what machine this is measured."""
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
    return (
        f"Measured {time.strftime('%Y-%m-%d')} on {cpu}, {len(os.sched_getaffinity(0))} CPUs, the load "
        f"generator's included, Linux {platform.release()}.")


class Record:
    """A folder with every figure, as they come, and the report that is made of them."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.rows = []
        self.file = open(self.path("results.jsonl"), "w")

    def path(self, name):
        return os.path.join(self.folder, name)

    def __call__(self, kind, said=None, **row):
        """Writes a row down; `said` is what is shown of it meanwhile."""
        row = {"kind": kind, **row}
        self.rows.append(row)
        print(json.dumps(row), file=self.file, flush=True)
        if said:
            print(said, flush=True)
        return row

    def publish(self, program, text):
        """Writes the report, beginning with how it came about."""
        binary = f"MANTA={shlex.quote(os.environ['MANTA'])} " if os.environ.get("MANTA") else ""
        text = f"    {binary}{program} {shlex.join(sys.argv[1:])}\n\n{conditions()}\n\n{text}"
        with open(self.path("results.md"), "w") as file:
            file.write(text)
        print(text)


def spread(values, digits=0):
    """The median, with the least and the most of several."""
    if not values:
        return "–"
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def table(head, rows, cells, label=lambda row: row):
    """A table in Markdown: for each row its label and its cells."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join([label(row), *cells(row)]) + " |" for row in rows]
    return "\n".join(lines) + "\n"


class Results:
    """Rows of measurements: dictionaries with a `kind` and what they are about."""

    def __init__(self, rows):
        self.rows = rows

    def of(self, kind, **about):
        """The rows of a kind that are about this."""
        return [
            row for row in self.rows
            if row["kind"] == kind and all(row[name] == value for name, value in about.items())
        ]

    def values(self, kind, key, **about):
        return [row[key] for row in self.of(kind, **about)]

    def unique(self, key):
        """The different values of a key, in their order."""
        return list(dict.fromkeys(row[key] for row in self.rows if key in row))

    def ratios(self, server, kind, to="Manta", **about):
        """How many times a server's rate the other's was, round by round."""
        mine = {row["round"]: row["rate"] for row in self.of(kind, server=to, **about)}
        theirs = {row["round"]: row["rate"] for row in self.of(kind, server=server, **about)}
        return [mine[number] / theirs[number] for number in mine if number in theirs and theirs[number] > 0]

    def markdown(self):
        """All tables."""
        parts = []
        servers = self.unique("server")
        for model in self.unique("model"):
            connections = [n for n in self.unique("connections") if self.values("load", "rate", model=model, connections=n)]
            parts.append(f"### {model}\n\nRequests per second, by connections:\n")
            parts.append(table(
                ["server", *map(str, connections)], servers,
                lambda server: [
                    spread(self.values("load", "rate", server=server, model=model, connections=n)) for n in connections]))
            parts.append("Milliseconds, half of the answers and 99 % of them:\n")
            parts.append(table(
                ["server", *map(str, connections)], servers, lambda server: [
                    " / ".join(
                        spread([statistics.median(found)], 2) if found else "–"
                        for found in (
                            self.values("load", key, server=server, model=model, connections=n)
                            for key in ("p50", "p99")))
                    for n in connections]))
            if "Manta" in servers and len(servers) > 1:
                parts.append("How many times theirs Manta's rate is, round by round:\n")
                parts.append(table(
                    ["server", *map(str, connections)], [server for server in servers if server != "Manta"],
                    lambda server: [spread(self.ratios(server, "load", model=model, connections=n), 2) for n in connections]))
            failed = {
                server: count for server in servers
                if (count := sum(self.values("load", "failed", model=model, server=server)))}
            noise = self.values("load", "other_cpus", model=model)
            parts.append(
                f"Failed requests: {failed or 'none'}. CPUs that others used meanwhile: {statistics.median(noise):.2f}, at most "
                f"{max(noise):.2f}.\n")
        parts.append("### Start and memory\n\nFrom `exec` to the first right answer, and memory once the load is over:\n")
        runs = list(dict.fromkeys((row["server"], row["models"]) for row in self.of("run")))
        parts.append(table(
            ["server", "models", "first answer, s", "resident, MiB", "shared pages divided (PSS), MiB"], runs,
            lambda run: [run[1]] + [
                spread(self.values("run", key, server=run[0], models=run[1]), digits)
                for key, digits in (("start", 2), ("resident", 0), ("share", 0))],
            label=lambda run: run[0]))
        return "\n".join(parts)

    def plot(self, path):
        """A PNG: rate and the 99th percentile by connections, a column for each model."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        models = self.unique("model")
        figure, axes = pyplot.subplots(2, len(models), figsize=(5 * len(models), 8), squeeze=False, layout="constrained")
        for column, model in enumerate(models):
            for row, (key, title) in enumerate((("rate", "requests/s"), ("p99", "ms until 99 % are answered"))):
                axis = axes[row][column]
                for server in self.unique("server"):
                    connections = [
                        n for n in self.unique("connections")
                        if self.values("load", key, server=server, model=model, connections=n)]
                    medians = [
                        statistics.median(self.values("load", key, server=server, model=model, connections=n))
                        for n in connections]
                    axis.plot(connections, medians, marker="o", label=server, linewidth=3 if server == "Manta" else 1)
                axis.set(title=f"{model}: {title}", xlabel="connections", xscale="log", yscale="log")
                axis.grid(alpha=0.3)
        axes[0][0].legend(fontsize="small")
        figure.savefig(path, dpi=120)
