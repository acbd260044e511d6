"""Pictures in a terminal: each character is two pixels, one above the other."""

from __future__ import annotations

import numpy as np

_RESET = "\x1b[0m"
_BLOCKS = " ▀▄█"


def draw_picture(pixels: np.ndarray, color: bool, width: int) -> str:
    """Bytes [height, width, 1 or 3]. Without colour a pixel is there or not. What is too wide is drawn smaller."""
    step = -(-pixels.shape[1] // max(width, 1))
    pixels = pixels[::step, ::step]
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    draw = _colored if color else _plain
    return "\n".join(draw(upper, lower) for upper, lower in zip(pixels[::2], pixels[1::2], strict=True))


def _plain(upper: np.ndarray, lower: np.ndarray) -> str:
    bright = (upper.mean(axis=-1) >= 128) + 2 * (lower.mean(axis=-1) >= 128)
    return "".join(_BLOCKS[b] for b in bright).rstrip()


def _colored(upper: np.ndarray, lower: np.ndarray) -> str:
    """The upper pixel is the character's own colour, the lower its background."""
    parts, before = [], None
    for pair in zip(upper, lower, strict=True):
        (r, g, b), (s, h, c) = (np.broadcast_to(pixel, 3) for pixel in pair)
        style = f"\x1b[38;2;{r};{g};{b};48;2;{s};{h};{c}m"
        parts.append((style if style != before else "") + _BLOCKS[1])
        before = style
    return "".join(parts) + _RESET
