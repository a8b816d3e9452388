"""The load generator in C: compiled, told what to send, and read while it runs."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass

from servers import HERE, PORT, WORK

FOLDER = os.path.join(HERE, "generator")
LEAVES, ANY = -1, 0


@dataclass
class Request:
    """A kind of request, and how large its share is. `status` may be ANY, or LEAVES for clients that don't wait."""

    name: str
    body: bytes = b""
    path: str = "/"
    method: str = "POST"
    headers: tuple = ()
    weight: float = 1
    status: int = 200

    @property
    def bytes(self):
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{PORT}", *self.headers]
        if self.method == "POST":
            given = {line.split(":")[0].lower() for line in self.headers}
            defaults = {"Content-Length": str(len(self.body)), "Content-Type": "application/json"}
            lines += [f"{name}: {value}" for name, value in defaults.items() if name.lower() not in given]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def compiled():
    """The generator's path. Built anew each time: it takes a second, and is then surely that of this source."""
    binary = os.path.join(WORK, "generator")
    subprocess.run(
        ["cc", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", os.path.join(FOLDER, "generator.c"), "-lm", "-o", binary],
        check=True)
    return binary


class Generator:
    """Sends requests to whatever listens on the benchmarks' port, from one CPU if it is given."""

    def __init__(self, cpu=None):
        self.command = [compiled()] if cpu is None else ["taskset", "--cpu-list", str(cpu), compiled()]

    def arrivals(self, plan, seed):
        """When the requests of a plan would be due, in seconds."""
        return [float(line) for line in self._lines([*_plan(plan), "--seed", str(seed), "--dry-run"])]

    def open_loop(self, plan, requests, seed, timeout_ms, bound_ms=None, at_phase=lambda phase: None, **options):
        """Requests at the plan's rates, [(rate, seconds)…], whatever the server does. The result has `phases`.

        `at_phase` is called with each phase's number when it begins, and with their count when the last is over.
        """
        words = [*_plan(plan), "--seed", str(seed), "--timeout-ms", str(timeout_ms)]
        return self._run([*words, "--bound-ms", str(bound_ms or timeout_ms)], requests, options, at_phase=at_phase)

    def closed_loop(self, clients, count, requests, seed, every=0, at_progress=lambda done: None, **options):
        """So many requests from clients that each wait for their reply. `at_progress` is called after each `every`."""
        words = ["--closed", str(clients), "--requests", str(count), "--seed", str(seed), "--progress", str(every)]
        return self._run(words, requests, options, at_progress=at_progress)

    def _run(self, words, requests, options, at_phase=lambda phase: None, at_progress=lambda done: None):
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "list"), "w") as file:
                for number, request in enumerate(requests):
                    path = os.path.join(folder, f"{number}.http")
                    print(request.weight, request.status, request.name, path, file=file)
                    with open(path, "wb") as body:
                        body.write(request.bytes)
            for line in self._lines([*words, str(PORT), file.name]):
                document = json.loads(line)
                if "phases" in document:
                    return document
                if "phase" in document:
                    at_phase(document["phase"])
                else:
                    at_progress(document["done"])
        raise RuntimeError("the load generator gave no result")

    def _lines(self, words):
        with subprocess.Popen([*self.command, *words], stdout=subprocess.PIPE, text=True) as process:
            try:
                yield from process.stdout
            except BaseException:
                process.kill()  # nobody reads on
                raise
        if process.returncode != 0:
            raise RuntimeError(f"the load generator ended with {process.returncode}")


def failures(totals):
    """Requests of a phase or a kind that weren't answered as they should be, however late."""
    return sum(totals[name] for name in ("unsent", "timed_out", "cut", "broken", "unexpected"))


def _plan(plan):
    return ["--plan", ",".join(f"{rate:.6g}:{seconds:g}" for rate, seconds in plan)]
