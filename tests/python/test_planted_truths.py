"""What is planted in the generated company is what the marts give back.

Of every quantity the truth is known: planted, following from what is planted
(`sample_truths.expected`), or counted in a company so large that chance hardly counts.
In many small companies the marts' 95% intervals must hold the truth in 95% of them, and
the mean of their estimates must meet it. Their counts must equal the company's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from math import comb

import pandas as pd
import pytest

import acquisition_truths
import planted_acquisition
import planted_churn
import planted_truths
from generate_sample_data import FIRST_DAY, Company, Request
from harness import PROJECT, Compiled, compile_project
from recovery import CUSTOMERS, LARGE_CUSTOMERS, Frames, Quantity, Recovery, the_row
from sample_truths import GOOD_ROWS, Truths, expected

TRUTHS = Truths()
MONTHS = 24
SEEDS = range(101, 141)
LARGE_SEED = 1
LEVEL = 0.95
# A correct interval covers less often than this allows once in a thousand quantities.
CHANCE = 1e-3
STANDARD_ERRORS = 4
REPORT = PROJECT / "target" / "planted_truths.md"

FUNNEL, SCORECARD, EXPERIENCE = JOURNEY = (
    "rpt_stage_funnel",
    "rpt_milestone_scorecard",
    "rpt_experience",
)
TABLES = (*JOURNEY, *acquisition_truths.TABLES, planted_churn.CHURN)
CUSTOMER_TABLES = ("dim_customers", "fct_survey_scores")
# What is read here is by month or over all time.
GRAINS = {
    "period_grains": pd.DataFrame({"period_grain": ["month"], "periods_per_year": [12]})
}
TOTALS = {"segment_column": "all", "segment_value": "all"}
MILESTONE = TOTALS | {"touchpoint_type": "all", "medium": "all"}


def company(customers: int, seed: int) -> Company:
    """Return a company with its own tables about its journeys and its costs."""
    made = Company(Request(customers=customers, months=MONTHS, seed=seed), TRUTHS)
    planted_truths.make_tables(made)
    planted_acquisition.make_tables(made)
    return made


def funnel_quantities(counted: pd.DataFrame) -> Iterator[Quantity]:
    """Yield the shares of people who reach a stage."""

    def quantity(stage: str, window: int, truth: float, step: bool) -> Quantity:
        column = "step_conversion_rate" if step else "conversion_rate"
        cell = {"period_grain": "all", "stage": stage, "window_days": window}
        source = "follows" if window == 60 else "counted"
        return Quantity(FUNNEL, column, tuple((TOTALS | cell).items()), truth, source)

    rates = expected(TRUTHS, FIRST_DAY, MONTHS)["funnel_in_60_days"]
    yield quantity("consideration", 60, rates["consideration"], step=False)
    yield quantity("conversion", 60, rates["conversion"], step=False)
    yield quantity("conversion", 60, rates["consideration_to_conversion"], step=True)
    cells = counted.set_index(["window_days", "stage"])
    for window in (180, 365):
        for stage, previous in (
            ("retention", "conversion"),
            ("advocacy", "retention"),
        ):
            reached = cells["reached_people"][window, stage]
            people = cells["eligible_people"][window, stage]
            yield quantity(stage, window, reached / people, step=False)
            people = cells["reached_people"][window, previous]
            yield quantity(stage, window, reached / people, step=True)


def milestone_quantities(counted: pd.DataFrame) -> Iterator[Quantity]:
    """Yield the success of milestones, what it owes to their outcome, and outcomes."""

    def quantity(milestone: str, column: str, truth: float, source: str) -> Quantity:
        where = tuple((MILESTONE | {"milestone": milestone}).items())
        return Quantity(SCORECARD, column, where, truth, source)

    follows = expected(TRUTHS, FIRST_DAY, MONTHS)["milestone_success"]
    for milestone, rate in follows.items():
        yield quantity(milestone, "success_rate", rate, "follows")
    cells = counted.set_index("milestone")
    rates = cells["succeeded_people"] / cells["eligible_people"]
    # Of marketing engagement only buyers' closing touches are planted: all succeed.
    for milestone in rates.index.drop(["marketing_engagement", *follows]):
        yield quantity(milestone, "success_rate", rates[milestone], "counted")
    # Both kinds of first advertisement lead to consideration at the planted rate, and
    # outcomes of touches after an order are drawn for themselves.
    for milestone in ("awareness", "onboarding", "usage"):
        yield quantity(milestone, "derived_importance", 0, "follows")
    # The first touch of repeat purchase is mostly a purchase, which has no outcome: few
    # people are left to compare, in a small company sometimes none.
    effect = cells["positive_effect"]["research"]
    yield quantity("research", "derived_importance", effect, "counted")
    bad = TRUTHS.negative_follow_up_share
    yield quantity("onboarding", "positive_share", 1 - bad, "planted")
    for milestone in ("onboarding", "usage", "after_sales_service"):
        yield quantity(milestone, "negative_share", bad, "planted")


def experience_quantities() -> Iterator[Quantity]:
    """Yield the scores by question, and the NPS by milestone."""

    def quantity(column: str, truth: float, **cell: str) -> Quantity:
        where = TOTALS | {"period_grain": "all"} | cell
        return Quantity(EXPERIENCE, column, tuple(where.items()), truth, "follows")

    seeds = PROJECT / "seeds" / "config" / "journey_survey_questions.csv"
    asked = pd.read_csv(seeds).set_index("question_id").to_dict("index")
    scores = expected(TRUTHS, FIRST_DAY, MONTHS)["questions"]
    nps, index, weight = 0.0, 0.0, 0.0
    for question in TRUTHS.questions:
        name, score = question.question_id, scores[question.question_id]
        kind = asked[name]
        cell = {"survey_type": kind["survey_type"], "question_id": name}
        low, high = question.scale_min, question.scale_max
        if kind["survey_type"] == "nps":
            cell |= {"segment_column": "milestone", "question_id": "all"}
            cell["segment_value"] = kind["milestone"]
            yield quantity("score", score["nps"], **cell)
            nps += question.share_of_orders * score["nps"]
        elif kind["survey_type"] == "css":
            part = (score["mean"] - low) / (high - low)
            part = 1 - part if question.is_lower_better else part
            yield quantity("score", 100 * part, **cell)
            yield quantity("top_two_box_rate", score["two_best"], **cell)
        else:
            attainment = (score["mean"] - low) / (kind["target"] - low)
            yield quantity("score", 100 * attainment, **cell)
            index += kind["weight"] * 100 * attainment
            weight += kind["weight"]
    cell = {"question_id": "all"}
    # Which of a person's answers is the latest does not depend on its question.
    share = sum(row.share_of_orders for row in TRUTHS.questions if row.promoter_rate)
    yield quantity("score", nps / share, survey_type="nps", **cell)
    yield quantity("score", index / weight, survey_type="exs", **cell)


@cache
def large() -> Company:
    """Return a company in which chance hardly counts."""
    return company(LARGE_CUSTOMERS, LARGE_SEED)


@cache
def quantities() -> tuple[Quantity, ...]:
    """Return everything that is to be recovered."""
    return (
        *funnel_quantities(planted_truths.funnel(large())),
        *milestone_quantities(planted_truths.scorecard(large())),
        *experience_quantities(),
        *acquisition_truths.quantities(
            TRUTHS, MONTHS, planted_acquisition.margins(large())
        ),
        *planted_churn.quantities(TRUTHS),
    )


def compiled_for(made: Company, model: str = acquisition_truths.CLOSING) -> Compiled:
    """Return the project compiled for the columns of generated inputs."""
    types = {
        name: {
            row["column_name"]: str(row["column_type"]).lower()
            for row in made.rows(f"describe {name}")
        }
        for name in GOOD_ROWS
    }
    variables = {
        "reporting_timezone": TRUTHS.reporting_timezone,
        "segment_columns": [],
        "acquisition_attribution_model": model,
        "churn_window_months": planted_churn.WINDOW,
    }
    return compile_project(variables, types)


def inputs_of(made: Company) -> Frames:
    """Return what the company's systems deliver."""
    return {name: made.connection.execute(f"from {name}").df() for name in GOOD_ROWS}


