"""Text that must fit its box without a font to measure it with.

The widths are those of DejaVu Sans, the widest of the usual sans-serif faces, so that a label that
fits by this table fits in whatever face the reader's browser chooses.
"""

from __future__ import annotations

from itertools import combinations, pairwise

__all__ = ["text_width", "wrapped"]

# Advance width in em → characters; anything else counts as _OTHER (wide: East Asian full width).
_WIDTHS = {
    0.28: "'ijl", 0.29: "IJ", 0.32: " ,.·", 0.34: "/:;|", 0.36: "f-", 0.39: "()[]t", 0.41: "r!",
    0.52: "sz\"", 0.53: "?", 0.55: "c*_", 0.58: "FLk", 0.60: "Pvxy", 0.62: "TYaeo",
    0.64: "0123456789ESbdghnpqu–", 0.69: "ABKRVXZ", 0.70: "C", 0.75: "HNU", 0.79: "DGOQ",
    0.84: "#+<=>~−×w", 0.87: "M", 0.99: "%Wm@",
}  # fmt: skip
_EM = {character: width for width, characters in _WIDTHS.items() for character in characters}
_OTHER = 0.7
_FULL_WIDTH = 0x2E80


def text_width(text: str, size: float) -> float:
    """Upper estimate of the width of a line of text in pixels.

    Examples
    --------
    >>> round(text_width("exhaustion", 12))
    67
    """
    return size * sum(_EM.get(c, 1.0 if ord(c) >= _FULL_WIDTH else _OTHER) for c in text)


def wrapped(text: str, size: float, limit: float, lines: int = 3) -> list[str]:
    """Break a name at spaces into the fewest lines that fit, evenly; at most ``lines``.

    Examples
    --------
    >>> wrapped("severity of product misrepresentation", 12, 120)
    ['severity of product', 'misrepresentation']
    >>> wrapped("trust", 12, 80)
    ['trust']
    """
    words = text.split()
    best = [text]
    for count in range(1, min(lines, len(words)) + 1):
        options = []
        for cuts in combinations(range(1, len(words)), count - 1):
            edges = (0, *cuts, len(words))
            parts = [" ".join(words[a:b]) for a, b in pairwise(edges)]
            options.append((max(text_width(p, size) for p in parts), parts))
        width, best = min(options)
        if width <= limit:
            break
    return best
