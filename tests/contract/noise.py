"""The smallest program that draws."""

from __future__ import annotations

from pycore.program.instructions import Op
from pycore.program.program import Program, Record


def noise() -> Program:
    """One normal number per period, summed."""
    return Program(
        name="noise", inputs=(), constants=(), n_scalars=0, n_registers=1, n_states=0,
        scalar_code=(), start_code=(), step_code=((int(Op.NORMAL), *[0] * 11),), start_streams=(),
        step_streams=(1,), records=(Record("z", "moments", 0, False, 16, 12),),
    )  # fmt: skip
