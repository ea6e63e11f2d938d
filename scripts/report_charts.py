"""The drawings of the report, as Vega-Lite.

Colours are names of the page's own (`var(--accent)`), so that a drawing follows the
reader's light or dark scheme and the printer's without being drawn again. A picture on
its own has the light ones. No colour says anything that a place, a shape, a dash or a
word does not say too.
"""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from report_parts import Chart, Row

LIGHT = {
    "page": "#f7f7f4",
    "card": "#ffffff",
    "ink": "#17212b",
    "muted": "#566270",
    "line": "#dfe3e8",
    "accent": "#1f5fa6",
    "second": "#b4530a",
    "third": "#0f766a",
    "fourth": "#7a4a9e",
    "fifth": "#8a6a00",
    "neutral": "#8591a0",
    "band": "#c9dbee",
    "heat": "#5a9bdb",
    "kept": "#8994a2",
    "returned": "#12746a",
    "won": "#123763",
    "shrunk": "#c08413",
    "lost": "#8a3606",
}
DARK = {
    "page": "#11161c",
    "card": "#1a2128",
    "ink": "#e9edf2",
    "muted": "#a6b1bd",
    "line": "#313a44",
    "accent": "#73b3f5",
    "second": "#f0a060",
    "third": "#55c7b4",
    "fourth": "#c3a0e6",
    "fifth": "#d8bd5a",
    "neutral": "#7f8b99",
    "band": "#2b4560",
    "heat": "#1f5c9b",
    "kept": "#667281",
    "returned": "#42b09e",
    "won": "#cde4ff",
    "shrunk": "#a86f1c",
    "lost": "#f9c39a",
}
CARD, INK, MUTED, LINE = "var(--card)", "var(--ink)", "var(--muted)", "var(--line)"
ACCENT, SECOND, THIRD = "var(--accent)", "var(--second)", "var(--third)"
FOURTH, FIFTH = "var(--fourth)", "var(--fifth)"
NEUTRAL, BAND, HEAT = "var(--neutral)", "var(--band)", "var(--heat)"
# The parts of a stack are steps of lightness, so that grey ink tells them apart.
KEPT, RETURNED, WON = "var(--kept)", "var(--returned)", "var(--won)"
SHRUNK, LOST = "var(--shrunk)", "var(--lost)"
LINES = (ACCENT, SECOND, THIRD, FOURTH, FIFTH, NEUTRAL)
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2])
CONFIG: Mapping[str, Any] = {
    "background": "transparent",
    "font": "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    # The page says what a drawing shows.
    "aria": False,
    # A line belongs to many rows, the rest to one, which says what to show.
    "mark": {"tooltip": {"expr": "datum.hints"}},
    "line": {"tooltip": None},
    "area": {"tooltip": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": LINE,
        "domainColor": LINE,
        "tickColor": LINE,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 150,
        "labelPadding": 5,
        "labelFlush": False,
    },
    "axisBand": {"grid": False},
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 12,
        "symbolStrokeWidth": 1.5,
        "columns": 3,
        "columnPadding": 12,
        "labelLimit": 110,
        "padding": 0,
    },
    "text": {"color": INK, "fontSize": 12},
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 16,
        "subtitleColor": MUTED,
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
        "offset": 14,
    },
}
_LEFT: Mapping[str, Any] = {"align": "left", "x": 8}
_RIGHT: Mapping[str, Any] = {"align": "right", "x": alt.expr("width - 8")}
_TOP: Mapping[str, Any] = {"baseline": "top", "y": 6}
_BOTTOM: Mapping[str, Any] = {"baseline": "bottom", "y": alt.expr("height - 6")}
# What to do, and where that stands.
CORNERS: Mapping[str, Mapping[str, Any]] = {
    "concentrate here": {**_LEFT, **_TOP},
    "keep up": {**_RIGHT, **_TOP},
    "low priority": {**_LEFT, **_BOTTOM},
    "possible overkill": {**_RIGHT, **_BOTTOM},
}
WIDEST_PERIOD = 90
MOVEMENTS_HEIGHT, TEXT_HEIGHT, LETTER_WIDTH = 280, 13, 6
PICTURE_WIDTH = 760
PICTURE_SCALE = 2
SUBTITLE_CHARACTERS = 118


