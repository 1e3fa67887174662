"""JAX on the processor: one compiled scan over the periods."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F64, Peer, segment_table


def jax_scan(generator: str, size: int) -> Peer:
    """Compile for this many consumers of each segment at a time; compiling is not counted."""
    jax = import_module("jax")
    lives = jax.jit(_lives(jax, size))
    table = jax.numpy.asarray(segment_table())

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        sums = np.zeros((SEGMENTS, PERIODS, len(COLUMNS)))
        if consumers % (SEGMENTS * size):
            raise ValueError(
                f"consumers: received {consumers}, allowed are multiples of {SEGMENTS * size}"
            )
        for part in range(consumers // SEGMENTS // size):
            key = jax.random.key(1000 * seed + part, impl=generator)
            sums += np.asarray(lives(key, table, leave_base)).transpose(2, 0, 1)
        return sums

    lives(jax.random.key(0, impl=generator), table, -30.0).block_until_ready()
    return run


def _lives(jax: Any, size: int) -> Any:
    jnp, shape = jax.numpy, (SEGMENTS, size)

    def lives(key: Any, table: Any, leave_base: Any) -> Any:
        p1, p2, p3, mean, paid = (table[:, k : k + 1] for k in range(5))
        key, first = jax.random.split(key)
        zero, half = jnp.zeros(shape), jnp.full(shape, 0.5)
        e = 0.6 + 0.1 * jax.random.normal(first, shape)

        def period(carried: Any, _: None) -> Any:
            e, s, t, d, x, y, here, key = carried
            key, ku, kn = jax.random.split(key, 3)
            u = jax.random.uniform(ku, (6, *shape))
            z = jax.random.normal(kn, (2, *shape))
            f1, f2, f3 = u[0] < p1, u[1] < p2, u[2] < p3
            failed = (f1 | f2 | f3).astype(jnp.float32)
            perceived = mean + 0.25 * z[0] - 0.5 * f1 - 0.3 * f2 - 0.4 * f3
            comfort = failed * jnp.maximum(0, 1 - 0.2 * jnp.exp(0.7 + 0.6 * z[1]))
            surprise = perceived - e
            d = jnp.clip(0.8 * d + jnp.maximum(0, -surprise) - 0.3 * comfort, 0, 4)
            x = jnp.minimum(8, 0.95 * x + 0.1 * d + 0.1 * (failed - comfort))
            s = jnp.clip(0.7 * s + 0.3 * surprise, -4, 4)
            t = jnp.clip(t + 0.05 * surprise + 0.03 * comfort - 0.02 * failed, 0, 1)
            e = e + 0.1 * surprise
            y = jnp.clip(0.95 * y + 0.05 * t + 0.02 * s - 0.01 * x, 0, 1)
            buy = here & (u[3] * (1 + jnp.exp(1 - 2 * y - 0.5 * s + 0.3 * x)) < 1)
            recommend = here & (u[4] * (1 + jnp.exp(2.5 - s - 1.5 * t)) < 1)
            leave = here & (u[5] * (1 + jnp.exp(-leave_base - 0.8 * x - 0.5 * d + 2 * y)) < 1)
            stays = here & ~leave
            exhausted = stays & (x > 1)
            disappointed = stays & ~exhausted & (d > 0.5)
            flags = (stays & ~exhausted & ~disappointed, disappointed, exhausted, leave,
                     f1 & here, f2 & here, f3 & here, buy, recommend)  # fmt: skip
            weight = here.astype(jnp.float32)
            states = (e, s, t, d, x, y)
            columns = [*flags, buy * paid * (0.5 + y), *(v * weight for v in states),
                       *(v * v * weight for v in states)]  # fmt: skip
            sums = jnp.stack([c.sum(axis=1, dtype=jnp.float32) for c in columns])
            return (*states, stays, key), sums

        start = (e, zero, half, zero, zero, half, jnp.ones(shape, bool), key)
        return jax.lax.scan(period, start, None, length=PERIODS)[1]

    return lives
