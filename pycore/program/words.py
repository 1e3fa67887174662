"""The flat form of a program: how it crosses into C++, to another processor or into a browser.

One array of 32-bit words, little-endian where it is stored as bytes: the mark ``SYOL``, the version
of the form, the number of words; then the sections of :data:`SECTIONS` in that order, each preceded
by its number of words.

=================================  ===============================================================
section                            words
=================================  ===============================================================
``sizes``                          inputs, scalar registers, lane registers, states, stages,
                                   stage register (-1: none)
``constants``                      float32
``scalar_code``, ``start_code``,   twelve signed words per instruction
``step_code``
``start_streams``,                 Philox slots
``step_streams``
``absorbing``                      stage codes
``record_kinds``                   0 count, 1 moments, 2 histogram, 3 sum, 4 shared
``record_registers``               one per record
``record_by_stage``                one per record, 0 or not
``record_exponents``               two per record, of the value and of its square
``record_ranges``                  two float32 per record, low and high
``record_bins``                    one per record
``record_name_sizes``              bytes of each name in UTF-8
``record_names``                   the names' bytes one after the other, zeros up to a whole word
``coupling``                       scalar registers with aggregates, consumers of a community;
                                   empty, as are all that follow, if consumers do not meet
``environment_inputs``             one input per environment
``environment_results``            one scalar register per environment
``environment_code``               twelve signed words per instruction
``aggregates``                     two per aggregate: 0 average, 1 total, 2 share; its record
``signals``                        four per signal: 0 average, 1 total; source, target, exponent
=================================  ===============================================================

Names of inputs, stages, environments and signals are not part of it: the machine counts, it does
not read.
``cpp/src/words.cpp`` reads the form and trusts no word of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pycore.program.coupling import KINDS as AGGREGATE_KINDS
from pycore.program.coupling import Coupling

if TYPE_CHECKING:
    from pycore.program.program import Program

__all__ = ["MAGIC", "SECTIONS", "VERSION", "Sections", "pack", "sections"]

MAGIC = 0x4C4F5953
VERSION = 2
RECORD_KINDS = ("count", "moments", "histogram", "sum", "shared")
SECTIONS = (
    "sizes", "constants", "scalar_code", "start_code", "step_code", "start_streams",
    "step_streams", "absorbing", "record_kinds", "record_registers", "record_by_stage",
    "record_exponents", "record_ranges", "record_bins", "record_name_sizes", "record_names",
    "coupling", "environment_inputs", "environment_results", "environment_code", "aggregates",
    "signals",
)  # fmt: skip

Sections = Mapping[str, npt.NDArray[np.int32 | np.uint32 | np.float32]]


def sections(p: Program) -> dict[str, npt.NDArray[np.int32 | np.uint32 | np.float32]]:
    """Return the arrays of 32-bit numbers that make up a program, by section."""
    names = [record.name.encode() for record in p.records]
    text = b"".join(names)
    sizes = (
        len(p.inputs), p.n_scalars, p.n_registers, p.n_states, len(p.stages), p.stage_register,
    )  # fmt: skip
    with np.errstate(over="ignore"):  # C++ refuses what is not finite
        ranges = np.array([(r.low, r.high) for r in p.records], dtype=np.float32)
    return {
        "sizes": np.array(sizes, dtype=np.int32),
        "constants": np.array(p.constants, dtype=np.float32),
        "scalar_code": p.rows("scalar"),
        "start_code": p.rows("start"),
        "step_code": p.rows("step"),
        "start_streams": np.array(p.start_streams, dtype=np.uint32),
        "step_streams": np.array(p.step_streams, dtype=np.uint32),
        "absorbing": np.array(p.absorbing, dtype=np.int32),
        "record_kinds": np.array([RECORD_KINDS.index(r.kind) for r in p.records], dtype=np.int32),
        "record_registers": np.array([r.register for r in p.records], dtype=np.int32),
        "record_by_stage": np.array([r.by_stage for r in p.records], dtype=np.int32),
        "record_exponents": np.array(
            [(r.exponent, r.square_exponent) for r in p.records], dtype=np.int32
        ),
        "record_ranges": ranges,
        "record_bins": np.array([r.bins for r in p.records], dtype=np.int32),
        "record_name_sizes": np.array([len(name) for name in names], dtype=np.uint32),
        "record_names": np.frombuffer(text + bytes(-len(text) % 4), dtype="<u4").astype(np.uint32),
        **_coupling(p.coupling),
    }


def _coupling(c: Coupling | None) -> dict[str, npt.NDArray[np.int32 | np.uint32 | np.float32]]:
    sizes = () if c is None else (c.n_scalars, c.community)
    c = c or Coupling()
    pairs = [(AGGREGATE_KINDS.index(a.kind), a.record) for a in c.aggregates]
    signals = [(AGGREGATE_KINDS.index(s.kind), s.source, s.target, s.exponent) for s in c.signals]
    content = {
        "coupling": sizes, "environment_inputs": c.inputs, "environment_results": c.results,
        "environment_code": c.code, "aggregates": pairs, "signals": signals,
    }  # fmt: skip
    return {name: np.array(numbers, dtype=np.int32) for name, numbers in content.items()}


def pack(parts: Sections) -> npt.NDArray[np.uint32]:
    """Put sections into one array of words.

    Parameters
    ----------
    parts : mapping of str to array
        An int32, uint32 or float32 array for each name of :data:`SECTIONS`, of any shape.

    Returns
    -------
    numpy.ndarray of uint32, shape (words,)
    """
    words = [np.zeros(3, dtype=np.uint32)]
    for name in SECTIONS:
        content = np.ascontiguousarray(parts[name]).reshape(-1).view(np.uint32)
        words += [np.array([content.size], dtype=np.uint32), content]
    form = np.concatenate(words)
    form[:3] = MAGIC, VERSION, form.size
    return form
