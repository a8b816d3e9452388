"""Checks the load generator: its arrivals, its counts against servers that behave in known ways, and what it costs.
Checks as well that a server which leaks memory is told from one that doesn't.

Called by Benchmarks/check-generator. Ends with status 1 if anything is not as it should be.
"""

import asyncio
import math
import threading

from generator import LEAVES, Generator, Request, failures
from limits import StaticServer
from servers import PORT, require_free_port
from watch import Watch, growth

faults = 0


def expect(what, found, holds):
    global faults
    faults += not holds
    print("ok  " if holds else "FAIL", f"{what}: {found}", flush=True)


def check_arrivals(generator):
    """The gaps are those of a Poisson process, at the rates asked for, and the same for the same seed."""
    rate, seconds = 1000, 100
    due = generator.arrivals([(rate, seconds)], 1)
    gaps = sorted(later - earlier for earlier, later in zip([0, *due], due))
    count, mean = len(gaps), sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / count) / mean
    # Four standard deviations of a Poisson count; Kolmogorov and Smirnov's distance at one in a thousand.
    expect("arrivals in 100 s at 1,000/s", count, abs(count - rate * seconds) < 4 * math.sqrt(rate * seconds))
    distance = max(
        max(abs(1 - math.exp(-rate * gap) - i / count), abs(1 - math.exp(-rate * gap) - (i + 1) / count))
        for i, gap in enumerate(gaps))
    expect("distance of the gaps from an exponential distribution", f"{distance:.4f}", distance < 1.95 / math.sqrt(count))
    expect("standard deviation of the gaps, in means", f"{spread:.3f}", abs(spread - 1) < 0.03)
    offsets = [later - earlier - mean for earlier, later in zip([0, *due], due)]
    likeness = sum(a * b for a, b in zip(offsets, offsets[1:])) / count / (spread * mean) ** 2
    expect("correlation of neighbouring gaps", f"{likeness:.4f}", abs(likeness) < 4 / math.sqrt(count))
    for seed, is_same in ((1, True), (2, False)):
        again = generator.arrivals([(rate, seconds)], seed) == due
        expect(f"the same arrivals with seed {seed}", again, again == is_same)
    due = generator.arrivals([(100, 50), (2000, 50)], 3)
    first = sum(time < 50 for time in due)
    expect("two rates in turn", (first, len(due) - first), abs(first - 5000) < 300 and abs(len(due) - first - 1e5) < 1300)


