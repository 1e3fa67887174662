"""Who listens to whom: networks given, generated, or hashed.

Consumers of a run are numbered segment by segment.  Generated networks use Philox and whole
numbers only, so they are the same on every machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError, refuse
from pycore.program.interpret import NETWORK
from pycore.program.philox import philox

__all__ = ["Network"]

I64 = npt.NDArray[np.int64]
Kind = Literal["hashed", "random", "small_world", "scale_free", "given"]
MAX_DEGREE = 4095
MAX_NODES = 2**31


@dataclass(frozen=True, eq=False)
class Network:
    """A network of consumers, for models with an environment of ``scope="neighbours"``.

    Made by :meth:`random`, :meth:`small_world`, :meth:`scale_free`, :meth:`hashed` or
    :meth:`given`; what is generated takes the size of the run it is used in.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("word_of_mouth")
    >>> talk = m.environment("talk", scope="neighbours")
    >>> hear = m.event("hear", probability=pc.where(talk > 0, 0.2, 0))
    >>> knows = m.state(
    ...     "knows", start=0, increment=hear + m.event("advert", probability=0.01), carry=1, high=1
    ... )
    >>> m.update(talk, target=pc.total(knows))
    >>> m.record(knows)
    >>> run = pc.simulate(
    ...     m, consumers=5_000, periods=20, seed=1, network=pc.Network.random(6, seed=2)
    ... )
    >>> float(run["knows_mean"].isel(period=-1).sum()) > 0.5
    True
    """

    kind: Kind
    degree: int = 0
    rewiring: float = 0.0
    seed: int = 0
    starts: I64 | None = None
    targets: npt.NDArray[np.uint32] | None = None

    @classmethod
    def hashed(cls, degree: int, *, seed: int = 0) -> Network:
        """Each consumer listens to ``degree`` others drawn at random; nothing is stored.

        Drawn with replacement, and who is listened to need not listen back.

        Examples
        --------
        >>> Network.hashed(10, seed=1).bytes(10**9)
        0
        """
        return cls("hashed", degree=_degree(degree), seed=_seed(seed))

    @classmethod
    def random(cls, degree: int, *, seed: int = 0) -> Network:
        """Erdős and Rényi (1959): links between random pairs, ``degree`` per consumer on average.

        n·degree/2 pairs are drawn; one with oneself or drawn twice is dropped.

        Examples
        --------
        >>> starts, _ = Network.random(10, seed=1).listed(1000)
        >>> float(starts[-1] / 1000)
        9.946
        """
        return cls("random", degree=_degree(degree), seed=_seed(seed))

    @classmethod
    def small_world(cls, degree: int, rewiring: float, *, seed: int = 0) -> Network:
        """Watts and Strogatz (1998): a ring of ``degree`` nearest, some links led elsewhere.

        ``degree`` is even; a link is rewired with probability ``rewiring``.

        Examples
        --------
        >>> starts, targets = Network.small_world(4, 0.0).listed(6)
        >>> targets[: starts[1]].tolist()
        [1, 2, 4, 5]
        """
        if _degree(degree) % 2:
            raise refuse("degree", degree, "an even number")
        if isinstance(rewiring, bool) or not 0 <= rewiring <= 1:
            raise refuse("rewiring", rewiring, "a probability in [0, 1]")
        return cls("small_world", degree=degree, rewiring=float(rewiring), seed=_seed(seed))

    @classmethod
    def scale_free(cls, links: int, *, seed: int = 0) -> Network:
        """Barabási and Albert (1999): newcomers link to those who have many links.

        Each of the consumers brings ``links`` links (Batagelj and Brandes 2005); links with
        oneself or drawn twice are dropped.

        Examples
        --------
        >>> starts, _ = Network.scale_free(3, seed=1).listed(10_000)
        >>> links = np.diff(starts)
        >>> int(np.median(links)), bool(links.max() > 100)
        (4, True)
        """
        return cls("scale_free", degree=_degree(links), seed=_seed(seed))

    @classmethod
    def given(cls, graph: Any) -> Network:
        """A NetworkX graph or a SciPy sparse matrix, one node or row for each consumer.

        Row i of the matrix holds non-zeros for those whom consumer i hears; of a graph these are
        the neighbours, of a directed graph the successors.  Weights are not used.

        Examples
        --------
        >>> import scipy.sparse as sparse
        >>> first_hears_second = sparse.csr_array([[0, 1], [0, 0]])
        >>> [part.tolist() for part in Network.given(first_hears_second).listed(2)]
        [[0, 1, 1], [1]]
        """
        if hasattr(graph, "adjacency") and hasattr(graph, "number_of_nodes"):
            import networkx as nx  # type: ignore[import-untyped]

            graph = nx.to_scipy_sparse_array(graph, format="csr", weight=None)
        try:
            csr = graph.tocsr().copy()
            csr.eliminate_zeros()
            csr.sort_indices()
            rows, columns = csr.shape
            starts, targets = csr.indptr, csr.indices
        except (AttributeError, ValueError, TypeError):
            raise refuse(
                "graph", type(graph).__name__, "a NetworkX graph or a SciPy sparse matrix"
            ) from None
        if rows != columns or not 1 <= rows < MAX_NODES:
            raise refuse("graph", csr.shape, "as many rows as columns, below 2**31")
        return cls("given", starts=starts.astype(np.int64), targets=targets.astype(np.uint32))

    def listed(self, nodes: int) -> tuple[I64, npt.NDArray[np.uint32]]:
        """Neighbours of every node as ``targets[starts[i]:starts[i + 1]]``.

        Parameters
        ----------
        nodes : int
            Consumers of the run.

        Returns
        -------
        starts : int64 array of shape (nodes + 1,)
        targets : uint32 array

        Examples
        --------
        >>> starts, targets = Network.small_world(2, 0.0).listed(4)
        >>> starts.tolist(), targets.tolist()
        ([0, 2, 4, 6, 8], [1, 3, 0, 2, 1, 3, 0, 2])
        """
        self.require(nodes)
        if self.starts is not None and self.targets is not None:
            return self.starts, self.targets
        make = {"random": self._random, "small_world": self._ring, "scale_free": self._popular}
        return _both_ways(*make[self.kind](nodes), nodes)

    def require(self, nodes: int) -> None:
        """Refuse a number of consumers that this network cannot have.

        Examples
        --------
        >>> Network.random(10).require(5)
        Traceback (most recent call last):
        pycore.errors.InputError: network: received '5 consumers', allowed is 11 to ... consumers
        """
        least = self.degree + 1 if self.kind != "given" else 1
        if not least <= nodes < MAX_NODES:
            raise refuse("network", f"{nodes} consumers", f"{least} to 2**31 − 1 consumers")
        if self.starts is not None and len(self.starts) != nodes + 1:
            raise refuse("network", f"{len(self.starts) - 1} nodes",
                         f"one node for each of the {nodes} consumers")  # fmt: skip

    def bytes(self, nodes: int) -> int:
        """Memory of the list of neighbours, about.

        Examples
        --------
        >>> Network.random(10).bytes(1_000_000)
        48000008
        """
        if self.targets is not None:
            return 8 * (nodes + 1) + 4 * len(self.targets)
        both = {"hashed": 0, "scale_free": 2}.get(self.kind, 1)
        return 0 if not both else 8 * (nodes + 1) + 4 * both * self.degree * nodes

    def to_json(self) -> dict[str, Any]:
        """Plain data for the provenance; of a given network only its fingerprint.

        Examples
        --------
        >>> Network.random(10, seed=1).to_json()
        {'kind': 'random', 'degree': 10, 'rewiring': 0.0, 'seed': 1}
        """
        if self.starts is not None and self.targets is not None:
            found = hashlib.sha256(self.starts.astype("<i8").tobytes())
            found.update(self.targets.astype("<u4").tobytes())
            return {"kind": "given", "sha256": found.hexdigest()}
        return {"kind": self.kind, "degree": self.degree, "rewiring": self.rewiring,
                "seed": self.seed}  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Network:
        """Network that :meth:`to_json` described; a given one cannot be made again.

        Examples
        --------
        >>> Network.from_json(Network.random(10, seed=1).to_json()).degree
        10
        """
        match data["kind"]:
            case "hashed":
                return cls.hashed(data["degree"], seed=data["seed"])
            case "random":
                return cls.random(data["degree"], seed=data["seed"])
            case "small_world":
                return cls.small_world(data["degree"], data["rewiring"], seed=data["seed"])
            case "scale_free":
                return cls.scale_free(data["degree"], seed=data["seed"])
        raise InputError("network: received a run over a given network, allowed is the same "
                         "network once more in network=")  # fmt: skip

    # ------------------------------------------------------------------ generators

    def _words(self, size: int, slot: int) -> I64:
        calls = np.arange(-(-size // 4), dtype=np.uint64)
        return philox(calls, 0, NETWORK, slot, self.seed).T.ravel()[:size].astype(np.int64)

    def _random(self, nodes: int) -> tuple[I64, I64]:
        size = nodes * self.degree // 2
        return self._words(size, 1) * nodes >> 32, self._words(size, 2) * nodes >> 32

    def _ring(self, nodes: int) -> tuple[I64, I64]:
        one = np.repeat(np.arange(nodes, dtype=np.int64), self.degree // 2)
        step = np.tile(np.arange(1, self.degree // 2 + 1), nodes)
        other = (one + step) % nodes
        moved = self._words(len(one), 1) < round(self.rewiring * 2**32)
        return one, np.where(moved, self._words(len(one), 2) * nodes >> 32, other)

    def _popular(self, nodes: int) -> tuple[I64, I64]:
        size = nodes * self.degree
        one = np.repeat(np.arange(nodes, dtype=np.int64), self.degree)
        # Link e has its ends at 2e and 2e + 1; the second copies a random end before it.
        copied = self._words(size, 1) * (2 * np.arange(size, dtype=np.int64) + 1) >> 32
        while (odd := copied % 2 == 1).any():
            copied[odd] = copied[copied[odd] // 2]
        return one, one[copied // 2]


def _both_ways(one: I64, other: I64, nodes: int) -> tuple[I64, npt.NDArray[np.uint32]]:
    keep = one != other
    one, other = one[keep], other[keep]
    pairs = np.concatenate([one * nodes + other, other * nodes + one])
    pairs.sort()  # np.unique goes through a hash table, forty times slower on such numbers
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if len(pairs) else pairs
    starts = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(pairs // nodes, minlength=nodes), out=starts[1:])
    return starts, (pairs % nodes).astype(np.uint32)


def _degree(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_DEGREE:
        raise refuse("degree", value, f"a whole number from 1 to {MAX_DEGREE}")
    return value


def _seed(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
        raise refuse("seed", value, "a whole number from 0 to 2**64 − 1")
    return value
