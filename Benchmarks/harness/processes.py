"""A server's processes: what CPU time and memory they use, and their end."""

import os
import signal
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
# Whoever is told to end unwinds, and so ends the servers that it has started: they have sessions of their own.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class ProcessTree:
    """A command with all that it starts, in a session of its own."""

    def __init__(self, command, environment, folder, log):
        self.started = time.perf_counter()
        self.root = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)

    def pids(self):
        """Those of its session, and the children of any of them that began one of their own."""
        parents, found = {}, {self.root.pid}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and (fields := _stat(entry)):
                parents[int(entry)] = int(fields[1])
                if int(fields[3]) == self.root.pid:
                    found.add(int(entry))
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid for pid in found if pid in parents}

    @property
    def has_ended(self):
        return self.root.poll() is not None

    def cpu_seconds(self):
        """The CPU time of all that run now."""
        all_fields = [_stat(pid) for pid in self.pids()]
        return sum(int(fields[11]) + int(fields[12]) for fields in all_fields if fields) / TICKS

    def memory(self):
        """MiB: resident, where shared pages count once for each process, and each process's share (PSS)."""
        resident = share = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    lines = dict(line.split()[:2] for line in file if line.startswith(("Rss:", "Pss:")))
            except OSError:
                continue
            resident += int(lines.get("Rss:", 0))
            share += int(lines.get("Pss:", 0))
        return resident / 1024, share / 1024

    def end(self, patience=10):
        """Asks for an orderly end, then makes one."""
        pids = self.pids()
        if not self.has_ended:
            self.root.terminate()
            try:
                self.root.wait(patience)
            except subprocess.TimeoutExpired:
                pass
        for pid in pids | self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.root.wait()


def machine_cpu_seconds():
    """The CPU time that everything on the machine has used, and that a virtual machine's host has kept for others."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, soft_irq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + soft_irq + steal) / TICKS


def wait_for_rest(cpus, limit=20):
    """Waits for a second in which the machine uses fewer CPUs than that, or until the limit is over."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        began, used = time.monotonic(), machine_cpu_seconds()
        time.sleep(1)
        if machine_cpu_seconds() - used < cpus * (time.monotonic() - began):
            return


def _stat(pid):
    """The fields of /proc/PID/stat after the name; the first is the state."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
