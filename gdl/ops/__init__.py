"""The ops. Importing this package fills the table."""

from __future__ import annotations

from gdl.ops import (  # noqa: F401
    arithmetic,
    comparison,
    composite,
    conversion,
    convolution,
    creation,
    cumulative,
    einsum,
    elementwise,
    indexing,
    linalg,
    pooling,
    random,
    rearrange,
    reductions,
    shaping,
)
