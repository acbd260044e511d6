"""A module imports only from floors below its own (docs/architecture.md); packages of one floor know no other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "gdl"
FLOORS: dict[str, float] = {
    "source": 0, "diagnostics": 0, "errors": 0, "resources": 0, "render": 0, "fixes": 0, "columns": 0,
    "collection": 0, "record": 0,
    "syntax": 1, "types": 2, "graph": 3, "ops": 4, "lang": 5, "autodiff": 5, "passes": 5,
    "runtime": 6, "train": 7, "session": 8, "builder": 8, "interactive": 8.2, "": 8.5, "cli": 9,
    "doc": 9, "repl": 9, "lsp": 9, "highlighting": 9, "__main__": 9,
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(module: str) -> str:
    """gdl.lang.check -> lang; gdl itself -> the empty name."""
    name = module.split(".")[1] if "." in module else ""
    return name if name in FLOORS else ""


def imports(path: Path) -> list[str]:
    """Modules of GDL that a module imports, those in functions and for type checkers too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"gdl.{a.name}" for a in node.names] if node.module == "gdl" else [node.module or ""]
    return [m for m in found if m == "gdl" or m.startswith("gdl.")]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = part("gdl." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    for module in imports(path):
        other = part(module)
        siblings = own == other or FLOORS[own] == FLOORS[other] in (0, 9)
        assert siblings or FLOORS[other] < FLOORS[own], f"{own} (floor {FLOORS[own]}) imports {module}"


def test_no_module_is_called_after_nothing() -> None:
    names = {p.stem for p in MODULES} | {p.parent.name for p in MODULES}
    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


def test_numpy_is_not_imported_at_the_top_below_the_runtime() -> None:
    for path in MODULES:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if FLOORS.get(own, 9) <= 5:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in tree.body:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    is_plain = isinstance(node, ast.Import)
                    names = [a.name for a in node.names] if is_plain else [getattr(node, "module", "") or ""]
                    assert not any(n.split(".")[0] == "numpy" for n in names), path
