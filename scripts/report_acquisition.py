"""What a new customer costs and when it is paid back, and who is credited with them."""

from collections.abc import Mapping, Sequence

import report_charts as charts
from report_parts import (
    NO_TOUCH,
    UNKNOWN,
    Chart,
    Column,
    Note,
    Part,
    Row,
    Run,
    Section,
    Table,
    amount,
    channel_names,
    count,
    hints,
    hundredths,
    period_name,
    plural,
    sentence,
    share,
    short,
    spoken,
    table,
)

COSTS = """\
with periods as (
    select period_start, period_end
    from dim_periods
    where period_grain = '{grain}' and is_complete
    order by period_start desc
    limit {periods}
),
models as (
    select
        attribution_model,
        channel,
        cast(sum(spend) as double precision) as spend,
        sum(new_customers) as new_customers
    from rpt_acquisition
    where period_grain = '{grain}' and campaign = 'all'
        and period_start in (select period_start from periods)
    group by attribution_model, channel
    having sum(spend) > 0
),
named as (
    select channel, sum(customers) as customers
    from rpt_cac_payback
    where period_number = 0
        and cohort_start >= (select min(period_start) from periods)
        and cohort_start <= (select max(period_end) from periods)
    group by channel
)
select
    models.channel,
    max(models.spend) as spend,
    max(named.customers) as customers,
    max(models.spend) / nullif(max(named.customers), 0) as cac,
    min(models.spend / nullif(models.new_customers, 0)) as lowest_cac,
    max(models.spend / nullif(models.new_customers, 0)) as highest_cac,
    count(*) over () - 1 as channel_count
from models
left join named on models.channel = named.channel
group by models.channel
order by case when models.channel = 'all' then 0 else 1 end, spend desc, models.channel
limit {channels} + 1"""

PAYBACK = """\
with cohorts as (
    select channel, cohort_start, max(period_number) as age
    from rpt_cac_payback
    where is_complete
    group by channel, cohort_start
),
-- A channel is followed for half of the months since its first, twelve at most.
channels as (
    select
        channel,
        least(floor((max(age) + 1) / 2.0), 12) as last_month,
        count(*) as all_cohorts
    from cohorts
    group by channel
),
-- Over the same cohorts in every month, so that nothing but time moves a line.
cells as (
    select
        payback.channel,
        payback.period_number,
        sum(payback.customers) as customers,
        count(*) as cohort_count,
        max(channels.all_cohorts) as all_cohorts,
        min(payback.cohort_start) as first_cohort,
        max(payback.cohort_start) as last_cohort,
        cast(sum(payback.spend) as double precision) as spend,
        sum(payback.cumulative_margin) as margin
    from rpt_cac_payback as payback
    inner join channels
        on payback.channel = channels.channel
            and payback.period_number <= channels.last_month
    inner join cohorts
        on payback.channel = cohorts.channel
            and payback.cohort_start = cohorts.cohort_start
            and channels.last_month <= cohorts.age
    group by payback.channel, payback.period_number
),
ranked as (
    select
        channel,
        row_number() over (
            order by
                case when channel = 'all' then 0 else 1 end, max(spend) desc, channel
        ) as channel_rank
    from cells
    group by channel
    having max(spend) > 0
)
select
    ranked.channel,
    cells.period_number,
    cells.customers,
    cells.cohort_count,
    cells.all_cohorts,
    cells.first_cohort,
    cells.last_cohort,
    cells.spend,
    cells.margin,
    cells.margin / nullif(cells.spend, 0) as ratio
from ranked
inner join cells on ranked.channel = cells.channel
where ranked.channel_rank <= {channels} + 1
order by ranked.channel_rank, cells.period_number"""

