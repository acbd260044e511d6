"""A folder with small data files and a module to import, for the programs that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gdl.train.data import DataOptions

_MODULE = """\
from nn import Dense
def double(x: f[*s]) -> f[*s] {
  return 2 * x
}
layer Two(x: f32[b, d]) -> f32[b, 2] {
  return x |> fc: Dense(2)
}
"""


def build(folder: Path) -> DataOptions:
    """Options of a program that lies in the folder."""
    (folder / "tinyshakespeare.txt").write_text("To be, or not to be, that is the question: " * 8, encoding="utf-8")
    (folder / "a.csv").write_text("x,y,kind\n1,2.5,a\n3,4.5,b\n5,6.5,a\n", encoding="utf-8")
    (folder / "other.gdl").write_text(_MODULE, encoding="utf-8")
    for name in ("loop.gdl", "loop.csv", "loop"):
        try:
            (folder / name).symlink_to(name)
        except OSError:  # not on every system
            continue
    np.savez(folder / "a.npz", x=np.zeros((6, 2), np.float32), y=np.zeros(6, np.int64))
    (folder / "a.idx").write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6]))
    return DataOptions(program_dir=folder, cache_dir=folder / "cache", offline=True)
