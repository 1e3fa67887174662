"""lavaan's model syntax as a list of statements; what is not understood is named with its line.

Rosseel (2012), doi:10.18637/jss.v048.i02.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

from pycore.errors import InputError, refuse
from pycore.model.expressions import symbol

__all__ = ["Definition", "Term", "parse"]

Operator = Literal["=~", "~", "~~", "~1"]

_TOKENS = re.compile(
    r"(?P<space>[ \t\r\f\v]+)|(?P<comment>[#!][^\n]*)|(?P<end>\n|;)"
    r"|(?P<number>(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)|(?P<name>[A-Za-z.][A-Za-z0-9._]*)"
    r"|(?P<text>\"[^\"\n]*\"|'[^'\n]*')|(?P<sign>=~|~~|:=|==|<~|~\*~|[~+\-*/^(),<>|%:?\[\]=])"
)
_OPEN_ENDS = {"=~", "~", "~~", ":=", "+", "-", "*", "/", "^", ",", "("}
_FUNCTIONS = {"sqrt": sp.sqrt, "exp": sp.exp, "log": sp.log, "abs": sp.Abs}
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Term:
    """One coefficient: ``lhs op rhs`` with its modifiers.

    Attributes
    ----------
    lhs, op, rhs : str
        ``rhs`` is empty for an intercept, whose ``op`` is ``~1``.
    line : int
        Where it stands.
    fixed : tuple of (float or None)
        One value for all groups or one per group; None is free (``NA``).
    label : tuple of (str or None)
        Likewise.
    start : tuple of float
        Likewise.
    equal : str
        Another coefficient (``f=~x2``) that it equals.
    """

    lhs: str
    op: Operator
    rhs: str
    line: int
    fixed: tuple[float | None, ...] = ()
    label: tuple[str | None, ...] = ()
    start: tuple[float, ...] = ()
    equal: str = ""

    def __str__(self) -> str:
        return f"{self.lhs}{self.op}{self.rhs}"


@dataclass(frozen=True)
class Definition:
    """A quantity defined by ``:=``."""

    name: str
    expression: sp.Expr
    line: int


@dataclass(slots=True)
class _Modifiers:
    fixed: tuple[float | None, ...] = ()
    label: tuple[str | None, ...] = ()
    start: tuple[float, ...] = ()
    equal: str = ""


def parse(text: str) -> tuple[list[Term], list[Definition]]:
    """Statements of a model.

    Parameters
    ----------
    text : str
        Statements with ``=~``, ``~``, ``~~``, ``~1`` and ``:=``, one per line or separated by
        ``;``; comments begin with ``#`` or ``!``.

    Raises
    ------
    InputError
        For what is no statement; the message names line and token.

    Examples
    --------
    >>> terms, definitions = parse("f =~ x1 + a*x2 ; f ~ 0.5*z  # a comment")
    >>> [str(t) for t in terms], terms[1].label, terms[2].fixed
    (['f=~x1', 'f=~x2', 'f~z'], ('a',), (0.5,))
    """
    if not isinstance(text, str):
        raise refuse("text", text, "a model in lavaan's syntax")
    terms: list[Term] = []
    definitions: list[Definition] = []
    for statement in _statements(text):
        reader = _Reader(statement)
        if any(t.text == ":=" for t in statement):
            definitions.append(reader.definition())
        else:
            terms += reader.terms()
    if not terms:
        raise refuse("text", text, "a model with at least one statement such as 'f =~ x1 + x2'")
    return terms, definitions


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            raise _refusal(line, text[at], "names, numbers and lavaan's operators")
        kind = str(found.lastgroup)
        if kind not in ("space", "comment"):
            yield _Token(kind, found[0], line)
        line += found[0].count("\n")
        at = found.end()


def _statements(text: str) -> Iterator[list[_Token]]:
    """Tokens of each statement; a line goes on after an operator and before a plus."""
    tokens = list(_tokens(text))
    current: list[_Token] = []
    for k, token in enumerate(tokens):
        if token.kind != "end":
            current.append(token)
            continue
        following = next((t for t in tokens[k + 1 :] if t.kind != "end"), None)
        goes_on = bool(current) and current[-1].text in _OPEN_ENDS
        goes_on |= following is not None and following.text in ("+", "*") and bool(current)
        if token.text == "\n" and goes_on and following is not None:
            continue
        if current:
            yield current
            current = []
    if current:
        yield current


def _refusal(line: int, received: str, allowed: str) -> InputError:
    return refuse(f"lavaan syntax, line {line}", received, allowed)


@dataclass
class _Reader:
    """Walks through the tokens of one statement."""

    tokens: list[_Token]
    at: int = 0
    depth: int = field(default=0)

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else "end of statement"

    def refuse(self, allowed: str) -> InputError:
        last = self.tokens[min(self.at, len(self.tokens) - 1)]
        return _refusal(last.line, self.peek() or "end of statement", allowed)

    def take(self, allowed: str, *texts: str) -> _Token:
        if self.at >= len(self.tokens) or (texts and self.peek() not in texts):
            raise self.refuse(allowed)
        self.at += 1
        return self.tokens[self.at - 1]

    def name(self, allowed: str) -> _Token:
        if self.kind() != "name":
            raise self.refuse(allowed)
        token = self.take(allowed)
        if not token.text.isidentifier():
            allowed = "names of letters, digits and underscores (rename columns with dots)"
            raise _refusal(token.line, token.text, allowed)
        return token

    # ------------------------------------------------------------ statements

    def terms(self) -> list[Term]:
        left = [self.name("a variable")]
        while self.peek() == "+":
            self.take("+")
            left.append(self.name("a variable"))
        operator = self.take("one of =~, ~, ~~, ~1, :=", "=~", "~", "~~").text
        found = []
        while True:
            line = self.tokens[min(self.at, len(self.tokens) - 1)].line
            modifiers, target = self._term(operator)
            for one in left:
                op = "~1" if target == "1" else operator
                rhs = "" if op == "~1" else target
                found.append(
                    Term(
                        one.text, op, rhs, line, modifiers.fixed, modifiers.label,  # type: ignore[arg-type]
                        modifiers.start, modifiers.equal,
                    )
                )  # fmt: skip
            if self.at >= len(self.tokens):
                return found
            self.take("+ or the end of the statement", "+")

    def _term(self, operator: str) -> tuple[_Modifiers, str]:
        modifiers = _Modifiers()
        while True:
            if self.kind() == "name" and self._next() != "(":
                token = self.take("a variable")
                if self.peek() == "*":
                    self._check_free(modifiers, token)
                    self._label_or_free(modifiers, token)
                else:
                    self.at -= 1
                    return modifiers, self.name("a variable").text
            elif operator == "~" and self.peek() in ("1", "0") and self._next() != "*":
                token = self.take("1")
                if token.text == "0":
                    modifiers.fixed = (0.0,)
                return modifiers, "1"
            else:
                self._modifier(modifiers)
            self.take("* between a modifier and its variable", "*")

    def _next(self) -> str:
        return self.tokens[self.at + 1].text if self.at + 1 < len(self.tokens) else ""

    def _check_free(self, modifiers: _Modifiers, token: _Token) -> None:
        if token.text != "NA" and (modifiers.label or modifiers.equal):
            raise _refusal(token.line, token.text, "one label per coefficient")

    def _label_or_free(self, modifiers: _Modifiers, token: _Token) -> None:
        if token.text == "NA":
            modifiers.fixed = (None,)
        else:
            modifiers.label = (_label(token),)

    def _modifier(self, modifiers: _Modifiers) -> None:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None:
            raise self.refuse("a variable, or modifier*variable")
        if token.kind == "number" or token.text in ("-", "+"):
            modifiers.fixed = (self._number(),)
        elif token.kind == "text":
            self.take("a label")
            self._check_free(modifiers, token)
            modifiers.label = (_label(token),)
        elif token.kind == "name":
            self._call(modifiers)
        else:
            raise self.refuse("a variable, or modifier*variable")

    def _call(self, modifiers: _Modifiers) -> None:
        head = self.take("a modifier")
        self.take("(", "(")
        if head.text == "c":
            values = self._list()
            if any(isinstance(v, str) for v in values):
                modifiers.label = tuple(v if isinstance(v, str) else None for v in values)
            if not all(isinstance(v, str) for v in values):
                modifiers.fixed = tuple(v if isinstance(v, float) else None for v in values)
        elif head.text == "start":
            values = self._list()
            modifiers.start = tuple(v for v in values if isinstance(v, float))
            if len(modifiers.start) != len(values):
                raise _refusal(head.line, "start(…)", "numbers as start values")
        elif head.text == "label":
            modifiers.label = (_label(self.take("a label")),)
            self.take(")", ")")
        elif head.text == "equal":
            if self.kind() != "text":
                raise self.refuse('a coefficient in quotes, such as equal("f=~x2")')
            modifiers.equal = re.sub(r"\s", "", self.take("a coefficient").text[1:-1])
            self.take(")", ")")
        else:
            raise _refusal(head.line, f"{head.text}(", "c(…), start(…), label(…) or equal(…)")

    def _list(self) -> list[float | str | None]:
        """Values up to the closing parenthesis; an inner c( is opened here."""
        if self.peek() == "c" and self._next() == "(":
            self.at += 2
            inner = self._list()
            self.take(")", ")")
            return inner
        found: list[float | str | None] = []
        while True:
            if self.peek() == "NA":
                self.take("NA")
                found.append(None)
            elif self.kind() in ("name", "text"):
                found.append(_label(self.take("a label")))
            else:
                found.append(self._number())
            if self.take(", or )", ",", ")").text == ")":
                return found

    def _number(self) -> float:
        sign = 1.0
        while self.peek() in ("-", "+"):
            sign *= -1.0 if self.take("a sign").text == "-" else 1.0
        if self.kind() != "number":
            raise self.refuse("a number")
        return sign * float(self.take("a number").text)

    # ------------------------------------------------------------ definitions

    def definition(self) -> Definition:
        name = self.name("the name of a defined quantity")
        self.take("name := expression", ":=")
        expression = self._sum()
        if self.at < len(self.tokens):
            raise self.refuse("an expression of labels with + − * / ^ and sqrt, exp, log, abs")
        return Definition(name.text, expression, name.line)

    def _sum(self) -> sp.Expr:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.refuse(f"expressions nested at most {_DEEPEST} deep")
        value = self._product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take("a sign").text == "+" else -1
            value = value + sign * self._product()
        self.depth -= 1
        return value

    def _product(self) -> sp.Expr:
        value = self._signed()
        while self.peek() in ("*", "/"):
            if self.take("* or /").text == "*":
                value = value * self._signed()
            else:
                value = value / self._signed()
        return value

    def _signed(self) -> sp.Expr:
        if self.peek() in ("-", "+"):
            sign = 1 if self.take("a sign").text == "+" else -1
            return sign * self._signed()
        base = self._atom()
        if self.peek() == "^":
            self.take("^")
            return base ** self._signed()
        return base

    def _atom(self) -> sp.Expr:
        if self.kind() == "number":
            return sp.nsimplify(self.take("a number").text, rational=True)
        if self.peek() == "(":
            self.take("(")
            value = self._sum()
            self.take(")", ")")
            return value
        if self.kind() == "name" and self._next() == "(":
            head = self.take("a function")
            if head.text not in _FUNCTIONS:
                raise _refusal(head.line, f"{head.text}(", "sqrt, exp, log or abs")
            self.take("(", "(")
            value = _FUNCTIONS[head.text](self._sum())
            self.take(")", ")")
            return value
        return symbol(self.name("a label, a number or a parenthesis").text)


def _label(token: _Token) -> str:
    text = token.text[1:-1] if token.kind == "text" else token.text
    if token.kind not in ("name", "text") or not text.isidentifier():
        raise _refusal(token.line, token.text, "labels of letters, digits and underscores")
    return text
