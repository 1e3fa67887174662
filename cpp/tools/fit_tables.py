"""Fit the polynomials of exp, log and the quantiles; write them for C++ and for Python.

Both sides of the contract (the machine and its NumPy oracle) read the same float32 numbers because
both files come from here.  The fits are minimax (Remez exchange) in 30-digit arithmetic, so that
the rounded coefficients do not depend on a library's version or on the processor.  The quantile of
the gamma distribution has two arguments and is interpolated at Chebyshev nodes.

Usage::

    python cpp/tools/fit_tables.py            # rewrite both files
    python cpp/tools/fit_tables.py --check    # fail if a committed file differs from a new fit
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

mp.dps = 30
ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "cpp" / "include" / "pycore" / "tables.hpp"
MODULE = ROOT / "pycore" / "program" / "tables.py"

OCTAVES = 32
LOWEST_EXPONENT = 126  # biased exponent of 0.5, the smallest magnitude a word can give
NORMAL_DEGREE, EXP_DEGREE, LOG_DEGREE, EXP2_DEGREE = 4, 5, 6, 3
GAMMA_Z, GAMMA_LOWEST_SHAPE = mpf("6.4"), 2  # a word's normal number is below 6.34
GAMMA_DEGREE_Z, GAMMA_DEGREE_S = 14, 8

Function = Callable[[mpf], mpf]


def remez(f: Function, low: mpf, high: mpf, degree: int, weight: Function) -> list[mpf]:
    """Coefficients (lowest first) of the polynomial with least maximal weighted error."""
    size, grid = degree + 2, 240
    middle, half = (low + high) / 2, (high - low) / 2
    x = [middle - half * mp.cos(mp.pi * i / grid) for i in range(grid + 1)]
    y = [f(t) for t in x]
    w = [weight(t) for t in x]
    reference = [round(grid * i / (size - 1)) for i in range(size)]
    coefficients: list[mpf] = []
    for _ in range(50):
        system, right = mp.matrix(size, size), mp.matrix(size, 1)
        for row, i in enumerate(reference):
            for power in range(degree + 1):
                system[row, power] = x[i] ** power
            system[row, degree + 1] = (-1) ** row / w[i]
            right[row] = y[i]
        solution = mp.lu_solve(system, right)
        coefficients = [solution[j] for j in range(degree + 1)]
        error = [
            wi * (mp.polyval(coefficients[::-1], xi) - yi)
            for xi, yi, wi in zip(x, y, w, strict=True)
        ]
        extrema = _extrema(error)
        while len(extrema) > size:
            extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
        if len(extrema) < size:
            raise RuntimeError(f"Remez exchange lost its reference: {len(extrema)} < {size}")
        if extrema == reference:
            return coefficients
        reference = extrema
    raise RuntimeError("Remez exchange did not settle in 50 steps")


def _extrema(error: list[mpf]) -> list[int]:
    """Index of the largest error in each run of one sign."""
    found: list[int] = []
    for i, value in enumerate(error):
        if found and (value >= 0) == (error[found[-1]] >= 0):
            if abs(value) > abs(error[found[-1]]):
                found[-1] = i
        else:
            found.append(i)
    return found


def upper_quantile(tail: mpf) -> mpf:
    """Quantile z with P(Z > z) = tail for 0 < tail ≤ 1/2, by Halley's method."""
    z = mp.sqrt(-2 * mp.log(2 * tail)) if tail < mpf("0.2") else 1 - 2 * tail
    for _ in range(60):
        step = (tail - mp.erfc(z / mp.sqrt(2)) / 2) * mp.sqrt(2 * mp.pi) * mp.exp(z * z / 2)
        z -= step / (1 + z * step / 2) if abs(step) < 1 else step
        if abs(step) < mpf(10) ** -27:
            return z
    raise RuntimeError(f"quantile of tail {tail} did not settle")


def normal_table() -> list[list[mpf]]:
    """Half-normal quantile, one polynomial per octave of the word.

    Row j, column k: coefficient of (m - 1.5)^j for words whose float has exponent k modulo 32.
    The minimax error is negative at the left end of an octave and positive at its right end, so
    the pieces step down where they meet and the whole stays monotone.
    """
    table = [[mpf(0)] * OCTAVES for _ in range(NORMAL_DEGREE + 1)]
    half = mpf("0.5")
    for exponent in range(LOWEST_EXPONENT, LOWEST_EXPONENT + OCTAVES):
        octave = mpf(2) ** (exponent - 127 - 32)  # tail probability at mantissa 1
        fit = remez(
            lambda h, octave=octave: upper_quantile((h + mpf("1.5")) * octave),
            -half, half, NORMAL_DEGREE, lambda _: mpf(1),
        )  # fmt: skip
        for power, value in enumerate(fit):
            table[power][exponent % OCTAVES] = value
    return table