def revenue(rows: Sequence[Row], currency: str) -> dict[str, Any]:
    """Draw a bar for each period, hollow while it is not over, and the year before."""
    base = _chart(rows).encode(x=_periods(rows))
    is_over = "datum.is_complete"
    bars = base.mark_bar(stroke=ACCENT, strokeWidth=1.5, width=_bar(0.5)).encode(
        y=_amounts("value", currency),
        fill=alt.condition(is_over, alt.value(ACCENT), alt.value(CARD)),
        strokeDash=alt.condition(is_over, alt.value([1, 0]), alt.value([4, 3])),
    )
    if all(row["year_before"] is None for row in rows):
        return _spec(bars, height=240)
    pale = base.mark_bar(color=BAND, stroke=NEUTRAL, strokeWidth=1, width=_bar(0.92))
    return _spec(pale.encode(y="year_before:Q") + bars, height=240)


def funnel(rows: Sequence[Row]) -> dict[str, Any]:
    """Draw a bar for each stage in a track that stands for everybody.

    A stage of which nothing is known has no track: an empty one would be nobody.
    """
    stages = [row["stage"] for row in rows]
    base = _chart(rows).encode(
        y=alt.Y(
            "stage:N",
            sort=stages,
            axis=None,
            scale=alt.Scale(domain=stages, paddingInner=0.62),
        ),
    )
    whole = alt.X("whole:Q", axis=None, scale=alt.Scale(domain=[0, 1]))
    is_known = "isValid(datum.conversion_rate)"
    return _spec(
        base.transform_filter(is_known)
        .mark_bar(color=LINE, cornerRadius=3)
        .encode(x=whole)
        + base.transform_filter(f"!{is_known}")
        .mark_bar(color=CARD, cornerRadius=3, stroke=NEUTRAL, strokeDash=[4, 3])
        .encode(x=whole)
        + base.mark_bar(color=ACCENT, cornerRadius=3).encode(x="conversion_rate:Q")
        + base.mark_text(
            baseline="middle", fontWeight="bold", align="left", x=0, dy=-25
        ).encode(text="label:N"),
        height=62 * len(rows),
    )


