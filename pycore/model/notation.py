r"""How the words of a model are written: symbols in LaTeX, names in running text.

A word's ``symbol`` may be LaTeX (``\beta_d``), Greek letters (``β_d``) or ASCII (``beta_d``);
a word without one is written by its name, upright.
"""

from __future__ import annotations

import re

__all__ = ["escape_text", "glyphs", "latex_symbol", "pretty", "starred", "subscripted"]

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "varphi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_GREEK_NAMES = {*_GREEK.values(), "epsilon", "phi"}
_SUBSCRIPT_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TEXT = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "#": r"\#",
    "&": r"\&", "_": " ", "^": " ", "~": " ",
}  # fmt: skip


def pretty(name: str) -> str:
    """A snake_case name as words.

    Examples
    --------
    >>> pretty("emotional_exhaustion")
    'emotional exhaustion'
    """
    return name.replace("_", " ").strip()


def escape_text(text: str) -> str:
    r"""Text that can stand in ``\text{…}``.

    Examples
    --------
    >>> print(escape_text("50% of left_over"))
    50\% of left over
    """
    return "".join(_TEXT.get(character, character) for character in text)


def latex_symbol(symbol: str, name: str) -> str:
    r"""The LaTeX of a word's symbol, or of its name where it has none.

    Examples
    --------
    >>> print(latex_symbol("β_d", "beta_d"), latex_symbol("", "mean_wait"))
    \beta_{d} \mathrm{mean\ wait}
    """
    if not symbol:
        return rf"\mathrm{{{escape_text(pretty(name)).replace(' ', chr(92) + ' ')}}}"
    if "\\" in symbol or "{" in symbol:
        return symbol
    symbol = re.sub(r"[₀-₉]+", lambda m: f"_{{{m[0].translate(_SUBSCRIPT_DIGITS)}}}", symbol)
    base, subscript = _split(symbol)
    if not subscript:
        return _atom(base)
    subscript = ",".join(_atom(part) for part in re.split(r"[,_]\s*", subscript))
    return f"{_atom(base)}_{{{subscript}}}"


def subscripted(latex: str, index: str) -> str:
    """Add an index to a symbol, after the subscript that it may have.

    Examples
    --------
    >>> print(subscripted("E_{d}", "t-1"), subscripted("X", "t"))
    E_{d,t-1} X_{t}
    """
    if not index:
        return latex
    base, subscript = _split(latex)
    return f"{base}_{{{subscript},{index}}}" if subscript else f"{latex}_{{{index}}}"


def starred(latex: str) -> str:
    """The symbol of a state's long-run value; an asterisk joins the superscript there may be.

    Examples
    --------
    >>> print(starred("X"), starred("E_{d}"), starred("P^{T}"))
    X^{*} E^{*}_{d} P^{T*}
    """
    base, subscript = _split(latex)
    core, power = _split(base, "^")
    return f"{core}^{{{power}*}}" + (f"_{{{subscript}}}" if subscript else "")


def glyphs(latex: str) -> float:
    r"""Estimated printed width in characters, for breaking long lines.

    Examples
    --------
    >>> glyphs(r"\beta\,X_{t-1}") < glyphs(r"\mathrm{mean\ wait}\,X_{t-1}")
    True
    """
    silent = r"\\(left|right|mathrm|text|operatorname|mathcal|frac|begin|end|,|quad)"
    text = re.sub(silent, "", latex)
    small = sum(len(m[1]) for m in re.finditer(r"[_^]\{([^{}]*)\}", text))
    text = re.sub(r"\\[a-zA-Z]+|\\.", "x", text)
    spaced = len(re.findall(r"[=+<>~]| - ", text))
    return len(re.sub(r"[{}_^& ]", "", text)) + 1.2 * spaced - 0.3 * small


def _atom(text: str) -> str:
    text = text.strip()
    if "\\" in text or len(text) <= 1 or text.isdigit():
        return rf"\{_GREEK[text]}" if text in _GREEK else text
    if text in _GREEK_NAMES:
        return rf"\{text}"
    if any(character in _GREEK for character in text):
        return " ".join(rf"\{_GREEK[c]}" if c in _GREEK else c for c in text)
    if not text.replace(" ", "").isalnum():
        return text
    return rf"\mathrm{{{text.replace(' ', chr(92) + ' ')}}}"


def _split(symbol: str, mark: str = "_") -> tuple[str, str]:
    """Base and subscript (or superscript) of a symbol; marks inside braces belong to the base."""
    depth = 0
    for k, character in enumerate(symbol):
        depth += (character == "{") - (character == "}")
        if character == mark and depth == 0:
            base, rest = symbol[:k], symbol[k + 1 :]
            if rest.startswith("{") and rest.endswith("}"):
                rest = rest[1:-1]
            return base, rest
    return symbol, ""
