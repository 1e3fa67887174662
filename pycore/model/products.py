"""Products of two states or traits in an equation, which a linear system cannot hold.

A product a·b is (a − ā)(b − b̄) + b̄·a + ā·b − ā·b̄, with ā and b̄ the base steady state.  The linear
part stays in the equations; what is left is the interaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from pycore.model.elements import State
from pycore.model.expressions import symbol
from pycore.model.longrun import long_run
from pycore.model.model import Model
from pycore.model.serialize import from_json
from pycore.model.structural import structural

__all__ = ["Product", "separate_products"]


@dataclass(frozen=True, slots=True)
class Product:
    """coefficient · (first − its base)(second − its base), in the long-run equation of a state."""

    state: str
    first: str
    second: str
    coefficient: sp.Expr


def separate_products(model: Model) -> tuple[Model, tuple[Product, ...]]:
    """Take interactions out of a model's equations.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    Model
        The same, with its products replaced by their linear parts.
    tuple of Product
        What was left out.  Factors are states, or drawn traits that items measure.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("habit_shields")
    >>> hurt, habit = m.trait("hurt", pc.Normal(1, 1)), m.trait("habit", pc.Normal(0, 1))
    >>> _ = m.survey(hurt, 3), m.survey(habit, 3)
    >>> shield = m.parameter("shield", 0.3)
    >>> _ = m.survey(m.state("leaving", carry=0.5, target=hurt - shield * hurt * habit), 3)
    >>> linear, products = separate_products(m)
    >>> products[0].first, products[0].second, products[0].coefficient
    ('habit', 'hurt', -shield)
    >>> linear.of_kind(pc.model.elements.State)["leaving"].target
    -1.0*habit*shield + hurt
    """
    system = long_run(model, {})
    measured = {name for item in model.items.values() for name in item.loadings}
    latent = set(system.rows) | (measured & set(system.traits))
    pairs = {
        response: factors
        for row in system.rows.values()
        for _, response in row.averaged
        if (factors := _factors(response, latent)) is not None
    }
    if not pairs:
        return model, ()
    base = dict(structural(model).base)
    for name, trait in system.traits.items():
        if trait.distribution is not None:
            base[name] = float(trait.distribution.moments()[0].xreplace(
                {symbol(n): sp.Float(v) for n, v in system.values.items()}))  # fmt: skip
    products = tuple(
        Product(state, *pairs[response], coefficient)
        for state, row in system.rows.items()
        for coefficient, response in row.averaged
        if response in pairs
    )
    linear = from_json(model.to_json())
    states = linear.of_kind(State)
    for state in {p.state for p in products}:
        put_in = {
            response: base[b] * symbol(a) + base[a] * symbol(b) - base[a] * base[b]
            for response, (a, b) in pairs.items()
        }
        old = states[state]
        linear._elements[state] = replace(  # the same word with another equation
            old, target=_replaced(old.target, put_in), increment=_replaced(old.increment, put_in)
        )
    return linear, products


def _factors(response: sp.Expr, latent: set[str]) -> tuple[str, str] | None:
    """Names of the two factors, if a response is nothing but a product of two latent variables."""
    if response.is_Pow and response.exp == 2 and response.base.is_Symbol:
        names = (response.base.name, response.base.name)
    elif response.is_Mul and len(response.args) == 2 and all(a.is_Symbol for a in response.args):
        names = (response.args[0].name, response.args[1].name)
    else:
        return None
    return names if set(names) <= latent else None


def _replaced(expression: sp.Expr | None, put_in: dict[sp.Expr, sp.Expr]) -> sp.Expr | None:
    if expression is None:
        return None
    terms = sp.Add.make_args(sp.expand(expression))
    made = []
    for term in terms:
        for response, linear in put_in.items():
            rest = sp.cancel(term / response)
            if not rest.free_symbols & response.free_symbols:
                term = sp.expand(rest * linear)
                break
        made.append(term)
    return sp.Add(*made)
