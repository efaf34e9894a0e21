"""The category tree: what an appeal can be about, and the words that say so. Who owns it: responsibility.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.values import CategoryRef, Mode, Nature, Urgency
from shared.policy.model import PackModel
from shared.policy.phrases import Phrases

Weights = Mapping[str, float]
PhraseList = tuple[str, ...]

CATCH_ALL = "other"


class Answer(PackModel):
    """A reply given at once to a consultation. ``when``: phrases one of which must hold; none means always."""

    when: PhraseList = ()
    text: Annotated[str, StringConstraints(min_length=10, max_length=1000)]


class Category(PackModel):
    """One leaf of the tree. ``measure``: the room temperature is measured when somebody goes back. ``urgent``,
    ``emergency`` and ``modes``: phrases that raise the urgency or change the disposal mode within this category.
    ``words``: phrase -> weight; ``examples``: sentences about this, for likeness where no word is sure."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)*$")]
    path: Annotated[tuple[str, ...], Field(min_length=1, max_length=4)]
    mode: Mode = "whistle"
    modes: Mapping[Mode, PhraseList] = Field(default_factory=dict)
    urgency: Urgency = "normal"
    urgent: PhraseList = ()
    emergency: PhraseList = ()
    measure: bool = False
    nature: Nature = "help"
    words: Weights = Field(default_factory=dict)
    examples: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()


class Signals(PackModel):
    """Words that mean the same in every category, phrase -> weight or plain lists."""

    choices: Mapping[str, str]
    natures: Mapping[Nature, Weights]
    fault: PhraseList
    danger: PhraseList
    pressing: PhraseList
    taskforce: PhraseList
    joint: PhraseList
    in_litigation: PhraseList
    elsewhere: PhraseList
    advertising: PhraseList


class Categories(PackModel):
    """The tree and the words around it; unknown codes are the catch-all."""

    categories: tuple[Category, ...]
    signals: Signals

    @model_validator(mode="after")
    def _compiles(self) -> Categories:
        codes = [category.code for category in self.categories]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"categories named twice: {', '.join(twice)}")
        if CATCH_ALL not in codes:
            raise ValueError(f"the catch-all category {CATCH_ALL!r} is missing")
        try:
            _ = self.reading, self.judging
        except KeyError as missing:
            raise ValueError(f"a phrase names the choice {missing}, which is not there") from None
        return self

    def _reading_sets(self) -> dict[str, Weights]:
        sets: dict[str, Weights] = {
            f"category {category.code}": category.words for category in self.categories
        }
        sets |= {f"nature {nature}": words for nature, words in self.signals.natures.items()}
        for category in self.categories:
            for number, answer in enumerate(category.answers):
                sets[f"answer {category.code} {number}"] = dict.fromkeys(answer.when, 1.0)
        for name in ("fault", "danger", "in_litigation", "elsewhere", "advertising"):
            sets[name] = dict.fromkeys(getattr(self.signals, name), 1.0)
        return sets

    def _judging_sets(self) -> dict[str, Weights]:
        sets: dict[str, Weights] = {}
        for category in self.categories:
            sets[f"urgent {category.code}"] = dict.fromkeys(category.urgent, 1.0)
            sets[f"emergency {category.code}"] = dict.fromkeys(category.emergency, 1.0)
            for mode, phrases in category.modes.items():
                sets[f"{mode} {category.code}"] = dict.fromkeys(phrases, 1.0)
        for name in ("danger", "pressing", "taskforce", "joint"):
            sets[name] = dict.fromkeys(getattr(self.signals, name), 1.0)
        return sets

    @cached_property
    def _by_code(self) -> dict[str, Category]:
        return {category.code: category for category in self.categories}

    @cached_property
    def _refs(self) -> dict[str, CategoryRef]:
        return {one.code: CategoryRef(code=one.code, path=list(one.path)) for one in self.categories}

    @cached_property
    def reading(self) -> Phrases:
        """The phrases that say what a text is about (owners "category <code>", "nature <nature>", "answer ...")."""
        return Phrases(self._reading_sets(), self.signals.choices)

    @cached_property
    def judging(self) -> Phrases:
        """The phrases that say how pressing it is and in which mode (owners "urgent <code>", "danger" ...)."""
        return Phrases(self._judging_sets(), self.signals.choices)

    def known(self, code: str) -> bool:
        """Whether the tree has this code."""
        return code in self._by_code

    def get(self, code: str) -> Category:
        """The category of this code, or the catch-all."""
        return self._by_code.get(code) or self._by_code[CATCH_ALL]

    def ref(self, code: str) -> CategoryRef:
        """The category as events carry it."""
        return self._refs[self.get(code).code]
