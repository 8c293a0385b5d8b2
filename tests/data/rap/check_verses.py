"""Checks `verses.jsonl`: that every index is right, every word named stands in its line, every count fits.

It says nothing of whether a label is true: that is for a reader. Usage: python3 check_verses.py [FILE [THEMES]]
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEYS = [
    "id", "language", "title", "lines", "sections", "section_starts", "end_rhyme", "internal", "multisyllabic",
    "hook_lines", "themes", "mood", "valence",
]
SECTIONS = {"intro", "verse", "chorus", "bridge", "outro"}
MOODS = {"joyful", "calm", "sad", "angry", "tense", "neutral", "tender", "triumphant"}
LINES_MIN, LINES_MAX = 12, 24
EDGES = '.,;:!?…"«»“”()—–-'


def problems(verse, themes):
    """What is wrong with one verse, in words."""
    if list(verse) != KEYS:
        yield f"keys are {list(verse)}"
        return
    lines = verse["lines"]
    words = [line.split() for line in lines]
    count = len(lines)
    if not LINES_MIN <= count <= LINES_MAX:
        yield f"{count} lines"
    for number, line in enumerate(lines, 1):
        if not line or line != " ".join(line.split()) or re.search(r"[_*=]", line):
            yield f"line {number} is blank, has double spaces or a mark: {line!r}"
    yield from section_problems(verse, count)
    yield from end_problems(verse, count)
    yield from internal_problems(verse["internal"], words)
    if len({str(item) for item in verse["multisyllabic"]}) != len(verse["multisyllabic"]):
        yield "multisyllabic has a pair twice"
    for item in verse["multisyllabic"]:
        yield from multisyllabic_problems(item, words)
    if not 1 <= len(verse["themes"]) <= 3 or not set(verse["themes"]) <= themes:
        yield f"themes are {verse['themes']}"
    if verse["mood"] not in MOODS or verse["valence"] not in (-1, 0, 1):
        yield f"mood {verse['mood']}, valence {verse['valence']}"


def section_problems(verse, count):
    sections, starts, hooks = verse["sections"], verse["section_starts"], verse["hook_lines"]
    if len(sections) != count or not set(sections) <= SECTIONS:
        yield "sections do not fit the lines"
    if starts != sorted(set(starts)) or starts[0] != 1 or starts[-1] > count:
        yield f"section_starts are {starts}"
    for number in range(2, count + 1):
        if sections[number - 1] != sections[number - 2] and number not in starts:
            yield f"the label changes at line {number} and no section starts there"
    if hooks != sorted(set(hooks)) or any(not 1 <= hook <= count for hook in hooks):
        yield f"hook_lines are {hooks}"
    for hook in hooks:
        if verse["lines"].count(verse["lines"][hook - 1]) < 2:
            yield f"hook line {hook} comes once"
    for number in range(1, count + 1):
        if sections[number - 1] == "chorus" and number not in hooks:
            yield f"line {number} is in a chorus and not in hook_lines"


def end_problems(verse, count):
    ends = verse["end_rhyme"]
    if len(ends) != count:
        yield f"{len(ends)} end_rhyme labels for {count} lines"
    for label in sorted(set(ends) - {"-"}):
        if not re.fullmatch(r"[A-Z]", label) or ends.count(label) < 2:
            yield f"end_rhyme {label!r} is no letter or stands alone"


def internal_problems(pairs, words):
    if pairs != sorted(pairs) or len({str(pair) for pair in pairs}) != len(pairs):
        yield "internal is not in order, or has a pair twice"
    for one, two in pairs:
        inside = all(1 <= line <= len(words) and 1 <= word <= len(words[line - 1]) for line, word in (one, two))
        if not inside:
            yield f"pair {one}, {two} lies outside"
            continue
        if not one < two or two[0] - one[0] > 1:
            yield f"pair {one}, {two} is out of order or too far apart"
        if all(word == len(words[line - 1]) for line, word in (one, two)):
            yield f"pair {one}, {two} is of two last words"
        if len({words[line - 1][word - 1].strip(EDGES).lower() for line, word in (one, two)}) < 2:
            yield f"pair {one}, {two} is one word twice"


def multisyllabic_problems(item, words):
    if list(item) != ["lines", "words"] or len(item["lines"]) != 2 or len(item["words"]) != 2:
        yield f"{item} is not a pair"
        return
    for number, span in zip(item["lines"], item["words"]):
        line = [word.strip(EDGES) for word in words[number - 1]] if 1 <= number <= len(words) else []
        if not span or not any(line[k : k + len(span)] == span for k in range(len(line))):
            yield f"{span} does not stand in line {number}"
    if item["lines"] != sorted(item["lines"]) or item["words"][0] == item["words"][1]:
        yield f"{item} is out of order or one span twice"


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "verses.jsonl"
    themes_path = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parents[2] / "feature_defs/themes.yaml"
    themes = set(re.findall(r"^name: (\w+)$", themes_path.read_text(encoding="utf-8"), re.M))
    verses = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong = [f"{verse.get('id')}: {problem}" for verse in verses for problem in problems(verse, themes)]
    ids = [verse["id"] for verse in verses]
    if ids != sorted(set(ids)):
        wrong.append("ids are not in order, or one comes twice")
    print("\n".join(wrong) or "every index is right")
    for language in sorted({verse["language"] for verse in verses}):
        some = [verse for verse in verses if verse["language"] == language]
        counted = ("lines", "internal", "multisyllabic", "hook_lines")
        total = {key: sum(len(verse[key]) for verse in some) for key in counted}
        print(language, len(some), "verses,", sum(bool(verse["hook_lines"]) for verse in some), "with a hook,", total)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
