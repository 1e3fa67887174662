"""Values in single-assignment form → few registers.

Dead instructions are dropped (their random streams with them: slots are addressed by name, so
nobody else's numbers move), then a linear scan reuses registers as soon as a value is dead, which
keeps the working set of a block small.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping

from pycore.program.instructions import EVENTS, ROW, SPECIFICATION, Op
from pycore.program.lowering import Instruction
from pycore.program.program import Row

__all__ = ["allocate", "chained", "live", "renumber_streams", "together"]


def live(code: Iterable[Instruction], outputs: Iterable[int]) -> list[Instruction]:
    """Keep the instructions that some output depends on."""
    wanted = set(outputs)
    kept: list[Instruction] = []
    for instruction in reversed(list(code)):
        if instruction.value in wanted:
            kept.append(instruction)
            wanted.update(instruction.lanes)
    return kept[::-1]


def together(code: list[Instruction], outputs: Iterable[int]) -> list[Instruction]:
    """Put a draw, and what is computed from it alone, next to the only ``keep`` that needs it.

    There the machine computes them for those lanes that are kept.
    """
    readers = Counter(lane for i in code for lane in i.lanes)
    readers.update(outputs)
    made = {i.value: i for i in code}
    section: dict[int, list[Instruction]] = {}  # value of a keep → what moves before it
    for keep in code:
        if keep.op is not Op.KEEP:
            continue
        chain: list[Instruction] = []
        before = made.get(keep.lanes[0])
        while before is not None and readers[before.value] == 1:
            chain.append(before)
            if len(before.lanes) != 1 or SPECIFICATION[before.op].draws:
                break
            before = made.get(before.lanes[0])
        if chain and SPECIFICATION[chain[-1].op].draws and not chain[-1].lanes:
            section[keep.value] = chain[::-1]
    moved = {i.value for chain in section.values() for i in chain}
    result: list[Instruction] = []
    for i in code:
        if i.value not in moved:
            result += [*section.get(i.value, ()), i]
    return result


def chained(code: list[Instruction], fixed: Mapping[int, int]) -> list[Instruction]:
    """Put instructions next to the one that reads their result first, where the order is free.

    There the machine need not load it again, and often not store it.  From the last instruction
    back: before each stands what makes its first operand, if all others who read that stand
    already (an event ends a chain, so it does not matter where it stands); else what stood last.
    """
    place = {i.value: k for k, i in enumerate(code)}
    before: list[set[int]] = [{place[v] for v in i.lanes if v in place} for i in code]
    # A register is not overwritten before what it held has been read.
    for k, i in enumerate(code):
        if i.value in fixed:
            before[k].update(
                j for j, reader in enumerate(code[:k])
                if any(fixed.get(v) == fixed[i.value] and v != i.value for v in reader.lanes)
            )  # fmt: skip
    waiting = Counter(j for needed in before for j in needed)
    ready = {k for k in range(len(code)) if not waiting[k]}
    order: list[int] = []
    while ready:
        now = max(ready)
        if order:
            reader = code[order[-1]]
            for v in reader.lanes[: 2 if reader.op in (Op.ADD, Op.MUL) else 1]:
                if place.get(v) in ready and code[place[v]].op not in EVENTS:
                    now = place[v]
                    break
        ready.remove(now)
        order.append(now)
        for j in before[now]:
            waiting[j] -= 1
            if not waiting[j]:
                ready.add(j)
    return [code[k] for k in reversed(order)]


def renumber_streams(
    code: Iterable[Instruction], slots: Mapping[str, int]
) -> tuple[list[Instruction], list[str]]:
    """Drop unused streams; returns the code and the names of those that are left."""
    names = {index: name for name, index in slots.items()}
    used: dict[int, int] = {}
    result = []
    for i in code:
        if SPECIFICATION[i.op].draws:
            stream = used.setdefault(i.stream, len(used))
            result.append(Instruction(i.op, i.value, i.lanes, i.scalars, stream))
        else:
            result.append(i)
    return result, [names[index] for index in used]


def allocate(
    code: list[Instruction],
    fixed: Mapping[int, int],
    outputs: Iterable[int],
    first_free: int,
) -> tuple[list[Row], dict[int, int], int]:
    """Assign registers.

    Parameters
    ----------
    code : list of Instruction
        Live code in order.
    fixed : mapping of value to register
        Values that live in a persistent register.
    outputs : iterable of int
        Values that must survive to the end of the code.
    first_free : int
        First register that is not persistent.

    Returns
    -------
    rows, registers, size
        Encoded rows, value → register, and the number of registers needed.
    """
    last_use = {i.value: position for position, i in enumerate(code)}
    for position, i in enumerate(code):
        for value in i.lanes:
            last_use[value] = position
    for value in outputs:
        last_use[value] = len(code)
    registers = dict(fixed)
    free: list[int] = []
    size = first_free
    rows: list[Row] = []
    for position, i in enumerate(code):
        sources = [registers[value] for value in i.lanes]
        # Freed before the result is placed: an instruction may write over its own operand.
        for value in set(i.lanes):
            if last_use[value] == position and value not in fixed:
                heapq.heappush(free, registers[value])
        if i.value not in registers:
            if free:
                registers[i.value] = heapq.heappop(free)
            else:
                registers[i.value] = size
                size += 1
        lanes = (*sources, 0, 0, 0, 0)[:4]
        scalars = (*i.scalars, 0, 0, 0, 0, 0)[:5]
        row = (int(i.op), registers[i.value], *lanes, *scalars, i.stream)
        assert len(row) == ROW
        rows.append(row)
    return rows, registers, size
