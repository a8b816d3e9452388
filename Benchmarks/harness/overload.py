"""Offers servers more than they can do, and then half of it. Called by Benchmarks/overload.

Every request has a time limit, which it tells in the header that Manta reads (others pass over it). Goodput is the rate
of right answers within the limit. The client leaves a little after it, so that an answer which only says that the time
is over can be told from none.
"""

import argparse
import os
import statistics

from generator import Generator, Request, failures
from processes import machine_cpu_seconds, wait_for_rest
from report import Record, Results, spread, table
from servers import in_turn

# Of what closed-loop clients get, the rates among which goodput's peak is looked for, and beyond as long as it grows.
LADDER = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
GROWTH = 1.15
# Seconds of each of these rates, of what comes before it and doesn't count, and of half of the peak before an overload.
STEP, WARM_UP, BEFORE = 3, 0.5, 2
# With more CPUs than this in others' hands, a step is taken again, twice at most.
NOISE = 0.2
# Back to normal: of the requests in a second from then on, no more than this share isn't good.
NORMAL = 0.01
SHARED = (
    "The generator shares the CPUs: where it takes more of them than at the peak, the server has less, and what it sends "
    "(sent/s) may be less than is offered.")
APART = "The generator has a CPU for itself, the servers have the others."


class Overload:
    """One model of one server."""

    def __init__(self, generator, server, model, limit_ms, options, number, record):
        self.generator, self.server, self.model, self.limit_ms = generator, server, model, limit_ms
        self.options, self.round, self.record = options, number, record
        self.seed = options.seed + 1000 * number
        with open(server.body(model), "rb") as file:
            header = f"X-Request-Timeout-Ms: {limit_ms:g}"
            self.requests = [Request(model, file.read(), server.path(model), headers=(header,))]

    def run(self):
        closed = self.generator.closed_loop(16, 10**9, self.requests, self.seed, seconds=2)
        peak = self._peak(closed["phases"][0]["good"] / closed["seconds"])
        self._write("peak", peak)
        for factor in self.options.factors:
            half = peak["goodput"] / 2
            plan = [(half, BEFORE), (factor * peak["goodput"], self.options.seconds), (half, self.options.after)]
            step = self._offer(plan, 1)
            step |= {
                "factor": factor, "of_peak": step["goodput"] / peak["goodput"],
                "of_attainable": step["goodput"] / (peak["goodput"] * self._attainable(step, peak))}
            self._write("overload", step)

    def _peak(self, guess):
        """The most goodput of the three best steps, each measured anew as an overload is: the most of many is more than any
        gives for long."""
        def step(rate):
            return self._write("step", self._offer([(rate, WARM_UP), (rate, STEP)], 1))

        steps = [step(guess * share) for share in LADDER]
        while (best := max(steps, key=lambda step: step["goodput"])) is steps[-1]:
            steps.append(step(best["rate"] * GROWTH))
        rates = [one["rate"] for one in sorted(steps, key=lambda step: step["goodput"])[-3:]]
        again = [
            self._write("step", self._offer([(rate / 2, BEFORE), (rate, self.options.seconds)], 1)) for rate in rates]
        return max(again, key=lambda step: step["goodput"])

    def _attainable(self, step, peak):
        """The share of the peak's CPUs that the generator and others leave in this step, 1 at most."""
        cpus = len(os.sched_getaffinity(0))
        taken = ("other_cpus",) if self.options.apart else ("other_cpus", "generator_cpus")
        left, had = (cpus - sum(max(0, one[key]) for key in taken) for one in (step, peak))
        return min(1, left / had)

    def _offer(self, plan, counted):
        """Offers a plan's rates in turn, and tells of the phase that counts and of what is after it."""
        for _ in range(3):
            step = self._measure(plan, counted)
            if step["other_cpus"] <= NOISE:
                break
            wait_for_rest(NOISE)
        return step

    def _measure(self, plan, counted):
        used = {}

        def at_phase(phase):
            used[phase] = self.server.processes.cpu_seconds(), machine_cpu_seconds()

        self.seed += 1
        result = self.generator.open_loop(
            plan, self.requests, self.seed, self.options.patience * self.limit_ms, self.limit_ms, at_phase,
            tick_ms=self.options.tick)
        totals, seconds = result["phases"][counted], plan[counted][1]
        server, machine = (
            (after - before) / seconds for before, after in zip(used[counted], used[counted + 1]))
        statuses = {int(status): count for status, count in totals["statuses"].items()}
        refused = statuses.get(429, 0) + statuses.get(503, 0)
        refusals, latency, late = totals["refusal_ms"], totals["latency_ms"], totals["lateness_ms"]
        return {
            "seed": self.seed, "rate": plan[counted][0], "seconds": seconds, "due": totals["due"],
            "sent_rate": totals["sent"] / seconds, "goodput": totals["good"] / seconds, "refused": refused,
            "expired": statuses.get(504, 0), "too_late": statuses.get(200, 0) - totals["good"],
            "timed_out": totals["timed_out"], "unsent": totals["unsent"], "cut": totals["cut"], "broken": totals["broken"],
            "other_statuses": {
                status: count for status, count in statuses.items() if status not in (200, 429, 503, 504)},
            "p50": latency and latency["p50"], "p99": latency and latency["p99"],
            "refusal_p50": refusals and refusals["p50"], "refusal_p99": refusals and refusals["p99"],
            "late": late and late["p99"], "generator_cpus": totals["generator_cpus"], "server_cpus": server,
            "other_cpus": machine - server - totals["generator_cpus"],
            "normal_after": self._normal_after(result, plan, counted),
            "failed_after": sum(failures(later) for later in result["phases"][counted + 1:]),
            "bins_per_second": result["bins_per_second"], "bins": result["bins"],
        }

    @staticmethod
    def _normal_after(result, plan, counted):
        """Seconds from the phase's end until requests are good again, or None if they aren't."""
        second = result["bins_per_second"]
        end = round(sum(seconds for _, seconds in plan[:counted + 1]) * second)
        later = result["bins"][end:round(sum(seconds for _, seconds in plan) * second)]
        for first in range(len(later) - second + 1):
            due, good = (sum(bin[number] for bin in later[first:first + second]) for number in (0, 1))
            if due - good <= NORMAL * due:
                # What isn't good may be at the second's very start; the rest of the second then tells.
                while first < len(later) and later[first][1] < later[first][0]:
                    first += 1
                return first / second
        return None

    def _write(self, kind, step):
        what = f"{step['factor']:g} times the peak" if kind == "overload" else kind
        self.record(
            kind, f"{self.server.run.title} {self.model} {what}: {step['rate']:,.0f}/s offered, {step['goodput']:,.0f}/s good",
            server=self.server.run.title, model=self.model, round=self.round, limit_ms=self.limit_ms, **step)
        return step


