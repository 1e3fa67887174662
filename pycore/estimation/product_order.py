"""Which products of states depend on which."""

from __future__ import annotations

from collections.abc import Sequence

from pycore.errors import refuse
from pycore.model.products import Product

__all__ = ["Pairs", "in_order", "reach", "shared_factor"]

Pairs = set[tuple[str, str]]  # (cause, effect)


def reach(paths: Pairs) -> Pairs:
    """Both ends of every chain of paths.

    Examples
    --------
    >>> sorted(reach({("a", "b"), ("b", "c")}))
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    """
    found = paths
    while True:
        longer = {(a, d) for a, b in found for c, d in found if b == c} | found
        if longer == found:
            return found
        found = longer


def in_order(products: Sequence[Product], chains: Pairs) -> list[Product]:
    """An order in which no factor depends on a later product.

    Raises
    ------
    InputError
        If there is none.
    """
    waiting, done = list(products), []
    while waiting:
        ready = [
            p for p in waiting
            if not any(q.state == f or (q.state, f) in chains
                       for q in waiting for f in (p.first, p.second))
        ]  # fmt: skip
        if not ready:
            raise refuse("model", f"products in {', '.join(p.state for p in waiting)}",
                         "products whose factors they do not act on")  # fmt: skip
        done += ready
        waiting = [p for p in waiting if p not in ready]
    return done


def shared_factor(products: Sequence[Product], latents: Sequence[str], chains: Pairs) -> str | None:
    """The first latent variable that is a factor of all, and that none of them acts on."""
    for name in latents:
        if products and all(
            name in (p.first, p.second) and p.state != name and (p.state, name) not in chains
            for p in products
        ):
            return name
    return None