CREDITS = """\
with credits as (
    select attribution_model, channel, sum(conversions) as conversions
    from rpt_attribution
    where conversion_type = 'first' and period_grain = '{grain}'
        and period_start in (
            select period_start from dim_periods
            where period_grain = '{grain}' and is_complete
            order by period_start desc
            limit {periods}
        )
    group by attribution_model, channel
),
ranked as (
    select
        channel,
        row_number() over (order by sum(conversions) desc, channel) as channel_rank,
        count(*) over () as channel_count
    from credits
    group by channel
),
gathered as (
    select
        credits.attribution_model,
        case when ranked.channel_rank <= {channels} then ranked.channel end as channel,
        min(ranked.channel_rank) as channel_rank,
        max(ranked.channel_count) as channel_count,
        sum(credits.conversions) as conversions
    from credits
    inner join ranked on credits.channel = ranked.channel
    group by
        credits.attribution_model,
        case when ranked.channel_rank <= {channels} then ranked.channel end
)
select
    *,
    conversions / nullif(sum(conversions) over (partition by attribution_model), 0)
        as conversion_share
from gathered
order by channel_rank, attribution_model"""

CHANNELS_COSTED, CHANNELS_PAID_BACK, CHANNELS_CREDITED = 10, 5, 12
FEWEST_CUSTOMERS = 30
MODELS = (
    *("first", "last", "last_non_direct", "linear", "position_based", "time_decay"),
    *("markov", "shapley"),
)


def costs(run: Run) -> Section:
    """Show what a new customer costs by channel, and when that is paid back."""
    parts: list[Part]
    missing = run.absence("transactions", "marketing_spend")
    query = COSTS.format(
        grain=run.grain, periods=run.periods_of_a_year, channels=CHANNELS_COSTED
    )
    rows = run.rows(query)
    if missing or not rows:
        why = missing or (
            "No spend falls into a period that is over."
            if run.period_start
            else run.waiting()
        )
        text = f"What a new customer costs is {UNKNOWN}. {why}"
        parts = [Note(text, is_empty=True)]
    else:
        parts = [_costs(run, rows, query), *_payback(run)]
    return Section(
        "costs",
        "Cost of a customer and payback",
        "What does a new customer cost in each channel, and when have they paid it "
        "back?",
        parts,
        {
            "Cost of a customer (CAC)": "rpt_acquisition.cac",
            "Paid channels alone (paid CAC)": "rpt_acquisition.paid_cac",
            "All channels (blended CAC)": "rpt_acquisition.blended_cac",
            "Attribution models": "rpt_acquisition.attribution_model",
            "Channel that names the customer": "rpt_cac_payback.channel",
            "Margin so far": "rpt_cac_payback.cumulative_margin",
            "Margin of a month": "rpt_cac_payback.margin",
            "Margin so far / spend": "rpt_cac_payback.ltv_cac_ratio",
            "Payback month": "rpt_cac_payback.payback_month",
        },
        ("rpt_acquisition", "rpt_cac_payback"),
        "docs/metrics/acquisition.md",
    )


def attribution(run: Run) -> Section:
    """Show which channels each model credits with the new customers."""
    query = CREDITS.format(
        grain=run.grain, periods=run.periods_of_a_year, channels=CHANNELS_CREDITED
    )
    rows = run.rows(query)
    parts: list[Part]
    if not any(row["channel"] != NO_TOUCH for row in rows):
        missing = run.absence("transactions", "touchpoints") or (
            "No first purchase of the periods that are over has a recorded touch."
        )
        text = f"Which channels earn the new customers is {UNKNOWN}. {missing}"
        parts = [Note(text, is_empty=True)]
    else:
        parts = [_matrix(run, rows, query)]
    return Section(
        "attribution",
        "Attribution models side by side",
        "How many new customers is each channel credited with, and how much hangs on "
        "the model?",
        parts,
        {
            "Attribution model": "rpt_attribution.attribution_model",
            "New customers credited": "rpt_attribution.conversions",
            "First purchases": "rpt_attribution.conversion_type",
            "Share": "rpt_attribution.conversion_share",
            "No recorded touch": "rpt_attribution.channel",
        },
        ("rpt_attribution",),
        "docs/which_attribution_model.md",
    )


