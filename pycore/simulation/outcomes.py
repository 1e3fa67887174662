"""What simulated respondents do beyond answering items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pycore.errors import refuse
from pycore.model.elements import Outcome
from pycore.model.expressions import to_expression
from pycore.model.numeric import evaluate
from pycore.program.arithmetic import normal, uniform
from pycore.program.compile import slot
from pycore.program.interpret import SURVEY
from pycore.program.philox import philox
from pycore.simulation.thresholds import default_thresholds

__all__ = ["observed"]


def observed(
    outcome: Outcome, known: Mapping[str, Any], ids: npt.NDArray[np.uint64], seed: int
) -> npt.NDArray[np.int64]:
    """One outcome of every respondent, from one random word each, by inversion.

    Parameters
    ----------
    outcome : Outcome
        Of the model.
    known : Mapping
        Averages of states and drawn traits, one per respondent; numbers of everything else.
    ids : ndarray of uint64
        Respondents.
    seed : int
        Key of the random numbers.
    """
    words = philox(ids, 0, SURVEY, slot(f"outcome:{outcome.name}"), seed)[0]
    predictor = np.broadcast_to(evaluate(outcome.predictor, known), ids.shape)
    if outcome.kind == "ordered":
        cuts = outcome.thresholds or default_thresholds(outcome.points)
        latent = predictor + normal(words).astype(np.float64)
        return np.asarray(np.searchsorted(np.asarray(cuts), latent, side="right"))
    share = uniform(words).astype(np.float64)
    if outcome.kind == "bernoulli":
        happens = share * (1 + np.exp(-predictor)) < 1
        return np.asarray(happens, dtype=np.int64)
    from scipy.stats import nbinom, poisson

    mean = np.exp(np.minimum(predictor, 700.0))
    if outcome.kind == "poisson":
        return np.asarray(poisson.ppf(share, mean), dtype=np.int64)
    size = float(evaluate(to_expression("size", outcome.size), known))
    if not size > 0:
        raise refuse(f"size of outcome {outcome.name!r}", size, "a number above 0")
    return np.asarray(nbinom.ppf(share, size, size / (size + mean)), dtype=np.int64)
