"""What an elementwise op is as an expression of Python, for one element. {0}, {1}, {2} are its operands, {t} its dtype.

Only what gives NumPy's bits, or those of `functions` within their units, is here; the rest stays NumPy's.
"""

from __future__ import annotations

from collections.abc import Mapping

from gdl.runtime.statements import Form, Statement

_FLOATS = ("f32", "f64")
#: For numbers of every dtype.
_NUMBERS: Mapping[str, str] = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "negative": "-{0}",
    "less": "{0} < {1}", "less_equal": "{0} <= {1}", "greater": "{0} > {1}", "greater_equal": "{0} >= {1}",
    "equal": "{0} == {1}", "not_equal": "{0} != {1}", "where": "pick({0}, {1}, {2})",
    "maximum": "pick(({0} >= {1}) | ({0} != {0}), {0}, {1})", "minimum": "pick(({0} <= {1}) | ({0} != {0}), {0}, {1})",
}  # fmt: skip
_FLOAT_ONLY: Mapping[str, str] = {
    "divide": "{0} / {1}", "sqrt": "root({0})", "rsqrt": "{t}(1) / root({0})", "abs": "size_of({0})",
    "floor": "floor({0})", "ceil": "ceil({0})", "round": "rint({0})", "relu": "pick({0} < {t}(0), {t}(0), {0})",
    "is_finite": "size_of({0}) < {t}(infinity)", "exp": "exp_{t}({0})", "expm1": "expm1_{t}({0})",
    "log": "log_{t}({0})", "log1p": "log1p_{t}({0})", "tanh": "tanh_{t}({0})", "sigmoid": "sigmoid_{t}({0})",
    "erf": "erf_{t}({0})",
}  # fmt: skip
_TRUTHS: Mapping[str, str] = {
    "logical_and": "{0} & {1}", "logical_or": "{0} | {1}", "logical_not": "not {0}", "where": "pick({0}, {1}, {2})",
    "equal": "{0} == {1}", "not_equal": "{0} != {1}",
}  # fmt: skip
#: Of the C library, one element after the other: NumPy has them in vectors, which wins where there are many elements.
_SCALAR: Mapping[str, str] = {"power": "{0} ** {1}", "sin": "sin({0})", "cos": "cos({0})"}
_FEW = 256


def formula(statement: Statement) -> str | None:
    """The expression, or None where the statement is NumPy's."""
    dtypes = [operand.dtype for operand in statement.operands]
    result = statement.result.dtype
    if statement.form in (Form.COPY, Form.LOAD, Form.STORE):
        return "{0}"
    if statement.node is None or not statement.elementwise:
        return None
    op = statement.node.op
    if op == "cast":
        return _cast(dtypes[0], result)
    dtype = dtypes[-1]
    if dtype == "bool":
        return _TRUTHS.get(op)
    if dtype in _FLOATS:
        few = statement.result.nbytes <= 4 * _FEW
        text = _NUMBERS.get(op) or _FLOAT_ONLY.get(op) or (_SCALAR.get(op) if few else None)
        return text.replace("{t}", dtype) if text else None
    text = _NUMBERS.get(op)
    return f"{result}({text})" if text and result == dtype and op not in ("where", "maximum", "minimum") else text


def _cast(source: str, target: str) -> str | None:
    """What has one meaning everywhere: not floats as integers, which may not fit."""
    if source == target:
        return "{0}"
    if target == "bool":
        return f"{{0}} != {source}(0)"
    return f"{target}({{0}})" if target in _FLOATS or source not in _FLOATS else None
