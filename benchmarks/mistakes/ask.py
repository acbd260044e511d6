"""Has a program checked by the tool that its suffix names, as thoroughly as the tool can. Without one: the versions.

Run by the Python in which these tools are installed: `python ask.py FILE`.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def onnx(text: str) -> None:
    from onnx import checker, parser, shape_inference

    model = parser.parse_model(text)
    checker.check_model(model, full_check=True)
    shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def nnef(text: str) -> None:
    import nnef

    graph = nnef.parse_string(text)
    nnef.infer_shapes(graph)


TOOLS = {".onnx": onnx, ".nnef": nnef}


def main() -> None:
    if len(sys.argv) == 1:
        for name in ("onnx", "nnef", "jax"):
            try:
                print(name, version(name))
            except PackageNotFoundError:
                print(name, "-")
        return
    path = Path(sys.argv[1])
    TOOLS[path.suffix](path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
