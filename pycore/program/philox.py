"""Philox4x32-10, the counter-based generator that addresses every random word by name.

A word is a function of who (consumer id), when (index), why (purpose) and what (slot, the crc32 of
the element's name) under the run's seed; nothing is carried from one call to the next.  Threads,
blocks, shards and scenarios are not part of the address, so they cannot change a life.

References
----------
Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, SC'11.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["halves", "philox", "philox4x32", "shared", "shared_halves"]

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

_MULTIPLIER = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
ROUNDS = 10
_SHARERS = np.uint64(16)  # consumers who share a call stand 16 ids apart


def philox4x32(counter: U32, key: tuple[int, int]) -> U32:
    """Ten rounds of Philox on counters of shape (4, n).

    Parameters
    ----------
    counter : numpy.ndarray
        uint32 counters, one column per call.
    key : tuple of int
        Two 32-bit key words.

    Returns
    -------
    numpy.ndarray
        uint32 words, shape (4, n).

    Examples
    --------
    >>> [f"{word:08x}" for word in philox4x32(np.zeros((4, 1), np.uint32), (0, 0))[:, 0]]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = (word.astype(np.uint64) for word in counter)
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = c0 * _MULTIPLIER[0], c2 * _MULTIPLIER[1]
        c0, c1 = (p1 >> _HALF) ^ c1 ^ np.uint64(k0), p1 & _LOW
        c2, c3 = (p0 >> _HALF) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


def philox(ids: U64, index: int, purpose: int, slot: int, seed: int) -> U32:
    """Four words for each consumer.

    Parameters
    ----------
    ids : numpy.ndarray
        uint64 consumer ids, shape (n,).
    index : int
        Period divided by four for steps, item number for answers; below 2^28.
    purpose : int
        0 step, 1 start, 2 survey, 3 network, 4 lower halves of what a step draws.
    slot : int
        uint32 name of the stream.
    seed : int
        Key of the run, 64 bits.

    Returns
    -------
    numpy.ndarray
        uint32 words, shape (4, n).

    Examples
    --------
    >>> alone = philox(np.array([41], np.uint64), 0, 0, 7, seed=1)
    >>> crowd = philox(np.arange(100, dtype=np.uint64), 0, 0, 7, seed=1)
    >>> bool((crowd[:, 41] == alone[:, 0]).all())
    True
    """
    counter = np.empty((4, len(ids)), dtype=np.uint32)
    counter[0] = ids & _LOW
    counter[1] = ids >> _HALF
    counter[2] = purpose << 28 | index
    counter[3] = slot
    return philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF))


def shared(ids: U64, period: int, purpose: int, slot: int, seed: int) -> U32:
    """One word for each consumer in one period, of calls that four consumers share.

    Consumers who influence each other live a period together and then the next.  Words for four
    periods would be drawn and three of them lost.

    Parameters
    ----------
    ids, purpose, slot, seed
        As of :func:`philox`.
    period : int
        Below 2^28.

    Returns
    -------
    numpy.ndarray
        uint32 words, shape (n,).

    Examples
    --------
    >>> crowd = shared(np.arange(100, dtype=np.uint64), 3, 0, 7, seed=1)
    >>> bool(shared(np.array([41], np.uint64), 3, 0, 7, seed=1)[0] == crowd[41])
    True
    """
    words, place = _shared_calls(ids, 4, period, purpose, slot, seed)
    return np.asarray(words[place, np.arange(len(ids))])


def _shared_calls(
    ids: U64, sharers: int, period: int, purpose: int, slot: int, seed: int
) -> tuple[U32, U64]:
    """Words of each consumer's call, and the consumer's place among those who share it."""
    low = ids & _LOW
    together = np.uint64(sharers) * _SHARERS
    call = low // together * _SHARERS + low % _SHARERS
    return philox(ids - low + call, period, purpose, slot, seed), low % together // _SHARERS


def halves(ids: U64, period: int, purposes: tuple[int, int], slot: int, seed: int) -> U32:
    """One word for each consumer in one period, of two calls for eight periods.

    An event asks for the lower half of a word only if the upper half does not decide it, so the
    halves stand in two calls, and the second of them is seldom made.

    Parameters
    ----------
    ids, slot, seed
        As of :func:`philox`.
    period : int
        Below 2^31.
    purposes : tuple of int
        Of the call for upper halves and of that for lower halves.

    Returns
    -------
    numpy.ndarray
        uint32 words, shape (n,).

    Examples
    --------
    >>> ids = np.arange(100, dtype=np.uint64)
    >>> word = halves(ids, 9, (0, 4), 7, seed=1)
    >>> upper = philox(ids, 9 // 8, 0, 7, seed=1)[9 % 8 // 2]  # an odd period has its lower end
    >>> bool((word >> 16 == upper & 0xFFFF).all())
    True
    """
    words = [philox(ids, period >> 3, purpose, slot, seed) for purpose in purposes]
    place = np.full(len(ids), period & 7, dtype=np.uint64)
    return _joined(words[0], words[1], place)


def shared_halves(ids: U64, period: int, purposes: tuple[int, int], slot: int, seed: int) -> U32:
    """One word for each consumer in one period, of two calls that eight consumers share.

    Parameters
    ----------
    ids, purposes, slot, seed
        As of :func:`halves`.
    period : int
        Below 2^28.

    Returns
    -------
    numpy.ndarray
        uint32 words, shape (n,).

    Examples
    --------
    >>> crowd = shared_halves(np.arange(200, dtype=np.uint64), 3, (0, 4), 7, seed=1)
    >>> alone = shared_halves(np.array([141], np.uint64), 3, (0, 4), 7, seed=1)
    >>> bool(alone[0] == crowd[141])
    True
    """
    calls = [_shared_calls(ids, 8, period, purpose, slot, seed) for purpose in purposes]
    return _joined(calls[0][0], calls[1][0], calls[0][1])


def _joined(upper: U32, lower: U32, place: U64) -> U32:
    """Upper and lower halves at one of the eight places of each column's four words."""
    column = np.arange(upper.shape[1])
    word, shift = place >> np.uint64(1), (place % np.uint64(2) * np.uint64(16)).astype(np.uint32)
    upper, lower = upper[word, column] << shift, lower[word, column] << shift
    return upper & np.uint32(0xFFFF0000) | lower >> np.uint32(16)