class OddServer:
    """Answers as the path says, on a thread of its own."""

    REPLIES = {
        "/whole": [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        "/pieces": [b"HTTP/1.", b"1 200 OK\r\nContent-Le", b"ngth: 5\r", b"\n\r", b"\nhe", b"llo"],
        "/chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhel", b"lo\r", b"\n0", b"\r\nT: 1\r\n\r\n"],
        "/empty": [b"HTTP/1.1 204 No Content\r\n\r\n"],
        "/closing": [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", None],
        "/until-close": [b"HTTP/1.1 200 OK\r\n\r\nas long as it lasts", None],
        "/busy": [b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"],
        "/cut": [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", None],
        "/broken": [b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
        "/too-much": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"],
        "/never": [],
    }

    def __init__(self):
        require_free_port()
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", PORT))
        self.received = {path: 0 for path in self.REPLIES}
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("Content-Length"))
                await reader.readexactly(length)
                path = head.split()[1]
                self.received[path] += 1
                for piece in self.REPLIES[path]:
                    if piece is None:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.002 if path == "/pieces" else 0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def end(self):
        self.loop.call_soon_threadsafe(self.server.close)


def check_replies(generator):
    """Each behaviour of a server is counted as what it is."""
    server = OddServer()
    counters = {
        "/closing": "good", "/until-close": "good", "/busy": "unexpected", "/cut": "cut", "/broken": "broken",
        "/too-much": "broken", "/never": "timed_out", "/leaving": "left"}
    for path in [*OddServer.REPLIES, "/leaving"]:
        requests = [Request("one", b"x" * 10, path, status=204 if path == "/empty" else 200)]
        if path == "/leaving":
            requests = [Request("one", b"x" * 10, "/never", status=LEAVES)]
        totals = generator.open_loop([(100, 0.5)], requests, 1, timeout_ms=300)["phases"][0]
        counter = counters.get(path, "good")
        expect(f"{path} counts as {counter}", f"{totals[counter]} of {totals['due']}", 0 < totals["due"] == totals[counter])
    totals = generator.open_loop([(100, 0.5)], [Request("one", b"x" * 1_000_000, "/whole")], 1, timeout_ms=9000)["phases"][0]
    expect("requests that need several writes", f"{totals['good']} of {totals['due']}", totals["good"] == totals["due"])
    totals = generator.open_loop(
        [(200, 1)], [Request("one", b"", "/never")], 1, timeout_ms=500, connections=10)["phases"][0]
    expect("requests without a connection are unsent", totals["unsent"], totals["unsent"] > 100)
    expect("all are accounted for", failures(totals), failures(totals) == totals["due"])
    mixed = [Request("many", b"", "/whole", weight=3), Request("few", b"", "/busy", weight=1, status=429)]
    result = generator.closed_loop(8, 2000, mixed, 1, renew_every=10)
    share = result["kinds"][0]["due"] / 2000
    expect("kinds come in their shares", share, abs(share - 0.75) < 0.04)
    expect("connections are renewed", result["opened"], 130 < result["opened"] < 300)
    expect("every request of the closed loop is good", result["phases"][0]["good"], result["phases"][0]["good"] == 2000)
    server.end()
    totals = generator.open_loop([(100, 0.3)], [Request("one")], 1, timeout_ms=300)["phases"][0]
    expect("without a server all are cut", f"{totals['cut']} of {totals['due']}", totals["cut"] == totals["due"])


def check_cost(generator):
    """Rates that are planned are reached, and requests are sent when they are due; but for moments in which the
    machine does something else."""
    server = StaticServer("{}")
    try:
        for rate in (500, 5000, 20000):
            totals = generator.open_loop([(rate, 2)], [Request("one", b"x" * 400)], 1, timeout_ms=1000)["phases"][0]
            expect(
                f"ready replies at {rate:,}/s", f"{totals['good']} of {totals['due']}, {totals['generator_cpus']:.2f} CPUs, ms: "
                f"{totals['latency_ms']['p50']:.3f} until half are answered, half sent {totals['lateness_ms']['p50']:.3f} late, "
                f"99 % {totals['lateness_ms']['p99']:.3f}",
                totals["good"] + totals["unsent"] == totals["due"] and totals["unsent"] < 0.01 * totals["due"]
                and abs(totals["due"] - 2 * rate) < 4 * math.sqrt(2 * rate) and totals["lateness_ms"]["p50"] < 1)
    finally:
        server.end()


def check_growth(generator):
    """A leak of 16 bytes a request is seen, which is 15 MiB per million at least, and where there is none, none is."""
    for leak in (0, 16):
        server, samples = StaticServer("{}", leak), []
        try:
            watch = Watch(server.process.pid, lambda kind, said, **row: row)
            generator.closed_loop(
                16, 200_000, [Request("one", b"x" * 400)], 1, every=5000, renew_every=200,
                at_progress=lambda done: samples.append(watch.sample("load", done)))
        finally:
            server.end()
        grown = growth(samples[len(samples) // 4:], "anonymous")
        expect(f"MiB per million requests that leak {leak} bytes", f"{grown:.2f}", grown > 15 if leak else abs(grown) < 1)


def main():
    generator = Generator()
    check_arrivals(generator)
    check_replies(generator)
    check_cost(generator)
    check_growth(generator)
    raise SystemExit(1 if faults else 0)


main()
