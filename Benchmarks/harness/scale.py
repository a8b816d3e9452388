"""Runs simulated fleets of several sizes, and draws what they cost to control."""

import argparse
import csv
import io
import pathlib
import subprocess

HEAD = ["nodes", "replicas", "phase", "in the fleet", "CPU, all nodes", "reads", "writes", "renewals", "read and written",
        "told to watches"]


def measure(program: str, nodes: int, seed: int) -> list[dict[str, str]]:
    """The phases of one fleet."""
    command = [program, "--nodes", str(nodes), "--seed", str(seed)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def size(count: str) -> str:
    """Bytes as people read them."""
    number = float(count)
    for unit in ["B", "KB", "MB"]:
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def table(rows: list[dict[str, str]]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for row in rows:
        cells = [row["nodes"], row["replicas"], row["phase"], f"{float(row['seconds']):.1f} s",
                 f"{float(row['cpu_seconds']):.1f} s", row["reads"], row["writes"], row["renewals"], size(row["bytes"]),
                 size(row["told_bytes"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def draw(rows: list[dict[str, str]], path: pathlib.Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    for phase in dict.fromkeys(row["phase"] for row in rows):
        part = [row for row in rows if row["phase"] == phase]
        nodes = [int(row["nodes"]) for row in part]
        traffic = [int(row["bytes"]) + int(row["told_bytes"]) for row in part]
        axes[0].loglog(nodes, traffic, "o-", label=phase)
        axes[1].loglog(nodes, [float(row["cpu_seconds"]) for row in part], "o-", label=phase)
    for axis, title in zip(axes, ["bytes to and from etcd", "CPU seconds, all nodes together"]):
        axis.set_title(title)
        axis.set_xlabel("workers, ten replicas each")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    rows = [row for nodes in options.nodes.split(",") for row in measure(options.program, int(nodes), options.seed)]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.md").write_text(table(rows))
    draw(rows, options.out / "results.png")
    print(table(rows), end="")


if __name__ == "__main__":
    main()
