"""Wheel, sdist, editable install and bare checkout all find grammar, standard library and data."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT

DIGITS = """gdl 1
from nn import Dense
dim batch
data digit = digits()
placeholder x: f32[batch, 64]
placeholder y: i64[batch]
loss = mean(cross_entropy(x |> fc: Dense(10), y))
train {
  steps 3
  feed x = flatten(image) / 255, y = label from digit.train batch 10
  minimize loss with Adam(0.01)
}
"""

FIND_LEXERS = """from pygments.lexers import get_lexer_by_name
print(*(type(get_lexer_by_name(name)).__name__ for name in ("gdl", "gdl-console")))
"""


def run(*command: object, path: Path | None = None, cwd: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path) if path else "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run([str(part) for part in command], env=environment, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel built from it, offline."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


def trains(python: str, path: Path | None, folder: Path) -> None:
    """Whether that GDL checks and trains a program that needs grammar, standard library and shipped data."""
    (folder / "small.gdl").write_text(DIGITS)
    assert "right" in run(python, "-m", "gdl", "check", "small.gdl", path=path, cwd=folder)
    assert "sha256:" in run(python, "-m", "gdl", "run", "small.gdl", path=path, cwd=folder)


def test_wheel_is_complete_and_works(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("gdl-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    assert {"gdl/py.typed", "gdl/grammar/gdl.lark", "gdl/stdlib/nn.gdl", "gdl/data/digits/README"} <= names
    found = run(sys.executable, "-c", FIND_LEXERS, path=tmp_path / "site", cwd=tmp_path)
    assert found.split() == ["GdlLexer", "GdlConsoleLexer"]
    assert not {name for name in names if name.startswith(("tests/", "examples/")) or name.endswith(".pyc")}
    found = run(sys.executable, "-c", "import gdl; print(gdl.__file__)", path=tmp_path / "site", cwd=tmp_path)
    assert str(tmp_path / "site") in found
    trains(sys.executable, tmp_path / "site", tmp_path)


def test_sdist_has_what_a_checkout_has(dist: Path) -> None:
    (sdist,) = dist.glob("gdl-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "grammar/gdl.lark", "stdlib/nn.gdl", "examples/mnist.gdl", "gdl/py.typed"} <= names


def test_editable_install_works(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, system_site_packages=True, with_pip=False)
    python = home / "bin" / "python"
    # The packages that GDL needs are those of the interpreter that runs the tests.
    site = next((home / "lib").glob("python*/site-packages"))
    (site / "around.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-build-isolation", "--no-index",
        "-e", ROOT)  # fmt: skip
    assert (home / "bin" / "gdl").is_file()
    assert "gdl 0" in run(home / "bin" / "gdl", "--version", cwd=tmp_path)
    trains(str(python), None, tmp_path)


def test_bare_checkout_works(tmp_path: Path) -> None:
    trains(sys.executable, ROOT, tmp_path)
