"""The equations of a model, printed from the expressions that run.

A state read before its update in the period carries the index t − 1, afterwards t; traits carry
the consumer's index i, which is left out wherever t stands.  Consumers and other environments read
an environment as it was at the end of the period before.
"""

from __future__ import annotations

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
from pycore.model.elements import Define, Draw, Element, Environment, Event, Stage, State, Trait
from pycore.model.equation import Equation, Equations, Kind
from pycore.model.indexed_words import IndexedWords
from pycore.model.notation import escape_text, glyphs, latex_symbol, pretty, starred, subscripted
from pycore.model.printing import ordered_terms, short_number, signed_sum
from pycore.model.survey_equations import survey_equations

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


class _Writer(IndexedWords):
    """Walks through a period and writes each step with the indices valid at that point."""

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
        return made + survey_equations(self)

    # ------------------------------------------------------------ equations

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
        return self.made(
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
        return self.made(
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
            return self.made(event, "event", rows, f"logit {text} = {self.plain(event.logit)}")
        if event.when is not None:
            # A condition, not a chance.
            now, word = self.symbol(event.name), self.word(event.name)
            row = (now, f"= {self.latex(event.rule)}")
            return self.made(event, "event", [row], f"{word} = 1 if {self.plain(event.when)}")
        probability = event.probability if event.probability is not None else sp.S.Zero
        rows = self._sum(chance, probability)
        return self.made(event, "event", rows, f"{text} = {self.plain(probability)}")

    def _define(self, define: Define) -> Equation:
        rows = self._sum(self.symbol(define.name), define.expression)
        text = f"{self.word(define.name)} = {self.plain(define.expression)}"
        return self.made(define, "define", rows, text)

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
        return self.made(state, "environment" if environment else "state", rows, text)

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
        return self.made(stage, "stage", [row], text)


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
