"""The planted chances to leave, and what rpt_churn_by_month_number makes of them.

Month number 1 of a generated customer is the month of the first purchase. The last
month always holds a purchase, so whoever leaves after month number m has churned at m.
In between a month may be skipped, on average every other one: a customer who skips the
whole churn window up to the last day looks gone and is not. A window of six months is
skipped by 3 of 1,000 of those still there, one of three months by 26.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from generate_sample_data import Company
from recovery import Frames, Quantity
from sample_truths import Truths

CHURN = "rpt_churn_by_month_number"
WINDOW = 6
TOTAL = {
    "segment_column": "all",
    "segment_value": "all",
    "churn_window": "in_force",
    "period_grain": "all",
}
HAZARD_NUMBERS = (1, 2, 3, 4, 5, 6, 8, 12)
SURVIVAL_NUMBERS = (1, 3, 6, 12)

# Counted from the purchases alone: customers who churned, those at risk while all of a
# cohort are observed for as long as it can be judged, and those at risk when who is not
# judged is observed until the own last purchase.
COUNTS = f"""
with customers as (
    select
        datediff('month', min(local_time), max(local_time)) + 1 as left_number,
        datediff('month', min(local_time), getvariable('end_day')) - {WINDOW}
            as judged_number
    from purchases
    where local_time < getvariable('end_day')
    group by person
),

observed as (
    select
        left_number,
        left_number <= judged_number as is_churned,
        if(is_churned, left_number, greatest(judged_number, 0)) as last_number
    from customers
)

select
    month_number,
    count(*) filter (is_churned and left_number = month_number) as churned,
    count(*) filter (last_number >= month_number) as at_risk,
    count(*) filter (left_number >= month_number) as at_risk_by_own_purchases
from observed
cross join range(1, 13) as numbers (month_number)
group by month_number
"""


def hazard(truths: Truths, number: int) -> float:
    """Return the chance to leave after a month number of those still there."""
    planted = truths.hazard_by_month_number
    if number == 1:
        complaining = truths.first_complaint_share
        after_complaint = truths.first_hazard_after_complaint
        return complaining * after_complaint + (1 - complaining) * planted[0]
    return planted[min(number, len(planted)) - 1]


def survival(truths: Truths, number: int) -> float:
    """Return the share of customers who are still there after a month number."""
    return number == 0 or survival(truths, number - 1) * (1 - hazard(truths, number))


def quantities(truths: Truths) -> Iterator[Quantity]:
    """Yield hazards and surviving shares."""
    for column, numbers, truth in (
        ("hazard", HAZARD_NUMBERS, hazard),
        ("survival", SURVIVAL_NUMBERS, survival),
    ):
        for number in numbers:
            where = tuple((TOTAL | {"period_number": number}).items())
            # Complaints after the first purchase are mixed into the first month.
            source = "planted" if column == "hazard" and number > 1 else "follows"
            yield Quantity(CHURN, column, where, truth(truths, number), source)


def counts(made: Company) -> pd.DataFrame:
    """Return COUNTS of a company by month number."""
    return made.connection.execute(COUNTS).df().set_index("month_number").sort_index()


def assert_churn(made: Company, tables: Frames, what: str) -> None:
    """Assert that the mart counts what the company's purchases say."""
    own = counts(made)
    rows = tables[CHURN]
    for column, value in TOTAL.items():
        rows = rows[rows[column] == value]
    rows = rows.set_index("period_number").loc[own.index]
    for name in ("churned", "at_risk"):
        found = rows[f"{name}_customers"].astype("int64")
        assert (found == own[name]).all(), f"{name} of {what}"
    assert set(rows["modal_churn_month"]) == {1}, what