def report(rows):
    results, parts = Results(rows), []
    for model in results.unique("model"):
        for server in results.unique("server"):
            peaks = results.of("peak", server=server, model=model)
            if not peaks:
                continue
            parts.append(_section(results, server, model, peaks))
    return "\n".join(parts)


def _section(results, server, model, peaks):
    def cells(factor):
        steps = results.of("overload", server=server, model=model, factor=factor)

        def of(key, digits=0, scale=1):
            return spread([step[key] * scale for step in steps if step[key] is not None], digits)

        def shares(*keys):
            return spread([100 * sum(step[key] for key in keys) / max(1, step["due"]) for step in steps], 2)

        others = {status for step in steps for status in step["other_statuses"]}
        return [
            of("rate"), of("sent_rate"), of("goodput"), of("of_peak", 0, 100), of("of_attainable", 0, 100), of("p99", 1),
            f"{of('refusal_p50', 2)} / {of('refusal_p99', 2)}", shares("refused"), shares("expired"),
            shares("too_late"),
            shares("timed_out"), shares("unsent"),
            shares("cut", "broken") + (f" and statuses {sorted(others)}" if others else ""),
            of("normal_after", 1) if all(step["normal_after"] is not None for step in steps) else "never",
            of("failed_after"), f"{of('generator_cpus', 2)} / {of('server_cpus', 2)} / {of('other_cpus', 2)}"]

    def peak(key, digits=0):
        return spread([step[key] for step in peaks], digits)

    factors = list(dict.fromkeys(step["factor"] for step in results.of("overload", server=server, model=model)))
    head = (
        f"### {server}, {model}: answers within {peaks[0]['limit_ms']:g} ms\n\n"
        f"Peak: {peak('goodput')} good answers a second with {peak('rate')} requests offered, while the generator used "
        f"{peak('generator_cpus', 2)} CPUs, the server {peak('server_cpus', 2)} and others {peak('other_cpus', 2)}.\n\n")
    columns = [
        "times the peak", "offered/s", "sent/s", "good/s", "% of the peak", "% of what the CPUs left allow",
        "ms, 99 % of the answers", "refusals, ms, half / 99 %", "% refused (429, 503)", "% expired (504)", "% answered too late", "% without a reply",
        "% unsent", "% cut or broken", "normal after, s", "failed in the half after it",
        "CPUs: generator / server / others"]
    return head + table(columns, factors, cells, label=lambda factor: f"{factor:g}")


