"""Finds the highest rate of requests that each server answers within a bound. Called by Benchmarks/open-loop.

As MLPerf's server scenario has it: requests come as a Poisson process, and the rate is the greatest at which 99 % of
them are answered within the bound. A request that is never answered counts as one that takes too long.
"""

import argparse
import math
import statistics
import time

from generator import Generator, Request, failures
from processes import machine_cpu_seconds, wait_for_rest
from report import Record, Results, spread, table
from servers import in_turn

GOOD_SHARE, FAILED_SHARE = 0.99, 0.001
# How near the highest rate that holds and the lowest that doesn't have to come.
PRECISION = 1.05
# With more CPUs than this in others' hands, a step that doesn't hold is taken again.
NOISE = 0.2


class Search:
    """The search for one model's rate on one server."""

    def __init__(self, generator, server, model, bound_ms, options, number, record):
        self.generator, self.server, self.model, self.bound_ms = generator, server, model, bound_ms
        self.options, self.round, self.record = options, number, record
        self.seed = options.seed + 1000 * number
        with open(server.body(model), "rb") as file:
            self.requests = [Request(model, file.read(), server.path(model))]

    def run(self):
        """The step at the highest rate that holds for as long as the last step takes, or None."""
        low, high = self._bracket(self._guess())
        if low is None:
            return None
        while high / low > PRECISION:
            middle = math.sqrt(low * high)
            if self._holds(self._step(middle, self.options.seconds)):
                low = middle
            else:
                high = middle
        while not self._holds(last := self._step(low, self.options.last)):
            low /= PRECISION**2
            if low < 1:
                return None
        return last

    def _guess(self):
        """Half of what clients get that wait for their replies. Warms the server up as well."""
        seconds = math.ceil(self.options.seconds)
        result = self.generator.closed_loop(16, 10**9, self.requests, self.seed, seconds=seconds)
        self._settle()
        return max(1, result["phases"][0]["good"] / result["seconds"] / 2)

    def _bracket(self, rate):
        """A rate that holds and one that doesn't, a factor of two apart."""
        holds = self._holds(self._step(rate, self.options.seconds))
        while rate >= 1:
            other = rate * 2 if holds else rate / 2
            if self._holds(self._step(other, self.options.seconds)) != holds:
                return min(rate, other), max(rate, other)
            rate = other
        return None, rate

    @staticmethod
    def _holds(step):
        return step["good_share"] >= GOOD_SHARE and step["failed_share"] <= FAILED_SHARE

    def _step(self, rate, seconds):
        step = self._measure(rate, seconds)
        if not self._holds(step) and step["other_cpus"] > NOISE:
            wait_for_rest(NOISE)
            step = self._measure(rate, seconds)
        return step

    def _measure(self, rate, seconds):
        """One rate for some seconds, after half a second that doesn't count."""
        used = {}

        def at_phase(phase):
            used[phase] = self.server.processes.cpu_seconds(), machine_cpu_seconds()

        self.seed += 1
        result = self.generator.open_loop(
            [(rate, 0.5), (rate, seconds)], self.requests, self.seed, self.options.timeout_ms, self.bound_ms, at_phase,
            patience_ms=self.bound_ms)
        totals = result["phases"][1]
        server, machine = ((after - before) / seconds for before, after in zip(used[1], used[2]))
        times = totals["latency_ms"] or {"p50": math.inf, "p99": math.inf}
        due = max(1, totals["due"])
        step = dict(
            server=self.server.run.title, model=self.model, round=self.round, rate=rate, seconds=seconds, seed=self.seed,
            due=totals["due"], good_share=totals["good"] / due, failed_share=failures(totals) / due, p50=times["p50"],
            p99=times["p99"], late=totals["lateness_ms"]["p99"] if totals["lateness_ms"] else 0,
            generator_cpus=totals["generator_cpus"], server_cpus=server,
            other_cpus=machine - server - totals["generator_cpus"])
        mark = "holds" if self._holds(step) else "doesn't hold"
        self.record("step", f"{step['server']} {self.model} {rate:,.1f}/s p99 {step['p99']:.2f} ms, {mark}", **step)
        self._settle()
        return step

    def _settle(self, limit=30):
        """Until what the last step left behind is worked off: a right answer comes within the bound."""
        began = time.monotonic()
        while time.monotonic() - began < limit:
            asked = time.monotonic()
            if self.server.is_right(self.model) and time.monotonic() - asked < self.bound_ms / 1000:
                return
            time.sleep(0.05)