def _span(run: Run) -> str:
    """Name the periods that the costs and the credits are about."""
    number = min(run.periods_of_a_year, run.complete_periods[run.grain])
    if number == 1:
        return f"the last complete {run.grain}"
    return f"the last {number} complete {run.grain}s"


def _names(rows: Sequence[Row]) -> dict[str, str]:
    return channel_names(row["channel"] for row in rows if row["channel"] is not None)


def _costs(run: Run, rows: Sequence[Row], query: str) -> Chart:
    names = _names(rows)
    columns = [
        Column("channel", lambda row: names[row["channel"]], is_number=False),
        Column(f"spend, {run.currency}", lambda row: amount(row["spend"])),
        Column("new customers", lambda row: count(row["customers"] or 0)),
        Column("cost of one", _cost),
        Column("least of the models", lambda row: _cost(row, "lowest_cac")),
        Column("most of the models", lambda row: _cost(row, "highest_cac")),
    ]
    marks = [
        {
            "channel": names[row["channel"]],
            "cac": row["cac"],
            "lowest_cac": row["lowest_cac"],
            "highest_cac": row["highest_cac"],
            "label_at": max(row["highest_cac"] or 0, row["cac"] or 0),
            "label": _range(row, run),
            "hints": hints(row, columns),
        }
        for row in rows
    ]
    title = f"What a new customer cost, {_span(run)}"
    return Chart(
        "costs",
        title,
        _cost_sentence(run, rows, names),
        charts.cost_ranges(marks, f"{run.currency} for a new customer"),
        table(title, rows, columns),
        query,
        narrowest=320,
    )


def _cost(row: Row, name: str = "cac") -> str:
    return "won nobody" if row[name] is None else amount(row[name])


def _range(row: Row, run: Run) -> str:
    """Write what a customer costs, and from where to where the models go."""
    if row["highest_cac"] is None:
        return f"{run.money(row['spend'])}, won nobody"
    low, high = amount(row["lowest_cac"]), amount(row["highest_cac"])
    if row["cac"] is None:
        return f"{low} to {high}"
    return amount(row["cac"]) + (f" ({low} to {high})" if low != high else "")


def _cost_sentence(run: Run, rows: Sequence[Row], names: Mapping[str, str]) -> str:
    whole = next((row for row in rows if row["channel"] == "all"), None)
    channels = [row for row in rows if row["channel"] != "all"]
    costed = [row for row in channels if row["cac"] is not None]
    pieces = []
    if whole and whole["cac"] is not None:
        pieces.append(
            f"{run.money(whole['spend'])} was spent while "
            f"{plural(whole['customers'], 'new customer')} came in {_span(run)}: "
            f"{run.money(whole['cac'])} for each, blended: those who came unpaid count "
            "too."
        )
    if len(costed) > 1:
        cheap = min(costed, key=lambda row: row["cac"])
        dear = max(costed, key=lambda row: row["cac"])
        pieces.append(
            f"The cheapest channel is {short(names[cheap['channel']])} "
            f"({run.money(cheap['cac'])}), the dearest "
            f"{short(names[dear['channel']])} ({run.money(dear['cac'])})."
        )
    pieces.extend(
        f"{run.money(row['spend'])} for {short(names[row['channel']])} won nobody."
        for row in channels
        if row["lowest_cac"] is None
    )
    others = (rows[0]["channel_count"] or 0) - len(channels)
    if others > 0:
        pieces.append(
            f"{plural(others, 'other channel')} with less spend "
            f"{'is' if others == 1 else 'are'} left out."
        )
    pieces.append(
        "A diamond counts each customer in the one channel that names them, a bar "
        "reaches from the least to the most of the attribution models."
    )
    return sentence(*pieces)


