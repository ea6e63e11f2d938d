"""The headline numbers of the report, revenue over time, and growth accounting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import report_charts as charts
from report_parts import (
    NPS_MEANING,
    SMALL,
    UNKNOWN,
    Chart,
    Column,
    Note,
    Part,
    Row,
    Run,
    Section,
    Tile,
    Tiles,
    amount,
    bounds,
    count,
    hints,
    interval,
    listed,
    period_name,
    plural,
    reason,
    score,
    sentence,
    share,
    table,
)

HEADLINES = """\
with figures as (
    select
        names.figure,
        growth.period_start,
        cast(case names.figure
            when 'net_revenue' then growth.net_revenue
            when 'orders' then growth.orders
            when 'active_customers' then growth.active_customers
            when 'new_customers' then growth.new_customers
            else growth.average_order_value
        end as double precision) as value,
        case names.figure
            when 'orders' then growth.customer_orders
            when 'active_customers' then growth.customer_orders
            when 'new_customers' then growth.active_customers
            else growth.orders
        end as sample_size,
        cast(null as double precision) as lower_bound,
        cast(null as double precision) as upper_bound,
        false as is_small_sample,
        cast(null as text) as null_reason
    from rpt_growth as growth
    cross join (
        values ('net_revenue'), ('orders'), ('active_customers'), ('new_customers'),
            ('average_order_value')
    ) as names (figure)
    where growth.segment_column = 'all' and growth.period_grain = '{grain}'
    union all
    select 'retention', period_start, rate, eligible_customers, rate_lower,
        rate_upper, is_small_sample, not_measurable_reason
    from rpt_retention
    where measure = 'period_retention' and segment_column = 'all'
        and period_grain = '{grain}'
    union all
    select 'blended_cac', period_start, blended_cac,
        cast(round(new_customers) as bigint), null, null, false, cac_null_reason
    from rpt_acquisition
    where attribution_model = 'last_non_direct' and channel = 'all'
        and period_grain = '{grain}'
    union all
    select 'paid_cac', period_start, paid_cac, null, null, null, false, null
    from rpt_acquisition
    where attribution_model = 'last_non_direct' and channel = 'all'
        and period_grain = '{grain}'
    union all
    select 'nps', period_start, score, responses, score_lower, score_upper,
        is_small_sample, null
    from rpt_experience
    where segment_column = 'all' and survey_type = 'nps' and question_id = 'all'
        and period_grain = '{grain}'
)
select
    figures.*,
    case
        when figures.figure in ('retention', 'nps') then figures.value - previous.value
        when previous.value > 0 then figures.value / previous.value - 1
    end as change,
    case
        when figures.figure in ('retention', 'nps')
            then figures.value - year_before.value
        when year_before.value > 0 then figures.value / year_before.value - 1
    end as change_on_year,
    periods.previous_period_start,
    previous.value as previous_value,
    previous.lower_bound as previous_lower_bound,
    previous.upper_bound as previous_upper_bound,
    periods.same_period_last_year_start,
    year_before.value as year_before_value,
    year_before.lower_bound as year_before_lower_bound,
    year_before.upper_bound as year_before_upper_bound
from dim_periods as periods
inner join figures on periods.period_start = figures.period_start
left join figures as previous
    on periods.previous_period_start = previous.period_start
        and figures.figure = previous.figure
left join figures as year_before
    on periods.same_period_last_year_start = year_before.period_start
        and figures.figure = year_before.figure
where periods.period_grain = '{grain}' and periods.is_complete
order by figures.figure, figures.period_start"""

REVENUE = """\
select
    growth.period_start,
    growth.net_revenue,
    growth.orders,
    growth.active_customers,
    growth.revenue_growth_rate,
    growth.revenue_growth_rate_yoy,
    year_before.net_revenue as year_before,
    growth.is_complete
from rpt_growth as growth
inner join dim_periods as periods
    on growth.period_grain = periods.period_grain
        and growth.period_start = periods.period_start
left join rpt_growth as year_before
    on periods.period_grain = year_before.period_grain
        and periods.same_period_last_year_start = year_before.period_start
        and year_before.segment_column = 'all'
where growth.segment_column = 'all' and growth.period_grain = '{grain}'
order by growth.period_start desc
limit {limit}"""

ACCOUNTING = """\
select
    period_start, active_customers, previous_active_customers, new_customers,
    left_truncated_customers, retained_customers, resurrected_customers,
    churned_customers, customer_quick_ratio, customer_revenue, revenue_change,
    new_revenue, left_truncated_revenue, expansion_revenue, resurrected_revenue,
    contraction_revenue, churned_revenue, revenue_quick_ratio,
    gross_revenue_retention, net_revenue_retention