def assert_same_counts(
    mart: pd.DataFrame, counted: pd.DataFrame, key: list[str], what: str
) -> None:
    """Assert that a mart's totals hold the company's counts."""
    total = mart[(mart["segment_column"] == "all")]
    for column in ("period_grain", "touchpoint_type", "medium"):
        if column in total:
            total = total[total[column] == "all"]
    # A window of null days is ever, and a null is no key.
    sides = [frame.fillna({"window_days": 0}) for frame in (total, counted)]
    actual, truth = (frame.set_index(key) for frame in sides)
    columns = truth.columns[truth.columns.str.endswith(("people", "touches"))]
    pd.testing.assert_frame_equal(
        actual.reindex(truth.index)[columns].astype(float),
        truth[columns].astype(float),
        obj=what,
        check_index_type=False,
    )


def assert_counts(made: Company, tables: Frames, what: str) -> None:
    """Assert that the marts count what the company's own tables do."""
    for table, counted, key in (
        (FUNNEL, planted_truths.funnel(made), ["window_days", "stage"]),
        (SCORECARD, planted_truths.scorecard(made), ["milestone"]),
    ):
        assert_same_counts(tables[table], counted, key, f"{table} of {what}")
    people, answers = (tables[name] for name in CUSTOMER_TABLES)
    (referrals,) = made.rows("from realised_referrals")
    referrers = people["referred_by_customer_id"].dropna()
    assert len(referrers) == referrals["referred_buyers"], what
    assert referrers.nunique() == referrals["referrers"], what
    assert people["referred_customers"].sum() == len(referrers), what
    realised = pd.DataFrame(made.rows("from realised_questions"))
    assert answers["is_not_applicable"].sum() == realised["not_applicable"].sum(), what


