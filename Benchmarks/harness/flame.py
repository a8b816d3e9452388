"""Shows where the CPUs' time goes while Manta is under load: a table by thread and by what it runs, and a flame graph.
Called by Benchmarks/profile. All CPUs are sampled, the load generator's time and idle time included.
"""

import argparse
import collections
import os
import re
import subprocess
import threading

from report import Record, table
from servers import WORK, Run, Server

# What a frame belongs to, by the file that its code is in.
LIBRARIES = {
    "libonnxruntime": "engine", "libm.so": "engine", "kernel": "kernel", "libmicrohttpd": "libmicrohttpd",
    "libswift": "Swift runtime", "libmimalloc": "mimalloc", "manta": "Manta", "libc.so": "libc", "libstdc++": "engine",
}
COLORS = {
    "engine": "#7aa6c2", "kernel": "#d98880", "libmicrohttpd": "#e8b878", "Swift runtime": "#b7a6d6",
    "mimalloc": "#c9c27a", "Manta": "#8fbf8f", "libc": "#c7b299", "other": "#cccccc", "thread": "#dddddd",
}


def library(path):
    if path.startswith("[") and path != "[unknown]":
        return "kernel"
    name = os.path.basename(path)
    return next((kind for part, kind in LIBRARIES.items() if name.startswith(part)), "other")


def thread(name, model):
    """A thread by its part in serving."""
    if name.startswith(f"{model}/"):
        return "replicas"
    return {"swapper": "idle", "wrk": "load generator"}.get(name, "HTTP" if name.startswith("MHD") else "others")


def stacks(data, model):
    """Yields (thread, [(function, library)…]) of each sample, the outermost function first."""
    text = subprocess.run(
        ["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"], capture_output=True, text=True, check=True).stdout
    text = subprocess.run(["swift", "demangle", "--simplified"], input=text, capture_output=True, text=True, check=True).stdout
    for sample in text.split("\n\n"):
        lines = sample.strip("\n").split("\n")
        name, frames = thread(lines[0].strip(), model), []
        for line in lines[1:]:
            if found := re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line):
                frames.append((short(found[1]), library(found[2])))
        if frames:
            yield name, frames[::-1]


def short(function):
    """A function's name without its parameters' types and without what the compiler did to it."""
    function = re.sub(r"^(specialized |closure #\d+ in |partial apply for |merged |generic |protocol witness for )+", "", function)
    function = re.sub(r"^\(\d+\) (await|suspend) resume partial function for ", "", function)
    return re.split(r"[(<]|\.\w+\.\d+$", function)[0].strip() or "?"


class Node:
    def __init__(self):
        self.count, self.children = 0, {}

    def add(self, frames):
        node = self
        node.count += 1
        for frame in frames:
            node = node.children.setdefault(frame, Node())
            node.count += 1


def visible(name, frames):
    """A stack as it is drawn. The engine keeps no frame pointers, so what it does has no callers; and whoever is no part
    of the server is one block."""
    if name in ("idle", "load generator", "others"):
        return [(name, "thread")]
    if any(kind == "engine" for _, kind in frames):
        return [(name, "thread"), ("ONNX Runtime", "engine")]
    return [(name, "thread"), *(frame for frame in frames if frame[0] not in ("?", "[unknown]"))]


def draw(root, path, smallest=0.002):
    """The flame graph: as wide as the share of time, callees above their callers."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import patches, pyplot

    figure, axis = pyplot.subplots(figsize=(18, 10), layout="constrained")
    deepest = 0

    def block(node, left, level):
        nonlocal deepest
        for (name, kind), child in sorted(node.children.items(), key=lambda item: -item[1].count):
            width = child.count / root.count
            if width < smallest:
                continue
            deepest = max(deepest, level)
            axis.add_patch(patches.Rectangle((left, level), width, 0.95, color=COLORS[kind], linewidth=0))
            if width > 0.012:
                letters = int(width * 260)
                label = f"{name} {width:.0%}" if len(name) + 5 <= letters else name[:letters]
                axis.text(left + width / 2, level + 0.45, label, ha="center", va="center", fontsize=6, clip_on=True)
            block(child, left, level + 1)
            left += width

    block(root, 0, 0)
    axis.set(xlim=(0, 1), ylim=(0, deepest + 1), title="Share of all CPUs' time")
    axis.axis("off")
    axis.legend(
        handles=[patches.Patch(color=color, label=kind) for kind, color in COLORS.items() if kind != "thread"],
        loc="upper right", fontsize="small")
    figure.savefig(path)


def report(samples):
    """Shares of all CPUs' time in percent, by thread and by library."""
    total = sum(samples.values())
    kinds = [kind for kind in COLORS if kind != "thread" and any(samples[name, kind] for name, _ in samples)]
    names = ["HTTP", "replicas", "others", "load generator", "idle"]

    def share(count):
        return f"{100 * count / total:.1f}" if count else ""

    return table(
        ["% of the CPUs", *kinds, "all"], names, lambda name: [
            *(share(samples[name, kind]) for kind in kinds),
            share(sum(count for (owner, _), count in samples.items() if owner == name))])


def main():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="digits")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--out", default=os.path.join(WORK, "profile"))
    options = parser.parse_args()
    record, data = Record(options.out), os.path.join(options.out, "perf.data")
    server = Server(next(Run.of("manta", [options.model])))
    try:
        server.load(options.model, options.connections, 2)
        rates = []
        load = threading.Thread(
            target=lambda: rates.append(server.load(options.model, options.connections, options.seconds + 2)["rate"]))
        load.start()
        subprocess.run(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", "2999", "-a", "-g", "-o", data, "sleep", str(options.seconds)],
            check=True, stdout=subprocess.DEVNULL)
        load.join()
    finally:
        server.end()
    root, samples = Node(), collections.Counter()
    for name, frames in stacks(data, options.model):
        root.add(visible(name, frames))
        samples[name, frames[-1][1]] += 1
    for (name, kind), count in samples.items():
        record("samples", thread=name, library=kind, count=count)
    draw(root, record.path("flame.svg"))
    record.publish(
        "Benchmarks/profile",
        f"{options.model}, {options.connections} connections, {rates[0]:,.0f} requests/s while it was sampled "
        f"({root.count:,} samples of all CPUs).\n\n" + report(samples))


main()
