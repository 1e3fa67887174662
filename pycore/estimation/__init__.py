"""From answers to parameters: the long-run form of a model, fitted to data.

By Markov chains, a normal approximation or maximum likelihood.  nutpie (or PyMC) is imported when
chains are run, not before.
"""

from pycore.estimation.effects import effects
from pycore.estimation.errors import EstimateWarning, NotYetEstimated
from pycore.estimation.estimate import estimate, to_pymc
from pycore.estimation.invariance import invariance
from pycore.estimation.posterior import parameter_draws
from pycore.estimation.prior_check import prior_check
from pycore.estimation.summary import FitSummary, summarise
from pycore.estimation.summary_data import SummaryData

__all__ = [
    "EstimateWarning",
    "FitSummary",
    "NotYetEstimated",
    "SummaryData",
    "effects",
    "estimate",
    "invariance",
    "parameter_draws",
    "prior_check",
    "summarise",
    "to_pymc",
]
