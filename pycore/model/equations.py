"""The equations of a model, printed from the expressions that run.

A state read before its update in the period carries the index t − 1, afterwards t; traits carry
the consumer's index i, which is left out wherever t stands.  Consumers and other environments read
an environment as it was at the end of the period before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sympy as sp

from pycore.model.distributions import (
    Binomial,
    Categorical,
    Distribution,
    Exponential,
    HalfNormal,
    LogNormal,
    Normal,
    Poisson,
    Uniform,
)
from pycore.model.elements import (
    Coefficient,
    Define,
    Draw,
    Element,
    Environment,
    Event,
    Item,
    Parameter,
    Stage,
    State,
    Trait,
)
from pycore.model.equation import Equation, Equations, Kind
from pycore.model.notation import escape_text, glyphs, latex_symbol, pretty, starred, subscripted
from pycore.model.printing import (
    LatexExpressions,
    PlainExpressions,
    ordered_terms,
    short_number,
    signed_sum,
)

if TYPE_CHECKING:
    from pycore.model.model import Model

__all__ = ["Equation", "Equations", "equations"]

_LINE = 40.0  # printed characters that fit beside the names on a page 740 px wide


def equations(model: Model) -> Equations:
    """Print a model: persistent traits, then a period in its order, environment and survey last.

    Parameters
    ----------
    model : Model
        Any model, from the library or from outside.

    Returns
    -------
    Equations
        Draws with their distributions, events with probabilities or logits, definitions, states
        (long-run value x* on its own line where it has several terms), stage transitions in order
        of precedence, environments with averages ⟨·⟩ and sums Σ(·), survey items.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("queue")
    >>> wait = m.draw("wait", pc.Exponential(mean=m.parameter("mean_wait", 6)))
    >>> cross = m.state("annoyance", carry=0.7, target=wait)
    >>> leave = m.event("leave", logit=1.2 * cross - 5)
    >>> print(m.equations())
    wait[t] ~ Exponential(mean = mean_wait)
    annoyance[t] = 0.7·annoyance[t−1] + 0.3·wait[t]
    logit Pr(leave[t] = 1) = −5 + 1.2·annoyance[t]
    """
    return Equations(_Writer(model).write())


class _Writer:
    """Walks through a period and writes each step with the indices valid at that point."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.elements = model.elements
        self.updated: set[str] = set()
        self.now = "t"
        rank = {
            name: -1 if isinstance(e, Parameter) else k
            for k, (name, e) in enumerate(self.elements.items())
        }
        self.rank = rank
        self._latex = LatexExpressions(lambda name: self.symbol(name), rank)
        self._plain = PlainExpressions(lambda name: self.word(name), rank)

    def write(self) -> list[Equation]:
        """All equations in print order."""
        made = [
            self._drawn(name, trait, trait.distribution)
            for name, trait in self.model.of_kind(Trait).items()
            if trait.distribution is not None
        ]
        environments = []
        for step in self.model.order:
            element = self.elements[step.name]
            if isinstance(element, Environment):
                environments.append(element)
                continue
            if isinstance(element, Draw):
                made.append(self._drawn(step.name, element, element.distribution))
            elif isinstance(element, Event):
                made.append(self._event(element))
            elif isinstance(element, Define):
                made.append(self._define(element))
            elif isinstance(element, Stage):
                made.append(self._stage(element))
            elif isinstance(element, State):
                made.append(self._state(element))
                self.updated.add(step.name)
        made += [self._state(e) for e in environments]
        return made + self._surveys()

    # -------------------------------------------------------------- symbols

    def index(self, name: str) -> str:
        """The index a word carries at this point of the period."""
        element = self.elements[name]
        if isinstance(element, Trait):
            return "i"
        if isinstance(element, Parameter):
            return ""
        if isinstance(element, State | Environment) and not element.updated:
            return "0"
        carried = isinstance(element, State | Environment)
        return "t-1" if carried and name not in self.updated else self.now

    def symbol(self, name: str, index: str | None = None) -> str:
        """LaTeX of a word with its index."""
        latex = latex_symbol(self.elements[name].symbol, name)
        return subscripted(latex, self.index(name) if index is None else index)

    def word(self, name: str, index: str | None = None) -> str:
        """Plain text of a word with its index."""
        where = self.index(name) if index is None else index
        return f"{name}[{where.replace('-', '−')}]" if where else name

    def latex(self, expression: sp.Expr) -> str:
        """LaTeX of an expression at this point of the period."""
        return str(self._latex.doprint(expression))

    def plain(self, expression: sp.Expr) -> str:
        """Plain text of an expression at this point of the period."""
        return str(self._plain.doprint(expression))

    # ------------------------------------------------------------ equations

    def _made(
        self, element: Element, kind: Kind, rows: Sequence[tuple[str, str]], plain: str
    ) -> Equation:
        return Equation(element.name, kind, tuple(rows), plain, element.claims, element.doc)

    def _sum(self, left: str, expression: sp.Expr) -> list[tuple[str, str]]:
        """``left = sum``, broken between terms where the line would be too long."""
        return self._broken(left, [self.latex(t) for t in ordered_terms(expression, self.rank)])

    def _broken(self, left: str, terms: list[str]) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = []
        line: list[str] = []
        used = glyphs(left)
        for term in terms:
            if line and used + glyphs(term) > _LINE:
                rows.append(self._row(left, line, first=not rows))
                line, used = [], glyphs(left)
            line.append(term)
            used += glyphs(term) + 2
        rows.append(self._row(left, line, first=not rows))
        return rows

    @staticmethod
    def _row(left: str, terms: list[str], *, first: bool) -> tuple[str, str]:
        text = signed_sum(terms)
        if first:
            return left, f"= {text}"
        return "", rf"\quad {text}" if text.startswith("-") else rf"\quad {{}} + {text}"

    def _drawn(self, name: str, element: Element, distribution: Distribution) -> Equation:
        kind: Kind = "trait" if isinstance(element, Trait) else "draw"
        if isinstance(distribution, Categorical):
            return self._choice(element, kind, distribution)
        latex, plain = self._distribution(distribution)
        return self._made(
            element, kind, [(self.symbol(name), rf"\sim {latex}")], f"{self.word(name)} ~ {plain}"
        )

    def _choice(self, element: Element, kind: Kind, options: Categorical) -> Equation:
        """One line per option: its chance up to a common factor, and its place."""
        rows, texts = [], []
        for k, (option, utility) in enumerate(options.utilities.items()):
            weight = sp.exp(utility)
            rows.append(
                (
                    rf"\Pr({self.symbol(element.name)} = {k})",
                    rf"\propto {self.latex(weight)} \quad \text{{{escape_text(pretty(option))}}}",
                )
            )
            texts.append(f"{k} ({option}) ∝ {self.plain(weight)}")
        return self._made(
            element, kind, rows, f"Pr({self.word(element.name)} = k): {', '.join(texts)}"
        )

    def _distribution(self, distribution: Distribution) -> tuple[str, str]:
        words = {key: self.latex(v) for key, v in distribution.arguments.items()}
        texts = {key: self.plain(v) for key, v in distribution.arguments.items()}
        head = type(distribution).__name__
        plain = f"{head}({', '.join(f'{k} = {v}' for k, v in texts.items())})"
        if isinstance(distribution, Normal):
            variance = self.latex(sp.Pow(distribution.sigma, 2, evaluate=False))
            if distribution.sigma == 1:
                variance = "1"
            return rf"\mathcal{{N}}\left({words['mu']},\, {variance}\right)", plain
        if isinstance(distribution, LogNormal):
            inner = rf"\text{{mean}} = {words['mean']},\, \sigma = {words['sigma']}"
        elif isinstance(distribution, Exponential):
            inner = rf"\text{{mean}} = {words['mean']}"
        elif isinstance(distribution, HalfNormal | Uniform | Poisson | Binomial):
            inner = r",\, ".join(words.values())
        else:
            inner = r",\, ".join(rf"\{k} = {v}" for k, v in words.items())
        return rf"\operatorname{{{head}}}\left({inner}\right)", plain

    def _event(self, event: Event) -> Equation:
        chance = rf"\Pr({self.symbol(event.name)} = 1)"
        text = f"Pr({self.word(event.name)} = 1)"
        if event.logit is not None:
            rows = self._sum(rf"\operatorname{{logit}}\,{chance}", event.logit)
            return self._made(event, "event", rows, f"logit {text} = {self.plain(event.logit)}")
        if event.when is not None:
            # A condition, not a chance.
            now, word = self.symbol(event.name), self.word(event.name)
            row = (now, f"= {self.latex(event.rule)}")
            return self._made(event, "event", [row], f"{word} = 1 if {self.plain(event.when)}")
        probability = event.probability if event.probability is not None else sp.S.Zero
        rows = self._sum(chance, probability)
        return self._made(event, "event", rows, f"{text} = {self.plain(probability)}")

    def _define(self, define: Define) -> Equation:
        rows = self._sum(self.symbol(define.name), define.expression)
        text = f"{self.word(define.name)} = {self.plain(define.expression)}"
        return self._made(define, "define", rows, text)

    def _state(self, state: State | Environment) -> Equation:
        """Carry·previous + (1 − carry)·target + increment + noise·ε, within the bounds."""
        environment = isinstance(state, Environment)
        if environment:
            # An environment averages what the period has brought, so its terms carry t.
            self.updated |= set(self.model.of_kind(State))
        now, before = self.symbol(state.name, "t"), sp.Symbol(state.name, real=True)
        latex: list[str] = []
        plain: list[str] = []
        long_run: list[tuple[str, str]] = []

        def add(weight: sp.Expr, shown: str, said: str) -> None:
            unit = weight == 1
            latex.append(shown if unit else rf"{self._weight(weight)} \, {shown}")
            plain.append(said if unit else f"{self._weight(weight, plain=True)}·{said}")

        if state.carry != 0:
            add(state.carry, self.latex(before), self.plain(before))
        weight, target = 1 - state.carry, state.target
        if target is not None and weight != 0:
            whole = self.latex(target)
            if weight == 1:
                for term in ordered_terms(target, self.rank):
                    latex.append(self.latex(term))
                    plain.append(self.plain(term))
            elif target.is_Add or glyphs(whole) > _LINE / 2:
                star = subscripted(starred(latex_symbol(state.symbol, state.name)), "t")
                long_run = self._sum(star, target)
                add(weight, star, f"({self.plain(target)})")
            elif target.is_number:
                latex.append(self.latex(weight * target))
                plain.append(self.plain(weight * target))
            else:
                product = f"({self.plain(target)})" if target.is_Mul else self.plain(target)
                add(weight, whole, product)
        if isinstance(state, State):
            for term in ordered_terms(state.increment, self.rank) if state.increment else ():
                latex.append(self.latex(term))
                plain.append(self.plain(term))
            if state.noise != 0:
                add(state.noise, r"\varepsilon_{t}", "ε[t]")
        rows = self._broken(now, latex)
        text = signed_sum(plain, minus="−")
        if isinstance(state, State) and (state.low is not None or state.high is not None):
            bounded, text = _bounded(signed_sum(latex), text, state.low, state.high)
            rows = [(now, f"= {bounded}")]
        rows += long_run
        text = f"{self.word(state.name, 't')} = {text}"
        start = sp.sympify(state.start)
        if not (start.is_number and float(start) == 0.0):
            # Levers act on the start by their value in the first period.
            self.now = "1"
            rows += self._sum(self.symbol(state.name, "0"), start)
            text += f"; {self.word(state.name, '0')} = {self.plain(start)}"
            self.now = "t"
        return self._made(state, "environment" if environment else "state", rows, text)

    def _weight(self, weight: sp.Expr, plain: bool = False) -> str:
        text = self.plain(weight) if plain else self.latex(weight)
        if not weight.is_Add:
            return text
        return f"({text})" if plain else rf"\left({text}\right)"

    def _stage(self, stage: Stage) -> Equation:
        was, now = self.symbol(stage.name, "t-1"), self.symbol(stage.name, "t")
        cases, texts = [], []
        for origin, moves in stage.transitions.items():
            for goal, event in moves.items():
                cases.append(
                    rf"\text{{{escape_text(pretty(goal))}}} & "
                    rf"\text{{if {escape_text(pretty(origin))} and }} {self.symbol(event)} = 1"
                )
                texts.append(f"{goal} if {origin} and {event}")
        cases.append(rf"{was} & \text{{otherwise}}")
        body = r" \\ ".join(cases)
        row = (now, rf"= \begin{{cases}} {body} \end{{cases}}")
        text = f"{self.word(stage.name, 't')} = {', else '.join(texts)}, else unchanged"
        return self._made(stage, "stage", [row], text)

    # --------------------------------------------------------------- survey

    def _surveys(self) -> list[Equation]:
        measured: dict[tuple[str, ...], list[Item]] = {}
        for item in self.model.items.values():
            alone = (item.name,) if item.also else ()
            measured.setdefault((item.measures, *alone), []).append(item)
        made = [self._survey(names[0], items) for names, items in measured.items()]
        for pair, value in self.model.error_covariances.items():
            made.append(self._covariance(*pair, value, errors=True))
        for pair, value in self.model.trait_covariances.items():
            made.append(self._covariance(*pair, value, errors=False))
        return made

    def _common(
        self, items: list[Item], field: str, latex: str, plain: str, *, zero: str = "0",
        one: str = "1",
    ) -> tuple[str, str]:  # fmt: skip
        """The number all items share, or a symbol with the item's index."""
        values = {getattr(item, field) for item in items}
        if len(values) > 1:
            return rf"{latex}_{{j}}", f"{plain}[j]"
        value = values.pop()
        if value == 0 or value == 1:
            text = zero if value == 0 else one
            return text, text
        return self._coefficient(value)

    def _covariance(self, one: str, other: str, value: Coefficient, *, errors: bool) -> Equation:
        """Covariance of two errors or of two drawn traits."""
        if errors:
            element = self.elements[self.model.items[one].measures]
            first, second = (
                rf"\varepsilon_{{i,\mathrm{{{escape_text(n)}}}}}" for n in (one, other)
            )
            plain = f"Cov(ε[{one}], ε[{other}])"
        else:
            element = self.elements[one]
            first, second = (
                subscripted(latex_symbol(self.elements[n].symbol, n), "i") for n in (one, other)
            )
            plain = f"Cov({one}, {other})"
        latex, text = self._coefficient(value)
        left = rf"\operatorname{{Cov}}\left({first},\, {second}\right)"
        return self._made(element, "survey", [(left, f"= {latex}")], f"{plain} = {text}")

    def _coefficient(self, value: Coefficient) -> tuple[str, str]:
        """A number or expression in LaTeX and as text."""
        if isinstance(value, float):
            return short_number(value), short_number(value).replace("-", "−")
        return self.latex(value), self.plain(value)

    def _average(self, name: str) -> tuple[str, str]:
        """What an item measures: a trait, or a state's average over the window."""
        element = self.elements[name]
        latex = latex_symbol(element.symbol, name)
        if isinstance(element, Trait):
            return subscripted(latex, "i"), f"{name}[i]"
        over = rf"\bar{{{latex}}}" if len(latex) == 1 else rf"\overline{{{latex}}}"
        return f"{over}_{{i}}", f"average {name}[i]"

    def _survey(self, name: str, items: list[Item]) -> Equation:
        """One line per measured quantity: y = intercept + loading·x̄ + error·ε."""
        element = self.elements[name]
        mean, plain_mean = self._average(name)
        several = len(items) > 1
        index = "ij" if several else "i"
        constant, constant_text = self._common(items, "intercept", r"\nu", "ν", zero="")
        slope, slope_text = self._common(items, "loading", r"\lambda", "λ", one="")
        error, error_text = self._common(items, "error", r"\sigma", "σ", zero="", one="1")
        terms = [constant] if constant else []
        texts = [constant_text] if constant_text else []
        terms.append(rf"{slope} \, {mean}" if slope else mean)
        texts.append(f"{slope_text}·{plain_mean}" if slope_text else plain_mean)
        for other, loading in items[0].also.items():
            (more, more_text), (what, what_text) = self._coefficient(loading), self._average(other)
            terms.append(rf"{more} \, {what}")
            texts.append(f"{more_text}·{what_text}")
        if error:
            scaled = "" if error == "1" else rf"{error} \, "
            terms.append(rf"{scaled}\varepsilon_{{{index}}}")
            texts.append(("" if error_text == "1" else f"{error_text}·") + f"ε[{index}]")
        points = {item.points for item in items}
        answered = ""
        if points != {0}:
            scale = " or ".join(f"1…{p}" for p in sorted(points) if p)
            answered = f"answered {scale}"
        listed = f"j = 1, \\dots, {len(items)}" if several else ""
        tail = [part for part in (listed, rf"\text{{{answered}}}" if answered else "") if part]
        rows = [(rf"y_{{{index}}}", "= " + signed_sum(terms))]
        rows[0] = (rows[0][0], r",\; ".join([rows[0][1], *tail]))
        lists = []
        for word, symbol in (("intercept", r"\nu"), ("loading", r"\lambda"), ("error", r"\sigma")):
            values = [getattr(item, word) for item in items]
            if len(set(values)) > 1:
                numbers = r",\, ".join(self._coefficient(v)[0] for v in values)
                lists.append(rf"{symbol} = \left({numbers}\right)")
        if lists:
            rows.append(("", r",\quad ".join(lists)))
        plain = f"y[{index}] = {signed_sum(texts, minus='−')}"
        if answered:
            plain += f", {answered}"
        plain += f" ({', '.join(item.name for item in items)})"
        return self._made(element, "survey", rows, plain)


def _bounded(latex: str, plain: str, low: float | None, high: float | None) -> tuple[str, str]:
    if low is None and high is None:
        return latex, plain
    if low is not None and high is not None:
        a, b = _limit(low), _limit(high)
        return (
            rf"\min\left({b},\, \max\left({a},\, {latex}\right)\right)",
            f"min({b}, max({a}, {plain}))",
        )
    head = r"\max" if low is not None else r"\min"
    bound = _limit(low if low is not None else float(high or 0.0))
    return rf"{head}\left({bound},\, {latex}\right)", f"{head[1:]}({bound}, {plain})"


def _limit(value: float) -> str:
    return str(int(value)) if value == int(value) else short_number(value)
