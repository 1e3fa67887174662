"""SymPy expressions → instructions.

Values are in single-assignment form while code is built; :mod:`pycore.program.allocation` maps
them to registers afterwards.  An expression made of parameters, levers and constant traits alone
becomes scalar code, evaluated once per block of consumers and not once per consumer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from pycore.errors import InputError
from pycore.model.functions import (
    ALLOWED,
    binomial,
    gamma_log,
    logistic,
    lookup,
    poisson,
)
from pycore.program.instructions import EVENTS, Op

__all__ = ["Instruction", "LaneCode", "ScalarCode"]

_ZERO, _ONE = sp.S.Zero, sp.S.One

# Operations whose results are 0 or 1: always, or if their operands are.
_TRUTHS = frozenset({
    Op.LT, Op.LE, Op.EQ, Op.GT, Op.LT_S, Op.LE_S, Op.GT_S, Op.GE_S, Op.EQ_S,
    *EVENTS,
})  # fmt: skip
_OF_TRUTHS = frozenset({Op.MUL, Op.MIN2, Op.MAX2})
# Functions of one lane value, and those of them that cost most.
_COSTLY = frozenset({Op.EXP, Op.LOG, Op.LOGISTIC})
_OF_ONE = _COSTLY | {
    Op.AFFINE1, Op.MIN_S, Op.MAX_S, Op.ABS, Op.SQRT, Op.FLOOR,
    Op.LT_S, Op.LE_S, Op.GT_S, Op.GE_S, Op.EQ_S,
}  # fmt: skip


def _ordered(args: Any) -> list[Any]:
    """Arguments in an order that depends on the expression only."""
    return sorted(args, key=sp.default_sort_key)


def _float32(value: Any) -> float:
    try:
        with np.errstate(over="ignore"):  # refused below
            number = float(np.float32(float(value)))
    except (TypeError, OverflowError):  # SymPy of exp(exp(9)), Python of 10**400
        number = np.inf
    if not np.isfinite(number):
        raise InputError(f"constant: received {value}, allowed is a number within float32's range")
    return number


@dataclass(slots=True)
class Instruction:
    """An operation on values in single-assignment form."""

    op: Op
    value: int
    lanes: tuple[int, ...] = ()
    scalars: tuple[int, ...] = ()
    stream: int = 0


class _Code:
    """What scalar and lane code share: one instruction per distinct sub-expression."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self._values: dict[Any, int] = {}

    def _function(self, e: Any) -> int:
        """Lower everything but numbers, symbols, sums and products."""
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, sp.Max | sp.Min):
            return self._extreme(e)
        if isinstance(e, sp.Piecewise):
            return self._where(e)
        if isinstance(e, sp.And | sp.Or):
            op = Op.MUL if isinstance(e, sp.And) else Op.MAX2
            return self._chain(op, [self.lower(a) for a in _ordered(e.args)])
        if isinstance(e, sp.Not):
            return self._minus(_ONE, e.args[0])
        if isinstance(e, sp.ITE):
            return self.choose(*(self.lower(a) for a in e.args))
        if isinstance(e, sp.core.relational.Relational):
            return self._compare(e)
        unary = {sp.exp: Op.EXP, sp.log: Op.LOG, sp.Abs: Op.ABS, sp.floor: Op.FLOOR,
                 logistic: Op.LOGISTIC}.get(e.func)  # fmt: skip
        if isinstance(e, lookup):
            return self.lower(e.lines())
        quantile = {poisson: Op.POISSON, binomial: Op.BINOMIAL, gamma_log: Op.GAMMA_LOG}.get(e.func)
        if quantile is not None:
            return self.emit(quantile, tuple(self.lower(a) for a in e.args))
        if unary is None:
            names = ", ".join(sorted(n for n in ALLOWED.values() if n.isalpha()))
            raise InputError(f"expression: no instruction for {e.func.__name__}; there are {names}")
        return self.emit(unary, (self.lower(e.args[0]),))

    def _power(self, e: Any) -> int:
        base, exponent = e.args
        if not (2 * exponent).is_Integer:
            raise InputError(f"expression: no instruction for the power {e}; write exp and log")
        doubled = int(2 * exponent)
        if doubled < 0:
            return self.emit(Op.DIV, (self.lower(_ONE), self.lower(base ** (-exponent))))
        root = self.lower(base)
        parts = [self.emit(Op.SQRT, (root,))] if doubled % 2 else []
        whole, square = doubled // 2, root
        while whole:
            if whole & 1:
                parts.append(square)
            whole >>= 1
            if whole:
                square = self.emit(Op.MUL, (square, square))
        return self._chain(Op.MUL, parts)

    def _where(self, e: Any) -> int:
        branches = list(e.args)
        value, condition = branches[-1].args
        if condition != sp.true:
            branches.append(None)
            value = _ZERO
        result = self.lower(value)
        for branch in reversed(branches[:-1]):
            chosen, test = branch.args
            result = self.choose(self.lower(test), self.lower(chosen), result)
        return result

    def _chain(self, op: Op, values: list[int]) -> int:
        result = values[0]
        for value in values[1:]:
            result = self.emit(op, (result, value))
        return result

    def choose(self, test: int, chosen: int, otherwise: int) -> int:
        return self.emit(Op.SELECT, (test, chosen, otherwise))

    def lower(self, e: Any) -> int:
        raise NotImplementedError

    def emit(
        self, op: Op, lanes: tuple[int, ...] = (), scalars: tuple[int, ...] = (), stream: int = 0
    ) -> int:
        raise NotImplementedError

    def _extreme(self, e: Any) -> int:
        raise NotImplementedError

    def _compare(self, e: Any) -> int:
        raise NotImplementedError

    def _minus(self, a: Any, b: Any) -> int:
        return self.emit(Op.SUB, (self.lower(a), self.lower(b)))


