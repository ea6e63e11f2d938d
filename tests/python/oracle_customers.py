"""What the journey says of each person, computed in plain Python.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import lru_cache
from itertools import pairwise

import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight

from oracle import EPOCH, Facts, number_of
from oracle_journey import journey, referrals
from oracle_rows import is_purchase

# Of the gaps between purchases, this share ends before a customer counts as lapsed.
LAPSE_SHARE, SHORTEST_LAPSE, LONGEST_LAPSE = 0.9, 7, 730
TINY = 1e-9


def purchase_days(known: Facts) -> dict[str, list[int]]:
    """Days on which each customer bought."""
    days: dict[str, set[int]] = {}
    for row in known.seen["transactions"]:
        if is_purchase(row) and row["customer_id"] is not None:
            days.setdefault(row["customer_id"], set()).add(number_of(row["local"]))
    return {customer: sorted(found) for customer, found in days.items()}


def gap_percentile(known: Facts, share: float) -> int:
    """Days within which this share of the gaps between purchase days has ended."""
    days = purchase_days(known).values()
    ended = [later - day for bought in days for day, later in pairwise(bought)]
    still_open = [known.as_of - bought[-1] for bought in days]
    if not ended:
        return LONGEST_LAPSE
    status = [1] * len(ended) + [0] * len(still_open)
    curve = SurvfuncRight([*ended, *still_open], status)
    # Customers who never come back keep the curve up: where it does not fall far
    # enough, the share is one of the gaps that do end.
    lowest = curve.surv_prob.min()
    longer = 1 - share * (1 if lowest <= 1 - share + TINY else 1 - lowest)
    # What floats put a hair above the share is the share.
    length = int(curve.surv_times[curve.surv_prob <= longer + TINY].min())
    return min(max(length, SHORTEST_LAPSE), LONGEST_LAPSE)


@lru_cache(maxsize=1)
def lapse_days(known: Facts) -> int:
    """Days without a purchase after which a customer has lapsed."""
    if known.settings.lapse_days is not None:
        return known.settings.lapse_days
    return gap_percentile(known, LAPSE_SHARE)


def status(idle: int | None, lapse: int) -> str:
    """Lifecycle status after days without a purchase; None: never bought."""
    if idle is None:
        return "prospect"
    if idle >= lapse:
        return "lapsed"
    return "at_risk" if 2 * idle >= lapse else "active"


def day(number: int | None) -> date | None:
    """Date of a day number."""
    return None if number is None else date.fromordinal(number + EPOCH.toordinal())


def customers(known: Facts) -> pd.DataFrame:
    """Columns of dim_customers that tell of a person's journey."""
    lapse, bought_on = lapse_days(known), purchase_days(known)
    referred_by, steps = referrals(known), journey(known).intervals
    sent = Counter(referred_by.values())
    records = []
    for person, traits in known.traits.items():
        if person is None:
            continue
        days = bought_on.get(person, [])
        idle = known.as_of - days[-1] if days else None
        intervals = steps.get(person, [])
        first, last = intervals[:1], intervals[-1:]
        gaps = [later - earlier for earlier, later in pairwise(days)]
        records.append(
            {
                "customer_id": person,
                "is_anonymous": person.startswith("visitor:"),
                "first_seen_at": first[0]["entered_at"] if first else None,
                "first_purchase_at": traits["first_purchase_at"],
                "first_purchase_date": day(traits["first_day"]),
                "second_purchase_date": day(days[1]) if days[1:] else None,
                "last_purchase_date": day(days[-1]) if days else None,
                "days_since_last_purchase": idle,
                "current_stage": last[0]["stage"] if last else None,
                "current_stage_entered_at": last[0]["entered_at"] if last else None,
                "lifecycle_status": status(idle, lapse),
                "lapse_days": lapse,
                "won_back_count": sum(gap > lapse for gap in gaps),
                "referred_by_customer_id": referred_by.get(person),
                "referred_customers": sent[person],
                "purchase_days": len(days),
                "acquisition_channel": traits["acquisition_channel"],
                "is_left_truncated": traits["is_truncated"],
            }
        )
    frame = pd.DataFrame(records)
    for name in frame:
        if str(name).endswith(("_date", "_at")):
            frame[name] = pd.to_datetime(frame[name])
    return frame
