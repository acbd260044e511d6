"""Edits every example and counts what becomes of it: `python -m tests.mutation --count 500 --seed 1 [NAME ...]`."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from tests.mutation import running
from tests.mutation.edits import edit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="examples; all of them if none is named")
    parser.add_argument("--count", type=int, default=500, help="edits of each example")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        options = running.build(Path(folder))
        for name in given.names or running.names():
            text, counts, began = running.example(name), Counter[str](), monotonic()
            for number in range(given.count):
                change = edit(text, given.seed, number)
                found = running.outcome(change.applied(text), options)
                counts[found.word] += 1
                if found.word == "failed later":
                    print(f"-- {name}, edit {number}: {change.told(text)}\n{found.said}", flush=True)
            print(f"{name}: {dict(counts)}, {monotonic() - began:.0f} s", flush=True)
            total += counts
    print(f"all: {total.total()} edits, {dict(total)}")


if __name__ == "__main__":
    main()