def _payback(run: Run) -> list[Part]:
    query = PAYBACK.format(channels=CHANNELS_PAID_BACK)
    rows = run.rows(query)
    drawn = [row for row in rows if row["ratio"] is not None]
    if not drawn:
        why = (
            "No margin is known: the transactions have no cost and the variable "
            "gross_margin_rate is not set."
            if rows
            else "No month is over yet."
        )
        return [Note(f"When that is paid back is {UNKNOWN}. {why}", is_empty=True)]
    names = _names(drawn)
    columns = [
        Column("channel", lambda row: names[row["channel"]], is_number=False),
        Column("month", lambda row: str(row["period_number"])),
        Column("margin so far / spend", lambda row: hundredths(row["ratio"])),
        Column(f"margin, {run.currency}", lambda row: amount(row["margin"])),
        Column(f"spend, {run.currency}", lambda row: amount(row["spend"])),
        Column("customers", lambda row: count(row["customers"])),
        Column("cohorts", _cohorts),
    ]
    marks = [
        {
            "channel": names[row["channel"]],
            "period_number": row["period_number"],
            "ratio": row["ratio"],
            "is_small_sample": row["customers"] < FEWEST_CUSTOMERS,
            "hints": hints(row, columns),
        }
        for row in drawn
    ]
    title = (
        f"Margin so far for each {run.currency} spent, by months since the first "
        "purchase"
    )
    return [
        Chart(
            "payback",
            title,
            _payback_sentence(drawn, names),
            charts.payback(marks, list(names.values())),
            _payback_table(title, drawn, names),
            query,
            narrowest=320,
        )
    ]


def _cohorts(row: Row) -> str:
    return f"{count(row['cohort_count'])} of {count(row['all_cohorts'])}"


def _paid_back(rows: Sequence[Row], channel: str) -> int | None:
    months = [
        int(row["period_number"])
        for row in rows
        if row["channel"] == channel and row["ratio"] >= 1
    ]
    return min(months, default=None)


def _payback_sentence(rows: Sequence[Row], names: Mapping[str, str]) -> str:
    months = {channel: _paid_back(rows, channel) for channel in names}
    paid = [
        f"{short(names[channel])} in month {month}"
        for channel, month in months.items()
        if month is not None
    ]
    late = [short(names[channel]) for channel, month in months.items() if month is None]
    return sentence(
        f"Paid back: {'; '.join(paid)}." if paid else "No channel has paid back yet.",
        f"Not within the months drawn: {', '.join(late)}." if paid and late else "",
        "At 1 the margin of the customers has reached what was spent on them.",
        "All channels counts the customers who came unpaid, too."
        if "all" in names and len(names) > 1
        else "",
        _followed(rows),
        f"Hollow points rest on fewer than {FEWEST_CUSTOMERS} customers."
        if any(row["customers"] < FEWEST_CUSTOMERS for row in rows)
        else "",
    )


def _followed(rows: Sequence[Row]) -> str:
    """Say which cohorts the lines follow."""
    if all(row["cohort_count"] == row["all_cohorts"] == 1 for row in rows):
        return ""
    firsts, lasts = (
        {row[name] for row in rows} for name in ("first_cohort", "last_cohort")
    )
    which = "the older half of its channel's"
    if len(firsts) == len(lasts) == 1:
        first, last = (period_name(one, "month") for one in (*firsts, *lasts))
        which = f"those of {first} to {last}"
    return (
        f"A line follows the same cohorts all along, {which}; younger ones are left "
        "out, so that nothing but time moves it."
    )


def _payback_table(title: str, rows: Sequence[Row], names: Mapping[str, str]) -> Table:
    months = sorted({row["period_number"] for row in rows})
    cells = {
        (row["channel"], row["period_number"]): hundredths(row["ratio"]) for row in rows
    }
    firsts = {row["channel"]: row for row in reversed(rows)}
    paid = {channel: _paid_back(rows, channel) for channel in names}
    return Table(
        title,
        ["channel", "cohorts", "customers", "paid back in month", *map(str, months)],
        [
            [
                names[channel],
                _cohorts(firsts[channel]),
                count(firsts[channel]["customers"]),
                "not yet" if paid[channel] is None else str(paid[channel]),
                *(cells.get((channel, month), "") for month in months),
            ]
            for channel in names
        ],
        [False, *(True for _ in range(len(months) + 3))],
    )