def report(rows, bounds):
    results = Results(rows)
    servers, parts = results.unique("server"), []
    for model in [model for model in bounds if results.of("rate", model=model)]:
        def values(server, key):
            return results.values("rate", key, server=server, model=model)

        def ratios(server):
            return results.ratios(server, "rate", model=model)

        parts.append(f"### {model}: at most {bounds[model]:g} ms for 99 % of the requests\n")
        parts.append(table(
            ["server", "requests/s", "ms, half", "ms, 99 %", "times theirs Manta's rate is", "sent late, ms, 99 %"],
            servers, lambda server: [
                spread(values(server, "rate"), 0), spread(values(server, "p50"), 2), spread(values(server, "p99"), 2),
                spread(ratios(server), 2) if server != "Manta" else "", spread(values(server, "late"), 2)]))
        noise = results.values("rate", "other_cpus", model=model)
        parts.append(
            f"CPUs that others used meanwhile: {statistics.median(noise):.2f}, at most {max(noise):.2f}.\n")
    return "\n".join(parts)


def plot(rows, bounds, path):
    """A PNG: the latency of every step by its rate, for each model and server."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    results = Results(rows)
    models = [model for model in bounds if results.of("step", model=model)]
    figure, axes = pyplot.subplots(1, len(models), figsize=(6 * len(models), 5), squeeze=False, layout="constrained")
    for axis, model in zip(axes[0], models):
        for number, server in enumerate(results.unique("server")):
            steps = [step for step in results.of("step", server=server, model=model) if step["p99"] < math.inf]
            rates = [step["rate"] for step in steps]
            for key, fill, label in (("p99", f"C{number}", server), ("p50", "none", None)):
                axis.scatter(rates, [step[key] for step in steps], edgecolors=f"C{number}", facecolors=fill, s=18, label=label)
        axis.axhline(bounds[model], color="black", linewidth=0.7)
        axis.set(
            title=f"{model}: ms until 99 % (full) and half (hollow) are answered", xlabel="requests/s offered", xscale="log",
            yscale="log")
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize="small")
    figure.savefig(path, dpi=120)


def measure(server, number, bounds, generator, options, record):
    """One server's turn in a round."""
    for model in server.run.models:
        step = Search(generator, server, model, bounds[model], options, number, record).run()
        if step:
            record("rate", f"{server.run.title} {model}: {step['rate']:,.1f}/s", **step)
        else:
            print(f"{server.run.title} {model}: no rate holds", flush=True)


def publish(record, bounds, options):
    """Writes the report, of what there is if the run was ended before its time."""
    text = (
        f"Poisson arrivals, seed {options.seed}; the rate holds for {options.last:g} s with {GOOD_SHARE:.0%} of the requests "
        f"answered within the bound, and at most {FAILED_SHARE:.1%} failed. Medians of rounds in turn "
        f"({options.rounds} asked for), with the least and the most.\n\n")
    record.publish("Benchmarks/open-loop", text + report(record.rows, bounds))
    if record.rows:
        plot(record.rows, bounds, record.path("results.png"))


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/open-loop")
    parser.add_argument("--peers", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--bounds", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--last", type=float, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--timeout-ms", type=float, default=2000)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    models = options.models.split(",")
    bounds = {name: float(bound) for name, bound in (word.split("=") for word in options.bounds.split(","))}
    if missing := [model for model in models if model not in bounds]:
        parser.error(f"no bound for {', '.join(missing)}")
    generator, record = Generator(), Record(options.out)
    try:
        in_turn(
            options.peers, models, options.rounds,
            lambda number, server: measure(server, number, bounds, generator, options, record))
    finally:
        publish(record, {model: bounds[model] for model in models}, options)


if __name__ == "__main__":
    main()