class ScalarCode(_Code):
    """Scalar registers: inputs on demand, constants, computed values (numbered as they appear)."""

    def __init__(self, inputs: frozenset[str]) -> None:
        super().__init__()
        self.allowed = inputs
        self.inputs: dict[str, int] = {}
        self.constants: dict[float, int] = {}
        self._count = 0

    def is_scalar(self, e: Any) -> bool:
        """Whether an expression depends on scalar inputs only."""
        return all(s.name in self.allowed for s in e.free_symbols)

    def lower(self, e: Any) -> int:
        """Scalar value of an expression."""
        if e in self._values:
            return self._values[e]
        if e is sp.true or e is sp.false:
            value = self.constant(1.0 if e is sp.true else 0.0)
        elif e.is_number:
            value = self.constant(_float32(e))
        elif isinstance(e, sp.Symbol):
            if e.name not in self.inputs:
                self.inputs[e.name] = self._new()
            value = self.inputs[e.name]
        elif isinstance(e, sp.Add | sp.Mul):
            op = Op.ADD if isinstance(e, sp.Add) else Op.MUL
            value = self._chain(op, [self.lower(a) for a in _ordered(e.args)])
        else:
            value = self._function(e)
        self._values[e] = value
        return value

    def constant(self, number: float) -> int:
        """Register of a float32 constant."""
        number = _float32(number)
        if number not in self.constants:
            self.constants[number] = self._new()
        return self.constants[number]

    def emit(
        self, op: Op, lanes: tuple[int, ...] = (), scalars: tuple[int, ...] = (), stream: int = 0
    ) -> int:
        """Append an instruction, reusing an equal one."""
        del scalars, stream  # every operand of scalar code is a scalar register, and nothing draws
        key = (op, lanes)
        if key not in self._values:
            self._values[key] = self._new()
            self.instructions.append(Instruction(op, self._values[key], lanes))
        return self._values[key]

    def _new(self) -> int:
        self._count += 1
        return self._count - 1

    def _extreme(self, e: Any) -> int:
        op = Op.MAX2 if isinstance(e, sp.Max) else Op.MIN2
        return self._chain(op, [self.lower(a) for a in _ordered(e.args)])

    def _compare(self, e: Any) -> int:
        left, right = self.lower(e.lhs), self.lower(e.rhs)
        if isinstance(e, sp.StrictGreaterThan | sp.GreaterThan):
            left, right = right, left
        if isinstance(e, sp.Equality):
            return self.emit(Op.EQ, (left, right))
        strict = isinstance(e, sp.StrictLessThan | sp.StrictGreaterThan)
        return self.emit(Op.LT if strict else Op.LE, (left, right))


@dataclass(frozen=True, slots=True)
class _Term:
    """A coefficient times a lane value."""

    coefficient: Any
    lane: int


@dataclass(slots=True)
class Streams:
    """Named random streams of one part of a program, in order of first use."""

    slots: dict[str, int] = field(default_factory=dict)

    def index(self, name: str) -> int:
        """Number of the stream with this qualified name."""
        return self.slots.setdefault(name, len(self.slots))


