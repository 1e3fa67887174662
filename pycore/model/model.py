"""A consumer model, written once as symbolic equations.

Words are declared in the order in which a period runs through them: a state that is read before
its own update gives the value of the previous period, afterwards the value of this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pycore.errors import refuse
from pycore.model.checks import require_identifier
from pycore.model.elements import Event, Parameter, State
from pycore.model.measurement import Measurement
from pycore.model.registry import Step

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from pycore.model.diagram import Diagram
    from pycore.model.equations import Equations
    from pycore.model.structural import Structural

__all__ = ["Model", "Step"]


class Model(Measurement):
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
    3399
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
        """The parameters as a table of value, prior, unit, source, claims and meaning."""
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
        """The model's equations in the order of a period, ready for print."""
        from pycore.model.equations import equations

        return equations(self)

    def diagram(
        self,
        *,
        defines: bool = True,
        direction: Literal["right", "down"] | None = None,
        only: Collection[str] | None = None,
    ) -> Diagram:
        """Path diagram as SVG, laid out by causal depth; ``only`` some words for a part of it."""
        from pycore.model.diagram import diagram

        return diagram(self, defines=defines, direction=direction, only=only)

    def structural(self, **fixed: float) -> Structural:
        """Long-run linear system of the states, see :mod:`pycore.model.structural`."""
        from pycore.model.structural import structural

        return structural(self, **fixed)

    def to_json(self) -> str:
        """The whole model as canonical JSON."""
        from pycore.model.serialize import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Rebuild a model from :meth:`to_json`, checking everything again."""
        from pycore.model.serialize import from_json

        return from_json(text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as JSON, so that what is unpickled has been checked."""
        return Model.from_json, (self.to_json(),)

    def copy(self) -> Model:
        """An independent copy that can be extended."""
        return Model.from_json(self.to_json())

    def __repr__(self) -> str:
        return (
            f"<Model {self.name}: {len(self.of_kind(State))} states, "
            f"{len(self.of_kind(Event))} events, {len(self.of_kind(Parameter))} parameters, "
            f"period {self.period}>"
        )
