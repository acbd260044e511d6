"""The backend `numba`: runs of statements compiled to kernels, each a nest of loops over the elements.

`compile_listing` takes a plan's statements after `settle_updates`: `fuse` finds the nests, `memory` gives their values
a place, `write` words each nest as Python, `products` and `convolution` find what is made of sums of products,
`contraction` words that, `region` makes such kernels in a row one call, `library` compiles with numba and keeps the
machine code. Only `library` and what it imports (`functions`, `intrinsics`, `tile`) know numba, and they are imported
when a plan is prepared.
"""
