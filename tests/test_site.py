"""The site can be built from the documents, every link in it leads somewhere, and nothing in it is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with warnings as errors."""
    pytest.importorskip("sphinx", reason="needs pip install '.[docs]'")
    pytest.importorskip("myst_parser", reason="needs pip install '.[docs]'")
    pytest.importorskip("furo", reason="needs pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-n", "-c", str(ROOT / "docs"), "-d", str(folder / "trees")]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(ROOT), str(folder / "html")],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=240,
    )
    assert built.returncode == 0, built.stdout
    return folder / "html"


def test_every_document_is_a_page(site: Path) -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md"]
    documents += [path for path in (ROOT / "docs").rglob("*.md") if "node_modules" not in path.parts]
    missing = [str(path) for path in documents if not (site / path.relative_to(ROOT).with_suffix(".html")).exists()]
    assert not missing


def test_a_page_shows_programs_in_colours_and_no_comment(site: Path) -> None:
    page = (site / "docs" / "tutorial.html").read_text(encoding="utf-8")
    assert '<span class="k">placeholder</span>' in page
    assert "name: first.gdl" not in page.replace("<!-- name: first.gdl -->", "")


def test_the_first_page_is_found(site: Path) -> None:
    assert "docs/index.html" in (site / "index.html").read_text(encoding="utf-8")
    assert (site / "docs" / "index.html").exists()
