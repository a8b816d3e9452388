"""The servers of peers.toml: started, asked until their answers are right, and put under load."""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
import tomllib
from dataclasses import dataclass, field

from processes import ProcessTree, machine_cpu_seconds

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(HERE, ".work")
PORT = 18400
# Of a server that runs beside another.
SECOND_PORT = 18410
# A binary that is there already can be measured in place of this tree's.
MANTA = os.path.abspath(os.environ.get("MANTA") or os.path.join(HERE, "..", ".build", "release", "manta"))


@dataclass
class Run:
    """A server with the models and settings that it is measured with."""

    name: str
    title: str
    command: list
    models: list
    environment: dict = field(default_factory=dict)
    bodies: str = "v2"

    @staticmethod
    def of(name, models):
        """The runs of a server that have any of these models."""
        with open(os.path.join(HERE, "peers.toml"), "rb") as file:
            peer = tomllib.load(file)[name]
        for run in peer["runs"]:
            wanted = [model for model in run["models"] if model in models]
            if wanted:
                yield Run(
                    name, peer["title"], peer["command"], wanted, run.get("environment", {}), peer.get("bodies", "v2"))

    @staticmethod
    def names():
        with open(os.path.join(HERE, "peers.toml"), "rb") as file:
            return list(tomllib.load(file))


def in_turn(peers, models, rounds, turn):
    """Calls `turn` with the number of the round and a server, for each server in each round. It is started anew and
    ended after; one that doesn't start is left out."""
    for number in range(rounds):
        for name in peers.split(","):
            for run in Run.of(name, models):
                try:
                    server = Server(run)
                except RuntimeError as error:
                    print(f"left out: {error}", flush=True)
                    continue
                try:
                    turn(number, server)
                finally:
                    server.end()


class Server:
    """A running server. Its answers are right."""

    def __init__(self, run, limit=120, port=PORT):
        self.run, self.port = run, port
        venv = os.path.join(WORK, "venvs", run.name, "bin")
        words = {"python": os.path.join(venv, "python"), "port": str(port), "work": WORK, "manta": MANTA}
        environment = {
            **os.environ, "PATH": venv + os.pathsep + os.environ["PATH"], "PORT": str(port), "SCRATCH": WORK,
            "MODELS": os.path.join(WORK, "models"), "SERVE": ",".join(run.models), "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.path.join(HERE, "peers"), "PYTHONDONTWRITEBYTECODE": "1", **run.environment,
        }
        require_free_port(port)
        with open(os.path.join(WORK, f"{run.name}.log"), "ab") as log:
            self.processes = ProcessTree(list(self._command(words)), environment, HERE, log)
        try:
            self.start_seconds = self._wait(limit)
        except BaseException:
            self.processes.end()
            raise

    def _command(self, words):
        """The command with its words in braces filled in; `{models}` stands for the models' files."""
        for word in self.run.command:
            if word == "{models}":
                yield from (os.path.join(WORK, "models", model, "1", "model.onnx") for model in self.run.models)
            else:
                yield word.format(**words)

    def _wait(self, limit):
        """Returns after how many seconds the first model gave the right answer; all do when it returns."""
        first = None
        for model in self.run.models:
            while True:
                seconds = time.perf_counter() - self.processes.started
                try:
                    fault = self._fault(model)
                except (OSError, http.client.HTTPException) as error:
                    fault = repr(error)
                if fault is None:
                    break
                if self.processes.has_ended or seconds > limit:
                    raise RuntimeError(f"{self.run.title} doesn't serve {model} after {seconds:.0f} s: {fault}")
                time.sleep(0.005)
            first = first or time.perf_counter() - self.processes.started
        return first

    def _fault(self, model):
        """What is wrong with the server's answer, if anything is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with open(self.body(model), "rb") as file:
            connection.request("POST", self.path(model), file.read(), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        if reply.status != 200:
            return f"status {reply.status}: {text[:200]!r}"
        with open(os.path.join(WORK, "models", model, "answer.json")) as file:
            expected = json.load(file)
        try:
            numbers = _numbers(json.loads(text))
            if len(numbers) == len(expected) and all(abs(a - b) < 1e-3 for a, b in zip(numbers, expected)):
                return None
        except (ValueError, LookupError, TypeError, StopIteration):
            pass
        return f"wrong answer: {text[:200]!r}"

    def body(self, model):
        return os.path.join(WORK, "models", model, f"{self.run.bodies}.json")

    @staticmethod
    def path(model):
        return f"/v2/models/{model}/infer"

    def is_right(self, model):
        """Whether the model answers, and answers right, now."""
        try:
            return self._fault(model) is None
        except (OSError, http.client.HTTPException):
            return False

    def load(self, model, connections, seconds):
        """Asks a model over as many connections without a pause (a closed loop).

        Returns requests per second, latencies in milliseconds and failures, and the CPUs that the server, the
        generator and everything else on the machine used: where the last is much above 0, the run tells little.
        """
        server, machine = self.processes.cpu_seconds(), machine_cpu_seconds()
        result = wrk(f"http://127.0.0.1:{self.port}{self.path(model)}", self.body(model), connections, seconds)
        server, machine = self.processes.cpu_seconds() - server, machine_cpu_seconds() - machine
        result["server_cpus"] = server / result["seconds"]
        result["other_cpus"] = machine / result["seconds"] - result["server_cpus"] - result["generator_cpus"]
        return result

    def end(self):
        self.processes.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Configured:
    """Manta with one model, whose `model.yaml` is this. A context: it starts when entered and ends when left."""

    def __init__(self, model, yaml, arguments=()):
        self.folder = tempfile.TemporaryDirectory()
        os.makedirs(version := os.path.join(self.folder.name, model, "1"))
        os.symlink(os.path.join(WORK, "models", model, "1", "model.onnx"), os.path.join(version, "model.onnx"))
        with open(os.path.join(self.folder.name, model, "model.yaml"), "w") as file:
            file.write(yaml)
        command = ["{manta}", "serve", "--config", "{work}/manta.yaml", "--models", self.folder.name,
                   *arguments]
        self.run = Run("manta", "Manta", command, [model])

    def __enter__(self):
        self.server = Server(self.run)
        return self.server

    def __exit__(self, *_):
        self.server.end()
        self.folder.cleanup()


def is_listening(port=PORT):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_free_port(port=PORT):
    """Whoever listens already would be measured in place of the server. One that has just been ended has a while."""
    limit = time.monotonic() + 10
    while is_listening(port) and time.monotonic() < limit:
        time.sleep(0.1)
    if is_listening(port):
        raise SystemExit(f"something listens on port {port} already; end it first")


def wrk(url, body, connections, seconds, header=""):
    """Runs wrk with one thread; `header` is a field to send with each request."""
    script = os.path.join(HERE, "harness", "post.lua")
    before = os.times()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, url],
        env={**os.environ, "BODY": body, "HEADER": header}, capture_output=True, text=True)
    after = os.times()
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    result = json.loads(lines[-1])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    result["generator_cpus"] = cpu / result["seconds"]
    return result


def _numbers(document):
    """The numbers of an answer, whatever is around them."""
    if isinstance(document, dict):
        if "outputs" in document:
            return _numbers(document["outputs"][0]["data"])
        return _numbers(next(iter(document.values())))
    if isinstance(document, list):
        return [number for element in document for number in _numbers(element)]
    return [document]
