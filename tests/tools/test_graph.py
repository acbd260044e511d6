"""`gdl graph`: goldens of the text formats; the page, looked at by a browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from gdl.cli import graph as graph_module
from gdl.errors import Exit
from tests.golden import Golden, cases
from tests.tools.conftest import Gdl

FOLDER = Path(__file__).parent / "graph"
EXAMPLES = Path(__file__).parents[2] / "examples"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=20000 --dump-dom"
)


def has_extra() -> bool:
    try:
        distribution("xstatic-dagre")
    except PackageNotFoundError:
        return False
    return True


needs_extra = pytest.mark.skipif(not has_extra(), reason="needs the extra `graph`")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium")


@pytest.mark.parametrize("case", cases(FOLDER))
def test_text_formats(case: Path, gdl: Gdl, golden: Golden) -> None:
    parts = []
    for args in (["--format", "dot"], ["--format", "mermaid", "--depth", 1], ["--grad", "--of", "loss", "--depth", 2]):
        said = gdl("graph", case, *args)
        assert (said.code, said.err) == (Exit.OK, "")
        parts.append(f"$ {' '.join(map(str, args))}\n{said.out}")
    golden(case, "\n".join(parts))


def drawing_of(gdl: Gdl, *args: object) -> dict:
    said = gdl("graph", *args, "--format", "json")
    assert (said.code, said.err) == (Exit.OK, "")
    return json.loads(said.out)


@pytest.mark.parametrize("name", ["mnist", "convnet", "vae", "wgan", "dcgan", "spiral", "affine", "batch_norm"])
def test_a_drawing_hangs_together(gdl: Gdl, name: str) -> None:
    drawing = drawing_of(gdl, EXAMPLES / f"{name}.gdl")
    boxes = {box["id"]: box for box in drawing["boxes"]}
    groups = {group["id"]: group for group in drawing["groups"]}
    assert len(boxes) == len(drawing["boxes"]) and len(groups) == len(drawing["groups"])
    order = {id: i for i, id in enumerate(boxes)}
    assert all(order[arrow["tail"]] < order[arrow["head"]] for arrow in drawing["arrows"])
    assert all(member == "" or member in groups for member in [b["group"] for b in boxes.values()])
    assert all(group["parent"] == "" or group["parent"] in groups for group in groups.values())
    for box in boxes.values():
        for place in box["places"]:
            line = drawing["sources"][place["source"]].splitlines()[place["line"] - 1]
            assert 1 <= place["column"] <= len(line)


def test_gradients_are_marked_and_end_at_every_trained_variable(gdl: Gdl) -> None:
    plain, with_gradient = (drawing_of(gdl, FOLDER / "mlp.gdl", "--of", "loss", *more) for more in ([], ["--grad"]))
    added = [box for box in with_gradient["boxes"] if box["is_gradient"]]
    assert [b for b in with_gradient["boxes"] if not b["is_gradient"]] == plain["boxes"]
    results = [box["label"] for box in added if box["kind"] == "output"]
    assert results == [f"d loss / d {path}" for path in ("fc1/w", "fc1/b", "fc2/w", "fc2/b")]


def test_a_gradient_that_the_program_asks_for_is_a_group_of_its_own(gdl: Gdl) -> None:
    drawing = drawing_of(gdl, EXAMPLES / "wgan.gdl")
    asked = [group for group in drawing["groups"] if group["kind"] == "gradient"]
    assert [group["label"] for group in asked] == ["grad(sum(critic(blend)), bl..."]
    assert all(group["parent"] == "" for group in asked)
    variables = {box["path"]: box["group"] for box in drawing["boxes"] if box["kind"] == "variable"}
    groups = {group["id"]: group for group in drawing["groups"]}
    assert all(groups[group]["path"] == path.rpartition("/")[0] for path, group in variables.items())
    inside = [box for box in drawing["boxes"] if box["is_gradient"]]
    assert inside and all(box["kind"] == "op" for box in inside)


def test_two_files_of_one_name_are_told_apart(gdl: Gdl) -> None:
    Path("losses.gdl").write_text("gdl 1\nplaceholder x: f32[n, 3]\nplaceholder y: i64[n]\ndim n\n"
                                  "loss = mean(cross_entropy(x, y))\n")  # fmt: skip
    sources = drawing_of(gdl, "losses.gdl")["sources"]
    assert {"losses.gdl", "losses.gdl (2)"} <= sources.keys() and "cross_entropy(x, y)" in sources["losses.gdl"]


def test_every_application_of_a_shared_net_is_a_group(gdl: Gdl) -> None:
    drawing = drawing_of(gdl, FOLDER / "shared.gdl")
    assert [group["path"] for group in drawing["groups"] if group["layer"] == "Twin"] == ["twin", "twin"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--of", "los"], "did you mean `loss`?"),
        (["--grad", "--of", "logits"], "E0917"),
        (["--format", "html"], "-o graph.html"),
        (["--format", "svg"], "svg"),
        (["-o", "nowhere/graph.dot"], "E0957"),
    ],
)
def test_wrong_options(gdl: Gdl, args: list[str], words: str) -> None:
    said = gdl("graph", FOLDER / "mlp.gdl", *args)
    assert said.code == Exit.USAGE and words in said.err and said.out == ""


def test_a_program_is_not_drawn_over(gdl: Gdl) -> None:
    shutil.copy(FOLDER / "mlp.gdl", "mlp.gdl")
    said = gdl("graph", "mlp.gdl", "-o", "./mlp.gdl")
    assert said.code == Exit.USAGE and "the program itself" in said.err
    assert Path("mlp.gdl").read_bytes() == (FOLDER / "mlp.gdl").read_bytes()


def test_nothing_to_differentiate(gdl: Gdl) -> None:
    assert "E0954" in gdl("graph", EXAMPLES / "affine.gdl", "--grad").err


def test_without_the_extra_it_is_told_how_to_get_it(gdl: Gdl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_LAYOUT_PACKAGE", "no-such-package-anywhere")
    said = gdl("graph", FOLDER / "mlp.gdl", "-o", "graph.html")
    assert said.code == Exit.USAGE and "pip install 'gdl[graph]'" in said.err and not Path("graph.html").exists()
    assert gdl("graph", FOLDER / "mlp.gdl", "-o", "graph.dot").code == Exit.OK


# ---- the page


@needs_extra
def test_a_page_asks_for_nothing(gdl: Gdl) -> None:
    gdl("graph", FOLDER / "mlp.gdl", "-o", "graph.html")
    page = Path("graph.html").read_text("utf-8")
    assert "default-src 'none'" in page and "Copyright (c) 2012-2014 Chris Pettitt" in page
    assert not re.search(r"""<(script|link|img|iframe)[^>]+(src|href)\s*=|@import|url\((?!#)""", page)


def looked_at(path: Path, tmp_path: Path, wishes: str = "", script: str = "") -> str:
    """The page as a browser has it after its scripts, and then `script`; whatever it complains of fails the test."""
    copy = path.with_name("looked_at.html")
    copy.write_text(path.read_text("utf-8").replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [str(BROWSER), *QUIET.split(), profile, f"{copy.resolve().as_uri()}#{wishes}"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


def shown(dom: str) -> set[str]:
    """The boxes that are drawn."""
    return set(re.findall(r'<g class="box [^"]*" data-id="(\w+)"', dom))


@needs_extra
@needs_browser
@pytest.mark.parametrize("args", [[FOLDER / "shared.gdl"], [FOLDER / "mlp.gdl", "--grad"]], ids=["shared", "grad"])
def test_a_browser_draws_everything(args: list, gdl: Gdl, tmp_path: Path) -> None:
    drawing = drawing_of(gdl, *args)
    assert gdl("graph", *args, "-o", "graph.html").code == Exit.OK
    dom = looked_at(Path("graph.html"), tmp_path, "open=all")
    everything = [*drawing["boxes"], *drawing["groups"]]
    assert shown(dom) == {each["id"] for each in everything}
    assert dom.count('class="arrow') >= len(drawing["arrows"])


@needs_extra
@needs_browser
def test_layers_open_and_fold_and_a_click_shows_the_line(gdl: Gdl, tmp_path: Path) -> None:
    case = EXAMPLES / "convnet.gdl"
    drawing = drawing_of(gdl, case)
    gdl("graph", case, "-o", "graph.html")
    model = next(g for g in drawing["groups"] if g["path"] == "model")
    inside = {each["id"] for each in drawing["groups"] if each["parent"] == model["id"]}
    relu = next(box for box in drawing["boxes"] if box["op"] == "relu")
    folded = looked_at(Path("graph.html"), tmp_path, script='document.getElementById("close").click();')
    assert model["id"] in shown(folded) and not inside & shown(folded)
    assert len(shown(folded)) < 10 < len(drawing["boxes"])
    press = 'document.getElementById("close").click(); ' + f"document.querySelector('[data-id={model['id']}]')"
    click = f"{press}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}));"
    opened = looked_at(Path("graph.html"), tmp_path, script=click)
    assert inside <= shown(opened)
    chosen = looked_at(Path("graph.html"), tmp_path, f"select={relu['id']}")
    marked = re.findall(r'<li data-line="(\d+)" class="lit">', chosen)
    assert marked == ["11", "14", "25"] and '<g class="box op chosen"' in chosen
