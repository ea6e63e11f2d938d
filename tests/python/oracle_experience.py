"""What the experience tables must hold, computed in pandas from the judged rows.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from oracle import Facts, as_dates, cuts, number_of, stack
from oracle_retention import wilson
from oracle_rows import Row, by_name, config, is_purchase

Z = 1.959963984540054
# Of events at one moment, which comes first.
EVENT_ORDER = {"touchpoint": 0, "purchase": 1, "refund": 2, "survey_response": 3}
SEGMENT = ["segment_column", "segment_value"]
SCORES = ["score", "score_lower", "score_upper"]
# Lowest score of each group.
GROUPS = {"promoter": 9, "passive": 7, "detractor": 0}
SURVEY_COLUMNS = [
    *("response_id", "customer_id", "responded_at", "responded_date", "question_id"),
    *("survey_type", "milestone", "stage", "touch_event_id", "touchpoint_type"),
    *("channel", "score", "is_not_applicable", "normalised_score", "nps_group"),
    *("is_top_two_box", "target", "attainment", "comment"),
]
EXPERIENCE_COLUMNS = [
    *(*SEGMENT, "survey_type", "question_id", "period_grain", "period_start"),
    *("responses", *SCORES, "promoters", "passives", "detractors"),
    *("top_two_box_rate", "top_two_box_rate_lower", "top_two_box_rate_upper"),
    *("mean_answer", "target", "attainment", "shortfall", "missed_indicators"),
    *("is_small_sample", "is_complete"),
]
BRAND_COLUMNS = [
    *(*SEGMENT, "period_grain", "period_start", "nps_group"),
    *("nps_responses", "nps_score", "nps_lower", "nps_upper"),
    *("css_responses", "css_score", "css_lower", "css_upper"),
    *("exs_responses", "exs_score", "exs_lower", "exs_upper"),
    *("eligible_people", "repeating_people"),
    *("repeat_rate", "repeat_rate_lower", "repeat_rate_upper"),
    *("revenue_per_person", "is_small_sample", "is_small_nps_sample"),
    *("is_small_css_sample", "is_small_exs_sample", "is_complete"),
]


# When, kind, id and row of an event.
Step = tuple[datetime, int, str, Row]


class People:
    """What every person did, in order, and where it brought them."""

    def __init__(self, known: Facts) -> None:
        self.traits = known.traits
        self.stages = by_name("journey_stages")
        self.milestones = by_name("journey_milestones")
        self.types = by_name("journey_touchpoint_types")
        self.questions = by_name("journey_survey_questions")
        self.events: dict[Any, list[Step]] = {}
        for name, key in (
            ("touchpoints", "touchpoint_id"),
            ("transactions", "transaction_id"),
            ("survey_responses", "response_id"),
        ):
            for row in known.seen.get(name, []):
                person = row.get("customer") or row.get("customer_id")
                kinds = {"touchpoints": "touchpoint", "transactions": row["kind"]}
                kind = EVENT_ORDER[kinds.get(name, "survey_response")]
                if person is not None:
                    step = (row["local"], kind, row[key], row)
                    self.events.setdefault(person, []).append(step)
        for path in self.events.values():
            path.sort(key=lambda step: step[:3])

    def order_of(self, reached_by: str) -> int:
        """Position of the stage that something brings to; 0 where none is."""
        found = (s for s in self.stages.values() if s["reached_by"] == reached_by)
        return next((int(stage["stage_order"]) for stage in found), 0)

    def milestone_of(self, reached_by: str) -> str | None:
        """First milestone of the stage that something brings to."""
        found = [
            (row["milestone_order"], name)
            for name, row in self.milestones.items()
            if self.stages[row["stage"]]["reached_by"] == reached_by
        ]
        return min(found)[1] if found else None

    def reached(self, person: Any, step: Step) -> int:
        """Position of the furthest stage that one event brings to; 0 for none."""
        at, kind, _, row = step
        bought = self.traits[person]["first_purchase_at"]
        has_bought = bought is not None and bought <= at
        advocate = self.order_of("advocacy") if has_bought else 0
        if kind == EVENT_ORDER["touchpoint"]:
            about = self.types[row["touchpoint_type"]]
            stage = self.stages[self.milestones[about["milestone"]]["stage"]]
            if stage["reached_by"] == "touchpoint":
                order = int(stage["stage_order"])
                late = order > self.order_of("first_purchase")
                return order if has_bought or not late else 0
            outcome = row.get("outcome") or about["default_outcome"]
            is_praise = stage["reached_by"] == "advocacy" and outcome == "positive"
            return advocate if is_praise else 0
        if kind == EVENT_ORDER["purchase"] and bought is not None:
            order = self.order_of("first_purchase")
            later = at.date() > bought.date()
            return max(order, self.order_of("second_purchase") if later else 0)
        if kind == EVENT_ORDER["survey_response"]:
            question = self.questions[row["question_id"]]
            is_nps = question["survey_type"] == "nps" and row["number"] is not None
            return advocate if is_nps and row["number"] >= 9 else 0
        return 0

    def stage_before_answer(self, person: Any, at: datetime) -> str | None:
        """Where somebody stood when they answered, the answer itself left aside."""
        if person is None:
            return None
        seen = [
            self.reached(person, step)
            for step in self.events[person]
            if step[0] < at or (step[0] == at and step[1] != 3)
        ]
        furthest = max(seen, default=0)
        order = {int(row["stage_order"]): name for name, row in self.stages.items()}
        return order[furthest or min(order)]

    def touch_before_answer(self, person: Any, milestone: Any, at: datetime) -> Row:
        """Latest touch or purchase that a question can be about."""
        bought = self.traits[person]["first_purchase_at"]
        for moment, kind, source, row in reversed(self.events.get(person, [])):
            if moment > at or kind not in (0, 1):
                continue
            if kind == EVENT_ORDER["touchpoint"]:
                name = row["touchpoint_type"]
                about = self.types[name]["milestone"]
            else:
                is_first = bought is not None and moment.date() == bought.date()
                stage = "first_purchase" if is_first else "second_purchase"
                name, about = "purchase", self.milestone_of(stage)
            if about == milestone:
                event = "touchpoint" if kind == 0 else "purchase"
                channel = row.get("channel" if kind == 0 else "sales_channel")
                touch = {"touch_event_id": f"{event}:{source}", "channel": channel}
                return touch | {"touchpoint_type": name}
        return {"touch_event_id": None, "channel": None, "touchpoint_type": None}


def score_answer(row: Row, question: Row) -> Row:
    """Say what one answer is worth; all null when it is not applicable."""
    names = ["score", "normalised_score", "nps_group", "is_top_two_box", "attainment"]
    scores: Row = dict.fromkeys(names)
    if row["number"] is None:
        return scores
    x, kind = float(row["number"]), question["survey_type"]
    worst, best = float(question["scale_min"]), float(question["scale_max"])
    if question["direction"] == "lower_is_better":
        worst, best = best, worst
    scores["score"] = x
    scores["normalised_score"] = 100 * (x - worst) / (best - worst)
    if kind == "nps":
        group = next(name for name, lowest in GROUPS.items() if x >= lowest)
        scores["nps_group"] = group
    elif kind == "css":
        scores["is_top_two_box"] = abs(best - x) <= 1
    else:
        share = (x - worst) / (float(question["target"]) - worst)
        scores["attainment"] = min(max(share, 0.0), 1.0)
    return scores


@lru_cache(maxsize=1)
def survey_scores(known: Facts) -> pd.DataFrame:
    """fct_survey_scores."""
    people, questions = People(known), by_name("journey_survey_questions")
    records = []
    for row in known.seen.get("survey_responses", []):
        question, person = questions[row["question_id"]], row.get("customer_id")
        record = {
            "response_id": row["response_id"],
            "customer_id": person,
            "responded_at": row["local"],
            "responded_date": row["local"].date(),
            "question_id": row["question_id"],
            "survey_type": question["survey_type"],
            "milestone": question["milestone"],
            "stage": people.stage_before_answer(person, row["local"]),
            "is_not_applicable": row["number"] is None,
            "target": float(question["target"]),
            "comment": row.get("comment"),
        }
        touch = people.touch_before_answer(person, question["milestone"], row["local"])
        records.append(record | touch | score_answer(row, question))
    frame = pd.DataFrame(records, columns=SURVEY_COLUMNS)
    for column in ("responded_at", "responded_date"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def unfold(known: Facts) -> pd.DataFrame:
    """Scored answers, once for every segment and scope that they count in.

    `scope` is the question_id of the row that an answer counts in.
    """
    answers = survey_scores(known)
    answers = answers[~answers["is_not_applicable"].astype(bool)].copy()
    for column in ("score", "normalised_score"):
        answers[column] = answers[column].astype(float)
    who = answers["customer_id"]
    traits = {"all": pd.Series("all", answers.index)}
    for column in known.settings.segment_columns:
        values = {name: dict(known.traits[name]["segments"]) for name in who.dropna()}
        traits[column] = who.map(
            {name: segments[column] for name, segments in values.items()}
        ).fillna("(guest)")
    about = {
        "milestone": answers["milestone"].fillna("(none)"),
        "touchpoint_type": answers["touchpoint_type"].fillna("(none)"),
        "channel": answers["channel"].fillna("(none)"),
        "stage": answers["stage"].fillna("(unknown)"),
    }
    frames = []
    for column, values in (traits | about).items():
        frame = answers.assign(segment_column=column, segment_value=values)
        frames.append(frame.assign(scope="all"))
        if column in traits:
            frames.append(frame.assign(scope=frame["question_id"]))
    return pd.concat(frames, ignore_index=True)


@lru_cache(maxsize=1)
def counted(known: Facts) -> pd.DataFrame:
    """Answers that count in each period: of a person the latest, or all of them."""
    answers = unfold(known)
    days = answers["responded_date"].map(number_of).astype("int64")
    never = pd.Series(pd.NaT, answers.index, "datetime64[s]")
    frame = answers.assign(period_grain="all", period=0, period_start=never)
    frames = [frame.assign(is_complete=True)]
    for cut in cuts(known):
        period = cut.index(days)
        start = pd.Series(as_dates(cut.start(period)), answers.index, "datetime64[s]")
        over = cut.start(period + 1) - 1 <= known.as_of
        frame = answers.assign(period_grain=cut.grain, period=period)
        frames.append(frame.assign(period_start=start, is_complete=over))
    frame = pd.concat(frames, ignore_index=True)
    if known.settings.survey_answers_counted == "all":
        return frame
    # An answer without a name is nobody else's.
    nobody = "(nobody):" + frame["response_id"]
    frame["person"] = frame["customer_id"].fillna(nobody)
    # A person has one opinion of the brand, and one of whatever else is asked about.
    is_nps = frame["survey_type"] == "nps"
    frame["asked"] = frame["question_id"].mask(is_nps & (frame["scope"] == "all"), "")
    # The answer of a promoter ends their stay in a stage, so that the latest one in a
    # stage is too often theirs: stages share out the answers that count for everybody.
    frame["place"] = frame["segment_value"].mask(frame["segment_column"] == "stage", "")
    key = ["segment_column", "place", "survey_type", "scope", "asked"]
    key += ["period_grain", "period"]
    frame = frame.sort_values(["responded_at", "response_id"])
    return frame.drop_duplicates([*key, "person"], keep="last")


ROW = [*SEGMENT, "survey_type", "scope", "period_grain", "period"]


def summarise(answers: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Count and average the answers of each row."""
    for group in GROUPS:
        answers = answers.assign(**{f"{group}s": answers["nps_group"] == group})
    boxes = answers["is_top_two_box"].map(lambda value: value is True)
    return (
        answers.assign(top_two=boxes)
        .groupby(key)
        .agg(
            period_start=("period_start", "first"),
            is_complete=("is_complete", "first"),
            responses=("response_id", "size"),
            promoters=("promoters", "sum"),
            passives=("passives", "sum"),
            detractors=("detractors", "sum"),
            top_two=("top_two", "sum"),
            mean_answer=("score", "mean"),
            deviation=("score", "std"),
            mean_share=("normalised_score", "mean"),
            share_deviation=("normalised_score", "std"),
        )
    )