def _matrix(run: Run, rows: Sequence[Row], query: str) -> Chart:
    models = sorted(
        {row["attribution_model"] for row in rows},
        key=lambda model: MODELS.index(model) if model in MODELS else len(MODELS),
    )
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    found = {(row["channel"], row["attribution_model"]): row for row in rows}
    names = _names(rows)
    shown = {channel: _channel(channel, names, rows) for channel in channels}
    marks = []
    for channel in channels:
        for model in models:
            row = found.get((channel, model), {})
            credited = row.get("conversions") or 0
            marks.append(
                {
                    "channel": shown[channel],
                    "model": spoken(model),
                    "conversion_share": row.get("conversion_share") or 0,
                    "label": _cell(credited),
                    "hints": {
                        "channel": shown[channel],
                        "model": spoken(model),
                        "new customers": count(credited),
                        "share": share(row.get("conversion_share") or 0),
                    },
                }
            )
    title = f"New customers credited to each channel, {_span(run)}"
    numbers = Table(
        title,
        ["channel", *map(spoken, models)],
        [
            [
                shown[channel],
                *(
                    count(found.get((channel, model), {}).get("conversions") or 0)
                    for model in models
                ),
            ]
            for channel in channels
        ],
        [False, *(True for _ in models)],
    )
    return Chart(
        "attribution",
        title,
        _matrix_sentence(found, models, shown),
        charts.model_matrix(
            marks, [spoken(model) for model in models], list(shown.values())
        ),
        numbers,
        query,
        narrowest=640,
        is_wide=True,
    )


def _cell(credited: float) -> str:
    return "<1" if 0 < credited < 0.5 else f"{credited:,.0f}"


def _channel(channel: str | None, names: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Name a channel; without a name it stands for those that are not shown."""
    if channel is not None:
        return names[channel]
    others = rows[0]["channel_count"] - CHANNELS_CREDITED
    return f"({plural(others, 'other channel')})"


def _matrix_sentence(
    found: Mapping[tuple[str | None, str], Row],
    models: Sequence[str],
    shown: Mapping[str | None, str],
) -> str:
    credited = {
        channel: {
            model: float(found.get((channel, model), {}).get("conversions") or 0)
            for model in models
        }
        for channel in shown
    }
    total = sum(by_model[models[0]] for by_model in credited.values())
    pieces = [
        f"{plural(total, 'first purchase')}, shared out by "
        f"{plural(len(models), 'model')}."
    ]
    named = {
        channel: by_model
        for channel, by_model in credited.items()
        if channel not in (None, NO_TOUCH)
    }
    disputed = max(named, key=lambda name: _spread(named[name]))
    by_model = named[disputed]
    if _spread(by_model) < 0.5:
        pieces.append("The models agree.")
    else:
        least = min(by_model, key=lambda model: by_model[model])
        most = max(by_model, key=lambda model: by_model[model])
        pieces.append(
            f"They disagree most about {short(shown[disputed])}: "
            f"{count(by_model[least])} ({spoken(least)}) to {count(by_model[most])} "
            f"({spoken(most)})."
        )
    if NO_TOUCH in credited:
        untouched = credited[NO_TOUCH][models[0]]
        verb = "has" if untouched == 1 else "have"
        pieces.append(f"{count(untouched)} of them {verb} no recorded touch.")
    if None in credited:
        pieces.append("Channels with less are added up in the last row.")
    pieces.append(
        "The stronger a shade the more. No model says what would have happened without "
        "a channel."
    )
    return sentence(*pieces)


def _spread(by_model: Mapping[str, float]) -> float:
    return max(by_model.values()) - min(by_model.values())
