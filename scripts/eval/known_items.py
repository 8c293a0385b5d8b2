"""Known items: does who half remembers a piece find it? Over the demo's corpus, `make demo-check` first; `make eval-known` runs it.

    python scripts/eval/known_items.py --binary rhapsode [--json]

Three kinds of question, each counted as found where the piece, or a copy of it, is among the first ten:

- half a line that somebody remembers, with a typing error in one of its words: drawn from the corpus;
- a paraphrase, in other words; and a question in Russian about an English poem: known_items.tsv, written for this.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "scripts" / "bench")]
from report import Client  # noqa: E402
from server import Failure, Server, find_binary  # noqa: E402

PROJECT = ROOT / "demo"
ITEMS = Path(__file__).with_suffix(".tsv")
TOP = 10
LINES = 300
WORDS_MIN = 4
"""Of half a line: fewer are in many pieces."""
LETTERS_MIN = 5
"""Of a word that has a typing error."""
MODES = ("keyword", "semantic", "hybrid")


def misspelt(word: str, draw: random.Random) -> str:
    """A letter left out, doubled, swapped with its neighbour or another one."""
    at = draw.randrange(1, len(word) - 1)
    kind = draw.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + draw.choice("abcdefghijklmnopqrstuvwxyz".replace(word[at], "")) + word[at + 1 :]


def half_lines(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Questions and the keys of their pieces."""
    draw = random.Random(1)
    keys = sorted(texts)
    questions = []
    while len(questions) < LINES:
        key = draw.choice(keys)
        words = re.findall(r"[a-z']+", draw.choice(texts[key].splitlines() or [""]).lower())
        half = words[: max(WORDS_MIN, (len(words) + 1) // 2)]
        long = [at for at, word in enumerate(half) if len(word) >= LETTERS_MIN]
        if len(words) >= 2 * WORDS_MIN and long:
            at = draw.choice(long)
            half[at] = misspelt(half[at], draw)
            questions.append((" ".join(half), key))
    return questions


def found(client: Client, questions: list[tuple[str, str]], copies: dict[str, str], more: dict[str, Any]) -> float:
    """The share of the questions whose piece is among the first hits."""
    right = 0
    for start in range(0, len(questions), 100):
        part = questions[start : start + 100]
        searches = [{"query": question, "limit": TOP, **more} for question, _ in part]
        answer = json.loads(client.send("POST", "/api/search/batch", json.dumps({"searches": searches}).encode()))
        for (_, key), hits in zip(part, answer["answers"], strict=True):
            right += copies[key] in {copies[hit["key"]] for hit in hits["hits"]}
    return right / len(questions)


def main() -> int:
    """Prints the shares; the exit code is 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", help="the rhapsode to measure (default: the one that cargo built)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    try:
        measured = measure(find_binary(asked.binary))
    except Failure as failure:
        print(f"known items: {failure}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(measured))
        return 0
    for name, shares in measured.items():
        print(f"{name:40} " + "  ".join(f"{mode} {share:.3f}" for mode, share in shares.items()))
    return 0


def measure(binary: str) -> dict[str, dict[str, float]]:
    """By kind of question and mode: the share that is found."""
    if not (PROJECT / "store" / "releases").is_dir():
        raise Failure("there is no demo: `make demo-check` makes it")
    server = Server(binary, PROJECT, "127.0.0.1:0", "127.0.0.1:0", PROJECT / "known-items.log")
    try:
        client = Client(server.address)

        def rows(query: str) -> list[dict[str, Any]]:
            return json.loads(client.send("POST", "/api/sql", json.dumps({"query": query}).encode()))

        copies = {row["track_id"]: row["duplicate_of"] or row["track_id"] for row in rows("select track_id, duplicate_of from track")}
        drawn = rows("select track_id, lyrics from tracks where language = 'en' and md5(track_id) < '08' order by track_id")
        texts = {row["track_id"]: row["lyrics"] for row in drawn}
        items = [line.split("\t") for line in ITEMS.read_text(encoding="utf-8").splitlines()]
        missing = [key for key, *_ in items if key not in copies]
        if missing:
            raise Failure(f"the demo has no {', '.join(missing)}")
        kinds = {
            f"half a line, misspelt ({LINES})": half_lines(texts),
            f"a paraphrase ({len(items)})": [(paraphrase, key) for key, paraphrase, _ in items],
            f"a question in Russian ({len(items)})": [(question, key) for key, _, question in items],
        }
        measured = {name: {mode: found(client, of, copies, {"mode": mode}) for mode in MODES} for name, of in kinds.items()}
        lines = next(iter(kinds.values()))
        return measured | {"half a line, typing off": {"hybrid": found(client, lines, copies, {"typing": False})}}
    finally:
        server.stop(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