from rpt_growth_accounting
where segment_column = 'all' and period_grain = '{grain}' and is_complete
order by period_start desc
limit {limit}"""

TREND_WIDTH, TREND_HEIGHT = 120, 28
MOST_UNKNOWN = 3
# Customers whose first purchase seen may not have been their first.
PERHAPS_NEW = "perhaps new"


@dataclass(frozen=True)
class _Headline:
    """How a headline number is written; `basis` says what its sample size counts.

    `thing` is one of what is counted, where its number takes the word with it.
    """

    figure: str
    title: str
    text: Callable[[float | None], str]
    basis: str
    thing: str
    term: str
    inputs: Sequence[str] = ("transactions",)
    is_money: bool = False
    is_difference: bool = False


FIGURES = (
    _Headline(
        "net_revenue",
        "Net revenue",
        amount,
        "{}",
        "order",
        "rpt_growth.net_revenue",
        is_money=True,
    ),
    _Headline(
        "orders",
        "Orders",
        count,
        "{} by known customers",
        "",
        "rpt_growth.orders",
    ),
    _Headline(
        "average_order_value",
        "Average order value",
        amount,
        "{}",
        "order",
        "rpt_growth.average_order_value",
        is_money=True,
    ),
    _Headline(
        "active_customers",
        "Active customers",
        count,
        "with {}",
        "order",
        "rpt_growth.active_customers",
    ),
    _Headline(
        "new_customers",
        "New customers",
        count,
        "of {}",
        "active customer",
        "rpt_growth.new_customers",
    ),
    _Headline(
        "retention",
        "Customers who came back",
        share,
        "of the {} active in the {grain} before",
        "",
        "rpt_retention.rate",
        is_difference=True,
    ),
    _Headline(
        "blended_cac",
        "Blended acquisition cost",
        amount,
        "{}",
        "new customer",
        "rpt_acquisition.blended_cac",
        ("transactions", "marketing_spend"),
        is_money=True,
    ),
    _Headline(
        "nps",
        "Net promoter score",
        score,
        "{}",
        "answer",
        "rpt_experience.score",
        ("survey_responses",),
        is_difference=True,
    ),
)


def headlines(run: Run) -> Section:
    """Put the last whole period into numbers, with how they changed."""
    parts: list[Part] = []
    query = HEADLINES.format(grain=run.grain)
    if run.period_start is None:
        parts.append(Note(run.waiting(), is_empty=True))
    else:
        rows: dict[str, list[Row]] = {}
        for row in run.rows(query):
            rows.setdefault(row["figure"], []).append(row)
        tiles = [_tile(run, one, rows.get(one.figure, [])) for one in FIGURES]
        tiles = [
            replace(tile, basis=f"{tile.basis}; {_paid(run, rows)}")
            if one.figure == "blended_cac" and not tile.is_unknown
            else tile
            for one, tile in zip(FIGURES, tiles, strict=True)
        ]
        parts.extend(gathered(tiles, query))
    parts.extend(_revenue(run))
    name = period_name(run.period_start, run.grain) if run.period_start else ""
    # The year before is the period before where periods are years.
    year_before = " and the same one a year before" if run.periods_of_a_year > 1 else ""
    return Section(
        "headlines",
        f"{name} at a glance" if name else "At a glance",
        f"How did the last whole {run.grain} go, against the one before{year_before}?",
        parts,
        {one.title: one.term for one in FIGURES}
        | {"Change of net revenue": "rpt_growth.revenue_growth_rate"},
        ("rpt_growth",),
        "docs/metrics/growth.md",
        {
            "Customers who came back": f"Customers active in the {run.grain} before "
            f"who bought again in this one, over all active in the {run.grain} before "
            "(0-1): the retention of the period.",
            "Net promoter score": NPS_MEANING,
        },
    )


def accounting(run: Run) -> Section:
    """Show who came, stayed, returned and left, in people and in money."""
    query = ACCOUNTING.format(grain=run.grain, limit=run.periods_drawn)
    rows = run.rows(query)[::-1]
    parts: list[Part]
    if rows:
        parts = [_customer_movements(run, rows, query)]
        parts.append(_revenue_movements(run, rows, query))
    else:
        parts = [Note(run.waiting(), is_empty=True)]
    return Section(
        "growth",
        "Growth accounting",
        "Does the customer base grow because people come, or because they stay?",
        parts,
        {
            "New": "rpt_growth_accounting.new_customers",
            "Retained": "rpt_growth_accounting.retained_customers",
            "Resurrected": "rpt_growth_accounting.resurrected_customers",
            "Perhaps new": "rpt_growth_accounting.left_truncated_customers",
            "Churned": "rpt_growth_accounting.churned_customers",
            "Customer quick ratio": "rpt_growth_accounting.customer_quick_ratio",
            "Expansion": "rpt_growth_accounting.expansion_revenue",
            "Contraction": "rpt_growth_accounting.contraction_revenue",
            "Net revenue retention": "rpt_growth_accounting.net_revenue_retention",
            "Gross revenue retention": "rpt_growth_accounting.gross_revenue_retention",
        },
        ("rpt_growth_accounting",),
        "docs/metrics/growth.md",
    )


def gathered(tiles: Sequence[Tile], query: str) -> list[Part]:
    """Say once what many numbers are missing for, instead of in a tile of each."""
    missing: dict[str, list[str]] = {}
    for tile in tiles:
        if tile.is_unknown:
            missing.setdefault(tile.basis, []).append(tile.title)
    common = {why: names for why, names in missing.items() if len(names) > MOST_UNKNOWN}
    shown = [tile for tile in tiles if not (tile.is_unknown and tile.basis in common)]
    return [
        *([Tiles(shown, query)] if shown else []),
        *(
            Note(f"{UNKNOWN.capitalize()}: {listed(names).lower()}. {why}", True)
            for why, names in common.items()
        ),
    ]


def _tile(run: Run, one: _Headline, rows: Sequence[Row]) -> Tile:
    last = rows[-1] if rows and rows[-1]["period_start"] == run.period_start else None
    if last is None or last["value"] is None:
        return Tile(one.title, UNKNOWN, "", _why(run, one, last))
    number = last["sample_size"]
    counted = plural(number, one.thing) if one.thing else count(number)
    basis = one.basis.format(counted, grain=run.grain)
    if last["lower_bound"] is not None:
        limits = interval if one.figure == "retention" else bounds
        basis += f", 95% interval {limits(last['lower_bound'], last['upper_bound'])}"
    if last["is_small_sample"]:
        basis += f", a {SMALL}"
    before, year_before = (
        start and period_name(start, run.grain)
        for start in (
            last["previous_period_start"],
            last["same_period_last_year_start"],
        )
    )
    changes = [
        _change(one, last, "change", "previous", before)
        or (UNKNOWN, f"no {run.grain} before")
    ]
    # The year before is the period before where periods are years.
    if run.periods_of_a_year > 1:
        changes.append(
            _change(one, last, "change_on_year", "year_before", year_before)
            or (UNKNOWN, "no year before")
        )
    values = [row["value"] for row in rows[-run.periods_drawn :]]
    return Tile(
        one.title,
        one.text(last["value"]),
        run.currency if one.is_money else "",
        basis,
        changes,
        _trend([value for value in values if value is not None]),
    )


def _paid(run: Run, rows: Mapping[str, Sequence[Row]]) -> str:
    """Say what one of the new customers cost whom paid channels are credited with."""
    cost = next(
        row["value"]
        for row in rows["paid_cac"]
        if row["period_start"] == run.period_start
    )
    if cost is None:
        return f"paid channels alone: {UNKNOWN}, no spend or nobody won"
    return f"paid channels alone: {run.money(cost)}"


def _why(run: Run, one: _Headline, row: Row | None) -> str:
    """Say why there is no number."""
    if missing := run.absence(*one.inputs):
        return missing
    if row is not None and row["null_reason"]:
        return reason(row["null_reason"])
    if one.figure == "retention":
        return f"Nobody was active in the {run.grain} before."
    return f"Nothing in this {run.grain}."


def _change(
    one: _Headline, row: Row, figure: str, then: str, name: str | None
) -> tuple[str, str] | None:
    """Write a change and the period that it is against, if there is one."""
    if name is None:
        return None
    change, earlier = row[figure], row[f"{then}_value"]
    if earlier is None:
        return UNKNOWN, f"nothing is known of {name}"
    if change is None:
        # There is no share of nothing, nor of less.
        if row["value"] == earlier:
            return "unchanged", f"from {name}"
        direction = "up" if row["value"] > earlier else "down"
        return direction, f"from {one.text(earlier)} in {name}"
    sign = "+" if change > 0 else ""
    if one.is_difference:
        chance = ", within chance" if _overlaps(row, then) else ""
        points = one.text(change).removesuffix("%")
        return f"{sign}{points} points", f"on {name}{chance}"
    return f"{sign}{share(change)}", f"on {name}"


def _overlaps(row: Row, then: str) -> bool:
    """Whether the 95% intervals of now and then have a value in common."""
    lower, upper = row["lower_bound"], row["upper_bound"]
    then_lower, then_upper = row[f"{then}_lower_bound"], row[f"{then}_upper_bound"]
    if None in (lower, upper, then_lower, then_upper):
        return False
    return bool(lower <= then_upper and then_lower <= upper)


def _trend(values: Sequence[float]) -> str:
    """Return the points of a line through these values; none for less than three."""
    if len(values) < 3:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = (TREND_WIDTH - 4) / (len(values) - 1)
    return " ".join(
        f"{2 + number * step:.1f},"
        f"{TREND_HEIGHT - 2 - (value - low) / span * (TREND_HEIGHT - 4):.1f}"
        for number, value in enumerate(values)
    )


def _revenue(run: Run) -> list[Part]:
    query = REVENUE.format(grain=run.grain, limit=run.periods_drawn + 1)
    rows = run.rows(query)[::-1]
    if not rows:
        return []
    columns = [
        _period_column(run),
        Column(f"net revenue, {run.currency}", lambda row: amount(row["net_revenue"])),
        Column("a year before", lambda row: amount(row["year_before"])),
        Column("change", lambda row: _signed(row["revenue_growth_rate"])),
        Column("on a year before", lambda row: _signed(row["revenue_growth_rate_yoy"])),
        Column("orders", lambda row: count(row["orders"])),
        Column("active customers", lambda row: count(row["active_customers"])),
    ]
    marks = [
        {
            "period": period_name(row["period_start"], run.grain),
            "value": row["net_revenue"],
            "year_before": row["year_before"],
            "is_complete": row["is_complete"],
            "hints": hints(row, columns),
        }
        for row in rows
    ]
    title = f"Net revenue by {run.grain}"
    return [
        Chart(
            "revenue",
            title,
            _revenue_sentence(run, rows),
            charts.revenue(marks, run.currency),
            table(title, rows, columns),
            query,
            narrowest=320,
            is_wide=True,
            is_over_time=True,
        )
    ]


def _revenue_sentence(run: Run, rows: Sequence[Row]) -> str:
    over = [row for row in rows if row["is_complete"]]
    pieces = []
    if over:
        last = over[-1]
        name = period_name(last["period_start"], run.grain)
        changes = [
            f"{_more(change)} than {words}"
            for change, words in (
                (last["revenue_growth_rate"], f"in the {run.grain} before"),
                (last["revenue_growth_rate_yoy"], "a year before"),
            )
            if change is not None
        ]
        then = f", {listed(changes)}" if changes else ""
        pieces.append(
            f"Net revenue of {name} was {run.money(last['net_revenue'])}{then}."
        )
        best = max(over, key=lambda row: row["net_revenue"])
        if len(over) > 2 and best is not last:
            pieces.append(
                f"The best {run.grain} drawn is "
                f"{period_name(best['period_start'], run.grain)} with "
                f"{run.money(best['net_revenue'])}."
            )
        elif len(over) > 2:
            pieces.append(f"It is the best of the {len(over)} {run.grain}s drawn.")
    if any(row["year_before"] is not None for row in rows):
        pieces.append(f"The pale bar behind is the same {run.grain} a year before.")
    if not rows[-1]["is_complete"]:
        name = period_name(rows[-1]["period_start"], run.grain)
        pieces.append(
            f"{name} is not over: its bar is hollow and shows what is so far."
        )
    return sentence(*pieces)


def _customer_movements(run: Run, rows: Sequence[Row], query: str) -> Chart:
    kinds = {
        "retained": ("retained_customers", charts.KEPT, 1),
        "resurrected": ("resurrected_customers", charts.RETURNED, 1),
        "new": ("new_customers", charts.WON, 1),
        PERHAPS_NEW: ("left_truncated_customers", charts.CARD, 1),
        "churned": ("churned_customers", charts.LOST, -1),
    }
    columns = [
        _period_column(run),
        Column("active", lambda row: count(row["active_customers"])),
        *(_movement(kind, name, count) for kind, (name, *_) in kinds.items()),
        Column("quick ratio", lambda row: score(row["customer_quick_ratio"])),
    ]
    title = f"Customers who bought, by {run.grain}"
    last = rows[-1]
    parts = listed(
        [
            f"{count(last[name])} {kind}"
            for kind, (name, _, sign) in kinds.items()
            if sign > 0 and (last[name] or kind != PERHAPS_NEW)
        ]
    )
    bought = (
        f"{plural(last['active_customers'], 'customer')} bought: {parts}"
        if last["active_customers"]
        else "nobody bought"
    )
    text = (
        f"In {period_name(last['period_start'], run.grain)}, {bought}. Below zero "
        f"is who did not: {count(last['churned_customers'])} of the "
        f"{count(last['previous_active_customers'])} who bought in the {run.grain} "
        "before."
    )
    if last["customer_quick_ratio"] is not None:
        came = score(last["customer_quick_ratio"])
        text += f" For each one lost, {came} came or came back."
    return Chart(
        "growth_customers",
        title,
        text,
        charts.movements(*_stacks(run, rows, kinds, columns), "customers"),
        table(title, rows, columns),
        query,
        narrowest=320,
        is_over_time=True,
    )


def _revenue_movements(run: Run, rows: Sequence[Row], query: str) -> Chart:
    kinds = {
        "expansion": ("expansion_revenue", charts.KEPT, 1),
        "resurrected": ("resurrected_revenue", charts.RETURNED, 1),
        "new": ("new_revenue", charts.WON, 1),
        PERHAPS_NEW: ("left_truncated_revenue", charts.CARD, 1),
        "contraction": ("contraction_revenue", charts.SHRUNK, 1),
        "churned": ("churned_revenue", charts.LOST, 1),
    }
    columns = [
        _period_column(run),
        Column("customers' revenue", lambda row: amount(row["customer_revenue"])),
        Column("change", lambda row: amount(row["revenue_change"])),
        *(_movement(kind, name, amount) for kind, (name, *_) in kinds.items()),
        Column("net retention", lambda row: share(row["net_revenue_retention"])),
        Column("gross retention", lambda row: share(row["gross_revenue_retention"])),
    ]
    title = f"Change of customers' revenue, by {run.grain}"
    last = rows[-1]
    gained = sum(last[name] for name, *_ in kinds.values() if last[name] > 0)
    lost = sum(last[name] for name, *_ in kinds.values() if last[name] < 0)
    change = last["revenue_change"]
    moved = (
        f"{run.money(abs(change))} {'less' if change < 0 else 'more'}"
        if change
        else "as much"
    )
    text = (
        f"In {period_name(last['period_start'], run.grain)}, known customers brought "
        f"{moved} {'than' if change else 'as'} in the {run.grain} before: "
        f"{run.money(gained)} came in addition, {run.money(abs(lost))} fell away."
    )
    if last["net_revenue_retention"] is not None:
        text += (
            f" The customers of the {run.grain} before spent "
            f"{share(last['net_revenue_retention'])} of what they spent then."
        )
    return Chart(
        "growth_revenue",
        title,
        text,
        charts.movements(*_stacks(run, rows, kinds, columns), run.currency),
        table(f"{title}, {run.currency}", rows, columns),
        query,
        narrowest=320,
        is_over_time=True,
    )


def _movement(kind: str, name: str, text: Callable[[float | None], str]) -> Column:
    return Column(kind, lambda row: text(row[name]))


def _stacks(
    run: Run,
    rows: Sequence[Row],
    kinds: Mapping[str, tuple[str, str, int]],
    columns: Sequence[Column],
) -> tuple[list[Row], dict[str, str]]:
    """Return a mark for each period and kind that occurs, and the kinds' colours."""
    occurring = {
        kind: given
        for kind, given in kinds.items()
        if kind != PERHAPS_NEW or any(row[given[0]] for row in rows)
    }
    marks: list[Row] = [
        {
            "period": period_name(row["period_start"], run.grain),
            "kind": kind,
            "kind_order": order,
            "value": sign * row[name],
            "hints": hints(row, columns),
        }
        for row in rows
        for order, (kind, (name, _, sign)) in enumerate(occurring.items())
    ]
    return marks, {kind: color for kind, (_, color, _) in occurring.items()}


def _period_column(run: Run) -> Column:
    def text(row: Row) -> str:
        name = period_name(row["period_start"], run.grain)
        return name if row.get("is_complete", True) else f"{name} so far"

    return Column(run.grain, text, is_number=False)


def _signed(value: float | None) -> str:
    return ("+" if value is not None and value > 0 else "") + share(value)


def _more(change: float) -> str:
    return f"{share(abs(change))} {'less' if change < 0 else 'more'}"
