"""The memory of a process by the requests that it has answered, and whether it grows."""

import os
import statistics
import time

MIB = 1024  # KiB


class Watch:
    """A process's memory in KiB, its threads and its open files."""

    def __init__(self, pid, record):
        self.pid, self.record, self.began = pid, record, time.monotonic()

    def sample(self, when, done=0):
        with open(f"/proc/{self.pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file)
        row = {name: int(fields[key].split()[0]) for name, key in (
            ("resident", "VmRSS"), ("anonymous", "RssAnon"), ("peak", "VmHWM"), ("threads", "Threads"))}
        row["files"] = len(os.listdir(f"/proc/{self.pid}/fd"))
        seconds = time.monotonic() - self.began
        said = f"{when} {done:,}: {row['anonymous'] / MIB:.1f} MiB anonymous, {row['resident'] / MIB:.1f} resident"
        show = when != "load" or done % 100_000 == 0
        return self.record("memory", said if show else None, when=when, done=done, seconds=seconds, **row)


def growth(samples, key):
    """MiB per million requests: the median of the slopes between any two samples (Theil and Sen), which a few jumps
    of the allocator don't move."""
    slopes = [
        (later[key] - earlier[key]) / MIB / (later["done"] - earlier["done"]) * 1e6
        for i, earlier in enumerate(samples) for later in samples[i + 1:]]
    return statistics.median(slopes)
