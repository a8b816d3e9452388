"""Asks Manta for long, in many ways, and looks at whether its memory grows. Called by Benchmarks/memory."""

import argparse
import gzip
import json
import os
import statistics
import time

import numpy

from generator import ANY, LEAVES, Generator, Request
from report import Record, Results, table
from servers import WORK, Run, Server
from watch import MIB, Watch, growth


def requests():
    """Kinds of requests with their shares: shapes, sizes and forms that differ, mistakes, and clients that leave."""
    digits = _document("digits")
    pixels = digits["inputs"][0]["data"]
    infer = "/v2/models/digits/infer"
    for rows, weight in ((1, 40), (3, 8), (16, 2), (64, 0.5)):
        yield Request(f"digits-json-{rows}", _json(_digits(pixels, rows)), infer, weight=weight)
    for rows, weight in ((1, 25), (7, 4), (32, 1)):
        yield _binary_digits(pixels, rows, infer, weight)
    packed = gzip.compress(_json(_digits(pixels, 5)))
    yield Request("digits-gzip", packed, infer, headers=("Content-Encoding: gzip",), weight=2)
    accepts = ("Accept-Encoding: gzip",)
    yield Request("digits-gzip-reply", _json(_digits(pixels, 64)), infer, headers=accepts, weight=0.5)
    minilm = _document("minilm")
    for tokens, weight in ((5, 0.1), (17, 0.04), (32, 0.04), (60, 0.02)):
        yield Request(f"minilm-{tokens}", _json(_sentence(minilm, tokens)), "/v2/models/minilm/infer", weight=weight)
    yield Request("metadata", path="/v2/models/digits", method="GET", weight=1)
    yield Request("ready", path="/v2/health/ready", method="GET", weight=1)
    yield Request("no-json", b'{"inputs": [{"name": "input", "sha', infer, weight=2, status=400)
    yield Request("no-such-model", _json(digits), "/v2/models/no-such-model/infer", weight=2, status=404)
    yield Request("no-such-path", b"{}", "/no/such/path", weight=0.5, status=404)
    yield Request("wrong-shape", _json(_digits(pixels[:63], 1)), infer, weight=1, status=400)
    hurried = ("X-Request-Timeout-Ms: 1",)
    yield Request("hurried", _json(_digits(pixels, 2)), infer, headers=hurried, weight=1, status=ANY)
    yield Request("leaving", _json(_digits(pixels, 2)), infer, weight=1, status=LEAVES)
    yield Request("leaving-early", b'{"inputs"', infer, headers=("Content-Length: 500",), weight=0.5, status=LEAVES)


def _document(model):
    with open(os.path.join(WORK, "models", model, "v2.json")) as file:
        return json.load(file)


def _json(document):
    return json.dumps(document, separators=(",", ":")).encode()


def _digits(pixels, rows):
    data = pixels * rows
    return {"inputs": [{"name": "input", "datatype": "FP32", "shape": [rows, len(pixels)], "data": data}]}


def _binary_digits(pixels, rows, path, weight):
    data = numpy.array(pixels * rows, "<f4").tobytes()
    tensor = {
        "name": "input", "datatype": "FP32", "shape": [rows, len(pixels)], "parameters": {"binary_data_size": len(data)}}
    head = _json({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    headers = (f"Inference-Header-Content-Length: {len(head)}", "Content-Type: application/octet-stream")
    return Request(f"digits-binary-{rows}", head + data, path, headers=headers, weight=weight)


def _sentence(document, tokens):
    """The model's request with fewer or more tokens than it has."""
    def cut(tensor):
        data = (tensor["data"] * 2)[:tokens]
        return {**tensor, "shape": [1, tokens], "data": data}

    return {**document, "inputs": [cut(tensor) for tensor in document["inputs"]]}


def report(rows, result, threshold, warm_up):
    results = Results(rows)
    all_samples = results.of("memory", when="load")
    samples = [row for row in all_samples if row["done"] >= warm_up]
    grown = growth(samples, "anonymous")
    totals = result["phases"][0]
    lost = {name: totals[name] for name in ("unsent", "timed_out", "cut", "broken", "unexpected") if totals[name]}
    tenth = max(1, len(samples) // 10)
    moments = {
        "before any request": results.of("memory", when="idle"), "first tenth after the warm-up": samples[:tenth],
        "last tenth": samples[-tenth:], "three seconds after the last": results.of("memory", when="after")}

    def cells(moment):
        def of(key, scale=MIB, digits=1):
            return f"{statistics.median(row[key] for row in moments[moment]) / scale:,.{digits}f}"

        return [of("anonymous"), of("resident"), of("peak"), of("threads", 1, 0), of("files", 1, 0)]

    verdict = "within" if grown <= threshold else "MORE than"
    text = (
        f"{totals['due']:,} requests from {result['clients']} clients in {result['seconds']:,.0f} s "
        f"({totals['due'] / result['seconds']:,.0f}/s), {result['opened']:,} connections, seed {result['seed']}. Anonymous "
        f"memory grows by {grown:+.2f} MiB per million requests after the first {warm_up:,}, {verdict} the {threshold:g} MiB "
        f"allowed; resident memory by {growth(samples, 'resident'):+.2f}. Not answered as they should be: {lost or 'none'}.\n\n")
    text += table(["", "anonymous, MiB", "resident, MiB", "most so far, MiB", "threads", "files"], moments, cells)
    text += "\n" + table(
        ["request", "number", "replies by status", "left by the client", "ms, half", "ms, 99 %"], result["kinds"],
        lambda kind: [
            f"{kind['due']:,}", ", ".join(f"{status}: {count:,}" for status, count in kind["statuses"].items()),
            f"{kind['left']:,}", *(f"{kind['latency_ms'][key]:.2f}" if kind["latency_ms"] else "" for key in ("p50", "p99"))],
        label=lambda kind: kind["name"])
    return text, grown <= threshold and not lost


def plot(rows, path):
    """A PNG: memory by requests."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    samples = Results(rows).of("memory", when="load")
    figure, axis = pyplot.subplots(figsize=(8, 4), layout="constrained")
    for key in ("resident", "anonymous"):
        axis.plot([row["done"] for row in samples], [row[key] / MIB for row in samples], marker=".", label=key)
    axis.set(title="Memory under mixed requests", xlabel="requests", ylabel="MiB", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/memory")
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--every", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--threshold", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    if options.warm_up + 20 * options.every > options.requests:
        parser.error("too few requests: a slope needs twenty samples after the warm-up")
    generator, record = Generator(), Record(options.out)
    server = Server(next(Run.of("manta", ["digits", "minilm"])))
    try:
        watch = Watch(server.processes.root.pid, record)
        time.sleep(1)
        watch.sample("idle")
        result = generator.closed_loop(
            options.clients, options.requests, list(requests()), options.seed, every=options.every,
            at_progress=lambda done: watch.sample("load", done), renew_every=200, timeout_ms=30000)
        time.sleep(3)
        watch.sample("after", options.requests)
    finally:
        server.end()
    result = {**result, "clients": options.clients, "seed": options.seed}
    record("result", **result)
    text, is_well = report(record.rows, result, options.threshold, options.warm_up)
    record.publish("Benchmarks/memory", text)
    plot(record.rows, record.path("results.png"))
    raise SystemExit(0 if is_well else 1)


main()