def plot(rows, path):
    """A PNG: what became of the requests of every tenth of a second, for each model and server; the first round."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [row for row in rows if row["kind"] == "overload" and row["round"] == 0]
    pairs = list(dict.fromkeys((row["server"], row["model"]) for row in steps))
    factors = list(dict.fromkeys(row["factor"] for row in steps))
    figure, axes = pyplot.subplots(
        len(pairs), len(factors), figsize=(5 * len(factors), 3.5 * len(pairs)), squeeze=False, layout="constrained")
    for row, pair in enumerate(pairs):
        for column, factor in enumerate(factors):
            axis = axes[row][column]
            for step in steps:
                if (step["server"], step["model"], step["factor"]) == (*pair, factor):
                    second = step["bins_per_second"]
                    for number, name in enumerate(("due", "good", "refused", "failed")):
                        axis.plot(
                            [index / second for index in range(len(step["bins"]))],
                            [bin[number] * second for bin in step["bins"]], label=name)
            axis.set(title=f"{pair[0]}, {pair[1]}: {factor:g} times the peak", xlabel="s", ylabel="requests/s", yscale="symlog")
            axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize="small")
    figure.savefig(path, dpi=100)


def measure(server, number, limits, generator, options, record):
    """One server's turn in a round."""
    for model in server.run.models:
        Overload(generator, server, model, limits[model], options, number, record).run()


def publish(record, options):
    """Writes the report, of what there is if the run was ended before its time."""
    noise = [row["other_cpus"] for row in record.rows] or [0]
    text = (
        f"Poisson arrivals, seed {options.seed}, {options.seconds:g} s at each rate, before and after it half of the peak. "
        f"Clients leave after {options.patience:g} times the limit. Medians of rounds in turn ({options.rounds} asked for). "
        f"{APART if options.apart else SHARED} It looks every {options.tick:g} ms what is due and what has come. CPUs that "
        f"others used meanwhile: {statistics.median(noise):.2f}, at most {max(noise):.2f}.\n\n")
    record.publish("Benchmarks/overload", text + report(record.rows))
    if any(row["kind"] == "overload" for row in record.rows):
        plot(record.rows, record.path("results.png"))


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/overload")
    parser.add_argument("--peers", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--limits", required=True)
    parser.add_argument("--factors", type=lambda text: [float(word) for word in text.split(",")], required=True)
    parser.add_argument("--patience", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--after", type=float, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--apart", type=int, required=True)
    parser.add_argument("--tick", type=float, required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    models = options.models.split(",")
    limits = {name: float(limit) for name, limit in (word.split("=") for word in options.limits.split(","))}
    if missing := [model for model in models if model not in limits]:
        parser.error(f"no limit for {', '.join(missing)}")
    cpus = sorted(os.sched_getaffinity(0))
    if options.apart and len(cpus) == 1:
        parser.error("--apart 1: there is only one CPU")
    generator, record = Generator(cpus[-1] if options.apart else None), Record(options.out)
    os.sched_setaffinity(0, cpus[:-1] if options.apart else cpus)
    try:
        in_turn(
            options.peers, models, options.rounds,
            lambda number, server: measure(server, number, limits, generator, options, record))
    finally:
        os.sched_setaffinity(0, cpus)
        publish(record, options)


main()