@pytest.fixture(scope="module")
def recoveries() -> list[Recovery]:
    """Build every company, compare its counts, and collect the estimates."""
    found = [Recovery(quantity) for quantity in quantities()]
    for seed in SEEDS:
        made = company(CUSTOMERS, seed)
        inputs = inputs_of(made)
        tables = compiled_for(made).run(inputs, [*TABLES, *CUSTOMER_TABLES], GRAINS)
        by_first_touch = compiled_for(made, acquisition_truths.INTRODUCING).run(
            inputs, [acquisition_truths.CONVERSION], GRAINS
        )
        tables[acquisition_truths.FIRST_CONVERSION] = by_first_touch[
            acquisition_truths.CONVERSION
        ]
        assert_counts(made, tables, f"seed {seed}")
        acquisition_truths.assert_acquisition(made, tables, f"seed {seed}")
        acquisition_truths.assert_payback(made, tables, f"seed {seed}")
        acquisition_truths.assert_conversion(made, tables, f"seed {seed}")
        planted_churn.assert_churn(made, tables, f"seed {seed}")
        for recovery in found:
            recovery.add(tables)
    return found


def chance_of_at_most(covered: int, total: int) -> float:
    """Return the chance that so few of so many 95% intervals hold the truth."""
    return sum(
        comb(total, k) * LEVEL**k * (1 - LEVEL) ** (total - k)
        for k in range(covered + 1)
    )


