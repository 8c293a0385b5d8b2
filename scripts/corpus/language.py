"""Names the language of verse, or says that it cannot.

A piece is cut blindly, so it may hold two languages: a Latin poem and its translation, an English note full of
quotations. One verdict over the whole text hides that. Here windows of some ten lines are judged one by one, and
the piece has a language only when they agree; a table of contents in which no window is sure has none.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import NamedTuple

UNDETERMINED = "und"
"""The code of ISO 639-2 for a language that could not be told."""

CANDIDATES = tuple("ca cs cy da de el en es fi fr ga gd grc he hu is it la nl no pl pt ro ru sa sv".split())
"""ISO 639. What books of verse in English quote; a shorter list is faster, and measured better on names and notes."""

WINDOW_LINES = 10
CONFIDENCE_MIN = 0.8
"""A window below this does not vote."""

VOTING_SHARE_MIN = 0.5
"""At least this share of the text must have voted."""

AGREEMENT_MIN = 0.8
"""At least this share of what voted must be for one language: three windows of four are not enough."""


class Verdict(NamedTuple):
    """What the detector says of one window."""

    language: str
    confidence: float
    characters: int


class Detector:
    """The detector of py3langid: naive Bayes over byte n-grams (Lui and Baldwin, langid.py, ACL 2012)."""

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._identifier.set_languages(CANDIDATES)

    def language(self, lines: list[str]) -> str:
        """The ISO 639 code of the language, or `und`."""
        return agree([self._judge(window) for window in windows(lines)])

    def _judge(self, window: list[str]) -> Verdict:
        text = "\n".join(window)
        language, confidence = self._identifier.classify(text)
        return Verdict(language, confidence, len(text))


def windows(lines: list[str]) -> list[list[str]]:
    """The lines in even parts of about `WINDOW_LINES`."""
    parts = max(1, round(len(lines) / WINDOW_LINES))
    bounds = [part * len(lines) // parts for part in range(parts + 1)]
    return [lines[start:end] for start, end in itertools.pairwise(bounds)]


def agree(verdicts: list[Verdict]) -> str:
    """The language that the confident windows agree on, weighed by their characters, or `und`."""
    votes: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.confidence >= CONFIDENCE_MIN:
            votes[verdict.language] += verdict.characters
    voted = votes.total()
    if voted == 0 or voted < VOTING_SHARE_MIN * sum(verdict.characters for verdict in verdicts):
        return UNDETERMINED
    language, characters = votes.most_common(1)[0]
    return language if characters >= AGREEMENT_MIN * voted else UNDETERMINED
