#!/usr/bin/env python3
"""An admin listener that keeps the contract of docs/admin.md and serves nothing, for states of the console that a real
server can't be put into at will: fifty deployments, an update that halts, names that look like markup, a token.

usage: fake_server.py [--port N] [--deployments N] [--token TOKEN]

Port 0 takes a free one; the address is the first line of the output.
"""

import argparse
import csv
import datetime
import json
import math
import os
import random
import sys
import threading
import time
import urllib.parse
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = os.path.join(ROOT, "Sources", "MantaAdmin", "Console", "Page")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MARKUP = "<img src=x onerror=alert(1)>"
LONG = "a-model-whose-name-was-made-by-a-pipeline-from-its-data-set-its-date-and-its-parameters-2026-11-24-lr-0.0003"


def stamp(at=None):
    moment = datetime.datetime.fromtimestamp(at or time.time(), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class World:
    """All that the server knows."""

    def __init__(self, amount):
        self.random = random.Random(7)
        self.started = time.time()
        self.lock = threading.Condition()
        self.events = []
        self.scales = {}
        names = ["digits-svm", "digits-mlp", LONG, MARKUP, "ranker", "summariser", "halted", "sleeper"]
        names += [f"tenant-{index:02d}" for index in range(amount - len(names))]
        self.names = sorted(names[:amount])
        for name in self.names:
            self.tell("deployment", name, "info", "deployment is ready", age=240)
        if "ranker" in self.names:
            self.tell(
                "version",
                "ranker",
                "error",
                "models/ranker/1/model.onnx: expected ONNX, found 12 bytes of text",
                age=120,
            )

    def tell(self, kind, deployment, severity, message, version=1, age=0):
        with self.lock:
            self.events.append(
                {
                    "id": len(self.events) + 1,
                    "at": stamp(time.time() - age),
                    "kind": kind,
                    "deployment": deployment,
                    "version": version,
                    "severity": severity,
                    "message": message,
                }
            )
            self.lock.notify_all()

    def status(self):
        up = time.time() - self.started
        return {
            "version": "0.1.0",
            "started_at": stamp(self.started),
            "uptime_s": up,
            "ready": bool(self.names),
            "reason": None if self.names else "no deployment is configured",
            "node": {
                "id": "local",
                "cpus": 2,
                "lanes": 3,
                "resident_bytes": 57671680 + int(up) * 4096,
                "open_files": 24,
                "cpu_seconds": 1.7 + up * 0.6,
            },
            "store": {"kind": "sqlite", "path": None, "durable": False},
            "deployments": [{"name": name, "state": self.state(name), "reason": None} for name in self.names],
            "warnings": ["4 replicas with 1 thread each ask for 4 CPUs; this process has 2"] if self.names else [],
        }

    def state(self, name):
        return {"ranker": "failed", "summariser": "updating", "halted": "halted", "sleeper": "asleep"}.get(
            name, "ready"
        )

    def scale(self, name):
        default = (
            {"mode": "autoscaled", "source": "configuration", "replicas": self.replicas(name), "min": 1, "max": 6}
            if name in ("digits-mlp", "summariser")
            else {
                "mode": "pinned",
                "source": "configuration",
                "replicas": 0 if name == "sleeper" else 1,
                "min": None,
                "max": None,
            }
        )
        return self.scales.get(name, default)

    def replicas(self, name):
        return 2 + round(1.5 * math.sin((time.time() - self.started) / 40 + 1))

    def set_scale(self, name, body):
        if body == {"autoscale": False}:
            self.scales.pop(name, None)
        elif "replicas" in body:
            self.scales[name] = {
                "mode": "pinned",
                "source": "admin",
                "replicas": body["replicas"],
                "min": None,
                "max": None,
            }
        elif "min" in body:
            if body["min"] > body["max"]:
                raise ValueError(f'min: {body["min"]} is more than max, {body["max"]}')
            self.scales[name] = {
                "mode": "autoscaled",
                "source": "admin",
                "replicas": body["min"],
                "min": body["min"],
                "max": body["max"],
            }
        elif body == {"autoscale": True}:
            raise ValueError(f'"{name}" has no autoscaling in its configuration; give min and max')
        else:
            raise ValueError("expected replicas, or min and max, or autoscale")
        wanted = self.scale(name)["replicas"]
        self.tell("scale", name, "info", f"{wanted} replicas are wanted")
        return {
            "deployment": name,
            "message": f"{wanted} replicas are wanted, 1 is ready",
            "done": False,
            "state": self.state(name),
            "reason": None,
            "durable": False,
        }

    def version(self, name, number, state, replicas, default=True, reason=None):
        now = time.time()
        up = now - self.started
        phase = sum(map(ord, name)) % 17
        wave = 1 + 0.6 * math.sin(up / 9 + phase) + self.random.random() * 0.2
        live = state == "ready" and replicas > 0
        rate = 80 * (1 + phase) * wave
        return {
            "version": number,
            "hash": f"sha256:{phase:02x}{number:02x}" + "5e1f9a" * 10,
            "path": f"models/{name}/{number}/model.onnx",
            "state": state,
            "reason": reason,
            "default": default,
            "age_s": up + 40,
            "queued": self.random.randrange(4) if live else 0,
            "ongoing": replicas,
            "replicas": [
                {
                    "id": index,
                    "node": "local",
                    "count": 1,
                    "state": "ready",
                    "age_s": up + 38,
                    "ongoing": index % 2,
                    "batches": int(up * 97) + 5120,
                    "last_error": None,
                }
                for index in range(replicas)
            ],
            "batching": (
                {
                    "max_rows": 64,
                    "rows_in_force": 32,
                    "reason": "64 rows gave 3% more rows/s and took twice as long",
                    "costs": [
                        {
                            "rows": float(rows),
                            "milliseconds": 0.018 + 0.0031 * rows**0.93,
                            "rows_per_second": rows / (0.018 + 0.0031 * rows**0.93) * 1000,
                            "batches": 4400 // rows,
                        }
                        for rows in (1, 2, 4, 8, 16, 32, 64)
                    ],
                }
                if live
                else None
            ),
            "last_minute": {
                "requests": int(rate * 60) if live else 0,
                "failures": 3 if name == LONG else 0,
                "per_second": rate if live else 0.0,
                "p50_ms": 0.31 * wave if live else None,
                "p95_ms": 0.74 * wave if live else None,
                "p99_ms": 1.4 * wave + (4 if self.random.random() < 0.05 else 0) if live else None,
                "mean_batch_rows": 1.2 + 2 * wave if live else None,
            },
        }

    def deployment(self, name):
        state = self.state(name)
        scale = self.scale(name)
        update, reason = None, None
        if state == "failed":
            reason = "models/ranker/1/model.onnx: expected ONNX, found 12 bytes of text"
            versions = [
                self.version(name, 1, "failed", 0, reason=reason)
                | {"hash": None, "age_s": None, "last_minute": None, "queued": None}
            ]
        elif state in ("updating", "halted"):
            step = int(time.time() - self.started) // 6 % 5
            update = {
                "state": ["loading", "warming", "trial", "moving", "settling"][step],
                "from": [1],
                "to": [2],
                "reason": None,
                "started_at": stamp(time.time() - 9),
            }
            second = "ready" if step >= 2 else "loading"
            if state == "halted":
                reason = 'version 2: 14 of the first 20 requests failed: input "X": expected [-1, 32], got [1, 64]'
                update |= {"state": "halted", "reason": reason}
                second = "failed"
            versions = [
                self.version(name, 1, "ready", scale["replicas"]),
                self.version(
                    name,
                    2,
                    second,
                    1 if second == "ready" else 0,
                    default=False,
                    reason=reason if second == "failed" else None,
                ),
            ]
        elif state == "asleep":
            versions = [self.version(name, 1, "asleep", 0)]
        else:
            versions = [self.version(name, 1, "ready", scale["replicas"])]
        return {
            "name": name,
            "state": state,
            "reason": reason,
            "configuration": (
                {"source": "admin", "file": None, "overrides": f"models/{name}/model.yaml", "values": {"replicas": 1}}
                if name == "digits-mlp"
                else {
                    "source": "file",
                    "file": f"models/{name}/model.yaml",
                    "overrides": None,
                    "values": {"batching": {"max_batch_size": 64, "max_queue_delay_ms": 0}, "replicas": 1},
                }
            ),
            "scale": scale,
            "update": update,
            "versions": versions,
            "decisions": self.decisions() if scale["mode"] == "autoscaled" else [],
            "warnings": (
                ["4 replicas with 1 thread each ask for 4 CPUs; this process has 2"] if name == "digits-mlp" else []
            ),
        }

    def decisions(self):
        made, count = [], 1
        for index, change in enumerate([1, 1, 2, -1, -1, 1, 1, -2, 1]):
            after = count + change
            ongoing = after * 2.0 if change > 0 else count * 0.6
            made.append(
                {
                    "at": stamp(self.started - 400 + index * 45 + (index % 3) * 11),
                    "version": 1,
                    "from": count,
                    "to": after,
                    "reason": f"{ongoing} ongoing requests for {count} replicas, the target is 2 for each",
                    "inputs": {
                        "ongoing": ongoing,
                        "queued": 14 if change > 0 else 0,
                        "replicas": count,
                        "target_ongoing_requests": 2,
                        "queue_wait_ms": 12.5,
                    },
                }
            )
            count = after
        return made


class Digits:
    """Tells digits by the mean picture of each, from the rows that come with the sample models."""

    def __init__(self):
        sums = {}
        with open(os.path.join(ROOT, "models", "digits-holdout.csv")) as lines:
            for row in list(csv.reader(lines))[1:]:
                sums.setdefault(int(row[0]), []).append([float(value) for value in row[1:]])
        self.means = {digit: [sum(column) / len(rows) for column in zip(*rows)] for digit, rows in sums.items()}

    def ask(self, pixels):
        distances = {
            digit: sum((one - other) ** 2 for one, other in zip(mean, pixels)) for digit, mean in self.means.items()
        }
        weights = {digit: math.exp((min(distances.values()) - distance) / 400) for digit, distance in distances.items()}
        total = sum(weights.values())
        shares = [weights[digit] / total for digit in range(10)]
        return shares.index(max(shares)), shares


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
        if url.path == "/" or parts[0] == "console":
            return self.page(parts[-1] or "index.html")
        if not self.allowed():
            return None
        world = self.server.world
        if parts[:2] == ["v2", "models"] and parts[2] in world.names:
            return self.json(
                {
                    "name": parts[2],
                    "versions": ["1"],
                    "platform": "onnxruntime_onnx",
                    "inputs": (
                        [{"name": "X", "datatype": "FP32", "shape": [-1, 64]}]
                        if parts[2].startswith("digits")
                        else [
                            {"name": "ids", "datatype": "INT64", "shape": [-1, -1]},
                            {"name": "text", "datatype": "BYTES", "shape": [-1, 1]},
                        ]
                    ),
                    "outputs": [
                        {"name": "label", "datatype": "INT64", "shape": [-1]},
                        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
                    ],
                }
            )
        if parts[:3] == ["admin", "v1", "status"]:
            return self.json(world.status())
        if parts == ["admin", "v1", "deployments"]:
            return self.json({"deployments": [world.deployment(name) for name in world.names]})
        if parts[:3] == ["admin", "v1", "deployments"] and parts[3] in world.names:
            return self.json(world.deployment(parts[3]))
        if parts == ["admin", "v1", "events"]:
            after = int(urllib.parse.parse_qs(url.query).get("after", ["0"])[0])
            if "text/event-stream" in self.headers.get("Accept", ""):
                return self.stream(int(self.headers.get("Last-Event-ID") or len(world.events)))
            return self.json({"events": [event for event in world.events if event["id"] > after]})
        return self.json({"error": f"{url.path} is not found"}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.allowed():
            return None
        parts = [urllib.parse.unquote(part) for part in self.path.strip("/").split("/")]
        world = self.server.world
        if parts == ["admin", "v1", "reload"]:
            world.tell("configuration", None, "info", "the model repositories were read again", version=None)
            return self.json(
                {"message": f"{len(world.names)} deployments, none has changed", "done": True, "durable": False}
            )
        if parts[:3] == ["admin", "v1", "deployments"] and parts[-1] == "scale":
            try:
                return self.json(world.set_scale(parts[3], json.loads(body)), 202)
            except ValueError as error:
                return self.json({"error": str(error)}, 400)
        if parts[-1] == "infer":
            document = json.loads(body)
            values = document["inputs"][0]["data"]
            while values and isinstance(values[0], list):
                values = [value for row in values for value in row]
            if len(values) != 64:
                return self.json(
                    {"error": f'input "X": expected 64 elements for shape [1, 64], got {len(values)}'}, 400
                )
            label, shares = self.server.digits.ask(values)
            return self.json(
                {
                    "model_name": parts[2],
                    "model_version": "1",
                    "outputs": [
                        {"name": "label", "datatype": "INT64", "shape": [1], "data": [label]},
                        {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": shares},
                    ],
                },
                headers={"Server-Timing": "queue;dur=0.012, batch;dur=0.004, run;dur=0.051, total;dur=0.094"},
            )
        return self.json({"error": f"{self.path} is not found"}, 404)

    def allowed(self):
        if self.server.away:
            self.close_connection = True
            return False
        token = self.server.token
        if not token or self.headers.get("Authorization") == f"Bearer {token}":
            return True
        self.json({"error": "a token is needed"}, 401, {"WWW-Authenticate": "Bearer"})
        return False

    def page(self, name):
        path = os.path.join(PAGE, os.path.basename(name))
        if not os.path.exists(path):
            return self.json({"error": f"{self.path} is not found"}, 404)
        with open(path, "rb") as file:
            content = file.read()
            tag = f'W/"{zlib.crc32(content):x}"'
            if self.headers.get("If-None-Match") == tag:
                return self.answer(b"", "text/plain", 304)
            return self.answer(
                content,
                TYPES[os.path.splitext(path)[1]],
                headers={
                    "ETag": tag,
                    # As ConsoleRoutes.swift has it.
                    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
                    "trusted-types 'none'",
                    "X-Content-Type-Options": "nosniff",
                    "Referrer-Policy": "no-referrer",
                    "Cache-Control": "no-cache",
                },
            )

    def json(self, document, status=200, headers=None):
        self.answer(json.dumps(document).encode(), "application/json", status, headers)

    def answer(self, body, kind, status=200, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, last):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        world = self.server.world
        try:
            while True:
                with world.lock:
                    world.lock.wait_for(lambda: len(world.events) > last, timeout=5)
                    news = world.events[last:]
                for event in news:
                    self.wfile.write(
                        f"id: {event['id']}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n".encode()
                    )
                    last = event["id"]
                if not news:
                    self.wfile.write(b": still here\n\n")
                self.wfile.flush()
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # While it is true, requests are cut off without an answer.
    away = False

    def handle_error(self, *_):
        """Says nothing of connections that a browser cut: it does so at will."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*_)


def make(port=0, deployments=8, token=None):
    """A server that listens and doesn't serve yet."""
    server = Server(("127.0.0.1", port), Handler)
    server.world, server.token, server.digits = World(deployments), token, Digits()
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--deployments", type=int, default=8)
    parser.add_argument("--token")
    options = parser.parse_args()
    server = make(options.port, options.deployments, options.token)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
