"""Latent variables drawn for every respondent: one number per respondent and disturbance.

It takes every kind of item and outcome and any products of states
(:mod:`pycore.estimation.respondent_plan`).  Loadings and the latent variables that they measure
follow each other, so chains mix slowly; where there is a quadrature
(:mod:`pycore.estimation.quadrature`), it is the faster way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from pycore.errors import refuse
from pycore.estimation.density import Density
from pycore.estimation.plan import Plan
from pycore.estimation.respondent_plan import RespondentPlan
from pycore.estimation.survey import Survey, turned_starts
from pycore.model.products import Product

__all__ = ["explicit_density"]


def explicit_density(
    plan: Plan,
    survey: Survey,
    products: Sequence[Product],
    priors: Mapping[str, Any] | None = None,
) -> tuple[Plan, Density, dict[str, tuple[tuple[sp.Expr, ...], ...]]]:
    """The posterior of a plan with latent variables of every respondent.

    Parameters
    ----------
    plan, survey, products, priors
        See :class:`pycore.estimation.respondent_plan.RespondentPlan`.

    Returns
    -------
    Plan
        With thresholds, intercepts, outcomes and products.
    Density
        Of it.
    dict
        Ordinal item or rating → its thresholds in each group.
    """
    made = RespondentPlan(plan, survey, products, priors)
    if made.covarying():
        raise refuse("latents", "'explicit'", "'integrated' for items whose errors covary")
    density = Density(made.plan, survey.sample, respondents=made.respondents())
    density.begin(made.starts | turned_starts(made.plan, survey.correlation))
    return made.plan, density, made.thresholds
