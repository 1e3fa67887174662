"""The equations of a survey: what items and covariances say of a respondent's averages."""

from __future__ import annotations

from pycore.model.elements import Coefficient, Item, Outcome, State, Trait
from pycore.model.equation import Equation
from pycore.model.indexed_words import IndexedWords
from pycore.model.notation import escape_text, latex_symbol, subscripted
from pycore.model.printing import LatexExpressions, PlainExpressions, short_number, signed_sum

__all__ = ["survey_equations"]


def survey_equations(words: IndexedWords) -> list[Equation]:
    """Print items, one equation for each measured word, covariances and outcomes."""
    return _Survey(words).write()


class _Survey:
    """The survey as written with the words of a model."""

    def __init__(self, words: IndexedWords) -> None:
        self.words, self.model, self.elements = words, words.model, words.elements

    def write(self) -> list[Equation]:
        """Items, covariances, then outcomes."""
        measured: dict[tuple[str, ...], list[Item]] = {}
        for item in self.model.items.values():
            alone = (item.name,) if item.also else ()
            measured.setdefault((item.measures, *alone), []).append(item)
        made = [self._survey(names[0], items) for names, items in measured.items()]
        for pair, value in self.model.error_covariances.items():
            made.append(self._covariance(*pair, value, errors=True))
        for pair, value in self.model.trait_covariances.items():
            made.append(self._covariance(*pair, value, errors=False))
        return made + [self._outcome(outcome) for outcome in self.model.outcomes.values()]

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
        return self.words.made(element, "survey", [(left, f"= {latex}")], f"{plain} = {text}")

    def _coefficient(self, value: Coefficient) -> tuple[str, str]:
        """A number or expression in LaTeX and as text."""
        if isinstance(value, float):
            return short_number(value), short_number(value).replace("-", "−")
        return self.words.latex(value), self.words.plain(value)

    def _average(self, name: str) -> tuple[str, str]:
        """What an item measures: a trait, or a state's average over the window."""
        element = self.elements[name]
        latex = latex_symbol(element.symbol, name)
        if isinstance(element, Trait):
            return subscripted(latex, "i"), f"{name}[i]"
        over = rf"\bar{{{latex}}}" if len(latex) == 1 else rf"\overline{{{latex}}}"
        return f"{over}_{{i}}", f"average {name}[i]"

    def _outcome(self, outcome: Outcome) -> Equation:
        """What respondents do, given averages of their states."""
        latex = LatexExpressions(lambda name: self._asked(name)[0], self.words.rank)
        plain = PlainExpressions(lambda name: self._asked(name)[1], self.words.rank)
        right, right_text = latex.doprint(outcome.predictor), plain.doprint(outcome.predictor)
        what = subscripted(latex_symbol(outcome.symbol, outcome.name), "i")
        text = f"{outcome.name}[i]"
        size, size_text = self._coefficient(outcome.size) if outcome.size is not None else ("", "")
        match outcome.kind:
            case "bernoulli":
                left = rf"\operatorname{{logit}} \Pr\left({what} = 1\right)"
                line = f"logit Pr({text} = 1) = {right_text}"
                row = (left, f"= {right}")
            case "poisson":
                row = (what, r"\sim \operatorname{Poisson}\left(\mu_{i}\right),\; "
                             rf"\log \mu_{{i}} = {right}")  # fmt: skip
                line = f"{text} ~ Poisson(μ[i]), log μ[i] = {right_text}"
            case "negative_binomial":
                row = (what, r"\sim \operatorname{NegativeBinomial}\left(\mu_{i},\, "
                             rf"{size}\right),\; \log \mu_{{i}} = {right}")  # fmt: skip
                line = (
                    f"{text} ~ NegativeBinomial(μ[i], size = {size_text}), log μ[i] = {right_text}"
                )
            case _:
                scale = f"answered 0…{outcome.points - 1}"
                terms = signed_sum([right, r"\varepsilon_{i}"])
                row = (what, rf"= {terms},\; \text{{{scale}}}")
                line = f"{text} = {signed_sum([right_text, 'ε[i]'], minus='−')}, {scale}"
        return Equation(outcome.name, "survey", (row,), line, doc=outcome.doc)

    def _asked(self, name: str) -> tuple[str, str]:
        """A word as a survey sees it: states on average over the window."""
        if isinstance(self.elements[name], State | Trait):
            return self._average(name)
        return self.words.symbol(name), self.words.word(name)

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
        return self.words.made(element, "survey", rows, plain)
