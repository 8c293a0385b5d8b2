"""Converts the lexicon of `gruut-lang-ru` 2.0.1 (PyPI, MIT) to what the Russian half of `rhyme` reads.

    python scripts/fit/russian_stress.py LEXICON.db russian_stress.tsv src/analyze/rhyme/russian/suffixes.rs

Writes the rule by suffixes, which is built in, and the dictionary: the words that the rule gets wrong, sorted by their
UTF-8, each with its stressed vowel counted from 0 at the end of the word.
"""

import re
import sqlite3
import sys
from collections import Counter, defaultdict
from pathlib import Path

VOWELS = "аеиоуыэюя"
SYLLABLES_MAX = 6
SUFFIX_MAX = 6
# A suffix is worth a line where it puts right this many words more than the shorter suffix does.
GAIN_MIN = 15
PER_LINE = 8


def words(path: str) -> dict[str, int]:
    """The stressed vowel of each word of two syllables or more, the first reading; without words with `ё`, which say it."""
    found: dict[str, int] = {}
    rows = sqlite3.connect(path).execute("select word, phonemes from word_phonemes order by word, pron_order, id")
    for word, phonemes in rows:
        word = word.lower()
        if not re.fullmatch("[а-я]+", word) or word in found:
            continue
        sounds = [sound for sound in phonemes.split() if sound[0] in "aeiouɨ"]
        stressed = [at for at, sound in enumerate(sounds) if "ː" in sound]
        vowels = sum(letter in VOWELS for letter in word)
        if vowels > 1 and vowels == len(sounds) and len(stressed) == 1 and vowels - 1 - stressed[0] <= 9:
            found[word] = vowels - 1 - stressed[0]
    return found


def rule(found: dict[str, int]) -> dict[tuple[int, str], int]:
    """For a number of syllables and a suffix, the stressed vowel from the end."""
    counts: dict[tuple[int, str], Counter] = defaultdict(Counter)
    for word, stress in found.items():
        syllables = min(SYLLABLES_MAX, sum(letter in VOWELS for letter in word))
        for length in range(min(SUFFIX_MAX, len(word)) + 1):
            counts[syllables, word[len(word) - length:]][stress] += 1
    table: dict[tuple[int, str], int] = {}
    for syllables, suffix in sorted(counts, key=lambda key: (len(key[1]), key)):
        count = counts[syllables, suffix]
        best, right = max(sorted(count.items()), key=lambda item: item[1])
        parent = next((table[syllables, suffix[at:]] for at in range(1, len(suffix) + 1)
                       if (syllables, suffix[at:]) in table), None)
        if parent is None or right - count[parent] >= GAIN_MIN:
            table[syllables, suffix] = best
    return table


def predict(table: dict[tuple[int, str], int], word: str) -> int:
    syllables = min(SYLLABLES_MAX, sum(letter in VOWELS for letter in word))
    start = max(0, len(word) - SUFFIX_MAX)
    return next((table[syllables, word[at:]] for at in range(start, len(word) + 1) if (syllables, word[at:]) in table), 0)


def dictionary(lexicon: str) -> str:
    """The words of the lexicon that the rule gets wrong, a line each."""
    found = words(lexicon)
    table = rule(found)
    return "".join(f"{word}\t{found[word]}\n" for word in sorted(found) if predict(table, word) != found[word])


def main() -> None:
    lexicon, written, suffixes = sys.argv[1:]
    found = words(lexicon)
    table = rule(found)
    wrong = [word for word in found if predict(table, word) != found[word]]
    Path(written).write_text(dictionary(lexicon), encoding="utf-8")
    # Sorted by the reversed suffix within the number of syllables, so that a search narrows letter by letter.
    entries = sorted((f"{syllables}{suffix[::-1]}", stress) for (syllables, suffix), stress in table.items())
    lines = [" ".join(f'("{key}", {stress}),' for key, stress in entries[at:at + PER_LINE])
             for at in range(0, len(entries), PER_LINE)]
    Path(suffixes).write_text(
        "//! Where a Russian word is stressed by its end; written by `scripts/fit/russian_stress.py`.\n\n"
        "/// Syllables (6: or more) and the last letters, reversed; the stressed vowel, counted from 0 at the end. Sorted.\n"
        "/// Learnt from the lexicon of `gruut-lang-ru` 2.0.1 (MIT): each suffix puts right "
        f"{GAIN_MIN} words more than a shorter one.\n"
        "#[rustfmt::skip]\n"
        f"pub(super) const SUFFIXES: &[(&str, u8)] = &[\n    " + "\n    ".join(lines) + "\n];\n", encoding="utf-8")
    print(f"{len(found)} words, {len(entries)} suffixes, right {1 - len(wrong) / len(found):.4f}, kept {len(wrong)}")


if __name__ == "__main__":
    main()
