"""The model that makes purchases and refunds of a user's orders, payments or lines."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import profile_keys
from profile_columns import Column
from profile_inputs import Guess, product_column, quantity_column
from profile_keys import Keys
from profile_moments import is_day, moment_of
from profile_parts import PURCHASE_WORDS, REFUND_WORDS, word_of
from profile_proposal import DUCKDB, Facts, Named, Proposal, Rows
from profile_sql import (
    customer_sql,
    id_sql,
    identifier,
    literals,
    money_sql,
    time_sql,
)
from profile_values import Kind

# States in which an order was never paid for.
_UNPAID = (
    "cancelled canceled cancel failed failure declined pending void voided expired "
    "draft error rejected unpaid deleted abandoned incomplete uncollectible test "
    "requires_payment_method"
)
# States of orders that were paid for, or given back in part.
_PAID = (
    "paid succeeded success successful complete completed fulfilled shipped delivered "
    "partially_fulfilled partially_shipped active confirmed approved closed processed "
    "settled captured done ok partially_refunded partial_refund"
)
# Movements of money that no customer pays.
_OTHER = (
    "payout transfer fee stripe_fee application_fee adjustment topup withdrawal "
    "authorization network_cost tax_fee"
)
UNPAID_WORDS = frozenset(_UNPAID.split())
PAID_WORDS = frozenset(_PAID.split()) | PURCHASE_WORDS | REFUND_WORDS
OTHER_MOVEMENTS = frozenset(_OTHER.split())
# The state of an order that was given back whole.
GIVEN_BACK = frozenset(
    {"refunded", "returned", "chargeback", "charged_back", "reversed"}
)
KNOWN_STATES = UNPAID_WORDS | PAID_WORDS | GIVEN_BACK
STATE_NAMES = (
    r"((order|payment|financial|transaction|charge|invoice|sale|line|item|line_?item)_)?"
    r"(status|state)"
)
CANCEL_NAMES = (
    r"(is_)?(cancell?ed|voided|deleted|test)(_(at|on|date|time))?|is_test_order"
)
REFUND_NAMES = (
    r"(amount_|total_)?refunded(_(amount|total|value))?|refund_(amount|total|value)"
)
PAYMENT_ID = re.compile(r"(ch|pi|py|txn|re|in|cs)_\w+")
# How prices end: few whole numbers that are no cents do so.
CENT_ENDINGS = frozenset({"00", "99", "95", "90", "50", "49"})
ODD_ENDINGS = frozenset({"99", "95", "49"})


def propose(rows: Rows, guess: Guess, engine: str) -> Proposal:
    """Return the model that makes transactions of the rows."""
    return _Transactions(rows, guess, engine).propose()


@dataclass(frozen=True)
class _State:
    """A column that says whether an order was paid, given back or never happened.

    `is_unpaid`, `is_given_back` and `is_known` are SQL on a row of the source: whether
    its state is one of these, and whether it has one. `is_of_lines`: the lines of an
    order have states of their own.
    """

    helper: Named
    condition: str = ""
    unpaid: Mapping[str, int] = field(default_factory=dict)
    given_back: Mapping[str, int] = field(default_factory=dict)
    unclear: Mapping[str, int] = field(default_factory=dict)
    is_unpaid: str = "false"
    is_given_back: str = "false"
    is_known: str = "true"
    is_of_lines: bool = False


@dataclass(frozen=True)
class _Refund:
    """The amount given back of an order, when, and the columns that say so."""

    amount: str = ""
    condition: str = ""
    helpers: tuple[Named, ...] = ()


class _Transactions:
    """Puts a model of transactions together, piece by piece."""

    def __init__(self, rows: Rows, guess: Guess, engine: str) -> None:
        self.rows = rows
        self.guess = guess
        self.engine = engine
        self.person = guess.column("customer_id")
        self.people = (
            profile_keys.look_at_people(rows.connection, rows.relation, self.person)
            if self.person
            else None
        )
        self.moment_column = guess.claims["occurred_at"].column
        self.is_day = is_day(rows, self.moment_column)
        self.types = self._types()
        self.is_cents = self._is_cents()

    def propose(self) -> Proposal:
        """Return the whole model."""
        key, keys, companion = self._key()
        is_shared = keys.repeated > 0 and keys.mostly(keys.refunded)
        is_lines = not is_shared and self._is_lines(keys)
        total = self._total(keys) if is_lines else ""
        states = [
            replace(state, is_of_lines=bool(total) and self._differs(state, key, total))
            for state in self._states()
        ]
        refund = self._refund(states, total)
        left_out = [state for state in states if state.condition]
        of_lines = [state for state in left_out if state.is_of_lines]
        of_orders = [state for state in left_out if not state.is_of_lines]
        helpers = dict.fromkeys(
            [*(state.helper for state in of_orders), *refund.helpers]
        )
        number, original = self._numbers(key, is_shared)
        columns = (
            number,
            *self._customer(),
            self._moment(self.engine),
            self._amount(is_typed=is_lines or bool(refund.amount)),
            *self._plain("currency", lambda column: identifier(column.name)),
            *self._type(),
            *original,
            *self._plain("cost", lambda c: money_sql(c, self.engine, is_lines)),
            *self._plain("sales_channel", lambda column: identifier(column.name)),
            *self._plain("loaded_at", lambda c: time_sql(c, self.engine)),
        )
        others = [value for value, word in self.types.items() if word == "other"]
        conditions = [state.condition for state in of_orders]
        line_conditions = [state.condition for state in of_lines]
        if others:
            (line_conditions if total else conditions).append(
                f"coalesce(transaction_type, '') not in {literals(others)}"
            )
        return Proposal(
            input="transactions",
            engine=self.engine,
            columns=columns,
            comments=("One row per purchase or refund.",),
            helpers=tuple(helpers),
            conditions=tuple(conditions),
            line_helpers=tuple(state.helper for state in of_lines),
            line_conditions=tuple(line_conditions),
            total=total,
            refund=refund.amount,
            refund_condition=refund.condition,
            missing=() if self.person else ("customer_id",),
            facts=Facts(
                # A key tells copies from two purchases that are alike.
                copies=0 if keys.keys else self.rows.copies(),
                keys=keys,
                people=self.people,
                person=self.person,
                moment=self.moment_column,
                is_day=self.is_day,
                is_cents=self.is_cents,
                types=self.types,
                unpaid=_together(state.unpaid for state in of_orders),
                unpaid_lines=_together(state.unpaid for state in of_lines),
                unclear=_together(state.unclear for state in states),
                refunded=_together(state.given_back for state in states),
                companion=companion,
            ),
        )

    def _plain(self, part: str, sql: Callable[[Column], str]) -> list[Named]:
        """Return an optional column, if the table has it."""
        column = self.guess.column(part)
        return [Named(part, sql(column), (column.name,))] if column else []

    def _moment(self, engine: str) -> Named:
        column = self.moment_column
        return moment_of(self.rows, column, "occurred_at", engine, self.is_day)

    def _customer(self) -> list[Named]:
        if self.person is None or self.people is None:
            nobody = "cast(null as varchar)"
            return [Named("customer_id", nobody, note="nothing names the customer")]
        values = [value for value, _ in self.people.nobody]
        sql = customer_sql(self.person, values, self.people.mixed_case > 0)
        shown = ", ".join(self.person.show(value) for value in values)
        others = self.guess.claims["customer_id"].others
        note = (
            f"without {shown}"
            if values
            else f"or {', '.join(others)}"
            if others
            else ""
        )
        return [Named("customer_id", sql, (self.person.name,), note)]

    def _amount(self, is_typed: bool, engine: str = "") -> Named:
        """Return the amount; of a price for one piece, times the pieces."""
        engine = engine or self.engine
        column = self.guess.claims["amount"].column
        unit = "0.01" if self.is_cents else ""
        others = self.guess.claims["amount"].others
        note = f"or {', '.join(others)}" if others else ""
        quantity = quantity_column(self.rows.columns)
        if quantity is None or "price" not in column.words.split("_"):
            note = "cents" if unit else note
            sql = money_sql(column, engine, is_typed, unit)
            return Named("amount", sql, (column.name,), note)
        pieces = money_sql(quantity, engine, is_typed=quantity.is_text)
        price = money_sql(column, engine, is_typed=True, unit=unit)
        sources = (quantity.name, column.name)
        return Named("amount", f"{pieces} * {price}", sources, "pieces times price")

    def _is_cents(self) -> bool:
        """Whether whole numbers are amounts in cents."""
        column = self.guess.claims["amount"].column
        if column.kind is not Kind.INTEGER or column.format.is_whole_float:
            return False
        if re.search(r"(^|_)(cents?|minor)(_|$)", column.words):
            return True
        key = self.guess.column("transaction_id")
        if key and all(PAYMENT_ID.fullmatch(text) for text, _ in key.values):
            return True
        total = sum(count for _, count in column.values)
        ends = [(text[-2:], count) for text, count in column.values if len(text) > 2]
        priced = sum(count for end, count in ends if end in CENT_ENDINGS)
        odd = sum(count for end, count in ends if end in ODD_ENDINGS)
        return priced >= 0.8 * total and odd >= 0.3 * total

    def _types(self) -> dict[str, str]:
        """Return what each value of the type column means, as far as it is known."""
        column = self.guess.column("transaction_type")
        if column is None:
            return {}
        meanings = {}
        for value in self.rows.categories(column):
            word = word_of(value)
            if word in REFUND_WORDS:
                meanings[value] = "refund"
            elif word in PURCHASE_WORDS:
                meanings[value] = "purchase"
            else:
                meanings[value] = "other" if word in OTHER_MOVEMENTS else "unknown"
        return meanings

    def _type(self) -> list[Named]:
        column = self.guess.column("transaction_type")
        if column is None:
            return []
        name = identifier(column.name)
        wanted = {
            meaning: [value for value, one in self.types.items() if one == meaning]
            for meaning in ("refund", "purchase")
        }
        known = {meaning: values for meaning, values in wanted.items() if values}
        if all([v.lower() for v in values] == [m] for m, values in known.items()):
            return [Named("transaction_type", name, (column.name,))]
        cases = "".join(
            f"    when {name} in {literals(values)} then '{meaning}'\n"
            for meaning, values in known.items()
        )
        # What is not known keeps its name, so that the package rejects it by that.
        sql = f"case\n{cases}    else {name}\nend"
        return [Named("transaction_type", sql, (column.name,))]

    def _refund_rows(self) -> str:
        """Return the condition by which rows of the source are refunds, for DuckDB."""
        conditions = [f"{self._amount(is_typed=True, engine=DUCKDB).sql} < 0"]
        column = self.guess.column("transaction_type")
        values = [value for value, one in self.types.items() if one == "refund"]
        if column and values:
            conditions.append(f"{identifier(column.name)} in {literals(values)}")
        return " or ".join(conditions)

    def _key(self) -> tuple[Named, Keys, str]:
        """Return the key of an order, how often it is named, and what it lacked."""
        column = self.guess.column("transaction_id")
        if column is None or column.empty_share > 0.5:
            return self._made_key(), Keys(), ""
        sql = id_sql(column)
        keys = self._look_at(sql)
        if keys.repeated and not self._is_explained(keys):
            other = profile_keys.find_companion(
                self.rows.connection, self.rows.relation, column, self.rows.columns
            )
            if other is not None:
                pair = f"concat_ws('-', {identifier(other.name)}, {sql})"
                sources = (other.name, column.name)
                note = "the number alone repeats"
                named = Named("transaction_id", pair, sources, note)
                return named, self._look_at(pair), other.name
        return Named("transaction_id", sql, (column.name,)), keys, ""

    def _made_key(self) -> Named:
        """Return a number for each row, the same as long as the rows are."""
        order = [
            *self._customer(),
            self._moment(self.engine),
            self._amount(is_typed=False),
        ]
        columns = ", ".join(identifier(name) for one in order for name in one.sources)
        sql = f"row_number() over (order by {columns})"
        return Named("transaction_id", sql, note="made: no column is a key")

    def _look_at(self, sql: str) -> Keys:
        moment = self._moment(DUCKDB)
        return profile_keys.look_at_keys(
            self.rows.connection,
            self.rows.relation,
            self.rows.columns,
            sql,
            person=identifier(self.person.name) if self.person else "null",
            day=f"substr(cast({moment.sql} as varchar), 1, 10)",
            amount=self._amount(is_typed=True, engine=DUCKDB).sql,
            refund=self._refund_rows(),
        )

    def _is_explained(self, keys: Keys) -> bool:
        """Whether repeated keys are refunds, copies or lines, not other orders."""
        return keys.mostly(keys.refunded) or (
            keys.mostly(keys.same_person) and keys.mostly(keys.same_day)
        )

    def _is_lines(self, keys: Keys) -> bool:
        """Whether rows that share a key are lines of one order."""
        if not keys.repeated or not self._is_explained(keys):
            return False
        has_lines = product_column(self.rows.columns) or quantity_column(
            self.rows.columns
        )
        is_frequent = keys.repeated > 0.2 * keys.keys and not keys.mostly(
            keys.same_rows
        )
        return bool(has_lines) or is_frequent

    def _total(self, keys: Keys) -> str:
        amount = self.guess.claims["amount"].column.words.split("_")
        is_repeated = keys.mostly(keys.same_amount) and "price" not in amount
        return "max" if is_repeated else "sum"

    def _numbers(self, key: Named, is_shared: bool) -> tuple[Named, list[Named]]:
        """Return the key and, if there is one, that of the refunded purchase."""
        if not is_shared:
            return key, self._plain("original_transaction_id", id_sql)
        # A purchase and its refund under one number would count as one row.
        is_refund = self._refund_rows()
        number = f"cast({key.sql} as varchar)"
        refunded = f"when {is_refund} then {number} || '-refund'"
        apart = f"case\n    {refunded}\n    else {number}\nend"
        return replace(key, sql=apart, note="refunds bear their order's number"), [
            Named(
                "original_transaction_id",
                f"case when {is_refund} then {number} end",
                key.sources,
            )
        ]

    def _states(self) -> list[_State]:
        """Return the columns by which orders are left out or given back."""
        states = []
        for column in self.rows.named(STATE_NAMES):
            values = self.rows.categories(column)
            unpaid = {v: n for v, n in values.items() if word_of(v) in UNPAID_WORDS}
            back = {v: n for v, n in values.items() if word_of(v) in GIVEN_BACK}
            helper = Named(
                "order_state" if column.words == "state" else column.words,
                identifier(column.name),
                (column.name,),
            )
            condition = (
                f"coalesce({helper.name}, '') not in {literals(list(unpaid))}"
                if unpaid
                else ""
            )
            states.append(
                _State(
                    helper,
                    condition,
                    unpaid,
                    back,
                    {v: n for v, n in values.items() if word_of(v) not in KNOWN_STATES},
                    is_unpaid=_is_one_of(helper.sql, unpaid),
                    is_given_back=_is_one_of(helper.sql, back),
                    is_known=f"trim(cast({helper.sql} as varchar)) <> ''",
                )
            )
        return states + [
            state
            for column in self.rows.named(CANCEL_NAMES)
            if (state := self._cancelled(column)) is not None
        ]

    def _cancelled(self, column: Column) -> _State | None:
        """Return the state of a column that is filled or true for cancelled orders."""
        name = identifier(column.name)
        if column.is_time:
            sql, condition = name, f"{column.words} is null"
            if column.is_text:
                sql = f"nullif(trim({name}), '')"
            is_unpaid = f"{sql} is not null"
            left_out = column.filled
        elif column.kind is Kind.BOOLEAN:
            true = (
                f"lower({name}) in ('true', 't', 'yes', 'y')"
                if column.is_text
                else name
            )
            sql = f"case when {true} then 1 else 0 end"
            condition = f"{column.words} = 0"
            is_unpaid = f"coalesce({true}, false)"
            left_out = self.rows.count(true)
        else:
            return None
        helper = Named(column.words, sql, (column.name,))
        return _State(helper, condition, {column.name: left_out}, is_unpaid=is_unpaid)

    def _differs(self, state: _State, key: Named, total: str) -> bool:
        """Whether lines of one order have different states, rather than the order one.

        An order's own state may stand on its first line alone. So may its time of
        cancellation, which is taken for a line's where amounts are those of lines.
        """
        if state.is_known == "true" and total != "sum":
            return False
        apart = " or ".join(
            f"(bool_or({one}) and not bool_and({one}))"
            for one in (state.is_unpaid, state.is_given_back)
        )
        found = self.rows.connection.execute(
            f"select count(*) from (select {key.sql} as key_value "
            f"from {self.rows.relation} where {state.is_known} "
            f"group by key_value having {apart})"
        ).fetchone()
        return bool(found and found[0])

    def _refund(self, states: list[_State], total: str) -> _Refund:
        """Return what is given back where the rows themselves are no refunds."""
        if "refund" in self.types.values():
            return _Refund()
        for column in self.rows.named(REFUND_NAMES):
            if column.is_number and column.distinct > 1:
                unit = "0.01" if self.is_cents else ""
                sql = f"abs({money_sql(column, self.engine, is_typed=True, unit=unit)})"
                helper = Named("refunded_amount", sql, (column.name,))
                return _Refund(helper.name, f"{helper.name} > 0", (helper,))
        for state in states:
            if state.given_back:
                values = literals(list(state.given_back))
                if state.is_of_lines and total == "sum":
                    return self._refunded_lines(state)
                condition = f"{state.helper.name} in {values}"
                return _Refund("amount", condition, (state.helper,))
        return _Refund()

    def _refunded_lines(self, state: _State) -> _Refund:
        """Return what is given back of an order whose lines are given back apart."""
        amount = self._amount(is_typed=True)
        sql = f"case\n    when {state.is_given_back}\n        then {amount.sql}\nend"
        sources = (*state.helper.sources, *amount.sources)
        helper = Named("refunded_amount", sql, sources)
        return _Refund(helper.name, f"{helper.name} > 0", (helper,))


def _is_one_of(sql: str, values: Mapping[str, int]) -> str:
    return f"{sql} in {literals(list(values))}" if values else "false"


def _together(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the values of several columns with their rows."""
    return {value: rows for one in counts for value, rows in one.items()}
