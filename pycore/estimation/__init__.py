"""From answers to parameters: the long-run form of a model, fitted to data.

By Markov chains, a normal approximation or maximum likelihood.  nutpie (or PyMC) is imported when
chains are run, not before.
"""

from pycore.estimation.calibrate import calibrate
from pycore.estimation.effects import effects
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.estimate import estimate, to_pymc
from pycore.estimation.fusion import fuse
from pycore.estimation.importance import importance_performance
from pycore.estimation.invariance import invariance
from pycore.estimation.model_comparison import loo_compare
from pycore.estimation.pooling import partial_pooling
from pycore.estimation.posterior import parameter_draws
from pycore.estimation.predict import predict
from pycore.estimation.predictive import item_check
from pycore.estimation.prior_check import prior_check
from pycore.estimation.reliability import htmt, r_squared, reliability
from pycore.estimation.sbc import calibration_check
from pycore.estimation.sensitivity import prior_sensitivity
from pycore.estimation.slopes import simple_slopes
from pycore.estimation.summary import FitSummary, summarise
from pycore.estimation.summary_data import SummaryData
from pycore.estimation.survey_design import survey_mean
from pycore.estimation.target import Target

__all__ = [
    "EstimateWarning",
    "FitSummary",
    "SummaryData",
    "Target",
    "calibrate",
    "calibration_check",
    "effects",
    "estimate",
    "fuse",
    "htmt",
    "importance_performance",
    "invariance",
    "item_check",
    "loo_compare",
    "parameter_draws",
    "partial_pooling",
    "predict",
    "prior_check",
    "prior_sensitivity",
    "r_squared",
    "reliability",
    "simple_slopes",
    "summarise",
    "survey_mean",
    "to_pymc",
]
