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
    "Uniform": "pycore.model.distributions",
    "answers": "pycore.simulation.answers",
    "average": "pycore.model.functions",
    "build_config": "pycore.program.build",
    "claims": "pycore.claims",
    "compare": "pycore.simulation.compare",
    "compose": "pycore.model.compose",
    "effects": "pycore.estimation",
    "estimate": "pycore.estimation",
    "event_log": "pycore.simulation.parquet",
    "facts": "pycore.facts",
    "invariance": "pycore.estimation",
    "library": "pycore.library",
    "logistic": "pycore.model.functions",
    "plot": "pycore.plot",
    "pool": "pycore.simulation.compare",
    "prior_check": "pycore.estimation",
    "quantile": "pycore.simulation.quantile",
    "reproduce": "pycore.simulation.provenance",
    "share": "pycore.model.functions",
    "simulate": "pycore.simulation.simulate",
    "total": "pycore.model.functions",
    "trajectories": "pycore.simulation.trajectories",
    "table": "pycore.model.functions",
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
    "Uniform",
    "__version__",
    "answers",
    "average",
    "build_config",
    "claims",
    "compare",
    "compose",
    "effects",
    "estimate",
    "event_log",
    "facts",
    "invariance",
    "library",
    "logistic",
    "plot",
    "pool",
    "prior_check",
    "quantile",
    "reproduce",
    "share",
    "simulate",
    "table",
    "total",
    "trajectories",
    "where",
]

if TYPE_CHECKING:
    from pycore import claims, facts, library, plot
    from pycore.errors import InputError, NotYetSimulated
    from pycore.estimation import SummaryData, effects, estimate, invariance, prior_check
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
