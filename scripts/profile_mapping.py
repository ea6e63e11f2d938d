"""From a table that looks like an input to the model that makes the input of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import profile_keys
import profile_transactions
from profile_columns import Column
from profile_counts import MOMENTS
from profile_inputs import Claim, Guess, score_columns
from profile_keys import People
from profile_moments import is_day, moment_of
from profile_parts import number_range, word_of
from profile_proposal import ENGINE_NAMES, Facts, Named, Proposal, Rows
from profile_sql import (
    customer_sql,
    id_sql,
    identifier,
    literal,
    money_sql,
    time_sql,
)
from profile_values import Kind

# Names under which other tools know the types of touchpoint of the package.
KNOWN_TOUCHES: Mapping[str, str] = {
    "page_view": "site_visit",
    "page_viewed": "site_visit",
    "pageview": "site_visit",
    "session_start": "site_visit",
    "product_viewed": "product_view",
    "view_item": "product_view",
    "checkout_started": "checkout",
    "begin_checkout": "checkout",
    "email_opened": "email_open",
    "email_clicked": "email_click",
    "email_link_clicked": "email_click",
    "ad_clicked": "ad_click",
    "signed_up": "account_setup",
    "sign_up": "account_setup",
    "coupon_redeemed": "coupon_redemption",
    "app_opened": "app_session",
    "application_opened": "app_session",
}
# The key of an input; spend and rates have none of one column.
KEYS: Mapping[str, str] = {
    "touchpoints": "touchpoint_id",
    "survey_responses": "response_id",
    "customers": "customer_id",
    "identities": "visitor_id",
}
# The reports use these names themselves.
TAKEN_SEGMENTS = frozenset({"all", "milestone", "touchpoint_type", "channel", "stage"})
SEGMENT_VALUES = range(2, 21)
SEGMENTS_NAMED = 3
NO_CHANNEL = "name_of_the_channel"


def propose(
    rows: Rows, guess: Guess, engine: str, model: str, touches: frozenset[str]
) -> Proposal:
    """Return the model that makes the guessed input of the rows, for an engine.

    `touches` are the types of touchpoint that the project knows.
    """
    if guess.input == "transactions":
        proposal = profile_transactions.propose(rows, guess, engine)
    else:
        proposal = _Simple(rows, guess, engine, touches).propose()
    comments = (
        *proposal.comments,
        f"Proposed by the profile of {rows.name}, for {ENGINE_NAMES[engine]}.",
    )
    return replace(proposal, model=model, is_file=rows.is_file, comments=comments)


class _Simple:
    """Puts the model of an input together whose rows need not be joined."""

    def __init__(
        self, rows: Rows, guess: Guess, engine: str, touches: frozenset[str]
    ) -> None:
        self.rows = rows
        self.guess = guess
        self.engine = engine
        self.touches = touches
        self.person = guess.column("customer_id")
        self.people: People | None = None
        if self.person is not None:
            self.people = profile_keys.look_at_people(
                rows.connection, rows.relation, self.person
            )

    def propose(self) -> Proposal:
        """Return the whole model."""
        makers: dict[str, Callable[[], Proposal]] = {
            "touchpoints": self._touchpoints,
            "marketing_spend": self._spend,
            "survey_responses": self._answers,
            "customers": self._customers,
            "identities": self._identities,
            "exchange_rates": self._rates,
        }
        return makers[self.guess.input]()

    def _touchpoints(self) -> Proposal:
        kind, unknown = self._touch_type()
        moment = self._moment("occurred_at")
        key = self._key("touchpoint_id", [moment, kind])
        columns = (
            key,
            *self._customer(),
            *self._id("visitor_id"),
            moment,
            kind,
            *self._name("channel"),
            *self._name("campaign"),
            *self._name("outcome"),
            *self._loaded(),
        )
        return self._proposal("One row per interaction.", columns, unknown=unknown)

    def _spend(self) -> Proposal:
        amount = self._money("amount")
        # Advertising platforms export millionths.
        if "micros" in amount.sources[0].lower():
            column = self.guess.claims["amount"].column
            sql = money_sql(column, self.engine, is_typed=False, unit="0.000001")
            amount = replace(amount, sql=sql, note="millionths")
        channel = self._name("channel")
        if not channel:
            note = "write the channel's name here"
            channel = [Named("channel", literal(NO_CHANNEL), note=note)]
        columns = (
            self._moment("spend_date"),
            *channel,
            *self._name("campaign"),
            amount,
            *self._name("currency"),
        )
        missing = () if self.guess.column("channel") else ("channel",)
        grain = "One row per day, channel and campaign."
        return replace(self._proposal(grain, columns), missing=missing)

    def _answers(self) -> Proposal:
        columns = score_columns(self.rows.columns)
        moment = self.guess.column("responded_at")
        if moment is None:
            nothing = "cast(null as timestamp)"
            when = Named("responded_at", nothing, note="no column says when")
        else:
            when = self._moment("responded_at")
        is_wide = self.guess.column("question_id") is None and len(columns) > 1
        question = self._name("question_id")
        if not question and not is_wide:
            name = self.guess.claims["score"].column.words
            note = "one question, named after its column"
            question = [Named("question_id", literal(name), note=note)]
        key = self._key("response_id", [when])
        person = self._customer()
        pair = self._respondent()
        if pair is not None:
            key = replace(pair, name="response_id")
            person = [pair]
        shared = (key, *person, when)
        missing = () if moment else ("responded_at",)
        grain = "One row per answer to one question."
        if not is_wide:
            more = (*question, self._score(), *self._name("comment"), *self._loaded())
            proposal = self._proposal(grain, (*shared, *more))
            return replace(proposal, missing=missing)
        is_mixed = len({column.type for column in columns}) > 1
        asked = tuple(
            Named(column.words, self._score_of(column, is_mixed), (column.name,))
            for column in columns
        )
        proposal = self._proposal(grain, (*shared, *self._name("comment")))
        facts = replace(proposal.facts, companion=pair.sources[0] if pair else "")
        return replace(
            proposal, missing=missing, questions=asked, helpers=asked, facts=facts
        )

    def _customers(self) -> Proposal:
        taken = {claim.column.name for claim in self.guess.claims.values()}
        segments = [
            Named(self._segment_name(column), identifier(column.name), (column.name,))
            for column in self.rows.columns
            if column.name not in taken and _is_segment(column)
        ]
        created = self.guess.column("created_at")
        columns = (
            *self._customer(),
            *([self._moment("created_at")] if created else []),
            *segments,
        )
        names = tuple(segment.name for segment in segments[:SEGMENTS_NAMED])
        return replace(self._proposal("One row per person.", columns), segments=names)

    def _identities(self) -> Proposal:
        columns = (*self._id("visitor_id"), *self._customer())
        return self._proposal("One row per visitor who is a customer.", columns)

    def _rates(self) -> Proposal:
        columns = (
            self._moment("rate_date"),
            *self._name("currency"),
            self._money("rate"),
        )
        return self._proposal("One row per day and currency.", columns)

    def _proposal(
        self,
        grain: str,
        columns: tuple[Named, ...],
        unknown: Mapping[str, int] | None = None,
    ) -> Proposal:
        found = [column for part in MOMENTS if (column := self.guess.column(part))]
        moment = found[0] if found else None
        return Proposal(
            input=self.guess.input,
            engine=self.engine,
            columns=columns,
            comments=(grain,),
            facts=Facts(
                keys=self._keys(),
                people=self.people,
                person=self.person,
                moment=moment,
                is_day=moment is not None and is_day(self.rows, moment),
                unknown=unknown or {},
            ),
        )

    def _keys(self) -> profile_keys.Keys | None:
        """Return how often the key of the table is named, if it has one."""
        column = self.guess.column(KEYS.get(self.guess.input, ""))
        if column is None:
            return None
        return profile_keys.look_at_keys(
            self.rows.connection, self.rows.relation, self.rows.columns, id_sql(column)
        )

    def _name(self, part: str) -> list[Named]:
        """Return a column as it is, if the table has it."""
        column = self.guess.column(part)
        return [Named(part, identifier(column.name), (column.name,))] if column else []

    def _id(self, part: str) -> list[Named]:
        column = self.guess.column(part)
        return [Named(part, id_sql(column), (column.name,))] if column else []

    def _money(self, part: str) -> Named:
        column = self.guess.claims[part].column
        sql = money_sql(column, self.engine, is_typed=False)
        return Named(part, sql, (column.name,))

    def _moment(self, part: str) -> Named:
        column = self.guess.claims[part].column
        day = is_day(self.rows, column)
        return moment_of(self.rows, column, part, self.engine, day)

    def _loaded(self) -> list[Named]:
        column = self.guess.column("loaded_at")
        if column is None:
            return []
        return [Named("loaded_at", time_sql(column, self.engine), (column.name,))]

    def _customer(self) -> list[Named]:
        if self.person is None or self.people is None:
            return []
        values = [value for value, _ in self.people.nobody]
        sql = customer_sql(self.person, values, self.people.mixed_case > 0)
        shown = ", ".join(self.person.show(value) for value in values)
        note = f"without {shown}" if values else ""
        return [Named("customer_id", sql, (self.person.name,), note)]

    def _key(self, part: str, more: list[Named]) -> Named:
        """Return the key, or one made of what the row says, or the row's number."""
        claim: Claim | None = self.guess.claims.get(part)
        if claim is not None and claim.column.empty_share < 0.5:
            return Named(part, id_sql(claim.column), (claim.column.name,))
        said = [
            column
            for column in self.rows.columns
            if column.filled and column.kind is not Kind.NESTED
        ]
        names = [identifier(column.name) for column in said]
        sources = tuple(column.name for column in said)
        pairs = self.rows.connection.execute(
            f"select count(*), count(distinct ({', '.join(names)})) "
            f"from {self.rows.relation}"
        ).fetchone()
        if pairs and pairs[0] == pairs[1] and len(names) <= 8:
            # The same event told twice keeps its key.
            sql = f"concat_ws(' ', {', '.join(names)})"
            return Named(part, sql, sources, "made: no column is a key")
        order = [name for one in more for name in one.sources] or [*sources]
        people = [self.person.name] if self.person else []
        ordered = ", ".join(identifier(name) for name in (*people, *order))
        sql = f"row_number() over (order by {ordered})"
        return Named(part, sql, note="made: no column is a key")

    def _touch_type(self) -> tuple[Named, dict[str, int]]:
        """Return the type of touchpoint, and the values that the project lacks."""
        column = self.guess.column("touchpoint_type")
        if column is None:
            name = re.sub(r"s$", "", self.rows.name)
            note = "one type, named after the table"
            unknown = {} if name in self.touches else {name: self.rows.columns[0].rows}
            return Named("touchpoint_type", literal(name), note=note), unknown
        name = identifier(column.name)
        cases, unknown = [], {}
        for value, count in self.rows.categories(column).items():
            known = KNOWN_TOUCHES.get(word_of(value), word_of(value))
            if value in self.touches:
                continue
            if known in self.touches:
                cases.append(f"    when {literal(value)} then {literal(known)}\n")
            else:
                unknown[value] = count
        sql = f"case {name}\n{''.join(cases)}    else {name}\nend" if cases else name
        return Named("touchpoint_type", sql, (column.name,)), unknown

    def _score(self) -> Named:
        column = self.guess.claims["score"].column
        return Named("score", self._score_of(column), (column.name,))

    def _score_of(self, column: Column, is_mixed: bool = False) -> str:
        """Return a score; those of several types become text to stand in one column."""
        score = money_sql(column, self.engine, is_typed=False)
        return f"cast({score} as varchar)" if is_mixed else score

    def _respondent(self) -> Named | None:
        """Return the id of a respondent whose number begins anew, in each year, say."""
        person = self.person
        if person is None or "response_id" in self.guess.claims:
            return None
        if not person.words.startswith("resp") or person.distinct_share == 1:
            return None
        companion = profile_keys.find_companion(
            self.rows.connection, self.rows.relation, person, self.rows.columns
        )
        if companion is None:
            return None
        pair = f"concat_ws('-', {identifier(companion.name)}, {id_sql(person)})"
        sources = (companion.name, person.name)
        return Named("customer_id", pair, sources, "the number alone repeats")

    def _segment_name(self, column: Column) -> str:
        return f"{column.words}_1" if column.words in TAKEN_SEGMENTS else column.words


