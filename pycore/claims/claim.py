"""One claim of a document, its status and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pycore.errors import refuse, require_name
from pycore.facts import get as get_fact

#: Status -> what it says about a claim.
STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "premise": "built into the model; simulating it proves nothing",
        "emergent": "follows from premises that do not contain it; a test shows it",
        "estimated": "a coefficient's posterior from named data, real or synthetic, speaks to it",
        "checked": "compared with a published figure, cited with its confidence mark",
        "contradicted": "evidence speaks against it",
        "recorded": "definition, method or recommendation without a truth value",
        "untestable": "nothing here can test it; the verdict says what data would",
        "pending": "the chapter of its document is not written yet",
    }
)

#: Evidence kind -> the form its target takes.
EVIDENCE_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "test": "tests/<file>.py::<test name>",
        "figure": "<page>#<label>",
        "table": "<page>#<label>",
        "notebook": "<notebook>::<glue key>",
        "fact": "<fact id>",
    }
)

_SEPARATOR = {"test": "::", "figure": "#", "table": "#", "notebook": "::"}


@dataclass(frozen=True)
class Evidence:
    """A typed reference to what speaks for or against a claim.

    Attributes
    ----------
    kind : str
        ``test``, ``figure``, ``table``, ``notebook`` or ``fact``.
    source : str
        File the evidence stands in, relative to the checkout; empty for a fact.
    name : str
        Test name, label, glue key or fact id.

    Examples
    --------
    >>> Evidence.parse("notebook:notebooks/d0_disengagement.ipynb::d0_levers").name
    'd0_levers'
    """

    kind: str
    source: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Evidence:
        """Read ``kind:target``.

        Raises
        ------
        InputError
            If the kind is unknown or the target has not the form of its kind.

        Examples
        --------
        >>> Evidence.parse("fact:tan2016_failures_direction")
        Evidence(kind='fact', source='', name='tan2016_failures_direction')
        """
        kind, colon, target = text.partition(":")
        if not colon or kind not in EVIDENCE_FORMS:
            forms = ", ".join(f"{kind}:{form}" for kind, form in EVIDENCE_FORMS.items())
            raise refuse("evidence", text, f"one of {forms}")
        if kind == "fact":
            return cls(kind, "", target)
        source, separator, name = target.partition(_SEPARATOR[kind])
        if not (source and separator and name):
            raise refuse("evidence", text, f"{kind}:{EVIDENCE_FORMS[kind]}")
        return cls(kind, source, name)

    def __str__(self) -> str:
        if self.kind == "fact":
            return f"fact:{self.name}"
        return f"{self.kind}:{self.source}{_SEPARATOR[self.kind]}{self.name}"


class _FactValues(dict[str, Any]):
    """Values of citable facts, looked up while a verdict is formatted."""

    def __missing__(self, name: str) -> Any:
        fact = get_fact(name)
        fact.cite()  # refuses a figure from memory
        return fact.value


@dataclass(frozen=True)
class Claim:
    """One claim of a document.

    Attributes
    ----------
    id : str
        ``C-D0-022``.
    document, section : str
        ``D0`` and ``D0.3.1``; the section ids are those of :func:`pycore.claims.outline`.
    kind : str
        causal, mediation, moderation, definition, method, recommendation, limitation, trend,
        numeric, measurement, responsibility or risk.
    statement : str
        The claim in our words.
    status : str
        One of :data:`STATUSES`.
    verdict : str
        One sentence; published numbers in it are read from the facts store.  Empty while pending.
    symbols : tuple of str
        Names in the document's model that carry the claim.
    page : str or None
        Page and anchor that treat it, relative to the checkout: ``book/d0/theory.md#d0-3-1``.
    evidence : tuple of Evidence
        What speaks for or against it.
    cause, mediator, effect, variables : tuple of str
        Concepts, by the names of the vocabulary.
    moderator, sign : str or None
        Of a moderation, and of the effect.
    value, unit, year, source : Any
        Of a figure the document prints.
    see_also : tuple of str
        Claims with the same edge.
    modelling : str or None
        How a model could carry the claim, for documents whose chapter is not written.
    """

    id: str
    document: str
    section: str
    kind: str
    statement: str
    status: str
    verdict: str = ""
    symbols: tuple[str, ...] = ()
    page: str | None = None
    evidence: tuple[Evidence, ...] = ()
    cause: tuple[str, ...] = ()
    mediator: tuple[str, ...] = ()
    effect: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    moderator: str | None = None
    sign: str | None = None
    value: Any = None
    unit: str | None = None
    year: Any = None
    source: str | None = None
    see_also: tuple[str, ...] = ()
    modelling: str | None = None

    @property
    def anchor(self) -> str:
        """Anchor of the claim in the ledger appendix.

        Examples
        --------
        >>> from pycore.claims import get
        >>> get("C-D0-022").anchor
        'claim-c-d0-022'
        """
        return f"claim-{self.id.lower()}"

    def of_kind(self, *kinds: str) -> tuple[Evidence, ...]:
        """The claim's evidence of some kinds.

        Examples
        --------
        >>> from pycore.claims import get
        >>> [str(item) for item in get("C-D0-010").of_kind("fact")]
        ['fact:gmv_100ec_series', 'fact:gmv_growth']
        """
        for kind in kinds:
            require_name("kind", kind, EVIDENCE_FORMS)
        return tuple(item for item in self.evidence if item.kind in kinds)


def filled(verdict: str) -> str:
    """Put published numbers into a verdict, from the facts store.

    ``{gao2023_path_RES_SOP:.2f}`` becomes the stored value, so a number in a verdict cannot
    differ from the source it cites.

    Examples
    --------
    >>> filled("The path is {zhang2017_ecm_CONF_SAT:.2f}.")
    'The path is 0.69.'
    """
    return verdict.format_map(_FactValues())