def movements(
    rows: Sequence[Row], colors: Mapping[str, str], title: str
) -> dict[str, Any]:
    """Draw what came above zero and what went below, a stack for each period.

    A part in the colour of the card is drawn hollow.
    """
    base = _chart(rows).encode(
        x=_periods(rows),
        y=alt.Y("value:Q", title=title, axis=_thousands(6)),
        order="kind_order:O",
    )
    kinds, fills = list(colors), list(colors.values())
    outlines = [FOURTH if color == CARD else CARD for color in fills]
    # What is nothing has no outline either.
    parts = base.transform_filter("datum.value !== 0")
    bars = parts.mark_bar(strokeWidth=1, width=_bar(0.9)).encode(
        fill=alt.Fill("kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=fills)),
        stroke=alt.Stroke(
            "kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=outlines)
        ),
    )
    return _spec(bars + _zero() + _kinds(rows), height=MOVEMENTS_HEIGHT)


def _kinds(rows: Sequence[Row]) -> Any:
    """Write beside the last bar which of its pieces is which, for eyes and grey ink."""
    last = [row for row in rows if row["period"] == rows[-1]["period"]]
    sums: dict[tuple[str, bool], float] = {}
    for row in rows:
        side = row["period"], row["value"] > 0
        sums[side] = sums.get(side, 0) + row["value"]
    # A line of text is as high as this many customers or this much money.
    line = 1.15 * (max(sums.values()) - min(0, *sums.values())) * TEXT_HEIGHT
    line /= MOVEMENTS_HEIGHT
    labels: list[Row] = []
    for sign in (1, -1):
        base, place = 0.0, -line / 2
        for row in last:
            size = sign * row["value"]
            if size > 0:
                place = max(base + size / 2, place + line)
                base += size
                labels.append({"place": sign * place, "text": row["kind"]})
    text = alt.Chart(_inline(labels)).mark_text(align="left", fontSize=11)
    return text.encode(x=alt.value(alt.expr("width + 4")), y="place:Q", text="text:N")


def heat_map(
    rows: Sequence[Row], cohorts: Sequence[str], title: str, whole: str
) -> dict[str, Any]:
    """Draw a cell for each cohort and period number, with its share written in it.

    The cohort of everybody, `whole`, is written bold.
    """
    is_whole = f" === '{whole}'"
    base = _chart(rows).encode(
        x=alt.X(
            "period_number:O",
            title=title,
            axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y(
            "cohort:N",
            sort=list(cohorts),
            title=None,
            axis=alt.Axis(
                domain=False,
                ticks=False,
                labelColor=INK,
                labelFontWeight={
                    "condition": {"test": f"datum.value{is_whole}", "value": "bold"},
                    "value": "normal",
                },
            ),
        ),
    )
    weight = alt.expr(f"datum.cohort{is_whole} ? 'bold' : 'normal'")
    shade = alt.Opacity(
        "retention_rate:Q", legend=None, scale=alt.Scale(range=[0.04, 1], zero=True)
    )
    return _spec(
        base.mark_rect(color=HEAT, stroke=CARD, strokeWidth=1).encode(opacity=shade)
        + base.mark_text(fontSize=11, fontWeight=weight).encode(text="label:N"),
        height=24 * len(cohorts),
    )


def survival(rows: Sequence[Row], modal_month: int | None) -> dict[str, Any]:
    """Draw the share who have not left, its interval, and the month most leave in."""
    base = _chart(rows).encode(
        x=alt.X(
            "period_number:Q",
            title="months after the month of the first purchase",
            axis=alt.Axis(tickMinStep=1, grid=False),
        ),
    )
    share = alt.Y(
        "survival:Q",
        title=None,
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    layers = (
        base.mark_area(color=BAND, interpolate="step-after").encode(
            y=alt.Y("survival_lower:Q", title=None), y2="survival_upper:Q"
        )
        + base.mark_line(
            color=ACCENT, interpolate="step-after", strokeWidth=2.5
        ).encode(y=share)
        + _points(base).encode(y=share)
    )
    if modal_month is not None:
        text = f"most leave in month {modal_month}"
        mark = alt.Chart(_inline([{"month": modal_month, "text": text}]))
        layers += mark.mark_rule(color=SECOND, strokeDash=[5, 4], strokeWidth=2).encode(
            x="month:Q"
        )
        is_late = modal_month > rows[-1]["period_number"] / 2
        side: dict[str, Any] = (
            {"align": "right", "dx": -6} if is_late else {"align": "left", "dx": 6}
        )
        layers += mark.mark_text(
            baseline="top", y=2, color=SECOND, fontWeight="bold", **side
        ).encode(x="month:Q", text="text:N")
    return _spec(layers, height=280)


def hazard(rows: Sequence[Row]) -> dict[str, Any]:
    """Draw the risk of leaving in each month, with its interval."""
    base = _chart(rows).encode(
        x=alt.X(
            "period_number:O",
            title="months after the month of the first purchase",
            axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=4),
        ),
    )
    share = alt.Y("hazard:Q", title=None, axis=alt.Axis(format="%"))
    return _spec(
        base.mark_rule(color=NEUTRAL, strokeWidth=2).encode(
            y=alt.Y("hazard_lower:Q", title=None), y2="hazard_upper:Q"
        )
        + _points(base).encode(y=share),
        height=280,
    )


def cost_ranges(rows: Sequence[Row], currency: str) -> dict[str, Any]:
    """Draw for each channel what a customer costs under the models, least to most."""
    base = _chart(rows).encode(
        y=alt.Y("channel:N", sort=None, title=None, axis=alt.Axis(labelColor=INK)),
    )
    # What is written to the right needs its room, however wide the drawing is.
    room = 20 + LETTER_WIDTH * max(len(row["label"]) for row in rows)
    scale = alt.Scale(
        domain=[0, max(row["label_at"] for row in rows) or 1],
        range=[0, alt.ExprRef(f"max(width - {room}, width / 4)")],
        nice=False,
    )
    cost = alt.X(
        "lowest_cac:Q",
        title=currency,
        axis=_thousands(6),
        scale=scale,
    )
    return _spec(
        base.mark_rule(color=NEUTRAL, strokeWidth=5, strokeCap="round").encode(
            x=cost, x2="highest_cac:Q"
        )
        + base.mark_point(
            shape="diamond", filled=True, size=130, opacity=1, color=ACCENT
        ).encode(x=alt.X("cac:Q"))
        + base.mark_text(align="left", dx=12).encode(x="label_at:Q", text="label:N"),
        height=38 * len(rows),
    )


def payback(rows: Sequence[Row], channels: Sequence[str]) -> dict[str, Any]:
    """Draw what each channel's customers have brought for each unit that was spent."""
    domain = list(channels)
    last = max(row["period_number"] for row in rows)
    base = _chart(rows).encode(
        x=alt.X(
            "period_number:Q",
            title="months after the month of the first purchase",
            axis=alt.Axis(values=list(range(last + 1)), format="d", grid=False),
            scale=alt.Scale(domain=[0, max(last, 1)], nice=False),
        ),
    )
    ratio = alt.Y(
        "ratio:Q",
        title="margin so far / spend",
        axis=alt.Axis(tickCount=6),
        scale=alt.Scale(domainMax=max(1.2, *(row["ratio"] for row in rows))),
    )
    paid = alt.Chart(_inline([{"one": 1, "text": "paid back"}]))
    colors = alt.Scale(domain=domain, range=list(LINES[: len(domain)]))
    # A legend of shapes is told apart at its size, one of dashes is not.
    dashes = {
        "condition": [
            {"test": f"datum.channel === {json.dumps(channel)}", "value": dash}
            for channel, dash in zip(domain, DASHES, strict=False)
        ],
        "value": DASHES[0],
    }
    named: dict[str, Any] = {"sort": domain, "title": None}
    return _spec(
        paid.mark_rule(color=INK, strokeWidth=1).encode(y="one:Q")
        + paid.mark_text(align="left", baseline="bottom", x=4, dy=-3).encode(
            y="one:Q", text="text:N"
        )
        + base.mark_line(strokeWidth=2.25).encode(
            y=ratio,
            color=alt.Color("channel:N", scale=colors, **named),
            strokeDash=dashes,
        )
        + base.mark_point(filled=True, size=55, opacity=1).encode(
            y=ratio,
            color=alt.Color("channel:N", scale=colors, **named),
            shape=alt.Shape("channel:N", scale=alt.Scale(domain=domain), **named),
        )
        + base.transform_filter("datum.is_small_sample")
        .mark_point(filled=True, size=16, opacity=1, color=CARD)
        .encode(
            y=ratio,
            shape=alt.Shape("channel:N", scale=alt.Scale(domain=domain), **named),
        ),
        height=280,
    )


def model_matrix(
    rows: Sequence[Row], models: Sequence[str], channels: Sequence[str]
) -> dict[str, Any]:
    """Draw what each model credits to each channel, shaded by its share."""
    base = _chart(rows).encode(
        x=alt.X(
            "model:N",
            sort=list(models),
            title=None,
            axis=alt.Axis(
                orient="top",
                labelAngle=0,
                domain=False,
                ticks=False,
                labelColor=INK,
                labelExpr="split(datum.label, ' ')",
                # Lines run downwards from the first.
                labelPadding=34,
            ),
        ),
        y=alt.Y(
            "channel:N",
            sort=list(channels),
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelColor=INK),
        ),
    )
    shade = alt.Opacity(
        "conversion_share:Q", legend=None, scale=alt.Scale(range=[0.04, 1], zero=True)
    )
    return _spec(
        base.mark_rect(color=HEAT, stroke=CARD, strokeWidth=1).encode(opacity=shade)
        + base.mark_text().encode(text="label:N"),
        height=28 * len(channels),
    )


def scores(rows: Sequence[Row], domain: tuple[float, float]) -> dict[str, Any]:
    """Draw a score of each period with its interval."""
    base = _chart(rows).encode(x=_periods(rows))
    axis = alt.Y(
        "score:Q", title=None, scale=alt.Scale(domain=list(domain), clamp=True)
    )
    layers = (
        base.mark_rule(color=NEUTRAL, strokeWidth=2).encode(
            y=alt.Y("score_lower:Q", title=None), y2="score_upper:Q"
        )
        + base.mark_line(color=ACCENT, strokeWidth=1.25, opacity=0.6).encode(y=axis)
        + _points(base).encode(y=axis)
    )
    if domain[0] < 0:
        layers += _zero()
    return _spec(layers, height=220)


def quadrants(rows: Sequence[Row], success: float, importance: float) -> dict[str, Any]:
    """Draw how much each milestone matters against how often it works."""
    base = _chart(rows)
    left = max(0, min(row["success_rate_lower"] for row in rows) - 0.06)
    right = min(1, max(row["success_rate_upper"] for row in rows) + 0.06)
    low = max(0, min(row["importance"] for row in rows) - 0.12)
    high = max(row["importance"] for row in rows) + 0.12
    across = alt.Scale(domain=[left, right], nice=False, zero=False)
    up = alt.Scale(domain=[low, high], nice=False, zero=False)
    x = alt.X(
        "success_rate:Q",
        title="works: share who took the next step in time",
        axis=alt.Axis(format="%", grid=False, tickCount=8),
        scale=across,
    )
    y = alt.Y(
        "importance:Q",
        title="matters: stated importance",
        axis=alt.Axis(grid=False, tickCount=6),
        scale=up,
    )
    means = alt.Chart(_inline([{"success": success, "importance": importance}]))
    rule: dict[str, Any] = {"color": NEUTRAL, "strokeDash": [4, 4]}
    layers = means.mark_rule(**rule).encode(x=alt.X("success:Q", scale=across))
    layers += means.mark_rule(**rule).encode(y=alt.Y("importance:Q", scale=up))
    for name, style in CORNERS.items():
        layers += (
            alt.Chart(_inline([{"text": name}]))
            .mark_text(color=MUTED, fontSize=14, fontStyle="italic", **style)
            .encode(text="text:N")
        )
    layers += base.mark_rule(color=NEUTRAL, strokeWidth=1.5).encode(
        x=alt.X("success_rate_lower:Q", title="", scale=across),
        x2="success_rate_upper:Q",
        y=y,
    )
    layers += base.mark_point(filled=True, size=130, opacity=1).encode(
        x=x,
        y=y,
        color=alt.Color(
            "quadrant:N",
            legend=None,
            scale=alt.Scale(
                domain=list(CORNERS), range=[SECOND, ACCENT, NEUTRAL, THIRD]
            ),
        ),
        shape=alt.Shape(
            "quadrant:N",
            legend=None,
            scale=alt.Scale(
                domain=list(CORNERS),
                range=["triangle-up", "circle", "square", "diamond"],
            ),
        ),
    )
    middle = (left + right) / 2
    sides: list[tuple[str, dict[str, Any]]] = [
        (f"datum.success_rate <= {middle}", {"align": "left", "dx": 11}),
        (f"datum.success_rate > {middle}", {"align": "right", "dx": -11}),
    ]
    for is_there, style in sides:
        layers += (
            base.transform_filter(is_there)
            .mark_text(baseline="middle", dy=-9, **style)
            .encode(x=x, y=y, text="milestone:N")
        )
    return _spec(layers, height=460)


def picture(chart: Chart, source: str) -> tuple[str, bytes]:
    """Return a chart as SVG and PNG, with its title and what it shows."""
    spec = json.loads(
        re.sub(
            r"var\(--([a-z]+)\)",
            lambda match: LIGHT.get(match[1], match[0]),
            json.dumps({**chart.spec, "config": CONFIG}),
        )
    )
    spec["background"] = LIGHT["card"]
    spec["padding"] = 16
    spec["width"] = max(PICTURE_WIDTH, chart.narrowest)
    spec["title"] = {
        "text": chart.title,
        "subtitle": [*textwrap.wrap(chart.sentence, SUBTITLE_CHARACTERS), source],
    }
    svg = vl_convert.vegalite_to_svg(spec)
    return svg, vl_convert.svg_to_png(svg, scale=PICTURE_SCALE)


def _chart(rows: Sequence[Row]) -> alt.Chart:
    return alt.Chart(_inline(rows))


def _inline(rows: Sequence[Row]) -> Any:
    return alt.InlineData(values=[dict(row) for row in rows])


def _zero() -> Any:
    rule = alt.Chart(_inline([{"zero": 0}])).mark_rule(color=INK, strokeWidth=1)
    return rule.encode(y="zero:Q")


def _periods(rows: Sequence[Row]) -> alt.X:
    labels = list(dict.fromkeys(row["period"] for row in rows))
    widest = max(len(word) for label in labels for word in label.split())
    # As many labels as there is room for, the newest always among them.
    step = f"ceil({len(labels)} * {7 * widest + 6} / width)"
    place = f"{len(labels) - 1} - indexof(domain('x'), datum.value)"
    return alt.X(
        "period:O",
        sort=labels,
        scale=alt.Scale(domain=labels),
        title=None,
        axis=alt.Axis(
            labelAngle=0,
            labelOverlap=False,
            labelExpr=f"({place}) % {step} ? '' : split(datum.label, ' ')",
        ),
    )


def _amounts(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=title, axis=_thousands(5))


def _thousands(ticks: int) -> alt.Axis:
    """Return an axis of large numbers, with a bare zero."""
    label = "datum.value === 0 ? '0' : datum.label"
    return alt.Axis(format="~s", tickCount=ticks, labelExpr=label)


def _bar(share: float) -> Any:
    """Return the width of a bar: a share of its period's, and no barn door."""
    return alt.expr(f"min({share} * bandwidth('x'), {share} * {WIDEST_PERIOD})")


def _points(base: alt.Chart) -> Any:
    """Draw points, hollow where the sample is small."""
    return base.mark_point(size=60, color=ACCENT, opacity=1, strokeWidth=2).encode(
        fill=alt.condition("datum.is_small_sample", alt.value(CARD), alt.value(ACCENT))
    )


def _spec(chart: Any, height: int) -> dict[str, Any]:
    spec: dict[str, Any] = chart.properties(
        width="container",
        height=height,
    ).to_dict()
    del spec["config"]
    return spec
