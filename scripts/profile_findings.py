"""What the user of a mapped table should know: traps, and what the model does."""

import calendar
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from profile_columns import Column
from profile_counts import EARLIEST, LATEST, NEWCOMER_DAYS, Counts
from profile_inputs import Guess
from profile_mapping import scale
from profile_proposal import Proposal, Rows
from profile_sql import SPREADSHEET_START
from profile_values import Kind

# Share of customers among orders (0-1) from which an id is that of an order.
PER_ORDER_SHARE = 0.95
FEWEST_ORDERS = 50
# Hours in a row that are quiet at night, and how quiet they must be to be seen.
NIGHT_HOURS = 6
NIGHT_SHARE = 0.12
# Nights that differ by less than this share of all rows (0-1) are as quiet.
ALIKE_SHARE = 0.005
# Clocks so close to UTC cannot be told from it.
CLOSE_HOURS = 2
NIGHTS_START = (22, 23, 0, 1, 2, 3)
# What hours tell is told from: so many rows, days and hours that are not quiet, which
# have at least this share of an hour's mean.
TIMED_ROWS = 200
TIMED_DAYS = 14
BUSY_HOURS = 12
BUSY_SHARE = 0.25
CHANNELS_SHOWN = 8
# So many customers in the first days, and so many times those of the next.
FEWEST_NEWCOMERS = 50
NEWCOMERS_TIMES = 3


@dataclass(frozen=True)
class Finding:
    """Something to know before the table is used; a trap makes numbers wrong."""

    name: str
    sentence: str
    is_trap: bool = False


def find(
    rows: Rows,
    guess: Guess,
    proposal: Proposal,
    counts: Counts,
    questions: Mapping[str, tuple[float, float]],
    has_rates: bool,
) -> tuple[Finding, ...]:
    """Return what should be known of a mapped table, traps first.

    `questions` are those that the project does not know, with the ends of their scores;
    `has_rates` says whether exchange rates are among the tables.
    """
    seekers: list[Iterator[Finding]] = [
        _of_columns(rows, guess),
        _of_required_columns(proposal),
        _of_keys(proposal, counts),
        _of_people(rows, proposal, counts),
        _of_times(proposal, counts),
    ]
    if proposal.input == "transactions":
        seekers += [
            _of_money(rows, proposal, counts),
            _of_newcomers(counts),
            _of_states(proposal),
            _of_currencies(guess, counts, has_rates),
        ]
    if proposal.input == "marketing_spend":
        seekers.append(_of_currencies(guess, counts, has_rates))
    if proposal.input == "touchpoints":
        seekers.append(_of_touches(proposal))
    if proposal.input == "survey_responses":
        seekers += [_of_answers(rows, proposal), _of_scales(questions)]
    found = [finding for seeker in seekers for finding in seeker]
    return traps_first(found)


