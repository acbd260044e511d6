"""The libraries that run the workloads. Each module has `load(workload, weights, data) -> step`, and a call of the
step runs one training step (or one evaluation with gradients) and gives back the loss as a Python float. Steps are
written as that library's own users write them.

Weights are given by their GDL paths, in GDL's layouts: images [batch, row, column, channel], dense weights [in, out].
"""
