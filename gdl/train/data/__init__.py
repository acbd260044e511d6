"""Data sources: what a program's `data d = mnist() or digits()` comes to. Importing this does not import numpy."""

from gdl.errors.data import NotToBeHad
from gdl.train.data.dataset import Dataset, describe, describe_any, open_data
from gdl.train.data.options import DataOptions, data_options
from gdl.train.data.sources import SOURCES

__all__ = [
    "SOURCES",
    "DataOptions",
    "Dataset",
    "NotToBeHad",
    "data_options",
    "describe",
    "describe_any",
    "open_data",
]
