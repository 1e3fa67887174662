"""Stay or Leave: consumer models written once, as equations; simulated, estimated and printed.

The names below are the public interface.  They load on first use, so that ``import pycore`` needs
neither SymPy nor PyMC.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name → module that defines it (a name equal to the module's last part is the module).
_WHERE = {
    "Beta": "pycore.model.distributions",
    "Binomial": "pycore.model.distributions",
    "Exponential": "pycore.model.distributions",
    "Gamma": "pycore.model.distributions",
    "HalfNormal": "pycore.model.distributions",
    "InputError": "pycore.errors",
    "LogNormal": "pycore.model.distributions",
    "Model": "pycore.model.model",
    "Network": "pycore.simulation.network",
    "Normal": "pycore.model.distributions",
    "NotYetSimulated": "pycore.errors",
    "Poisson": "pycore.model.distributions",
    "SummaryData": "pycore.estimation",
    "Target": "pycore.estimation",
    "Uniform": "pycore.model.distributions",
    "answers": "pycore.simulation.answers",
    "average": "pycore.model.functions",
    "build_config": "pycore.program.build",
    "calibrate": "pycore.estimation",
    "calibration_check": "pycore.estimation",
    "claims": "pycore.claims",
    "compare": "pycore.simulation.compare",
    "compose": "pycore.model.compose",
    "effects": "pycore.estimation",
    "estimate": "pycore.estimation",
    "event_log": "pycore.simulation.parquet",
    "facts": "pycore.facts",
    "fuse": "pycore.estimation",
    "histories": "pycore.histories",
    "htmt": "pycore.estimation",
    "importance_performance": "pycore.estimation",
    "invariance": "pycore.estimation",
    "item_check": "pycore.estimation",
    "library": "pycore.library",
    "logistic": "pycore.model.functions",
    "loo_compare": "pycore.estimation",
    "partial_pooling": "pycore.estimation",
    "plot": "pycore.plot",
    "pool": "pycore.simulation.compare",
    "predict": "pycore.estimation",
    "prior_check": "pycore.estimation",
    "prior_sensitivity": "pycore.estimation",
    "quantile": "pycore.simulation.quantile",
    "r_squared": "pycore.estimation",
    "reliability": "pycore.estimation",
    "reproduce": "pycore.simulation.provenance",
    "share": "pycore.model.functions",
    "simple_slopes": "pycore.estimation",
    "simulate": "pycore.simulation.simulate",
    "survey_mean": "pycore.estimation",
    "table": "pycore.model.functions",
    "total": "pycore.model.functions",
    "trajectories": "pycore.simulation.trajectories",
    "variance_parts": "pycore.simulation.variance",
    "where": "pycore.model.functions",
}

__all__ = [
    "Beta",
    "Binomial",
    "Exponential",
    "Gamma",
    "HalfNormal",
    "InputError",
    "LogNormal",
    "Model",
    "Network",
    "Normal",
    "NotYetSimulated",
    "Poisson",
    "SummaryData",
    "Target",
    "Uniform",
    "__version__",
    "answers",
    "average",
    "build_config",
    "calibrate",
    "calibration_check",
    "claims",
    "compare",
    "compose",
    "effects",
    "estimate",
    "event_log",
    "facts",
    "fuse",
    "histories",
    "htmt",
    "importance_performance",
    "invariance",
    "item_check",
    "library",
    "logistic",
    "loo_compare",
    "partial_pooling",
    "plot",
    "pool",
    "predict",
    "prior_check",
    "prior_sensitivity",
    "quantile",
    "r_squared",
    "reliability",
    "reproduce",
    "share",
    "simple_slopes",
    "simulate",
    "survey_mean",
    "table",
    "total",
    "trajectories",
    "variance_parts",
    "where",
]

if TYPE_CHECKING:
    from pycore import claims, facts, histories, library, plot
    from pycore.errors import InputError, NotYetSimulated
    from pycore.estimation.calibrate import calibrate
    from pycore.estimation.effects import effects
    from pycore.estimation.estimate import estimate
    from pycore.estimation.fusion import fuse
    from pycore.estimation.importance import importance_performance
    from pycore.estimation.invariance import invariance
    from pycore.estimation.model_comparison import loo_compare
    from pycore.estimation.pooling import partial_pooling
    from pycore.estimation.predict import predict
    from pycore.estimation.predictive import item_check
    from pycore.estimation.prior_check import prior_check
    from pycore.estimation.reliability import htmt, r_squared, reliability
    from pycore.estimation.sbc import calibration_check
    from pycore.estimation.sensitivity import prior_sensitivity
    from pycore.estimation.slopes import simple_slopes
    from pycore.estimation.summary_data import SummaryData
    from pycore.estimation.survey_design import survey_mean
    from pycore.estimation.target import Target
    from pycore.model.compose import compose
    from pycore.model.distributions import (
        Beta,
        Binomial,
        Exponential,
        Gamma,
        HalfNormal,
        LogNormal,
        Normal,
        Poisson,
        Uniform,
    )
    from pycore.model.functions import average, logistic, share, table, total, where
    from pycore.model.model import Model
    from pycore.program.build import build_config
    from pycore.simulation.answers import answers
    from pycore.simulation.compare import compare, pool
    from pycore.simulation.network import Network
    from pycore.simulation.parquet import event_log
    from pycore.simulation.provenance import reproduce
    from pycore.simulation.quantile import quantile
    from pycore.simulation.simulate import simulate
    from pycore.simulation.trajectories import trajectories
    from pycore.simulation.variance import variance_parts


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'pycore' has no attribute {name!r}")
    module = import_module(_WHERE[name])
    value = (
        module
        if _WHERE[name] == f"pycore.{name}" and not hasattr(module, name)
        else getattr(module, name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
