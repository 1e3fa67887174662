"""Published tables as arrays: the studies whose correlations are data for the estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import require_name
from pycore.facts.store import FACTS_FILE, Fact, Work, find, frozen, get, work
from pycore.facts.yaml_file import read_yaml


@dataclass(frozen=True, eq=False)
class CorrelationStudy:
    """A published correlation table with the paths its authors printed.

    Attributes
    ----------
    key : str
        Name of the table in the store.
    names : tuple of str
        Variables, in the order of the arrays.
    labels : Mapping
        Variable -> what it stands for.
    correlation : ndarray, shape (variables, variables)
        Symmetric, unit diagonal, read-only.
    mean, sd : ndarray, shape (variables,), or None
        As printed, read-only; None where the paper prints none.
    n : int
        Respondents.
    paths : Mapping
        ``(effect, cause)`` -> printed standardised coefficient, the order of
        ``path[effect, cause]`` in a fit.
    r2 : Mapping
        Effect -> printed R².
    loadings : Mapping
        Variable -> printed item loadings; empty where none are printed.
    alpha : Mapping
        Variable -> Cronbach's α; empty where none is printed.
    work : Work
        The paper.

    Examples
    --------
    >>> study = zhang2017_ecm()
    >>> study.names, study.n
    (('CI', 'CONF', 'PU', 'SAT'), 288)
    >>> study.paths["SAT", "CONF"]
    0.69
    """

    key: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    correlation: NDArray[np.float64]
    mean: NDArray[np.float64] | None
    sd: NDArray[np.float64] | None
    n: int
    paths: Mapping[tuple[str, str], float]
    r2: Mapping[str, float]
    loadings: Mapping[str, tuple[float, ...]]
    alpha: Mapping[str, float]
    work: Work

    def path_fact(self, effect: str, cause: str) -> Fact:
        """The store's entry of one printed path, with its uncertainty and citation.

        Examples
        --------
        >>> gao2023().path_fact("PIN", "RES").uncertainty["t"]
        3.217
        """
        return get(f"{self.key}_{'path_' if self.key == 'gao2023' else ''}{cause}_{effect}")


def tables() -> tuple[str, ...]:
    """Names of the published tables in the store.

    Examples
    --------
    >>> tables()
    ('gao2023', 'zhang2017_ecm', 'ecsi_mobi', 'xu2025_corr')
    """
    return tuple(read_yaml(FACTS_FILE)["tables"])


def table(name: str) -> Mapping[str, Any]:
    """One published table as read-only plain data.

    Parameters
    ----------
    name : str
        One of :func:`tables`.

    Returns
    -------
    Mapping
        The entries of the file; lower triangles as tuples of rows.

    Raises
    ------
    InputError
        If the store has no such table.

    Examples
    --------
    >>> table("gao2023")["alpha"]["PIN"]
    0.75
    """
    require_name("table", name, tables())
    entry: Mapping[str, Any] = frozen(read_yaml(FACTS_FILE)["tables"][name])
    return entry


def _read_only(values: Any) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _symmetric(lower: tuple[tuple[float, ...], ...]) -> NDArray[np.float64]:
    size = len(lower)
    full = np.zeros((size, size))
    for row, entries in enumerate(lower):
        full[row, : row + 1] = entries
    return _read_only(full + np.tril(full, -1).T)


def _study(key: str, prefix: str, labels: Mapping[str, str], r2_fact: str) -> CorrelationStudy:
    entry = table(key)
    names: tuple[str, ...] = entry["order"]
    paths: dict[tuple[str, str], float] = {}
    for fact in find():
        if fact.id.startswith(prefix):
            cause, _, effect = fact.id.removeprefix(prefix).rpartition("_")
            if cause in names and effect in names:
                paths[effect, cause] = float(fact.value)
    return CorrelationStudy(
        key=key,
        names=names,
        labels=MappingProxyType(dict(labels)),
        correlation=_symmetric(entry["corr_lower"]),
        mean=_read_only(entry["mean"]) if "mean" in entry else None,
        sd=_read_only(entry["sd"]) if "sd" in entry else None,
        n=int(entry["n"]),
        paths=MappingProxyType(paths),
        r2=get(r2_fact).value,
        loadings=entry.get("loadings", MappingProxyType({})),
        alpha=entry.get("alpha", MappingProxyType({})),
        work=work(entry["work"]),
    )


@cache
def gao2023() -> CorrelationStudy:
    """The live-streaming study: streamer, presence and purchase intention, 378 respondents.

    Ten variables: four controls (gender, age, education, income) and six five-point constructs.

    Returns
    -------
    CorrelationStudy
        Correlations, means, standard deviations, loadings, α and the eleven printed paths.

    References
    ----------
    Gao, Jiang and Guo (2023), J Retail Consum Serv 73:103356; numbers read in the full text.

    Examples
    --------
    >>> study = gao2023()
    >>> study.correlation.shape, len(study.paths)
    ((10, 10), 11)
    """
    return _study(
        "gao2023",
        "gao2023_path_",
        {
            "gender": "gender (share of men)",
            "age": "age (years)",
            "education": "education (level)",
            "income": "monthly income (level)",
            "LIK": "likeability of the streamer",
            "ANI": "animacy of the streamer",
            "RES": "responsiveness of the streamer",
            "SOP": "social presence",
            "TEL": "telepresence",
            "PIN": "purchase intention",
        },
        "gao2023_r2",
    )


@cache
def zhang2017_ecm() -> CorrelationStudy:
    """The expectation–confirmation study: users of health apps, 288 respondents.

    Only the four core constructs have printed correlations.  The paths to satisfaction and to
    continuance intention follow from them; confirmation → usefulness was fitted together with
    antecedents (accuracy, responsiveness, ease) whose correlations are not printed, so it does not.

    Returns
    -------
    CorrelationStudy
        Correlations and printed paths among confirmation, usefulness, satisfaction and
        continuance intention.

    References
    ----------
    Zhang, Luo, Nie and Zhang (2017), ChinaXiv:201711.01941V1; numbers read in the full text.

    Examples
    --------
    >>> sorted(zhang2017_ecm().paths)
    [('CI', 'PU'), ('CI', 'SAT'), ('PU', 'CONF'), ('SAT', 'CONF'), ('SAT', 'PU')]
    """
    return _study(
        "zhang2017_ecm",
        "zhang2017_ecm_",
        {
            "CI": "continuance intention",
            "CONF": "expectation confirmation",
            "PU": "perceived usefulness",
            "SAT": "satisfaction",
        },
        "zhang2017_ecm_r2",
    )