def exp_polynomial() -> list[mpf]:
    """Polynomial q with exp(r) = 1 + r q(r) for |r| ≤ 1.01 ln 2 / 2; relative error."""
    bound = mp.log(2) / 2 * mpf("1.01")
    tiny = mpf(10) ** -12
    return remez(
        lambda r: mp.expm1(r) / r if r else mpf(1),
        -bound, bound, EXP_DEGREE - 1, lambda r: abs(r) * mp.exp(-r) + tiny,
    )  # fmt: skip


def exp2_from_below() -> list[mpf]:
    """Polynomial that is below 2^-r for |r| ≤ 0.50001, by relative 1.2e-5 to 1.62e-4.

    The 1.2e-5 are for the rounding of arguments up to 86 / ln 2 and for that of the polynomial.
    """
    bound = mpf("0.50001")
    close = remez(lambda r: 2 ** (-r), -bound, bound, EXP2_DEGREE, lambda r: mpf(2) ** r)
    error = max(
        abs(mp.polyval(close[::-1], r) * 2**r - 1) for r in mp.linspace(-bound, bound, 2001)
    )
    return [c * (1 - error - mpf("1.2e-5")) for c in close]


def log_polynomial() -> list[mpf]:
    """Polynomial q with log(1 + f) = f - f²/2 + f³ q(f), 1 + f in [√½, √2]; relative error."""
    tiny = mpf(10) ** -8

    def q(f: mpf) -> mpf:
        return (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > tiny else mpf(1) / 3

    def weight(f: mpf) -> mpf:
        return abs(f) ** 3 / abs(mp.log1p(f)) + tiny if f else tiny

    return remez(q, mp.sqrt(mpf("0.5")) - 1, mp.sqrt(2) - 1, LOG_DEGREE, weight)


def log_gamma_quantile(z: mpf, shape: mpf) -> mpf:
    """Logarithm of the quantile of Gamma(shape, 1) at the probability Φ(z), by Newton's method."""
    tail = mp.erfc(abs(z) / mp.sqrt(2)) / 2
    # Wilson and Hilferty's cube, kept positive.
    root = max(1 - 1 / (9 * shape) + z / (3 * mp.sqrt(shape)), mpf("0.01"))
    y = mp.log(shape) + 3 * mp.log(root)
    for _ in range(100):
        x = mp.exp(y)
        lower, upper = (x, mp.inf) if z > 0 else (0, x)
        chance = mp.gammainc(shape, lower, upper, regularized=True)
        slope = mp.exp(shape * y - x - mp.loggamma(shape)) / chance
        step = mp.log(chance / tail) / slope
        y += step if z > 0 else -step
        if abs(step) < mpf(10) ** -22:
            return y
    raise RuntimeError(f"gamma quantile at z = {z}, shape {shape} did not settle")


def chebyshev(values: list[mpf]) -> list[mpf]:
    """Coefficients of powers of x in [−1, 1] of the interpolant at the Chebyshev nodes."""
    n = len(values)
    angle = [mp.pi * (2 * k + 1) / (2 * n) for k in range(n)]
    weights = [2 * mp.fsum(v * mp.cos(j * t) for v, t in zip(values, angle, strict=True)) / n
               for j in range(n)]  # fmt: skip
    weights[0] /= 2
    powers = [mpf(0)] * n
    before, now = [mpf(0)] * n, [mpf(1)] + [mpf(0)] * (n - 1)
    for j, weight in enumerate(weights):
        powers = [p + weight * c for p, c in zip(powers, now, strict=True)]
        twice = [mpf(0), *now[:-1]]
        following = twice if j == 0 else [2 * a - b for a, b in zip(twice, before, strict=True)]
        before, now = now, following
    return powers


def gamma_surface() -> list[list[mpf]]:
    """How far the log of a gamma quantile is from log-normal: (log(x / shape) − s z) / s².

    Entry j, k belongs to (z / 6.4)^j (2 s √2 − 1)^k with s = 1 / √shape, shape ≥ 2.
    """
    nodes_z, nodes_s = (
        [mp.cos(mp.pi * (2 * k + 1) / (2 * (degree + 1))) for k in range(degree + 1)]
        for degree in (GAMMA_DEGREE_Z, GAMMA_DEGREE_S)
    )
    rows = []
    for node in nodes_z:
        z, values = GAMMA_Z * node, []
        for other in nodes_s:
            s = (other + 1) / 2 / mp.sqrt(GAMMA_LOWEST_SHAPE)
            shape = 1 / s**2
            values.append((log_gamma_quantile(z, shape) - mp.log(shape) - s * z) / s**2)
        rows.append(chebyshev(values))
    columns = [chebyshev([row[k] for row in rows]) for k in range(len(nodes_s))]
    return [[column[j] for column in columns] for j in range(len(nodes_z))]


def scalar_constants() -> dict[str, mpf]:
    """Inverse of ln 2, and ln 2 in two parts: the high one has nine bits, so n · high is exact."""
    high = mpf("0.693359375")
    return {"LOG2_E": 1 / mp.log(2), "LN2_HIGH": high, "LN2_LOW": mp.log(2) - high}


def _digits(value: mpf) -> str:
    """Nine significant digits name a float32 uniquely."""
    single = np.float32(mp.nstr(value, 25))
    text = f"{single:.8e}"
    if np.float32(text) != single:
        raise RuntimeError(f"{text} does not name one float32")
    return text


def _lines(values: list[mpf], suffix: str, indent: str) -> str:
    numbers = [_digits(v) + suffix for v in values]
    rows = [", ".join(numbers[i : i + 4]) for i in range(0, len(numbers), 4)]
    return "".join(f"{indent}{row},\n" for row in rows)


def render() -> tuple[str, str]:
    """Text of the C++ header and of the Python module."""
    scalars = scalar_constants()
    vectors = {
        "EXP": exp_polynomial(),
        "EXP2_BELOW": exp2_from_below(),
        "LOG": log_polynomial(),
        "ONE_MINUS_EXP": [-((-1) ** k) / mp.factorial(k) for k in range(1, 8)],
    }
    matrices = {"NORMAL": normal_table(), "GAMMA": gamma_surface()}

    header = [
        "// Written by cpp/tools/fit_tables.py; do not edit.\n#pragma once\n\n",
        "namespace pycore::tables {\n\n// clang-format off\n",
        "// ln 2 = LN2_HIGH + LN2_LOW; products of LN2_HIGH with integers below 2^15 are exact.\n",
    ]
    module = [
        '"""Coefficients of exp, log and the quantiles, the same float32 as in C++.\n\n',
        'Written by ``cpp/tools/fit_tables.py``; do not edit.\n"""\n\n',
        "import numpy as np\n\n# fmt: off\n",
        '__all__ = ["EXP", "EXP2_BELOW", "GAMMA", "LN2_HIGH", "LN2_LOW", "LOG", "LOG2_E", '
        '"NORMAL",\n           "ONE_MINUS_EXP"]\n\n',
    ]
    for name, value in scalars.items():
        header.append(f"inline constexpr float {name} = {_digits(value)}F;\n")
        module.append(f"{name} = np.float32({_digits(value)})\n")
    meaning = {
        "EXP": "exp(r) = 1 + r (EXP[0] + EXP[1] r + ...)",
        "EXP2_BELOW": "a little less than 2^-r, EXP2_BELOW[0] + EXP2_BELOW[1] r + ...",
        "LOG": "log(1 + f) = f - f^2/2 + f^3 (LOG[0] + LOG[1] f + ...)",
        "ONE_MINUS_EXP": "1 - exp(-t) = t (ONE_MINUS_EXP[0] + ONE_MINUS_EXP[1] t + ...), t < 1/2",
        "NORMAL": "NORMAL[j][k]: coefficient of (m - 1.5)^j for words whose exponent is k modulo 32",
        "GAMMA": "log(x / a) = s z + s^2 sum of GAMMA[j][k] (z / 6.4)^j (2 sqrt(2) s - 1)^k",
    }
    for name, values in vectors.items():
        header.append(f"\n// {meaning[name]}\n")
        header.append(f"inline constexpr float {name}[{len(values)}] = {{\n")
        header.append(_lines(values, "F", "    ") + "};\n")
        module.append(f"\n# {meaning[name]}\n{name} = np.array(\n    [\n")
        module.append(_lines(values, "", "        ") + "    ],\n    dtype=np.float32,\n)\n")
    for name, rows in matrices.items():
        header.append(f"\n// {meaning[name]}\nalignas(64) inline constexpr float {name}")
        header.append(f"[{len(rows)}][{len(rows[0])}] = {{\n")
        module.append(f"\n# {meaning[name]}\n{name} = np.array(\n    [\n")
        for row in rows:
            header.append("    {\n" + _lines(row, "F", "        ") + "    },\n")
            module.append("        [\n" + _lines(row, "", "            ") + "        ],\n")
        header.append("};\n")
        module.append("    ],\n    dtype=np.float32,\n)\n")
    header.append("// clang-format on\n\n} // namespace pycore::tables\n")
    return "".join(header), "".join(module)


def main(arguments: list[str]) -> int:
    """Write or check both files."""
    stale = []
    for path, text in zip((HEADER, MODULE), render(), strict=True):
        if arguments == ["--check"]:
            if path.read_text() != text:
                stale.append(str(path))
        else:
            path.write_text(text)
    if stale:
        sys.stderr.write(f"differs from a new fit: {', '.join(stale)}\n")
    return len(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