def report(found: list[Recovery]) -> str:
    """Return the table of what was recovered, in Markdown."""
    lines = [
        f"{len(SEEDS)} companies of about {CUSTOMERS} customers (seeds {SEEDS.start} to"
        f" {SEEDS.stop - 1}). Truth: planted; follows from what is planted; or counted"
        f" in a company of {LARGE_CUSTOMERS} customers.",
        "",
        "| quantity | truth | | mean estimate | off by (standard errors) | covered |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for recovery in found:
        quantity, values = recovery.quantity, recovery.estimates
        lines.append(
            f"| {quantity} | {quantity.truth:.4f} | {quantity.source}"
            f" | {sum(values) / len(values):.4f} | {recovery.bias_in_errors:+.1f}"
            f" | {recovery.covered / len(values):.1%} |"
        )
    covered = sum(recovery.covered for recovery in found)
    total = len(found) * len(SEEDS)
    lines += [
        "",
        "Exact in every company: people and buyers by stage, milestone, channel and"
        " window; new customers, spend and cost per customer by channel and month, each"
        " cost as planted but for rounding; margins by cohort, channel, month number;"
        " customers at risk and churned by month number.",
    ]
    lines += ["", f"Covered overall: {covered} of {total} ({covered / total:.1%})."]
    return "\n".join(lines) + "\n"


def test_intervals_cover_the_truth(recoveries: list[Recovery]) -> None:
    """Each quantity's as often as chance allows, all together in 95 of 100."""
    text = report(recoveries)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text)
    sys.stdout.write(text)
    rare = [
        f"{recovery.quantity}: {recovery.covered} of {len(SEEDS)}"
        for recovery in recoveries
        if chance_of_at_most(recovery.covered, len(SEEDS)) < CHANCE
    ]
    assert not rare, "intervals that hold the truth too rarely:\n" + "\n".join(rare)
    covered = sum(recovery.covered for recovery in recoveries)
    assert 0.92 <= covered / (len(recoveries) * len(SEEDS)) <= 0.985


def test_estimates_meet_the_truth(recoveries: list[Recovery]) -> None:
    """A wide interval can hide an estimate that is always off to one side."""
    biased = [
        f"{recovery.quantity}: {recovery.bias_in_errors:+.1f} standard errors"
        for recovery in recoveries
        if abs(recovery.bias_in_errors) > STANDARD_ERRORS
    ]
    assert not biased, "estimates that are off:\n" + "\n".join(biased)


def assert_margins_of_many() -> None:
    """Assert that the large company's margins are the planted ones, nearly exactly."""
    truths = expected(TRUTHS, FIRST_DAY, MONTHS)
    cells = planted_acquisition.margins(large()).query("channel == 'all'")
    gross, costed = cells["gross_revenue"].sum(), cells["costed_revenue"].sum()
    assert costed / gross == pytest.approx(truths["known_cost_share"], abs=1e-3)
    # Costs are drawn evenly from a fifth of the amount, of half a million orders.
    rate = planted_acquisition.margin_rate(large())
    assert rate == pytest.approx(truths["margin_rate"], abs=1e-3)


def test_what_follows_is_what_a_large_company_gives() -> None:
    """The closed forms of `sample_truths.expected`, within four standard errors."""
    truths = expected(TRUTHS, FIRST_DAY, MONTHS)
    funnel = (
        planted_truths.funnel(large()).query("window_days == 60").set_index("stage")
    )
    reached, people = funnel["reached_people"], funnel["eligible_people"]
    shares = {
        "consideration": (reached["consideration"], people["consideration"]),
        "conversion": (reached["conversion"], people["conversion"]),
        "consideration_to_conversion": (
            reached["conversion"],
            reached["consideration"],
        ),
    }
    rates = dict(truths["funnel_in_60_days"])
    scorecard = planted_truths.scorecard(large()).set_index("milestone")
    for milestone, rate in truths["milestone_success"].items():
        row = scorecard.loc[milestone]
        shares[milestone] = (row["succeeded_people"], row["eligible_people"])
        rates[milestone] = rate
    closed_forms = [
        *((name, *counts, rates[name]) for name, counts in shares.items()),
        *acquisition_truths.shares_of_many(large(), MONTHS),
    ]
    for name, count, total, rate in closed_forms:
        error = (rate * (1 - rate) / total) ** 0.5
        assert abs(count / total - rate) <= STANDARD_ERRORS * error, name
    assert_margins_of_many()
    answers = (
        large()
        .connection.execute(
            """
        select
            question_id,
            count(score) as answers,
            avg(score) as mean,
            stddev(score) as spread,
            100 * avg((score >= 9)::int - (score <= 6)::int) as nps
        from clean_answers
        where score is not null
        group by question_id
        """
        )
        .df()
    )
    for row in answers.to_dict("records"):
        truth = truths["questions"][row["question_id"]]
        # An NPS of n answers varies by at most 100 / sqrt(n).
        spread = 100 if "nps" in truth else row["spread"]
        key = "nps" if "nps" in truth else "mean"
        error = STANDARD_ERRORS * spread / row["answers"] ** 0.5
        assert row[key] == pytest.approx(truth[key], abs=error), row["question_id"]