def rate_promotion(frame: pd.DataFrame) -> pd.DataFrame:
    """Net promoter score with its adjusted Wald interval."""
    n = frame["responses"]
    score = 100 * (frame["promoters"] - frame["detractors"]) / n
    up, down = ((frame[c] + 0.75) / (n + 3) for c in ("promoters", "detractors"))
    half = Z * np.sqrt((up + down - (up - down) ** 2) / (n + 3))
    lower, upper = (100 * (up - down + sign * half) for sign in (-1, 1))
    bounds = {
        "score_lower": lower.clip(-100, 100),
        "score_upper": upper.clip(-100, 100),
    }
    return frame.assign(score=score, **bounds)


def rate_satisfaction(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean satisfaction and share of the two best answers, with their intervals."""
    half = Z * frame["share_deviation"] / np.sqrt(frame["responses"])
    frame = frame.assign(
        score=frame["mean_share"],
        score_lower=(frame["mean_share"] - half).clip(0, 100),
        score_upper=(frame["mean_share"] + half).clip(0, 100),
    )
    wilson(frame, "top_two", "responses", "top_two_box_")
    return frame


def rate_indicators(frame: pd.DataFrame) -> pd.DataFrame:
    """Nearness of each indicator's mean to its target, as a share."""
    up = frame["direction"] != "lower_is_better"
    worst = frame["scale_min"].where(up, frame["scale_max"])
    distance = frame["target"] - worst
    share = (frame["mean_answer"] - worst) / distance
    error = frame["deviation"] / np.sqrt(frame["responses"])
    half = Z * error / distance.abs()
    missing = (frame["target"] - frame["mean_answer"]) * np.where(up, 1, -1)
    return frame.assign(
        attainment=share.clip(0, 1),
        half=half,
        score=100 * share.clip(0, 1),
        score_lower=100 * (share - half).clip(0, 1),
        score_upper=100 * (share + half).clip(0, 1),
        shortfall=missing.clip(lower=0),
    )


def index_indicators(cells: pd.DataFrame) -> pd.DataFrame:
    """Weighted mean of the indicators that were answered."""
    cells = cells.reset_index()
    total = cells.groupby(ROW)["weight"].transform("sum")
    share = cells["weight"] / total
    cells["part"] = share * cells["attainment"]
    cells["square"] = (share * cells["half"]) ** 2
    cells["missed"] = cells["shortfall"] > 0
    cells["alone"] = cells["responses"] < 2
    frame = cells.groupby(ROW).agg(
        period_start=("period_start", "first"),
        is_complete=("is_complete", "first"),
        responses=("responses", "sum"),
        attainment=("part", "sum"),
        square=("square", "sum"),
        missed_indicators=("missed", "sum"),
        alone=("alone", "any"),
    )
    half = 100 * np.sqrt(frame["square"]).mask(frame["alone"])
    score = 100 * frame["attainment"]
    lower, upper = (score - half).clip(0, 100), (score + half).clip(0, 100)
    return frame.assign(score=score, score_lower=lower, score_upper=upper)


@lru_cache(maxsize=1)
def rate_answers(known: Facts) -> pd.DataFrame:
    """rpt_experience, with the number of each period."""
    answers = counted(known)
    questions = config("journey_survey_questions").set_index("question_id")
    traits = questions[["scale_min", "scale_max", "direction", "target", "weight"]]
    parts = []
    for kind, rate in (("nps", rate_promotion), ("css", rate_satisfaction)):
        frame = rate(summarise(answers[answers["survey_type"] == kind], ROW))
        frame = frame.join(traits["target"].astype(float), on="scope")
        frame["shortfall"] = (frame["target"] - frame["score"]).clip(lower=0)
        parts.append(frame)
    indicators = answers[answers["survey_type"] == "exs"]
    cells = summarise(indicators, [*ROW, "question_id"]).join(traits, on="question_id")
    cells = rate_indicators(cells)
    of_index = cells.index.get_level_values("scope") == "all"
    parts += [index_indicators(cells[of_index]), cells[~of_index].droplevel(-1)]
    frame = stack(part.reset_index() for part in parts)
    is_whole, kinds = frame["scope"] == "all", frame["survey_type"]
    for column in ("mean_answer", "target", "shortfall"):
        frame[column] = frame[column].mask(is_whole)
    for column in ("promoters", "passives", "detractors"):
        frame[column] = frame[column].where(kinds == "nps")
    frame["is_small_sample"] = frame["responses"] < known.settings.small_sample_size
    frame["question_id"] = frame["scope"]
    return frame[[*EXPERIENCE_COLUMNS, "period"]]


def experience(known: Facts) -> pd.DataFrame:
    """rpt_experience."""
    return rate_answers(known)[EXPERIENCE_COLUMNS]


def follow_up(known: Facts, answers: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Count who bought again after an answer, and what they then paid."""
    span = known.settings.survey_follow_up_days
    people = People(known)
    columns = ["eligible_people", "repeating_people", "revenue"]
    named = answers.dropna(subset=["customer_id"])
    answered = named["responded_date"].map(number_of).astype("int64")
    # Where all answers of a person count, each of them is followed.
    named = named[answered + span <= known.as_of]
    results: dict[str, tuple[int, int, int]] = {}
    for response, person, at in zip(
        named["response_id"], named["customer_id"], named["responded_date"], strict=True
    ):
        if response not in results:
            later = [
                row
                for _, kind, _, row in people.events[person]
                if kind in (EVENT_ORDER["purchase"], EVENT_ORDER["refund"])
                and 1 <= number_of(row["local"]) - number_of(at) <= span
            ]
            paid = sum(row["money"] for row in later)
            results[response] = (1, int(any(map(is_purchase, later))), paid)
    found = [results[response] for response in named["response_id"]]
    figures = pd.DataFrame(found, named.index, columns, "int64")
    return pd.concat([named[key], figures], axis=1).groupby(key)[columns].sum()


def brand_performance(known: Facts) -> pd.DataFrame:
    """rpt_brand_performance."""
    row = [*SEGMENT, "period_grain", "period"]
    columns = ["all", *known.settings.segment_columns]
    scores, answers = rate_answers(known), counted(known)
    scores = scores[scores["question_id"] == "all"]
    scores = scores[scores["segment_column"].isin(columns)]
    answers = answers[answers["scope"] == "all"]
    answers = answers[answers["segment_column"].isin(columns)]
    frame = scores.groupby(row)[["period_start", "is_complete"]].first()
    for kind in ("nps", "css", "exs"):
        part = scores[scores["survey_type"] == kind].set_index(row)
        frame[f"{kind}_responses"] = part["responses"]
        frame[f"{kind}_responses"] = frame[f"{kind}_responses"].fillna(0)
        frame[[f"{kind}_{name}" for name in ("score", "lower", "upper")]] = part[SCORES]
    promotion = answers[answers["survey_type"] == "nps"]
    whole = frame.join(follow_up(known, promotion, row)).assign(nps_group="all")

    key = [*row, "nps_group"]
    groups = promotion.groupby(key).agg(
        nps_responses=("response_id", "size"),
        period_start=("period_start", "first"),
        is_complete=("is_complete", "first"),
    )
    members = promotion.dropna(subset=["customer_id"])[[*key, "customer_id"]]
    satisfaction = answers[answers["survey_type"] == "css"].drop(columns="nps_group")
    theirs = satisfaction.merge(members.drop_duplicates(), on=[*row, "customer_id"])
    css = rate_satisfaction(summarise(theirs, key)) if len(theirs) else pd.DataFrame()
    groups["css_responses"] = css.get("responses", 0)
    groups["css_responses"] = groups["css_responses"].fillna(0)
    for name, score in zip(("score", "lower", "upper"), SCORES, strict=True):
        groups[f"css_{name}"] = css.get(score, np.nan)
    groups = groups.join(follow_up(known, promotion, key))

    both = stack([whole.reset_index(), groups.reset_index()])
    both["eligible_people"] = both["eligible_people"].fillna(0)
    nobody = both["eligible_people"] == 0
    both["repeating_people"] = both["repeating_people"].mask(nobody)
    wilson(both, "repeating_people", "eligible_people", "repeat_")
    both["revenue_per_person"] = both["revenue"] / 1e4 / both["eligible_people"]
    both["revenue_per_person"] = both["revenue_per_person"].mask(nobody)
    small = known.settings.small_sample_size
    both["is_small_sample"] = both["eligible_people"] < small
    for kind in ("nps", "css", "exs"):
        count = both[f"{kind}_responses"]
        both[f"is_small_{kind}_sample"] = (count < small).where(count.notna())
    return both.reindex(columns=BRAND_COLUMNS)
