"""What the attribution tables must hold, computed in plain Python and NumPy.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from oracle import Facts, as_dates, cuts, is_direct, number_of, stack
from oracle_rows import Row, Settings, is_purchase

MODELS = [
    *("first", "last", "last_non_direct", "linear"),
    *("position_based", "time_decay", "markov", "shapley"),
]
NOBODY = "(none)"
START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Path:
    """Touches of one person, in order, and what they led to (None: nothing so far)."""

    conversion: Row | None
    conversion_type: str
    touches: list[Row]

    @property
    def channels(self) -> list[str]:
        """Channel of each touch."""
        return [touch["channel"] for touch in self.touches]


def conversions(known: Facts) -> dict[str, list[Row]]:
    """Days on which each customer bought, in order, each with its first purchase."""
    found: dict[str, dict[int, Row]] = {}
    purchases = [row for row in known.seen["transactions"] if is_purchase(row)]
    purchases.sort(key=lambda row: (row["local"], row["transaction_id"]))
    for row in purchases:
        customer, day = row["customer_id"], number_of(row["local"])
        if customer is None:
            continue
        days = found.setdefault(customer, {})
        truncated = known.traits[customer]["is_truncated"]
        debut = "left_truncated" if truncated else "first"
        conversion = days.setdefault(
            day,
            {
                "conversion_id": row["transaction_id"],
                "conversion_type": "repeat" if days else debut,
                "customer_id": customer,
                "converted_at": row["local"],
                "day": day,
                "money": 0,
            },
        )
        conversion["money"] += row["money"]
    return {customer: list(days.values()) for customer, days in found.items()}


def recent(touches: list[Row], until: datetime, settings: Settings) -> list[Row]:
    """Touches within the lookback before a day."""
    longest = settings.attribution_lookback_days
    return [t for t in touches if (until.date() - t["local"].date()).days <= longest]


def paths_of(touches: list[Row], bought: list[Row], settings: Settings) -> list[Path]:
    """Paths of one person: before each conversion, and after the last."""
    touches = sorted(touches, key=lambda t: (t["local"], t["touchpoint_id"]))
    found, before = [], datetime.min
    for conversion in bought:
        at = conversion["converted_at"]
        own = [touch for touch in touches if before < touch["local"] <= at]
        kind = conversion["conversion_type"]
        found.append(Path(conversion, kind, recent(own, at, settings)))
        before = at
    if rest := [touch for touch in touches if touch["local"] > before]:
        rest = recent(rest, rest[-1]["local"], settings)
        found.append(Path(None, "repeat" if bought else "first", rest))
    return found


@lru_cache(maxsize=1)
def paths(known: Facts) -> list[Path]:
    """Every conversion with its path, and the paths that led to none."""
    touches: dict[str, list[Row]] = {}
    for row in known.seen.get("touchpoints", []):
        # A touch without a channel is not marketing.
        if row.get("channel"):
            touches.setdefault(row["customer"], []).append(row)
    bought = conversions(known)
    people = {*touches, *bought}
    return [
        path
        for person in sorted(people)
        for path in paths_of(
            touches.get(person, []), bought.get(person, []), known.settings
        )
    ]


@dataclass(frozen=True)
class Chain:
    """How people of one conversion type move from channel to channel."""

    paths: int
    converting: int
    moves: Counter[tuple[str, str]]

    @property
    def channels(self) -> list[str]:
        """Channels that a path touches."""
        return sorted({state for state, _ in self.moves} - {START})

    def probabilities(self) -> dict[tuple[str, str], float]:
        """Probability of each move, given the state that it leaves."""
        left: Counter[str] = Counter()
        for (state, _), count in self.moves.items():
            left[state] += count
        return {move: count / left[move[0]] for move, count in self.moves.items()}

    def effects(self) -> pd.DataFrame:
        """Probabilities and removal effect of each channel, which is the index."""
        states, chance = [START, *self.channels], self.probabilities()
        between = [[chance.get((a, b), 0.0) for b in states] for a in states]
        visits = np.linalg.inv(np.eye(len(states)) - np.array(between))
        ends = np.array([chance.get((state, CONVERSION), 0.0) for state in states])
        converts = np.linalg.solve(np.eye(len(states)) - np.array(between), ends)
        frame = pd.DataFrame(index=pd.Index(self.channels, name="channel"))
        frame["visit_probability"] = (visits[0] / visits.diagonal())[1:]
        frame["conversion_probability"] = converts[1:]
        frame["path_conversion_probability"] = self.converting / self.paths
        effect = frame["visit_probability"] * frame["conversion_probability"]
        # What nobody does cannot lose by the removal of anything.
        effect = effect / converts[0] if self.converting else effect * np.nan
        frame["removal_effect"] = effect
        frame["removal_effect_share"] = effect / effect.sum()
        frame["markov_conversions"] = frame["removal_effect_share"] * self.converting
        return frame


def chain(found: list[Path]) -> Chain:
    """Chain of the paths that touch anything."""
    moves: Counter[tuple[str, str]] = Counter()
    walked = [path for path in found if path.touches]
    for path in walked:
        end = NULL if path.conversion is None else CONVERSION
        moves.update(pairwise([START, *path.channels, end]))
    converting = sum(path.conversion is not None for path in walked)
    return Chain(len(walked), converting, moves)


@lru_cache(maxsize=1)
def chains(known: Facts) -> dict[str, Chain]:
    """Chain of each conversion type that has a path."""
    kinds: dict[str, list[Path]] = {}
    for path in paths(known):
        kinds.setdefault(path.conversion_type, []).append(path)
    found = {kind: chain(of_kind) for kind, of_kind in kinds.items()}
    return {kind: each for kind, each in found.items() if each.paths}


def channel_transitions(known: Facts) -> pd.DataFrame:
    """rpt_channel_transitions."""
    records = [
        (kind, *move, each.moves[move], probability)
        for kind, each in chains(known).items()
        for move, probability in each.probabilities().items()
    ]
    columns = ["conversion_type", "from_state", "to_state", "transition_count"]
    return pd.DataFrame(records, columns=[*columns, "transition_probability"])


def channel_effects(known: Facts) -> pd.DataFrame:
    """rpt_channel_effects."""
    frames = [
        each.effects()
        .reset_index()
        .assign(
            conversion_type=kind, paths=each.paths, converting_paths=each.converting
        )
        for kind, each in chains(known).items()
    ]
    return stack(frames)


def position_weights(count: int, settings: Settings) -> list[float]:
    """Credits of the model position_based."""
    first = settings.attribution_first_touch_weight
    last = settings.attribution_last_touch_weight
    if count == 1:
        return [1.0]
    if count == 2:
        return [first / (first + last), last / (first + last)]
    # 1 - 0.7 - 0.3 is nothing; in floats it is not quite.
    rest = round(1 - first - last, 9)
    return [first, *[rest / (count - 2)] * (count - 2), last]


def only(position: int, count: int) -> list[float]:
    """All credit at one position."""
    return [float(number == position) for number in range(count)]


def by_channel(channels: list[str], worth: dict[str, float]) -> list[float]:
    """Share out by what each channel is worth, evenly over its touches."""
    times = Counter(channels)
    total = sum(worth[channel] for channel in times)
    return [worth[channel] / total / times[channel] for channel in channels]


def credits_of(
    path: Path, worth: dict[str, float], settings: Settings
) -> dict[str, list[float]]:
    """Credit of each touch of a path in each model."""
    channels, count = path.channels, len(path.touches)
    if not count:
        return {model: [1.0] for model in MODELS}
    lead = [n for n in range(count) if not is_direct(channels[n])] or [count - 1]
    # Whole seconds before the last touch; from there to the purchase all age alike.
    last = path.touches[-1]["local"]
    seconds = [(last - touch["local"]).total_seconds() // 1 for touch in path.touches]
    ages = np.array(seconds) / SECONDS_A_DAY
    # Beyond a thousand half-lives a weight would be no more than 0 to a float.
    decay = 0.5 ** np.minimum(ages / settings.attribution_half_life_days, 1000)
    return {
        "first": only(0, count),
        "last": only(count - 1, count),
        "last_non_direct": only(lead[-1], count),
        "linear": [1 / count] * count,
        "position_based": position_weights(count, settings),
        "time_decay": (decay / decay.sum()).tolist(),
        "markov": by_channel(channels, worth),
        "shapley": by_channel(channels, dict.fromkeys(channels, 1.0)),
    }


@lru_cache(maxsize=1)
def credit_rows(known: Facts) -> pd.DataFrame:
    """fct_attribution_credits, with the day of the conversion in `day`."""
    worth = {
        kind: {str(name): effect for name, effect in effects.items()}
        for kind, each in chains(known).items()
        for effects in [each.effects()["removal_effect"]]
    }
    records: list[Any] = []
    for path in paths(known):
        conversion = path.conversion
        if conversion is None:
            continue
        about = [conversion[name] for name in ("conversion_id", "conversion_type")]
        about += [conversion[name] for name in ("customer_id", "day", "converted_at")]
        touches = path.touches or [{}]
        shares = credits_of(path, worth.get(path.conversion_type, {}), known.settings)
        for model, share in shares.items():
            for number, (touch, credit) in enumerate(zip(touches, share, strict=True)):
                place = [touch.get("touchpoint_id"), touch.get("local")]
                place += [touch.get("channel", NOBODY), touch.get("campaign") or NOBODY]
                place += [number + 1 if touch else None, len(path.touches)]
                earned = credit * conversion["money"] / 1e4
                records.append((*about, *place, model, credit, earned))
    columns = ["conversion_id", "conversion_type", "customer_id", "day", "converted_at"]
    columns += ["touchpoint_id", "touched_at", "channel", "campaign", "path_position"]
    columns += ["path_length", "attribution_model", "credit", "gross_revenue"]
    frame = pd.DataFrame(records, columns=columns)
    frame["touched_at"] = pd.to_datetime(frame["touched_at"])
    return frame


def attribution_credits(known: Facts) -> pd.DataFrame:
    """fct_attribution_credits."""
    frame = credit_rows(known)
    dates = as_dates(frame["day"])
    return frame.assign(conversion_date=dates).drop(columns="day")


def spend_rows(known: Facts) -> pd.DataFrame:
    """List the accepted spend by day, channel and campaign."""
    rows = [
        (number_of(row["local"]), row["channel"], row.get("campaign") or NOBODY, money)
        for row in known.seen.get("marketing_spend", [])
        for money in [row["money"] / 1e4]
    ]
    return pd.DataFrame(rows, columns=["day", "channel", "campaign", "spend"])


def every_model(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows once for each model."""
    return frame.merge(pd.DataFrame({"attribution_model": MODELS}), how="cross")