def test_who_leaves_observation_with_their_cohort_makes_hazards_true() -> None:
    """Observed until their own last purchase, customers would seem to stay.

    Whoever bought again would be judged at once, and whoever did not only after the
    window. The chance to leave would seem 0.29 and not 0.40 after the first month, 0.04
    and not 0.08 after the twelfth.
    """
    found = planted_churn.counts(large())
    planted = [planted_churn.hazard(TRUTHS, number) for number in found.index]
    truth = pd.Series(planted, found.index)
    errors = (truth * (1 - truth) / found["at_risk"]) ** 0.5
    hazards = found["churned"] / found["at_risk"]
    assert ((hazards - truth).abs() <= STANDARD_ERRORS * errors).all()
    seeming = found["churned"] / found["at_risk_by_own_purchases"]
    assert seeming[1] == pytest.approx(0.29, abs=0.01)
    assert seeming[12] == pytest.approx(0.04, abs=0.01)


def test_buyers_who_are_not_recognised_make_their_channel_look_dearer() -> None:
    """In the company every buyer's visitors are known by name; here one in five's not.

    They are credited to `(none)`, so a channel's cost per customer rises by as much as
    it loses of its customers. All spend per new customer stays what it is. Conversion
    falls twice over: the visitor never buys, and the buyer walks in.
    """
    made = company(CUSTOMERS, SEEDS.start)
    lost = planted_acquisition.unrecognised(made, one_in=5)
    inputs = inputs_of(made)
    names = "c" + lost["person"].astype(str)
    known = inputs["identities"]
    inputs["identities"] = known[~known["customer_id"].isin(names)]
    tables = compiled_for(made).run(inputs, acquisition_truths.TABLES, GRAINS)

    months = acquisition_truths.channel_months(tables)
    by_channel = months.astype({"spend": float}).groupby("channel")
    found = by_channel[["spend", "new_customers"]].sum()
    buyers = planted_acquisition.new_customers(made, "acquisition_channel")
    won = buyers.groupby("channel")["new_customers"].sum()
    credited = won - lost.groupby("channel").size().reindex(won.index, fill_value=0)
    credited["(none)"] += len(lost)
    credited["all"], credited["affiliate"] = won.sum(), 0.0
    assert found["new_customers"].to_dict() == credited.to_dict()
    spent = planted_acquisition.spend(made).groupby("channel")["spend"].sum()
    for channel in spent.index.drop("affiliate"):
        share = credited[channel] / won[channel]
        assert 0.7 < share < 0.9
        cost = found["spend"][channel] / found["new_customers"][channel]
        assert cost == pytest.approx(spent[channel] / won[channel] / share)
    cost = found["spend"]["all"] / found["new_customers"]["all"]
    assert cost == pytest.approx(spent.sum() / won.sum())

    own = planted_acquisition.conversion(made, "closing")
    before = own[(own["channel"] == "all") & own["window_days"].isna()].iloc[0]
    rows = tables[acquisition_truths.CONVERSION]
    after = the_row(
        rows[rows["window_days"].isna()],
        acquisition_truths.TOTALS | {"channel": "all"},
    )
    assert after["people"] == before["people"] + lost["visitors"].sum()
    assert after["converted_people"] == before["converted_people"]
    assert after["walk_in_people"] == before["walk_in_people"] + len(lost)
