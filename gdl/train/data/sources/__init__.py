"""Every data source of the language, one file each. Adding one is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from gdl.train.data.source import SourceKind, source_kind
from gdl.train.data.sources.arrays import arrays
from gdl.train.data.sources.chars import chars
from gdl.train.data.sources.csv import csv
from gdl.train.data.sources.digits import digits
from gdl.train.data.sources.idx import idx
from gdl.train.data.sources.images import images
from gdl.train.data.sources.mnist import fashion_mnist, mnist
from gdl.train.data.sources.npz import npz
from gdl.train.data.sources.spiral import spiral

SOURCES: Mapping[str, SourceKind] = {
    kind.name: kind
    for kind in map(source_kind, (mnist, fashion_mnist, digits, idx, npz, csv, images, chars, spiral, arrays))
}
