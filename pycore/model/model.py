"""A consumer model, written once as symbolic equations.

Words are declared in the order in which a period runs through them: a state that is read before
its own update gives the value of the previous period, afterwards the value of this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pycore.errors import refuse
from pycore.model.checks import require_identifier
from pycore.model.elements import Event, Parameter, State
from pycore.model.registry import Step
from pycore.model.revision import Revision

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

    from pycore.model.diagram import Diagram
    from pycore.model.equations import Equations
    from pycore.model.structural import Structural

__all__ = ["Model", "Step"]


class Model(Revision):
    """A model of consumers, built from outside the package exactly as the library's are.

    Parameters
    ----------
    name : str
        Identifier of the model (snake_case).
    period : str
        What one period is: ``"week"``, ``"day"``, ``"session"``.
    title, doc : str
        For print.

    Examples
    --------
    A theory in a dozen lines; everything else follows from it.

    >>> import pycore as pc
    >>> m = pc.Model("queue_fatigue", period="day")
    >>> wait = m.draw(
    ...     "waiting_minutes", pc.LogNormal(mean=m.parameter("mean_wait", 6, unit="min"), sigma=0.8)
    ... )
    >>> cross = m.state(
    ...     "annoyance", carry=0.7, target=m.parameter("annoyance_per_minute", 0.1) * wait
    ... )
    >>> leave = m.event("leave", logit=m.parameter("base", -5) + 1.2 * cross)
    >>> _ = m.stage("customer", {"active": {"left": leave}}, absorbing="left")
    >>> m.record(cross, leave)
    >>> run = pc.simulate(m, consumers=10_000, periods=30, seed=1)
    >>> int(run["consumers"].sel(stage="left").isel(period=-1).sum())
    3349
    """

    def __init__(self, name: str, period: str = "week", *, title: str = "", doc: str = "") -> None:
        super().__init__()
        require_identifier("name", name)
        if not isinstance(period, str) or not period:
            raise refuse("period", period, "a word such as 'day', 'week' or 'session'")
        self.name = name
        self.period = period
        self.title = title or name.replace("_", " ")
        self.doc = doc
        self.recall = 26

    @property
    def parameters(self) -> pd.DataFrame:
        """The parameters as a table of value, prior, unit, source, claims and meaning.

        Examples
        --------
        >>> import pycore as pc
        >>> pc.library.disengagement().parameters["source"].unique().tolist()
        ['assumption']
        """
        import pandas as pd

        rows = [
            {
                "parameter": p.name, "symbol": p.symbol or p.name, "value": p.value,
                "prior": "" if p.prior is None else str(p.prior), "unit": p.unit,
                "source": p.source, "claims": ", ".join(p.claims), "meaning": p.doc,
            }
            for p in self.of_kind(Parameter).values()
        ]  # fmt: skip
        columns = ["symbol", "value", "prior", "unit", "source", "claims", "meaning"]
        return pd.DataFrame(rows, columns=["parameter", *columns]).set_index("parameter")

    def equations(self) -> Equations:
        """The model's equations in the order of a period, ready for print.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> _ = m.state("habit", carry=0.8, target=m.event("visit", probability=0.2))
        >>> print(m.equations())
        Pr(visit[t] = 1) = 0.2
        habit[t] = 0.8·habit[t−1] + 0.2·visit[t]
        """
        from pycore.model.equations import equations

        return equations(self)

    def diagram(
        self,
        *,
        defines: bool = True,
        direction: Literal["right", "down"] | None = None,
        only: Collection[str] | None = None,
    ) -> Diagram:
        """Path diagram as SVG, laid out by causal depth.

        Parameters
        ----------
        defines : bool
            Whether definitions are drawn, or arrows lead past them.
        direction : {"right", "down"}, optional
            Where effects lie; by default as fits a page.
        only : collection of str, optional
            Words to draw.

        Returns
        -------
        Diagram
            Shown as an image in notebooks; ``svg`` is its text.

        Examples
        --------
        >>> import pycore as pc
        >>> pc.library.disengagement().diagram().svg[:4]
        '<svg'
        """
        from pycore.model.diagram import diagram

        return diagram(self, defines=defines, direction=direction, only=only)

    def structural(self, **fixed: float) -> Structural:
        """Long-run linear system of the states, see :mod:`pycore.model.structural`.

        Parameters
        ----------
        **fixed : float
            Constant traits and levers at which it is taken.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("mood")
        >>> sun = m.trait("sun", pc.Normal(0, 1))
        >>> joy = m.state("joy", carry=0.5, target=sun)
        >>> trust = m.state("trust", carry=0.9, target=m.parameter("by_joy", 0.4) * joy)
        >>> m.structural().B
        Matrix([
        [     0, 0],
        [by_joy, 0]])
        """
        from pycore.model.structural import structural

        return structural(self, **fixed)

    def to_json(self) -> str:
        """The whole model as canonical JSON.

        Examples
        --------
        >>> import pycore as pc
        >>> text = pc.library.disengagement().to_json()
        >>> pc.Model.from_json(text).to_json() == text
        True
        """
        from pycore.model.serialize import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Rebuild a model from :meth:`to_json`, checking everything again."""
        from pycore.model.serialize import from_json

        return from_json(text)

    @classmethod
    def from_lavaan(
        cls,
        text: str,
        *,
        name: str = "lavaan",
        std_lv: bool = False,
        fixed_x: bool = True,
        carry: Mapping[str, float] | float = 0.0,
    ) -> Model:
        """Build a model from lavaan's syntax, with the defaults of its ``sem()`` and ``cfa()``.

        Parameters
        ----------
        text : str
            Statements with ``=~``, ``~``, ``~~``, ``~ 1`` and ``:=``; modifiers ``0.5*x``, ``NA*x``,
            ``label*x``, ``start(0.5)*x``, ``equal("f=~x1")*x`` and ``c(a, b)*x`` for groups.
        name : str
            Of the model.
        std_lv : bool
            Fix the (residual) variances of latent variables at 1 instead of first loadings.
        fixed_x : bool
            Take moments of observed exogenous variables from the data; else estimate them.
        carry : float or mapping of variable to float
            Carry-over of the endogenous variables, for simulation; an estimate is about the long
            run, where it plays no part.

        Returns
        -------
        Model
            Every free coefficient is a parameter under its label, which makes it the same in all
            groups, or under a name such as ``loading_x2``, ``dem65_by_ind60``, ``variance_x1``,
            ``covariance_y1_y5``, ``intercept_x1``.

        Raises
        ------
        InputError
            For what is no model in this syntax; the message names line and token.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model.from_lavaan("joy =~ x1 + x2 + x3 ; joy ~ a*income ; total := 2*a")
        >>> print(m.equations())
        income[i] ~ Normal(mu = 0, sigma = 1)
        disposition_joy[i] ~ Normal(mu = 0, sigma = sqrt(variance_joy))
        joy[t] = a·income[i] + disposition_joy[i]
        total[t] = 2·a
        y[ij] = ν[j] + λ[j]·average joy[i] + σ[j]·ε[ij] (x1, x2, x3)
        y[i] = income[i] (income)
        >>> list(m.parameters.index)[:3]
        ['a', 'variance_joy', 'variance_x1']
        """
        from pycore.model.lavaan import from_lavaan

        return from_lavaan(text, name=name, std_lv=std_lv, fixed_x=fixed_x, carry=carry)

    def to_lavaan(self) -> str:
        """The model's long-run form in lavaan's syntax, for models whose items hold their numbers.

        Raises
        ------
        InputError
            If a coefficient is no number, parameter, or one of these per group.

        Examples
        --------
        >>> import pycore as pc
        >>> print(pc.Model.from_lavaan("joy =~ x1 + x2 + 0.5*x3").to_lavaan())
        joy =~ 1*x1
        joy =~ x2
        joy =~ 0.5*x3
        """
        from pycore.model.lavaan_text import to_lavaan

        return to_lavaan(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as JSON, so that what is unpickled has been checked."""
        return Model.from_json, (self.to_json(),)

    def copy(self) -> Model:
        """An independent copy that can be extended.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.library.disengagement()
        >>> more = m.copy()
        >>> _ = more.lever("newsletter", cost=0.1)
        >>> "newsletter" in m.elements, "newsletter" in more.elements
        (False, True)
        """
        return Model.from_json(self.to_json())

    def __repr__(self) -> str:
        return (
            f"<Model {self.name}: {len(self.of_kind(State))} states, "
            f"{len(self.of_kind(Event))} events, {len(self.of_kind(Parameter))} parameters, "
            f"period {self.period}>"
        )
