"""Fuzzes and keeps what breaks: `python -m tests.fuzz --count 100000 --seed 1 --out DIR`. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from tests.fuzz import inputs, world
from tests.fuzz.oracle import Finding, bounded_memory, broken, tight_limits
from tests.fuzz.running import broken_run
from tests.fuzz.smaller import smaller


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run-share", type=float, default=1.0, help="share of the right programs that are run, too")
    parser.add_argument("--out", type=Path, help="folder for one file per kind of finding, made smaller")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tight_limits(), bounded_memory():
        options = world.build(Path(folder))
        known: dict[str, int] = {}
        counts: Counter[str] = Counter()
        began = monotonic()
        for number in range(given.first, given.first + given.count):
            text = inputs.text(given.seed, number)
            at = monotonic()
            found, checked = broken(text, options)
            if found is None and checked is not None and checked.program is not None:
                counts["right"] += 1
                if number % 1000 < 1000 * given.run_share:
                    found = broken_run(checked, options)
                    counts["run"] += 1
            if monotonic() - at > 1.0:
                print(f"slow: {number} took {monotonic() - at:.1f} s", flush=True)
            if found is not None:
                counts["findings"] += 1
                if found.key not in known:
                    known[found.key] = number
                    _tell(number, found, text, options, given.out)
            if number % 1000 == 999:
                print(f"{number + 1}: {dict(counts)} {len(known)} kinds, {monotonic() - began:.0f} s", flush=True)
        print(f"{given.count} inputs, {dict(counts)}, {len(known)} kinds of findings, {monotonic() - began:.0f} s")


def _tell(number: int, found: Finding, text: str, options, out: Path | None) -> None:
    print(f"== {number}: {found.key}\n{found.detail[-900:]}", flush=True)

    def breaks(candidate: str) -> bool:
        now, checked = broken(candidate, options)
        if now is None and checked is not None and checked.program is not None:
            now = broken_run(checked, options)
        return now is not None and now.key == found.key

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        small = smaller(text, breaks)
        print(f"-- made smaller:\n{small[:1500]!r}\n", flush=True)
        (out / f"{number}.gdl").write_bytes(small.encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    main()
