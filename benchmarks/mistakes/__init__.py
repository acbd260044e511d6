"""Seven mistakes, and what GDL, ONNX, NNEF and JAX say of them: `python -m benchmarks.mistakes`."""
