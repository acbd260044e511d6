"""The VS Code extension: that its files are there and fit each other. That it works needs an editor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.editors.test_textmate import GRAMMAR

FOLDER = Path(__file__).parents[2] / "docs" / "editors" / "vscode"


@pytest.fixture(scope="module")
def package() -> dict[str, Any]:
    return json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))


def test_what_the_package_names_is_there(package: dict[str, Any]) -> None:
    contributed = package["contributes"]
    (language,), (grammar,) = contributed["languages"], contributed["grammars"]
    for name in (package["main"], language["configuration"], grammar["path"]):
        assert (FOLDER / name).is_file(), name
    assert (FOLDER / grammar["path"]).resolve() == GRAMMAR.resolve()
    assert language["id"] == grammar["language"] == "gdl" and language["extensions"] == [".gdl"]
    assert package["activationEvents"] == [f"onLanguage:{language['id']}"]
    assert set(contributed["configurationDefaults"]) == {"[gdl]"}


def test_the_grammar_has_the_scope_that_the_package_names(package: dict[str, Any]) -> None:
    grammar = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    assert grammar["scopeName"] == package["contributes"]["grammars"][0]["scopeName"] == "source.gdl"
    scopes = re.findall(r'"name": "([^"]+)"', json.dumps(grammar["patterns"]))
    assert scopes and all(
        re.fullmatch(r"(?:comment|string|constant|storage|keyword|entity)\.[\w.-]+\.gdl", s) for s in scopes
    )


def test_lines_are_indented_where_a_bracket_opens() -> None:
    configuration = json.loads((FOLDER / "language-configuration.json").read_text(encoding="utf-8"))
    assert configuration["comments"] == {"lineComment": "#"}
    deeper, back = (re.compile(pattern) for pattern in configuration["indentationRules"].values())
    for line in ("train {", 'test "a" {', "y = f(", "  x = [  # rows", "} else {"):
        assert deeper.search(line), line
    for line in ("# see f(", "eval e { report x }", "x = 1"):
        assert not deeper.search(line), line
    assert back.search("  }") and back.search(")") and not back.search("x }")


def test_the_script_starts_the_language_server(package: dict[str, Any]) -> None:
    script = (FOLDER / package["main"]).read_text(encoding="utf-8")
    assert 'args: ["lsp"]' in script and list(package["contributes"]["configuration"]["properties"]) == ["gdl.path"]
    needed = set(re.findall(r'require\("([^"/]+)', script))
    assert needed == {"vscode", *package["dependencies"]}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_script_is_javascript(package: dict[str, Any]) -> None:
    done = subprocess.run(["node", "--check", FOLDER / package["main"]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