def traps_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which they are shown."""
    return tuple(sorted(found, key=lambda one: not one.is_trap))


def of_channels(spend: Collection[str], touches: Collection[str]) -> Iterator[Finding]:
    """Name the channels of spend that no touchpoint has, and the reverse.

    The package compares them letter by letter.
    """
    unmet = [name for name in spend if name not in touches]
    unpaid = [name for name in touches if name not in spend]
    if spend and not touches:
        yield Finding(
            "channels_apart",
            "No touchpoint names a channel, so that nothing says which customers the "
            "spend has brought.",
            is_trap=True,
        )
    elif unmet:
        others = (
            f" Only touchpoints name {_some(unpaid)}: are some of them the same?"
            if unpaid
            else ""
        )
        yield Finding(
            "channels_apart",
            f"Only spend names {_some(unmet)}: no customer will be counted for it."
            f"{others} Write a channel alike in both models, capitals too.",
            is_trap=True,
        )
    elif unpaid:
        yield Finding(
            "channels_apart",
            f"Only touchpoints name {_some(unpaid)}: nothing was spent on them.",
        )


def _some(names: Collection[str]) -> str:
    shown = sorted(names)
    more = len(shown) - CHANNELS_SHOWN
    listed = ", ".join(shown[:CHANNELS_SHOWN])
    return f"{listed} and {more} more" if more > 0 else listed


def many(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 row, 1,234 rows."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _rows(number: int, verb: str) -> str:
    """Return rows with a verb in its number: 1 row has, 2 rows have."""
    one = {"have": "has", "are": "is"}[verb]
    return f"{many(number, 'row')} {one if number == 1 else verb}"


def _they(number: int) -> str:
    """Return what becomes of so many rows."""
    return f"{'it' if number == 1 else 'they'} will be rejected"


def _listed(counts: Mapping[str, int]) -> str:
    """Return values with their rows: cancelled 1,234, failed 5."""
    return ", ".join(f"{value} {number:,}" for value, number in counts.items())


def _percent(part: float, whole: float) -> str:
    share = 100 * part / whole if whole else 0.0
    return f"{share:.1f}%" if share >= 0.1 or not part else "under 0.1%"


MISSING: Mapping[str, str] = {
    "customer_id": (
        "No column names the customer, so every order is a guest's and retention "
        "cannot be measured: join the customer's number to this table first."
    ),
    "channel": (
        "No column names the channel: write its name into the model, as "
        "journey_channels has it, or union one such model per platform."
    ),
    "responded_at": (
        "No column says when an answer was given, so that all of them will be "
        "rejected: add the date, or write one into the model."
    ),
}


def _of_columns(rows: Rows, guess: Guess) -> Iterator[Finding]:
    if guess.is_by_values:
        yield Finding(
            "matched_by_values",
            "The names of the columns say nothing of this input, so that they are "
            "matched by their values alone: check each of them.",
            is_trap=True,
        )
    for column in rows.columns:
        if column.kind is Kind.NESTED and column.filled:
            field = re.match(r"struct\(\"?(\w+)", column.type)
            example = f", as in {column.name}.{field[1]}" if field else ""
            yield Finding(
                "nested",
                f"{column.name} holds more than one value, and none of them is used: "
                f"name what you need of it in the model{example}.",
            )


def _of_required_columns(proposal: Proposal) -> Iterator[Finding]:
    for name in proposal.missing:
        yield Finding(f"no_{name}", MISSING[name], is_trap=True)
    for column in proposal.columns:
        if column.sql.startswith("row_number()"):
            yield Finding(
                "made_key",
                f"No column is a key of its own, so {column.name} is the number of the "
                "row: copies of a row count as rows of their own.",
            )


def _of_keys(proposal: Proposal, counts: Counts) -> Iterator[Finding]:
    keys, total = proposal.facts.keys, proposal.total
    if proposal.facts.copies:
        copies = proposal.facts.copies
        yield Finding(
            "copies",
            f"The same in every column as another row: {many(copies, 'row')}. "
            "Each counts: was something exported twice?",
            is_trap=copies > 0.01 * counts.rows,
        )
    if proposal.facts.companion:
        yield Finding(
            "key_repeats",
            f"The number of a row begins anew by {proposal.facts.companion}: the "
            "key is made of both.",
        )
    if keys is None:
        return
    if keys.missing:
        yield Finding(
            "missing_keys",
            f"Without an id: {many(keys.missing, 'row')}, which will be rejected.",
            is_trap=True,
        )
    if not keys.repeated:
        return
    if total:
        how = "taken once" if total == "max" else "added up"
        yield Finding(
            "line_items",
            f"{many(keys.rows, 'row')} are lines of {many(keys.keys, 'order')}: the "
            f"model groups them, and the amount is {how}.",
        )
    elif keys.mostly(keys.refunded):
        yield Finding(
            "shared_numbers",
            f"Both a purchase and its refund: {many(keys.repeated, 'number')}; the "
            "model names the refund apart, or one of the two would be lost.",
        )
    else:
        if keys.same_rows:
            yield Finding(
                "exact_duplicates",
                f"Several rows that say the same: {many(keys.same_rows, 'id')}; the "
                "package merges them.",
            )
        versions = keys.repeated - keys.same_rows
        if versions:
            has_loading = any(one.name == "loaded_at" for one in proposal.columns)
            advice = (
                "" if has_loading else ": name a column that says when it was written"
            )
            yield Finding(
                "versions",
                f"Several rows that differ: {many(versions, 'id')}; the latest by "
                f"loaded_at counts{advice}.",
                is_trap=versions > 0.01 * keys.keys,
            )


def _of_people(rows: Rows, proposal: Proposal, counts: Counts) -> Iterator[Finding]:
    people, person = proposal.facts.people, proposal.facts.person
    if people is None or person is None:
        return
    for value, number in people.nobody:
        yield Finding(
            "placeholder_ids",
            f"{person.name} is {person.show(value)!r} in {many(number, 'row')}: that "
            "is nobody, and the model leaves it empty.",
            is_trap=True,
        )
    for value, number in people.shared:
        yield Finding(
            "shared_id",
            f"{person.name} {person.show(value)!r} has {many(number, 'row')}, "
            f"{_percent(number, people.rows)} of all: a person, or a till? If nobody, "
            "leave it empty with nullif.",
            is_trap=True,
        )
    if people.mixed_case:
        yield Finding(
            "mixed_case",
            "The same but for capitals: "
            f"{many(people.mixed_case, 'address', 'addresses')}; the model writes all "
            "in small letters.",
        )
    if proposal.input != "transactions":
        return
    if counts.guests:
        yield Finding(
            "guests",
            f"Without a customer: {many(counts.guests, 'row')} "
            f"({_percent(counts.guests, counts.rows)}), which count as guests'."
            + _other_names(rows, person),
            is_trap=counts.guests > counts.rows / 2,
        )
    named = counts.rows - counts.guests
    if named >= FEWEST_ORDERS and counts.people >= PER_ORDER_SHARE * named:
        yield Finding(
            "ids_per_order",
            f"{person.name} has {many(counts.people, 'value')} in {named:,} orders, "
            "next to one each: it is an id of the order, or nobody came back. Use what "
            "stays the same (a login, an e-mail address, a card).",
            is_trap=True,
        )


def _other_names(rows: Rows, person: Column) -> str:
    """Return a hint at another column that names who the person column does not."""
    for column in rows.columns:
        is_name = column.kind is Kind.EMAIL or column.words in (
            "phone",
            "customer_email",
        )
        if is_name and column.name != person.name and column.filled > person.filled:
            return (
                f" {column.name} is filled in more rows than {person.name}: perhaps it "
                "names them."
            )
    return ""


def _of_times(proposal: Proposal, counts: Counts) -> Iterator[Finding]:
    moment = proposal.facts.moment
    if moment is None:
        return
    if counts.unread_times:
        unread = moment.reading.unread[:3]
        shown = (
            f" ({', '.join(moment.show(text) for text in unread)})" if unread else ""
        )
        yield Finding(
            "unread_times",
            f"{_rows(counts.unread_times, 'have')} no {moment.name} that can be "
            f"read{shown}: {_they(counts.unread_times)}.",
            is_trap=counts.unread_times > 0.01 * counts.rows,
        )
    if moment.format.is_ambiguous:
        first = "month" if moment.format.pattern.startswith("%m") else "day"
        yield Finding(
            "ambiguous_dates",
            f"{moment.name} may be written with the month or the day first; the model "
            f"takes the {first}: check {moment.format.pattern}.",
            is_trap=True,
        )
    if moment.format.is_spreadsheet_day:
        shown = moment.values[0][0]
        day = SPREADSHEET_START + timedelta(days=int(float(shown)))
        yield Finding(
            "spreadsheet_dates",
            f"{moment.name} counts days as a spreadsheet does: the model takes {shown} "
            f"for {day}. Check that: workbooks of old Macs begin 1,462 days later.",
        )
    if moment.kind is Kind.YEAR:
        yield Finding(
            "year_only",
            f"Of the date only the year ({moment.name}) is known: rows are put on its "
            "last day, and no report by month can be read.",
            is_trap=True,
        )
    if counts.sentinels:
        yield Finding(
            "sentinel_dates",
            f"{_rows(counts.sentinels, 'are')} dated before {EARLIEST[:4]} or "
            f"after {LATEST[:4]}, no date at all: {_they(counts.sentinels)}.",
            is_trap=True,
        )
    if counts.future:
        yield Finding(
            "future_dates",
            f"{_rows(counts.future, 'are')} dated after today.",
            is_trap=True,
        )
    is_event = proposal.input in ("transactions", "touchpoints", "survey_responses")
    if is_event and proposal.facts.is_day and moment.kind is not Kind.YEAR:
        yield Finding(
            "dates_without_time",
            f"{moment.name} knows the day and no time: it is taken for the day of the "
            "reporting time zone and not converted.",
        )
    yield from _of_hours(moment, counts)
    yield from _of_months(moment, proposal, counts)


def _of_hours(moment: Column, counts: Counts) -> Iterator[Finding]:
    """Guess from the quiet hours of the day in which time zone a clock is."""
    total = sum(counts.hours)
    if total < TIMED_ROWS or _days(counts) < TIMED_DAYS:
        return
    busy = sum(count >= BUSY_SHARE * total / 24 for count in counts.hours)
    if busy < BUSY_HOURS:
        yield Finding(
            "time_zone",
            f"Nearly all rows are of {many(busy, 'hour')} of the day, too few to say "
            "where the customers are. Set reporting_timezone to that of the books.",
        )
        return
    is_utc = moment.format.has_zone or moment.format.epoch_units > 0
    clock = "in UTC" if is_utc else "as written"
    starts = _night_starts(counts)
    if not starts:
        yield Finding(
            "time_zone",
            f"The hours of the day ({clock}) do not say where the customers are: no "
            "night stands out. Set reporting_timezone to that of the books.",
        )
        return
    span = f"{starts[0]:02} to {(starts[-1] + NIGHT_HOURS) % 24:02} o'clock"
    if not is_utc and not set(starts).isdisjoint(NIGHTS_START):
        yield Finding(
            "time_zone",
            f"The quiet hours are {span}, as written: these look like local times. "
            "Leave reporting_timezone at UTC, which leaves them as they are, or "
            "convert them to UTC in the model.",
        )
    else:
        yield Finding(
            "time_zone",
            f"The quiet hours are {span} ({clock}), as at places {_where(starts)}: set "
            "reporting_timezone to where the books are kept.",
        )


def _night_starts(counts: Counts) -> list[int]:
    """Return the hours at which the night may begin, in a row; none if none shows."""
    total = sum(counts.hours)
    nights = [
        sum(counts.hours[(start + step) % 24] for step in range(NIGHT_HOURS))
        for start in range(24)
    ]
    alike = min(nights) + ALIKE_SHARE * total
    starts = [start for start in range(24) if nights[start] <= alike]
    first = [start for start in starts if (start - 1) % 24 not in starts]
    if min(nights) > NIGHT_SHARE * total or len(first) != 1:
        return []
    return [(first[0] + step) % 24 for step in range(len(starts))]


def _where(starts: Sequence[int]) -> str:
    """Return where a night begins at these hours of UTC, about midnight there."""
    east = [-start if start <= 12 else 24 - start for start in starts]
    if all(abs(hours) <= CLOSE_HOURS for hours in east):
        return "close to UTC"
    first, last = (
        (many(abs(hours), "hour"), "west" if hours < 0 else "east")
        for hours in sorted((east[0], east[-1]), key=abs)
    )
    if first == last:
        return f"about {' '.join(first)} of UTC"
    if first[1] == last[1]:
        return f"{first[0].split()[0]} to {' '.join(last)} of UTC"
    return f"between {' '.join(first)} and {' '.join(last)} of UTC"


def _days(counts: Counts) -> int:
    if counts.first_date is None or counts.last_date is None:
        return 0
    return (counts.last_date - counts.first_date).days + 1


def _of_months(moment: Column, proposal: Proposal, counts: Counts) -> Iterator[Finding]:
    if counts.first_date is None or counts.last_date is None:
        return
    gaps = [month for month in _months_between(counts) if month not in counts.months]
    if moment.kind is Kind.YEAR:
        return
    if gaps and proposal.input != "exchange_rates":
        shown = ", ".join(gaps[:6]) + (", ..." if len(gaps) > 6 else "")
        yield Finding(
            "missing_months",
            f"Without a row: {many(len(gaps), 'month')} between first and last "
            f"({shown}). Is part of the data missing?",
            is_trap=True,
        )
    first, last = counts.first_date, counts.last_date
    if proposal.input != "transactions":
        return
    ends = []
    if first.day > 1:
        ends.append(f"the first begins on {first}")
    if last.day < calendar.monthrange(last.year, last.month)[1]:
        ends.append(f"the last ends on {last}")
    if ends:
        yield Finding(
            "partial_months",
            f"Of the months {' and '.join(ends)}: a month that is not over has no "
            "retention or growth.",
        )


def _months_between(counts: Counts) -> list[str]:
    if counts.first_date is None or counts.last_date is None:
        return []
    first = counts.first_date.year * 12 + counts.first_date.month - 1
    last = counts.last_date.year * 12 + counts.last_date.month - 1
    return [f"{m // 12:04}-{m % 12 + 1:02}" for m in range(first, last + 1)]


def _of_money(rows: Rows, proposal: Proposal, counts: Counts) -> Iterator[Finding]:
    (named,) = [one for one in proposal.columns if one.name == "amount"]
    columns = [column for column in rows.columns if column.name in named.sources]
    if proposal.facts.is_cents:
        yield Finding(
            "cents",
            f"{named.sources[-1]} looks like cents: the model divides it by 100. Check "
            "that, above all for currencies without cents.",
            is_trap=True,
        )
    elif columns[-1].kind is Kind.INTEGER and not columns[-1].format.is_whole_float:
        yield Finding(
            "whole_amounts",
            f"{columns[-1].name} has whole numbers only: if they are cents, multiply "
            "by 0.01 in the model.",
        )
    if any(column.format.is_ambiguous for column in columns):
        yield Finding(
            "ambiguous_amounts",
            f"{columns[-1].name} has commas that may be decimal or thousands: the "
            "model takes them for thousands.",
            is_trap=True,
        )
    if counts.unread_amounts:
        yield Finding(
            "unread_amounts",
            f"{_rows(counts.unread_amounts, 'have')} no amount that can be read: "
            f"{_they(counts.unread_amounts)}.",
            is_trap=counts.unread_amounts > 0.01 * counts.rows,
        )
    if counts.refunds:
        yield Finding(
            "refunds",
            f"{many(counts.refunds, 'refund')}: {counts.refunded:,.2f} of "
            f"{counts.revenue:,.2f}{_sign_of_refunds(proposal)}.",
        )
    if counts.zero_amounts:
        yield Finding(
            "zero_amounts",
            f"Worth nothing: {many(counts.zero_amounts, 'order')}, which count as "
            "purchases; filter them if they are none.",
        )


def _sign_of_refunds(proposal: Proposal) -> str:
    if proposal.refund:
        return ", on the day of their order, since no column says when"
    if "refund" in proposal.facts.types.values():
        return ", known by their type"
    return ", known by their negative amounts"


def _of_newcomers(counts: Counts) -> Iterator[Finding]:
    """Find customers who seem new because the data begins after they came."""
    first, second = counts.newcomers
    if first >= FEWEST_NEWCOMERS and first >= NEWCOMERS_TIMES * second:
        yield Finding(
            "left_truncation",
            f"First seen in the first {NEWCOMER_DAYS} days: "
            f"{many(first, 'customer')}, in the next {NEWCOMER_DAYS}: {second:,}. Had "
            "they bought before the data begins? Then set history_start_date to "
            f"{counts.first_date} and left_truncation_days to {NEWCOMER_DAYS}, say, or "
            "they all count as new.",
            is_trap=True,
        )


def _of_states(proposal: Proposal) -> Iterator[Finding]:
    facts = proposal.facts
    if facts.unpaid:
        yield Finding(
            "left_out",
            f"Orders that were never paid for are left out: {_listed(facts.unpaid)}.",
        )
    if facts.unpaid_lines:
        yield Finding(
            "left_out_lines",
            "Lines that were never paid for are left out of their orders: "
            f"{_listed(facts.unpaid_lines)}.",
        )
    if facts.unclear:
        yield Finding(
            "unclear_states",
            f"Counted as purchases, by their state: {_listed(facts.unclear)}. If any "
            "was never paid for, leave it out in the model.",
        )
    others = [value for value, meaning in facts.types.items() if meaning == "other"]
    if others:
        yield Finding(
            "other_movements",
            f"Rows of type {', '.join(others)} are no sales and are left out.",
        )
    unknown = [value for value, meaning in facts.types.items() if meaning == "unknown"]
    if unknown:
        yield Finding(
            "unknown_types",
            f"Rows of type {', '.join(unknown)} are neither a purchase nor a refund by "
            "name and will be rejected: say in the model what they are.",
            is_trap=True,
        )


def _of_currencies(guess: Guess, counts: Counts, has_rates: bool) -> Iterator[Finding]:
    if len(counts.currencies) > 1 and not has_rates:
        yield Finding(
            "several_currencies",
            f"Several currencies ({_listed(counts.currencies)}) and no exchange rates: "
            "only amounts in reporting_currency count, the others are rejected. Name a "
            "table of rates as exchange_rates_input.",
            is_trap=True,
        )
    column = guess.column("amount")
    named = column.format.currencies if column else ()
    if not counts.currencies and len(named) > 1:
        yield Finding(
            "several_currencies",
            f"Amounts name several currencies ({', '.join(named)}), which the model "
            "does not tell apart.",
            is_trap=True,
        )


def _of_touches(proposal: Proposal) -> Iterator[Finding]:
    unknown = proposal.facts.unknown
    if unknown:
        yield Finding(
            "unknown_touchpoint_types",
            f"{_rows(sum(unknown.values()), 'are')} of types that "
            "journey_touchpoint_types does not list and will be rejected: "
            f"{_listed(unknown)}. "
            "Add them to that seed, or map them in the model.",
            is_trap=True,
        )


def _of_answers(rows: Rows, proposal: Proposal) -> Iterator[Finding]:
    columns = {column.name: column for column in rows.columns}
    for question in proposal.questions or proposal.columns:
        if question.name != "score" and not proposal.questions:
            continue
        column = columns[question.sources[0]]
        if column.reading.unread:
            shown = ", ".join(column.show(text) for text in column.reading.unread[:3])
            yield Finding(
                "unread_scores",
                f"{column.name} has answers that are no number ({shown}): they will be "
                "rejected unless they mean n/a.",
            )


def _of_scales(questions: Mapping[str, tuple[float, float]]) -> Iterator[Finding]:
    """Name answers that are beyond the scale which is proposed for a question."""
    for name, ends in questions.items():
        first, last = scale(name, *ends)
        beyond = [f"{end:g}" for end in ends if not first <= end <= last]
        if beyond:
            yield Finding(
                "scores_beyond",
                f"{name} has answers of {' and '.join(beyond)}, beyond the scale of "
                f"{first} to {last} that is proposed: they will be rejected. If they "
                "mean that nobody answered, leave them out in the model.",
                is_trap=True,
            )
