"""`gdl lsp` where its extra is not installed."""

from __future__ import annotations

import subprocess
import sys


def test_without_the_extra_it_says_how_to_get_it() -> None:
    hide = "import sys; sys.modules['pygls'] = None; from gdl.cli.main import main; sys.exit(main(['lsp']))"
    found = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, check=False)
    assert found.returncode == 2 and "pip install 'gdl[lsp]'" in found.stderr and "Traceback" not in found.stderr
