"""Adds to a plan what the likelihood of respondents one by one needs.

Given her states and traits, a respondent's answers are independent of each other, whatever their
kind: a continuous item is normal, an ordinal one an ordered probit, an outcome Bernoulli, Poisson,
negative binomial or a rating.  The states themselves follow the long-run equations with their
products, which no covariance matrix holds.

Scale: see :mod:`pycore.estimation.survey`.  An ordinal item of three points or more has its first
and last threshold where the model puts them, and its error and intercept are free; between them the
gaps of thresholds have a uniform-like Dirichlet(2) prior, written as a chain of beta shares, so that
thresholds are ordered by construction.  An item of two points keeps its threshold and error as
declared.  An item without points has a unit error variance, no intercept and free thresholds, and so
has a rating: the first Normal(0, 2), the gaps between them exponential with mean 1, in units of about
the deviation of what is cut.

States stand at the model's base steady state where an outcome reads them; what is drawn is the
deviation from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pycore._core import Column, Respondents
from pycore.errors import refuse
from pycore.estimation.plan import BLOCKS, Entries, Free, Plan
from pycore.estimation.priors import is_positive
from pycore.estimation.product_order import Pairs, in_order, reach, shared_factor
from pycore.estimation.survey import Survey, anchors
from pycore.estimation.transforms import unconstrained
from pycore.model.distributions import Beta, Distribution, Exponential, Normal
from pycore.model.elements import Item, Outcome, Parameter, Trait
from pycore.model.expressions import symbol
from pycore.model.model import Model
from pycore.model.products import Product

__all__ = ["RespondentPlan"]

Array = NDArray[np.float64]

# Numbers of enum Kind in cpp/include/pycore/estimation/respondents.hpp.
_KINDS: Final = {
    "continuous": 0, "ordered": 1, "bernoulli": 2, "poisson": 3, "negative_binomial": 4,
}  # fmt: skip
_CONCENTRATION = 2.0  # of the gaps between thresholds


class RespondentPlan:
    """A plan with thresholds, intercepts, outcomes and products.

    Parameters
    ----------
    plan : Plan
        With priors, of the model without its products.
    survey : Survey
        What respondents answered and did.
    products : sequence of Product
        Interactions that the plan leaves out.
    priors : mapping, optional
        Of parameters that only outcomes or products read; see :func:`pycore.estimate`.

    Attributes
    ----------
    plan : Plan
        With everything added, and nothing that is no longer read.
    products : list of Product
        In an order in which no factor depends on a later product.
    thresholds : dict
        Ordinal item or rating → its thresholds in each group.
    starts : dict
        Name of an added random variable → where it starts, unconstrained.
    """

    def __init__(
        self,
        plan: Plan,
        survey: Survey,
        products: Sequence[Product],
        priors: Mapping[str, Any] | None = None,
    ) -> None:
        plan = plan.resolved()
        self.plan, self.survey, self.priors = plan, survey, dict(priors or {})
        self.model: Model = plan.model
        self.items = list(self.model.items.values())
        self.outcomes = list(self.model.outcomes.values())
        self.groups = len(plan.groups)
        self.matrices: list[dict[str, Entries]] = [
            {block: dict(own[block]) for block in BLOCKS} for own in plan.matrices
        ]
        self.further: list[list[sp.Expr]] = [[] for _ in range(self.groups)]
        self.free = list(plan.free)
        self.parameters = dict(plan.parameters)
        self.held = dict(plan.held)
        self.starts: dict[str, Array] = {}
        self.cuts: dict[str, int] = {}
        self.thresholds: dict[str, tuple[tuple[sp.Expr, ...], ...]] = {}
        if plan.given:
            raise refuse("latents", "'explicit' or 'quadrature'",
                         "'integrated' with traits that are given")  # fmt: skip
        self.products = in_order(products, self._reach())
        self._measure()
        self._outcome_rows()
        self._product_terms()
        self.plan = self._read_plan()

    def covarying(self) -> bool:
        """Whether errors of items covary."""
        return any(i != j for own in self.matrices for i, j in own["error"])

    def drawn(self) -> list[int]:
        """Latent variables with a disturbance of their own."""
        return [j for j in range(len(self.plan.latents))
                if any((j, j) in own["disturbance"] for own in self.matrices)]  # fmt: skip

    def shared_factor(self) -> str | None:
        """The state or trait that is a factor of every product, and that none of them acts on."""
        return shared_factor(self.products, self.plan.latents, self._reach())

    def _read_plan(self) -> Plan:
        """The plan with everything added, and nothing that is no longer read."""
        used = {
            s.name
            for own, more in zip(self.matrices, self.further, strict=True)
            for e in (*(e for b in BLOCKS for e in own[b].values()), *more)
            for s in e.free_symbols
        }
        free = tuple(f for f in self.free if any(f[k].name in used for k in range(f.size)))
        gone = {f[k].name for f in self.free if f not in free for k in range(f.size)}

        def kept(found: Mapping[str, tuple[sp.Expr, ...]]) -> dict[str, tuple[sp.Expr, ...]]:
            return {
                n: e for n, e in found.items()
                if not any(s.name in gone for part in e for s in part.free_symbols)
            }  # fmt: skip

        return replace(
            self.plan, free=free, matrices=tuple(self.matrices), means="modelled",
            parameters=kept(self.parameters), defined=kept(self.plan.defined),
            outcomes=tuple(self.model.outcomes),
            held={n: v for n, v in self.held.items() if n not in self.parameters},
            further=tuple(tuple(more) for more in self.further),
        )  # fmt: skip

    # ------------------------------------------------------------------ items

    def _measure(self) -> None:
        free_intercepts = []
        for i, item in enumerate(self.items):
            ordinal = item.name in self.survey.ordinal
            unscaled = ordinal and not item.points
            if unscaled or (ordinal and item.points == 2):
                held = 1.0 if unscaled else float(self.plan.forms[0].Theta[i, i])
                for own in self.matrices:
                    own["error"][i, i] = sp.Float(held)
            if not any((i, i) in own["error"] for own in self.matrices):
                raise refuse(f"item {item.name!r}", "error 0",
                             "an error: an item at face value is the state itself, which leaves "
                             "nothing to draw or to integrate; use latents='integrated'")  # fmt: skip
            if unscaled:
                for own in self.matrices:
                    own["intercept"].pop((i, 0), None)
            else:
                free_intercepts.append(i)
            if ordinal:
                self._cut(i, item, self.survey.categories[item.name])
        self._intercepts(free_intercepts)

    def _intercepts(self, places: list[int]) -> None:
        """Every item has its own mean, in every group."""
        if not places or self.plan.means == "modelled":
            return
        made = Free("free_intercept", (self.groups, len(places)), self.plan.defaults.intercept)
        self.free.append(made)
        scale = self.survey.sample.scale
        for g, own in enumerate(self.matrices):
            centre = self.survey.sample.centre(g)
            for k, i in enumerate(places):
                own["intercept"][i, 0] = (
                    sp.Float(centre[i]) + sp.Float(scale[i]) * made[g * len(places) + k]
                )

    def _cut(self, i: int, item: Item, categories: int) -> None:
        """Thresholds of an ordinal item."""
        shares = _shares(self.survey.answers[:, i], categories)
        spreads = [self._spread(own, i) for own in self.matrices]
        self._add_cuts(item.name, anchors(item), shares, spreads)

    def _spread(self, own: dict[str, Entries], row: int) -> sp.Expr:
        """About the deviation of what an item or rating cuts: its error's and its states' own.

        Free thresholds are drawn in this unit; with a stronger loading they all move apart, and
        chains would have to follow them.
        """
        square = own["error"][row, row]
        for (i, j), loading in own["loading"].items():
            if i == row:
                square += loading**2 * own["disturbance"].get((j, j), sp.S.Zero)
        return sp.sqrt(square)

    def _add_cuts(
        self,
        name: str,
        fixed: tuple[float, ...],
        shares: Array,
        spreads: Sequence[sp.Expr],
    ) -> None:
        count = len(shares) - 1
        # Thresholds of logits, near enough to those of a normal for a start.
        below = np.cumsum(shares)[:-1]
        start = np.log(below / (1 - below)) / 1.7
        cuts: list[sp.Expr]
        if len(fixed) == 2:
            cuts = [sp.Float(fixed[0])]
            left: sp.Expr = sp.Float(fixed[1] - fixed[0])
            gaps = np.diff(start)
            rest = np.cumsum(gaps[::-1])[::-1]
            for k in range(count - 2):
                share = Free(f"free_gap_{name}_{k + 1}", (),
                             Beta(_CONCENTRATION, _CONCENTRATION * (count - 2 - k)))  # fmt: skip
                self._add(share, gaps[k] / rest[k])
                cuts.append(cuts[-1] + left * share[0])
                left = left * (1 - share[0])
            cuts.append(sp.Float(fixed[1]))
        elif fixed:
            cuts = [sp.Float(fixed[0])]
        else:
            first = Free(f"free_cut_{name}", (), Normal(0, 2))
            self._add(first, start[0])
            cuts = [first[0]]
            for k in range(count - 1):
                gap = Free(f"free_gap_{name}_{k + 1}", (), Exponential(1))
                self._add(gap, start[k + 1] - start[k])
                cuts.append(cuts[-1] + gap[0])
        self.cuts[name] = len(self.further[0])
        scaled = [cuts if fixed else [spread * c for c in cuts] for spread in spreads]
        self.thresholds[name] = tuple(tuple(own) for own in scaled)
        for more, own in zip(self.further, scaled, strict=True):
            more += own

    def _add(self, free: Free, start: float) -> None:
        assert free.prior is not None  # what is added here has one
        self.free.append(free)
        self.starts[free.name] = np.array([unconstrained(free.prior, start)])

    # ------------------------------------------------------------------ outcomes and products

    def _outcome_rows(self) -> None:
        """An outcome's predictor as a row of loadings on deviations from the base."""
        latents = self.plan.latents
        base = self._base()
        for k, outcome in enumerate(self.outcomes):
            row = len(self.items) + k
            inside = [symbol(n) for n in latents]
            predictor = sp.expand(outcome.predictor)
            for name in sorted(s.name for s in predictor.free_symbols):
                element = self.model.element(name)
                if isinstance(element, Parameter):
                    self._parameter(name)
                elif isinstance(element, Trait) and name not in latents and element.distribution:
                    raise refuse(f"outcome {outcome.name!r}", name,
                                 "states, and drawn traits that items measure")  # fmt: skip
            coefficients = [sp.diff(predictor, x) for x in inside]
            if any(c.has(*inside) for c in coefficients if inside):
                raise refuse(f"outcome {outcome.name!r}", outcome.predictor,
                             "a predictor that is linear in states and drawn traits")  # fmt: skip
            level = predictor.xreplace({x: sp.Float(base[x.name]) for x in inside})
            for g, own in enumerate(self.matrices):
                own["intercept"][row, 0] = self._put_in(level, g)
                for j, coefficient in enumerate(coefficients):
                    if coefficient != 0:
                        own["loading"][row, j] = self._put_in(coefficient, g)
                if outcome.kind == "ordered":
                    own["error"][row, row] = sp.Float(1.0)
                elif outcome.size is not None:
                    size = sp.sympify(outcome.size)
                    for free in size.free_symbols:
                        if isinstance(self.model.element(free.name), Parameter):
                            self._parameter(free.name, positive=True)
                    own["error"][row, row] = self._put_in(size, g)
            if outcome.kind == "ordered":
                self._rating(outcome, k)

    def _rating(self, outcome: Outcome, k: int) -> None:
        """A rating's predictor has an intercept of its own only in its cuts: they are all free."""
        shares = _shares(self.survey.outcomes[:, k], outcome.points)
        if (shares == 0).any():
            empty = ", ".join(str(c) for c in np.flatnonzero(shares == 0))
            raise refuse(f"outcome {outcome.name!r}", f"nobody in categories {empty}",
                         "answers in every category; join it with its neighbour")  # fmt: skip
        if any(isinstance(self.model.element(s.name), Parameter)
               for s in self._constant(outcome).free_symbols):  # fmt: skip
            raise refuse(f"outcome {outcome.name!r}", self._constant(outcome),
                         "a rating without a constant: its thresholds are free")  # fmt: skip
        spreads = [self._spread(own, len(self.items) + k) for own in self.matrices]
        self._add_cuts(outcome.name, (), shares, spreads)

    def _constant(self, outcome: Outcome) -> sp.Expr:
        inside = [symbol(n) for n in self.plan.latents]
        return sp.expand(outcome.predictor).xreplace(dict.fromkeys(inside, sp.S.Zero))

    def _base(self) -> dict[str, float]:
        form = self.plan.forms[0]
        known = {symbol(n): sp.Float(v) for n, v in form.values.items()}
        means = {
            n: float(form.exogenous_means[k].xreplace(known)) for k, n in enumerate(form.exogenous)
        }
        return {**form.base, **means}

    def _parameter(self, name: str, *, positive: bool = False) -> None:
        """A parameter that the long-run form does not read."""
        if name in self.parameters:
            return
        declared = self.model.of_kind(Parameter)[name]
        own = self.priors.get(name, declared.prior)
        if own is not None and not isinstance(own, Distribution):
            self.held[name] = float(own)
            return
        defaults = self.plan.defaults
        positive = positive or is_positive(self.model, name)
        prior = own or (defaults.sd if positive else Normal(0, 2.5))
        free = Free(name, (), prior)
        self._add(free, declared.value if not positive else max(declared.value, 1e-3))
        self.parameters[name] = (free[0],)

    def _put_in(self, expression: sp.Expr, g: int) -> sp.Expr:
        """Free quantities for parameters, numbers for traits and levers."""
        numbers = {symbol(n): sp.Float(v) for n, v in self.plan.forms[g].values.items()
                   if n not in self.parameters}  # fmt: skip
        numbers |= {symbol(n): sp.Float(v) for n, v in self.held.items()}
        numbers |= {symbol(n): e[g if len(e) > 1 else 0] for n, e in self.parameters.items()}
        return expression.xreplace(numbers)

    def _product_terms(self) -> None:
        for product in self.products:
            for name in sorted(s.name for s in product.coefficient.free_symbols):
                if isinstance(self.model.element(name), Parameter):
                    self._parameter(name)
            for g, more in enumerate(self.further):
                more.append(self._put_in(product.coefficient, g))

    def _reach(self) -> Pairs:
        names = self.plan.latents
        return reach({(names[j], names[i]) for own in self.matrices for i, j in own["path"]})

    # ------------------------------------------------------------------ data

    def respondents(self) -> list[Respondents]:
        """What everybody in each group answered and did."""
        names = self.plan.latents
        first = len(self.further[0]) - len(self.products)
        made = []
        for g in range(self.groups):
            rows = self.survey.codes == g
            columns = [
                self._column(
                    "ordered" if item.name in self.survey.ordinal else "continuous", item.name,
                    self.survey.answers[rows, i], self.survey.categories.get(item.name, 0),
                )
                for i, item in enumerate(self.items)
            ] + [
                self._column(o.kind, o.name, self.survey.outcomes[rows, k], o.points)
                for k, o in enumerate(self.outcomes)
            ]  # fmt: skip
            made.append(
                Respondents(
                    count=int(rows.sum()),
                    drawn=self.drawn(),
                    products=[
                        (names.index(p.state), names.index(p.first), names.index(p.second),
                         first + k)
                        for k, p in enumerate(self.products)
                    ],
                    columns=columns,
                )
            )  # fmt: skip
        return made

    def _column(self, kind: str, name: str, values: Array, categories: int) -> Column:
        return Column(
            kind=_KINDS[kind], cuts=self.cuts.get(name, 0), categories=categories,
            values=np.ascontiguousarray(values),
        )  # fmt: skip


def _shares(values: Array, categories: int) -> Array:
    """Of each category among those who answered."""
    seen = values[np.isfinite(values)].astype(int)
    found: Array = np.bincount(seen, minlength=categories) / len(seen)
    return found
