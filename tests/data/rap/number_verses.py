"""Turns the marked verses (`marked/*.txt`) into `verses.jsonl`: counts lines and words, and decides nothing.

The marks are made by hand; README.md says what each means. Usage: python3 number_verses.py
"""

import json
import re
from itertools import combinations
from pathlib import Path

HERE = Path(__file__).parent
# Punctuation around a word. The apostrophe stays: it belongs to words such as `runnin'`.
EDGES = '.,;:!?…"«»“”()—–-'
HEAD = "*"


def bare(word):
    return word.strip(EDGES)


def blocks(text):
    """Verses: a head of `key: value` lines, a blank line, the marked lines."""
    for chunk in re.split(r"^===.*\n", text, flags=re.M)[1:]:
        head, body = chunk.strip().split("\n\n", 1)
        yield dict(line.split(": ", 1) for line in head.splitlines()), body.splitlines()


def unfold(body):
    """The marked lines with their section; `[chorus again]` repeats the first chorus with its marks."""
    section, written, first_chorus = None, [], []
    for raw in body:
        raw = raw.rstrip()
        if not raw:
            continue
        label = re.fullmatch(r"\[(\w+)( again)?\]", raw)
        if label:
            section = label[1]
            written.append(("start", section))
            if label[2]:
                written.extend(first_chorus)
            recording = section == "chorus" and not label[2] and not first_chorus
            continue
        written.append((section, raw))
        if recording:
            first_chorus.append((section, raw))
    return written


def find_span(lines, words, last, taken):
    """The nearest place at or before line `last` (from 0) where `words` stand in a row, and not over another span."""
    for number in range(last, -1, -1):
        line = [bare(word) for word in lines[number]]
        for start in range(len(line) - len(words), -1, -1):
            place = {(number, start + k) for k in range(len(words))}
            if line[start : start + len(words)] == words and not place & taken:
                return number, place
    raise ValueError(f"{words} is not at or before line {last + 1}")


def verse(head, body):
    lines, sections, starts, ends, hooks, marks, multisyllabic = [], [], [], [], [], [], []
    for section, raw in unfold(body):
        if section == "start":
            starts.append(len(lines) + 1)
        elif raw.startswith("= "):
            spans = [[bare(word) for word in span.split()] for span in raw[2:].split(" / ")]
            taken, places = set(), []
            last = len(lines) - 1
            for words in reversed(spans):
                last, place = find_span(lines, words, last, taken)
                taken |= place
                places.append((last + 1, min(place)[1], words))
            places.sort(key=lambda place: place[:2])
            for one, two in combinations(places, 2):
                pair = {"lines": [one[0], two[0]], "words": [one[2], two[2]]}
                if pair not in multisyllabic:
                    multisyllabic.append(pair)
        else:
            end, text = raw.split(" ", 1)
            hook = section == "chorus" or end.startswith("!")
            end = end.lstrip("!")
            words, tags = [], []
            for token in text.split():
                found = re.search(r"_([A-Za-z0-9*]+)", token)
                words.append(re.sub(r"_[A-Za-z0-9*]+", "", token))
                tags.append(set(found[1]) if found else set())
            headed = any(HEAD in tag for tag in tags)
            tags = [(tag - {HEAD}) | ({end} if HEAD in tag else set()) for tag in tags]
            if end != "-" and not headed:
                tags[-1].add(end)
            lines.append(words)
            sections.append(section)
            ends.append(end)
            marks.append(tags)
            if hook:
                hooks.append(len(lines))
    return {
        "id": head["id"],
        "language": head["id"][:2],
        "title": head["title"],
        "lines": [" ".join(words) for words in lines],
        "sections": sections,
        "section_starts": starts,
        "end_rhyme": lettered(ends),
        "internal": internal(lines, marks),
        "multisyllabic": multisyllabic,
        "hook_lines": hooks,
        "themes": head["themes"].split(", "),
        "mood": head["mood"],
        "valence": int(head["valence"]),
    }


def lettered(ends):
    """Letters in the order of the lines: A, B, C … whatever letters the marks use."""
    order = {}
    return ["-" if end == "-" else order.setdefault(end, chr(ord("A") + len(order))) for end in ends]


def internal(lines, marks):
    """Pairs of words with a mark in common, on one line or two neighbours, not both last, not the same word."""
    words = [
        (number, position, tag, bare(lines[number][position]).lower(), position == len(lines[number]) - 1)
        for number, tags in enumerate(marks)
        for position, tag in enumerate(tags)
        if tag
    ]
    return [
        [[one[0] + 1, one[1] + 1], [two[0] + 1, two[1] + 1]]
        for one, two in combinations(words, 2)
        if two[0] - one[0] <= 1 and one[2] & two[2] and one[3] != two[3] and not (one[4] and two[4])
    ]


def main():
    with open(HERE / "verses.jsonl", "w", encoding="utf-8") as out:
        for path in sorted((HERE / "marked").glob("*.txt")):
            for head, body in blocks(path.read_text(encoding="utf-8")):
                out.write(json.dumps(verse(head, body), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