def full_join(
    credited: pd.DataFrame, spent: pd.DataFrame, key: list[str]
) -> pd.DataFrame:
    """Sum credits and spend by key and model; a key of either side has its rows."""
    columns = ["credit", "gross_revenue"]
    earned = credited.groupby([*key, "attribution_model"])[columns].sum()
    costs = every_model(spent.groupby(key)["spend"].sum().reset_index())
    joined = earned.join(costs.set_index(earned.index.names), how="outer")
    return joined.astype(float).fillna(0.0).reset_index()


def over(top: pd.Series, bottom: pd.Series) -> pd.Series:
    """Quotient; null where the denominator is 0 or null."""
    return top / bottom.where(bottom > 0)


def attribution(known: Facts) -> pd.DataFrame:
    """rpt_attribution."""
    rows, spent = credit_rows(known), spend_rows(known)
    spent["conversion_type"] = "all"
    rows = pd.concat([rows.assign(conversion_type="all"), rows])
    frames = []
    for cut in cuts(known):
        key = ["conversion_type", "period", "channel", "campaign"]
        frame = full_join(
            rows.assign(period=cut.index(rows["day"])),
            spent.assign(period=cut.index(spent["day"])),
            key,
        )
        sums = frame.groupby(["conversion_type", "period", "attribution_model"])
        for column in ("credit", "gross_revenue"):
            share = {"credit": "conversion_share"}.get(column, "revenue_share")
            frame[share] = over(frame[column], sums[column].transform("sum"))
        is_known = (frame["conversion_type"] == "all") & (
            "marketing_spend" in known.seen
        )
        frame["spend"] = frame["spend"].where(is_known)
        frame["roas"] = over(frame["gross_revenue"], frame["spend"])
        period = frame.pop("period")
        frame["period_grain"] = cut.grain
        frame["period_start"] = as_dates(cut.start(period))
        frame["is_complete"] = cut.start(period + 1) - 1 <= known.as_of
        frames.append(frame.rename(columns={"credit": "conversions"}))
    return stack(frames)
