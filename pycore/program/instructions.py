"""The instructions of the block machine: one table, mirrored in C++ and checked to be equal.

An instruction is a row of twelve 32-bit integers ``(op, dst, a, b, c, d, s0, s1, s2, s3, s4,
imm)``.  ``a`` to ``d`` and ``dst`` index lane registers (one float32 per consumer), ``s0`` to
``s4`` index scalar registers (one float32 per block), ``imm`` names a random stream.  In scalar
code every index means a scalar register.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["COLUMNS", "EVENTS", "ROW", "SPECIFICATION", "Op", "Specification"]

COLUMNS = ("op", "dst", "a", "b", "c", "d", "s0", "s1", "s2", "s3", "s4", "imm")
ROW = len(COLUMNS)


class Op(IntEnum):
    """Operation codes; the numbers are part of the program format."""

    COPY = 0
    BROADCAST = 1
    ADD = 2
    SUB = 3
    MUL = 4
    DIV = 5
    AFFINE1 = 6
    AFFINE2 = 7
    AFFINE3 = 8
    AFFINE4 = 9
    MIN2 = 10
    MAX2 = 11
    MIN_S = 12
    MAX_S = 13
    ABS = 14
    SQRT = 15
    EXP = 16
    LOG = 17
    LOGISTIC = 18
    FLOOR = 19
    LT = 20
    LE = 21
    EQ = 22
    LT_S = 23
    LE_S = 24
    GT_S = 25
    GE_S = 26
    EQ_S = 27
    SELECT = 28
    UNIFORM = 29
    NORMAL = 30
    EVENT_P = 31
    EVENT_S = 32
    EVENT_LOGIT = 33
    POISSON = 34
    BINOMIAL = 35
    GAMMA_LOG = 36
    KEEP = 37
    GT = 38
    SELECT_S = 39


@dataclass(frozen=True, slots=True)
class Specification:
    """What one operation reads: lane operands, scalar operands, and whether it draws a word."""

    lanes: int
    scalars: int
    draws: bool = False


EVENTS = frozenset({Op.EVENT_P, Op.EVENT_S, Op.EVENT_LOGIT})

SPECIFICATION: dict[Op, Specification] = {
    Op.COPY: Specification(1, 0),
    Op.BROADCAST: Specification(0, 1),
    Op.ADD: Specification(2, 0),
    Op.SUB: Specification(2, 0),
    Op.MUL: Specification(2, 0),
    Op.DIV: Specification(2, 0),
    Op.AFFINE1: Specification(1, 2),
    Op.AFFINE2: Specification(2, 3),
    Op.AFFINE3: Specification(3, 4),
    Op.AFFINE4: Specification(4, 5),
    Op.MIN2: Specification(2, 0),
    Op.MAX2: Specification(2, 0),
    Op.MIN_S: Specification(1, 1),
    Op.MAX_S: Specification(1, 1),
    Op.ABS: Specification(1, 0),
    Op.SQRT: Specification(1, 0),
    Op.EXP: Specification(1, 0),
    Op.LOG: Specification(1, 0),
    Op.LOGISTIC: Specification(1, 0),
    Op.FLOOR: Specification(1, 0),
    Op.LT: Specification(2, 0),
    Op.LE: Specification(2, 0),
    Op.EQ: Specification(2, 0),
    Op.LT_S: Specification(1, 1),
    Op.LE_S: Specification(1, 1),
    Op.GT_S: Specification(1, 1),
    Op.GE_S: Specification(1, 1),
    Op.EQ_S: Specification(1, 1),
    Op.SELECT: Specification(3, 0),
    Op.UNIFORM: Specification(0, 0, draws=True),
    Op.NORMAL: Specification(0, 0, draws=True),
    Op.EVENT_P: Specification(1, 0, draws=True),
    Op.EVENT_S: Specification(0, 1, draws=True),
    Op.EVENT_LOGIT: Specification(1, 0, draws=True),
    Op.POISSON: Specification(2, 0),
    Op.BINOMIAL: Specification(3, 0),
    Op.GAMMA_LOG: Specification(4, 0),
    Op.KEEP: Specification(2, 0),
    Op.GT: Specification(2, 0),
    Op.SELECT_S: Specification(2, 1),
}