def _is_segment(column: Column) -> bool:
    """Whether a column sorts people into a few groups."""
    is_group = column.kind in (Kind.TEXT, Kind.BOOLEAN, Kind.CURRENCY, Kind.INTEGER)
    return (
        is_group
        and not column.is_personal
        and column.distinct in SEGMENT_VALUES
        and column.distinct_share < 0.5
        and column.empty_share < 0.5
    )


def asked_questions(rows: Rows, proposal: Proposal) -> dict[str, tuple[float, float]]:
    """Return the questions of a table of answers with the ends of their scores."""
    if proposal.input != "survey_responses":
        return {}
    if not proposal.questions:
        return _ranges(rows, proposal)
    columns = {column.name: column for column in rows.columns}
    return {
        one.name: number_range(columns[one.sources[0]]) for one in proposal.questions
    }


def channels(rows: Rows, proposal: Proposal) -> frozenset[str]:
    """Return the channels that a table names, as the package compares them."""
    named = [one for one in proposal.columns if one.name == "channel" and one.sources]
    columns = {column.name: column for column in rows.columns}
    return frozenset(
        name for one in named for name in rows.categories(columns[one.sources[0]])
    )


def _ranges(rows: Rows, proposal: Proposal) -> dict[str, tuple[float, float]]:
    """Return the ends of the scores of each question."""
    named = {column.name: column.sql for column in proposal.columns}
    found = rows.connection.execute(
        "select question, min(score), max(score) from (select "
        f"trim(cast({named['question_id']} as varchar)) as question, "
        f"try_cast({named['score']} as double) as score from {rows.relation}) "
        "where question <> '' group by question "
        # A rare one is a slip of the pen.
        f"having count(*) >= {0.01 * rows.columns[0].rows} order by question"
    ).fetchall()
    return {name: (low or 0.0, high or 0.0) for name, low, high in found}


def question_line(name: str, low: float, high: float, milestone: str) -> str:
    """Return a question's line of journey_survey_questions, to be checked by the user.

    Ends beyond a scale are taken for no answer.
    """
    kind = "nps" if _is_nps(name, low, high) else "css"
    first, last = scale(name, low, high)
    text = f'"{name}"' if "," in name else name
    return f"{text},{kind},{milestone},{first},{last},higher_is_better,,1,{text}"


def scale(name: str, low: float, high: float) -> tuple[int, int]:
    """Return the ends of the scale on which a question seems to be answered."""
    if _is_nps(name, low, high):
        return 0, 10
    return (1, 5) if high <= 6 else (1, 7) if high <= 7 else (0, 100)


def _is_nps(name: str, low: float, high: float) -> bool:
    return "nps" in name.lower() or (low >= 0 and 7 < high <= 10)