class LaneCode(_Code):
    """Lane code over scalar code; symbols are bound to lane values by the compiler."""

    def __init__(self, scalar: ScalarCode, new: Callable[[], int]) -> None:
        super().__init__()
        self.scalar = scalar
        self.streams = Streams()
        self._new = new
        self._bound: dict[str, int] = {}
        self._made: dict[int, Instruction] = {}
        self._truths: set[int] = set()

    def bind(self, symbol: sp.Symbol, value: int) -> None:
        """Let a symbol stand for a lane value."""
        self._bound[symbol.name] = value

    def lower(self, e: Any) -> int:
        """Lane value of an expression (a scalar is broadcast)."""
        if e in self._values:
            return self._values[e]
        if self.scalar.is_scalar(e):
            value = self.emit(Op.BROADCAST, scalars=(self.scalar.lower(e),))
        elif isinstance(e, sp.Symbol):
            return self._bound[e.name]
        elif isinstance(e, sp.Add):
            value = self._sum(e)
        elif isinstance(e, sp.Mul):
            value = self._product(e)
        else:
            value = self._function(e)
        self._values[e] = value
        return value

    def emit(
        self, op: Op, lanes: tuple[int, ...] = (), scalars: tuple[int, ...] = (), stream: int = 0
    ) -> int:
        """Append an instruction, reusing an equal one (a stream has one word per period)."""
        key = (op, lanes, scalars, stream)
        if key not in self._values:
            value = self._values[key] = self._new()
            self._made[value] = Instruction(op, value, lanes, scalars, stream)
            self.instructions.append(self._made[value])
            if op in _TRUTHS or (op in _OF_TRUTHS and self._truths.issuperset(lanes)):
                self._truths.add(value)
        return self._values[key]

    def choose(self, test: int, chosen: int, otherwise: int) -> int:
        """The second value where the first is not 0, else the third; of truths by arithmetic."""
        no, yes = self._broadcast(0.0), self._broadcast(1.0)
        if test in self._truths:
            if chosen == yes and otherwise == no:
                return test
            if chosen == no and otherwise == yes:
                return self._not(test)
            if chosen == no and otherwise in self._truths:
                return self.emit(Op.GT, (otherwise, test))
            if chosen == yes and otherwise in self._truths:
                return self.emit(Op.MAX2, (test, otherwise))
            if otherwise == no:
                op = Op.MUL if chosen in self._truths else Op.KEEP
                return self.emit(op, (chosen, test))
        made = self._made.get(chosen)
        if made is not None and made.op is Op.BROADCAST:
            return self.emit(Op.SELECT_S, (test, otherwise), made.scalars)
        return super().choose(test, chosen, otherwise)

    def _broadcast(self, number: float) -> int | None:
        """The value that is this number for everybody, if there is one."""
        register = self.scalar.constants.get(number)
        return None if register is None else self._values.get((Op.BROADCAST, (), (register,), 0))

    def _waits_for_a_truth(self, value: int) -> bool:
        """Whether a value is a function of one draw, and nothing else, that is worth skipping."""
        made, costly = self._made.get(value), False
        while made is not None and made.op in _OF_ONE:
            costly = costly or made.op in _COSTLY
            made = self._made.get(made.lanes[0])
        if made is None:
            return False
        return made.op is Op.NORMAL or (made.op is Op.UNIFORM and costly)

    def fresh(self, value: int, before: int) -> bool:
        """Whether the last instruction made ``value`` after instruction number ``before``."""
        made = self.instructions
        return len(made) > before and made[-1].value == value

    def _sum(self, e: sp.Add) -> int:
        terms: list[_Term] = []
        rest: list[Any] = []
        for arg in _ordered(e.args):
            if self.scalar.is_scalar(arg):
                rest.append(arg)
            else:
                terms.append(self._term(arg))
        value = self._affine(sp.Add(*rest), terms[:4])
        for k in range(4, len(terms), 3):
            value = self._affine(_ZERO, [_Term(_ONE, value), *terms[k : k + 3]])
        return value

    def _affine(self, constant: Any, terms: list[_Term]) -> int:
        """A constant and up to four terms."""
        lanes = tuple(t.lane for t in terms)
        coefficients = [t.coefficient for t in terms]
        if constant == 1 and coefficients == [-1] and lanes[0] in self._truths:
            return self._not(lanes[0])
        if constant == 0 and coefficients == [1, 1]:
            return self.emit(Op.ADD, lanes)
        if constant == 0 and coefficients == [1, -1]:
            return self.emit(Op.SUB, lanes)
        if constant == 0 and coefficients == [-1, 1]:
            return self.emit(Op.SUB, lanes[::-1])
        op = (Op.AFFINE1, Op.AFFINE2, Op.AFFINE3, Op.AFFINE4)[len(terms) - 1]
        return self.emit(op, lanes, tuple(self.scalar.lower(c) for c in (constant, *coefficients)))

    def _not(self, truth: int) -> int:
        return self.emit(Op.EQ_S, (truth,), (self.scalar.constant(0.0),))

    def _denied(self, value: int) -> int | None:
        """The truth that this value is the opposite of."""
        made = self._made.get(value)
        if made is None or made.op is not Op.EQ_S or made.lanes[0] not in self._truths:
            return None
        return made.lanes[0] if made.scalars == (self.scalar.constant(0.0),) else None

    def _term(self, e: Any) -> _Term:
        factors = e.args if isinstance(e, sp.Mul) else (e,)
        scalar = [f for f in factors if self.scalar.is_scalar(f)]
        lanes = [f for f in factors if not self.scalar.is_scalar(f)]
        return _Term(sp.Mul(*scalar), self._lane_product(lanes))

    def _product(self, e: sp.Mul) -> int:
        term = self._term(e)
        if term.coefficient == 1:
            return term.lane
        zero, scale = self.scalar.lower(_ZERO), self.scalar.lower(term.coefficient)
        return self.emit(Op.AFFINE1, (term.lane,), (zero, scale))

    def _lane_product(self, factors: list[Any]) -> int:
        above: list[Any] = []
        below: list[Any] = []
        for f in _ordered(factors):
            inverse = isinstance(f, sp.Pow) and f.exp.is_number and f.exp < 0
            (below if inverse else above).append(1 / f if inverse else f)
        value = self._multiplied([self.lower(f) for f in above]) if above else self.lower(_ONE)
        if below:
            value = self.emit(Op.DIV, (value, self._chain(Op.MUL, [self.lower(f) for f in below])))
        return value

    def _multiplied(self, values: list[int]) -> int:
        truths = [v for v in values if v in self._truths]
        others = [v for v in values if v not in self._truths]
        if truths and len(others) == 1 and self._waits_for_a_truth(others[0]):
            return self.emit(Op.KEEP, (others[0], self._all(truths)))
        return self._chain(Op.MUL, values) if others else self._all(truths)

    def _all(self, truths: list[int]) -> int:
        """Whether all of these hold; one that is denied is less than what holds."""
        denied = [self._denied(v) for v in truths]
        hold = [v for v, opposite in zip(truths, denied, strict=True) if opposite is None]
        if not hold:
            return self._chain(Op.MUL, truths)
        return self._chain(
            Op.GT, [self._chain(Op.MUL, hold), *(v for v in denied if v is not None)]
        )

    def _extreme(self, e: Any) -> int:
        high = isinstance(e, sp.Max)
        args = _ordered(e.args)
        lanes = [self.lower(a) for a in args if not self.scalar.is_scalar(a)]
        value = self._chain(Op.MAX2 if high else Op.MIN2, lanes)
        scalars = [a for a in args if self.scalar.is_scalar(a)]
        if scalars:
            limit = self.scalar.lower(e.func(*scalars))
            value = self.emit(Op.MAX_S if high else Op.MIN_S, (value,), (limit,))
        return value

    def _compare(self, e: Any) -> int:
        left, right = e.lhs, e.rhs
        kinds: Mapping[Any, tuple[Op, Op, Op]] = {
            # relation → (lane with lane, lane with scalar, scalar with lane)
            sp.StrictLessThan: (Op.LT, Op.LT_S, Op.GT_S),
            sp.LessThan: (Op.LE, Op.LE_S, Op.GE_S),
            sp.StrictGreaterThan: (Op.LT, Op.GT_S, Op.LT_S),
            sp.GreaterThan: (Op.LE, Op.GE_S, Op.LE_S),
            sp.Equality: (Op.EQ, Op.EQ_S, Op.EQ_S),
        }
        both, right_scalar, left_scalar = kinds[e.func]
        if self.scalar.is_scalar(right):
            return self.emit(right_scalar, (self.lower(left),), (self.scalar.lower(right),))
        if self.scalar.is_scalar(left):
            return self.emit(left_scalar, (self.lower(right),), (self.scalar.lower(left),))
        if isinstance(e, sp.StrictGreaterThan | sp.GreaterThan):
            left, right = right, left
        return self.emit(both, (self.lower(left), self.lower(right)))
