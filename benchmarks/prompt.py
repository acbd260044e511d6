"""How long the prompt takes to answer, before and after a thousand inputs: `python -m benchmarks.prompt`.

On the largest example: an expression on small tensors that was not seen before, checked, planned, run and drawn; and a
completion. Milliseconds, medians and the slowest of 100.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.processes import ROOT
from gdl.interactive.completion import completions
from gdl.interactive.session import Interactive
from gdl.repl.draw import Pen

_BEGINNINGS = ("l", "Lay", "soft", "lm.", "x |> Den")


def main() -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "tinyshakespeare.txt").write_text("To be, or not to be, that is the question.\n" * 400)
        session, pen = Interactive(data=Path(folder)), Pen()
        for answer in session.load(ROOT / "examples" / "charlm.gdl"):
            pen.draw(answer)
        list(session.submit("v: f32[3] = [1.0, 2.0, 3.0]"))
        count = iter(range(10**6))

        def answered() -> None:
            for answer in session.submit(f"sum(v * {next(count)}.5 + exp(v))"):
                pen.draw(answer)

        def completed() -> None:
            completions(session, _BEGINNINGS[next(count) % len(_BEGINNINGS)])

        for said, inputs in (("first inputs", 0), ("after a thousand", 1000)):
            for _ in range(inputs):
                answered()
            print(f"{said:18} expression {_times(answered)}   completion {_times(completed)}")


def _times(work: Callable[[], None]) -> str:
    work()  # what is read once
    times = []
    for _ in range(100):
        began = perf_counter()
        work()
        times.append(1e3 * (perf_counter() - began))
    return f"{statistics.median(times):6.2f} (at most {max(times):6.2f})"


if __name__ == "__main__":
    main()
