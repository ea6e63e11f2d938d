"""The report, as a reader has it: opened from disk in Chromium, and in its figures."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import psycopg2
import pytest
from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped]
    Axe,
)
from playwright.sync_api import Browser, Page, sync_playwright

import published
import report
import report_charts
import report_databases as databases
import report_growth
import report_parts
from postgres_server import postgres_server
from report_parts import Chart, Note, Section, Tile, Tiles

CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
LARGEST = 3_000_000
LONGEST_SECONDS = 15
WIDE, PHONE = 1280, 390
SECTIONS = [
    *("headlines", "funnel", "growth", "cohorts", "churn", "costs", "attribution"),
    *("experience", "milestones", "quality", "run"),
]
CHARTS = {
    *("revenue", "funnel", "growth_customers", "growth_revenue", "cohorts"),
    *("survival", "hazard", "costs", "payback", "attribution", "nps", "css", "exs"),
    "milestones",
}
# The parts of a stack above zero and below it, from zero on.
GAINS, LOSSES = ("kept", "returned", "won"), ("shrunk", "lost")
# What a missing value would look like; sentences begin with "None of".
NO_TEXT = r"\b(?:NaN|nan|null|undefined|inf|None(?! of))\b"
# What a drawing has beside axes, legends and frames.
MARKS = ".mark-rect.role-mark path, .mark-symbol.role-mark path"


@dataclass
class Report:
    """A report that was drawn, and what it was drawn of."""

    page: Path
    place: published.DuckdbFile
    tables: Mapping[str, pd.DataFrame]
    seconds: float


@dataclass
class Opened:
    """A report in the browser, and what the browser had to say."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, place: str) -> str:
        """Return what stands in a place of the page."""
        return self.page.locator(place).inner_text()


def drawn(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    info: Mapping[str, Any] = databases.INFO,
) -> Report:
    """Publish tables and draw their report."""
    folder.mkdir(parents=True, exist_ok=True)
    file = databases.write(folder / "published.duckdb", tables, info)
    place = published.DuckdbFile(file, "customer_journey")
    page = folder / "report.html"
    started = time.monotonic()
    with published.read(place) as reader:
        report.write(reader, page)
    return Report(page, place, tables, time.monotonic() - started)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def sample(folder: Path) -> Report:
    return drawn(folder / "sample", databases.built(databases.sample()))


@pytest.fixture(scope="module")
def bare(folder: Path) -> Report:
    """Purchases alone: every optional input is off."""
    rows = databases.sample()["transactions"]
    inputs = {"transactions": rows[rows["currency"] == "USD"]}
    return drawn(folder / "bare", databases.built(inputs, is_alone=True))


@pytest.fixture(scope="module")
def three_years(folder: Path) -> Report:
    return drawn(folder / "years", databases.built(databases.three_years()))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM
        )
        yield chromium
        chromium.close()


@contextmanager
def opened(
    browser: Browser, file: Path, width: int = WIDE, scheme: Any = "light"
) -> Iterator[Opened]:
    """Open a page from disk, without a network, until all is drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    found = Opened(page)
    page.on("console", lambda message: found.complaints.append(message.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("request", lambda request: found.requests.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_function(
        "[...document.querySelectorAll('.drawing')].every("
        "drawing => drawing.querySelector('svg'))"
    )
    yield found
    context.close()


def assert_sound(found: Opened, charts: set[str], width: int = WIDE) -> None:
    """Nothing was fetched or amiss, every chart is drawn, and nothing sticks out."""
    assert [url for url in found.requests if not url.startswith("file:")] == []
    assert found.complaints == []
    assert {
        figure.get_attribute("id") for figure in found.page.locator("figure").all()
    } == {f"chart-{name}" for name in charts}
    for name in charts:
        assert found.page.locator(f"#chart-{name} svg").locator(MARKS).count() > 0, name
    ids = "sections => sections.map(section => section.id)"
    assert found.page.locator("main > section").evaluate_all(ids) == SECTIONS
    assert found.page.evaluate("document.documentElement.scrollWidth") == width
    assert re.findall(NO_TEXT, found.text("body")) == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "dark")]
)
def test_sample_opens_from_disk(
    browser: Browser, sample: Report, width: int, scheme: str
) -> None:
    with opened(browser, sample.page, width, scheme) as found:
        assert_sound(found, CHARTS, width)
        assert found.page.locator(".note.empty").count() == 0
        colors = report_charts.DARK if scheme == "dark" else report_charts.LIGHT
        bar = found.page.locator("#chart-funnel .mark-rect path").last
        assert bar.evaluate("bar => getComputedStyle(bar).fill") == rgb(
            colors["accent"]
        )


def rgb(color: str) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def sections(place: published.Place) -> dict[str, Section]:
    """Return the sections of a report of what is published at a place."""
    with published.read(place) as reader:
        run = report.find_run(reader)
        return {made.id: made for made in (make(run) for make in report.SECTIONS)}


def charts(drawn_report: Report) -> dict[str, Chart]:
    """Return the charts of a report by name."""
    return {
        part.name: part
        for section in sections(drawn_report.place).values()
        for part in section.parts
        if isinstance(part, Chart)
    }


def marks(chart: Chart) -> pd.DataFrame:
    """Return the rows that a chart draws."""
    return pd.DataFrame(max(chart.spec["datasets"].values(), key=len))


def only(rows: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Keep the rows with these values, and of segments the total."""
    if "segment_column" in rows:
        values["segment_column"] = "all"
    for name, value in values.items():
        rows = rows[rows[name] == value]
    return rows


def test_page_is_small_and_soon_drawn(sample: Report) -> None:
    assert sample.page.stat().st_size < LARGEST
    assert sample.seconds < LONGEST_SECONDS
    assert [file.name for file in sample.page.parent.iterdir()].count(
        "report.html"
    ) == 1


def test_headlines_are_those_of_other_tables(browser: Browser, sample: Report) -> None:
    """Each number of the page is worked out from tables that it is not taken from."""
    rows = sample.tables
    days = only(rows["rpt_growth"], period_grain="day").copy()
    days["month"] = pd.to_datetime(days["period_start"]).dt.strftime("%Y-%m")
    months = days.groupby("month")[["net_revenue", "orders"]].sum().astype(float)
    now, before, year_before = (
        months.loc[name] for name in ("2024-12", "2024-11", "2023-12")
    )
    december = {"period_grain": "month", "period_start": pd.Timestamp("2024-12-01")}
    cohort = {"period_grain": "month", "cohort_start": pd.Timestamp("2024-12-01")}
    (moved,) = only(rows["rpt_growth_accounting"], **december).to_dict("records")
    (cost,) = only(
        rows["rpt_cac_payback"], channel="all", period_number=0, **cohort
    ).to_dict("records")
    (answers,) = only(
        rows["rpt_experience"], survey_type="nps", question_id="all", **december
    ).to_dict("records")
    sizes = only(rows["rpt_cohort_retention"], **cohort)["cohort_size"]
    kinds = ("retained", "new", "resurrected")
    active = sum(moved[f"{kind}_customers"] for kind in kinds)
    came_back = moved["retained_customers"] / moved["previous_active_customers"]
    promoted = (answers["promoters"] - answers["detractors"]) / answers["responses"]
    expected = {
        "Net revenue": f"{now['net_revenue']:,.0f} USD",
        "Orders": f"{now['orders']:,.0f}",
        "Average order value": f"{now['net_revenue'] / now['orders']:.2f} USD",
        "Active customers": f"{active:,.0f}",
        "New customers": f"{sizes.max():,.0f}",
        "Customers who came back": f"{100 * came_back:.1f}%",
        "Blended acquisition cost": (f"{cost['spend'] / cost['customers']:.2f} USD"),
        "Net promoter score": f"{100 * promoted:.1f}",
    }
    growth = now["net_revenue"] / before["net_revenue"] - 1
    growth_on_year = now["net_revenue"] / year_before["net_revenue"] - 1
    with opened(browser, sample.page) as found:
        tiles = found.page.locator(".tile").all()
        assert {
            tile.locator("h3").inner_text(): tile.locator(".value").inner_text()
            for tile in tiles
        } == expected
        revenue = tiles[0].inner_text()
        assert f"{100 * growth:+.1f}% on Nov 2024" in revenue
        assert f"{100 * growth_on_year:+.1f}% on Dec 2023" in revenue
        assert f"{now['orders']:,.0f} orders" in revenue
        assert f"{answers['responses']} answers" in tiles[-1].inner_text()
        (paid,) = only(
            rows["rpt_acquisition"],
            attribution_model="last_non_direct",
            channel="all",
            **december,
        )["paid_cac"]
        assert f"paid channels alone: {paid:.2f} USD" in tiles[-2].inner_text()


def test_charts_draw_the_tables(sample: Report) -> None:
    """What is drawn is what the tables say, grouped by pandas where it is grouped."""
    rows, found = sample.tables, charts(sample)

    cells = only(
        rows["rpt_cohort_retention"],
        period_grain="month",
        offset_basis="calendar",
        is_complete=True,
    ).query("period_number > 0")
    heat_map = marks(found["cohorts"]).query("cohort != 'all cohorts'")
    assert len(heat_map) == len(cells) == 23 * 24 / 2
    assert sorted(heat_map["retention_rate"]) == sorted(cells["retention_rate"])
    sizes = set(cells["cohort_size"].astype(int).astype(str))
    assert {name.split(" ")[-1].strip("*") for name in heat_map["cohort"]} == sizes

    curve = only(
        rows["rpt_churn_by_month_number"], churn_window="in_force", period_grain="all"
    ).dropna(subset="survival")
    for name in ("survival", "survival_lower", "survival_upper"):
        assert list(marks(found["survival"])[name]) == list(curve[name]), name
    likeliest = curve.loc[curve["churn_probability"].idxmax(), "period_number"]
    assert f"The modal churn month is {likeliest}:" in found["survival"].sentence


def test_payback_follows_the_same_cohorts(sample: Report) -> None:
    """A line is moved by time alone: the cohorts that are old enough for its end."""
    chart = charts(sample)["payback"]
    # Of 24 months the first twelve have been watched for twelve more.
    cells = only(sample.tables["rpt_cac_payback"], is_complete=True)
    cells = cells[pd.to_datetime(cells["cohort_start"]) < pd.Timestamp("2024-01-01")]
    sums = cells.groupby(["channel", "period_number"])[["cumulative_margin", "spend"]]
    expected = sums.sum().astype(float)
    shown = marks(chart)
    assert shown["channel"].nunique() == 6
    assert set(shown["period_number"]) == set(range(13))
    assert len(shown) == 6 * 13
    for _, row in shown.iterrows():
        channel = str(row["channel"]).replace(" ", "_").replace("all_channels", "all")
        cell = expected.loc[(channel, row["period_number"])]
        assert row["ratio"] == pytest.approx(cell["cumulative_margin"] / cell["spend"])
        if channel == "all":
            assert row["hints"]["cohorts"] == "12 of 24"
    assert "the same cohorts all along" in chart.sentence


def test_last_twelve_months_are_the_year(sample: Report) -> None:
    """Costs and credits of the months drawn are those of the rows of the year."""
    rows, found = sample.tables, charts(sample)
    year = {"period_grain": "year", "period_start": pd.Timestamp("2024-01-01")}
    credited = only(rows["rpt_attribution"], conversion_type="first", **year)
    credited = credited.groupby(["channel", "attribution_model"], as_index=False)[
        ["conversions"]
    ].sum()
    shown = marks(found["attribution"]).set_index(["channel", "model"])["label"]
    for row in credited.to_dict("records"):
        label = shown[named(row["channel"]), named(row["attribution_model"])]
        assert abs(float(label.replace("<1", "0")) - row["conversions"]) < 0.51, row

    costs = only(rows["rpt_acquisition"], campaign="all", **year).query("spend > 0")
    by_channel = costs.groupby("channel")["cac"].agg(["min", "max"]).dropna()
    drawn_costs = marks(found["costs"]).set_index("channel")
    for channel, (lowest, highest) in by_channel.iterrows():
        cost = drawn_costs.loc[named(str(channel))]
        assert cost["lowest_cac"] == pytest.approx(lowest)
        assert cost["highest_cac"] == pytest.approx(highest)
    assert len(by_channel) == 5
    assert list(drawn_costs.query("lowest_cac.isnull()").index) == ["affiliate"]
    assert drawn_costs.loc["affiliate", "label"] == "9,150 USD, won nobody"
    assert "9,150 USD for affiliate won nobody" in found["costs"].sentence


def named(name: str) -> str:
    """Write a name of the data as the page does."""
    own = {"all": "all channels", "(none)": "no recorded touch"}
    return own.get(name, name.replace("_", " "))


def test_quadrants_lie_where_the_table_says(sample: Report) -> None:
    """Means are drawn so that every milestone is on the side that it is named by."""
    chart = charts(sample)["milestones"]
    datasets = chart.spec["datasets"].values()
    (means,) = next(rows for rows in datasets if "success" in rows[0])
    for _, row in marks(chart).iterrows():
        is_important = row["importance"] >= means["importance"]
        is_successful = row["success_rate"] >= means["success"]
        assert (
            row["quadrant"]
            == {
                (True, True): "keep up",
                (True, False): "concentrate here",
                (False, True): "possible overkill",
                (False, False): "low priority",
            }[is_important, is_successful]
        )


def test_every_query_of_the_page_runs(browser: Browser, sample: Report) -> None:
    """They are there to be copied into a client."""
    with opened(browser, sample.page) as found:
        queries = found.page.locator("pre code").all_text_contents()
    assert len(queries) >= len(CHARTS)
    with published.read(sample.place) as reader:
        for query in queries:
            for statement in query.split(";\n"):
                assert reader.query(statement), statement


def test_words_are_those_of_the_tables(browser: Browser, sample: Report) -> None:
    """Each section says what its figures mean, behind one click."""
    with opened(browser, sample.page) as found:
        for name in SECTIONS[:-1]:
            meaning = found.page.locator(f"#{name} .meaning")
            assert not meaning.locator("dl").is_visible()
            meaning.locator("summary").click()
            assert meaning.locator("dt").count() == meaning.locator("dd").count() > 3
        text = found.text("#cohorts dl")
        assert "Customers whose first purchase falls in the cohort's period" in text
        assert "{{" not in text
        assert "`" not in text
        assert (
            "promoters (9 and 10)" in found.page.locator("#headlines dl").inner_text()
        )


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "dark"), (PHONE, "light")])
def test_page_is_accessible(
    browser: Browser, sample: Report, width: int, scheme: str
) -> None:
    with opened(browser, sample.page, width, scheme) as found:
        found.page.evaluate(
            "document.querySelectorAll('details').forEach(one => one.open = true)"
        )
        answer = Axe().run(found.page).response
        assert [
            (one["id"], one["nodes"][0]["html"]) for one in answer["violations"]
        ] == []
        for figure in found.page.locator("figure").all():
            drawing = figure.get_by_role("img")
            says = drawing.get_attribute("aria-describedby")
            assert len(found.page.locator(f"#{says}").inner_text()) > 60
            assert figure.locator("tbody tr").count() > 0


@pytest.mark.parametrize("colors", [report_charts.LIGHT, report_charts.DARK])
def test_drawings_have_enough_contrast(colors: Mapping[str, str]) -> None:
    """Text 4.5 to 1, marks 3 to 1 (WCAG 2.2 AA), on what they are drawn on."""
    for text in ("ink", "muted", "accent"):
        for ground in ("page", "card"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    assert contrast(colors["second"], colors["card"]) >= 4.5
    assert contrast(colors["ink"], colors["heat"]) >= 4.5
    lines = ("accent", "second", "third", "fourth", "fifth", "neutral")
    for mark in (*lines, *GAINS, *LOSSES):
        assert contrast(colors[mark], colors["card"]) >= 3, mark


@pytest.mark.parametrize("colors", [report_charts.LIGHT, report_charts.DARK])
def test_stacks_are_told_apart_without_hue(colors: Mapping[str, str]) -> None:
    """Parts of one stack are steps of lightness that all go one way."""
    for stack in (GAINS, LOSSES):
        lightness = [luminance(colors[part]) for part in stack]
        assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
        for one, other in pairwise(stack):
            assert contrast(colors[one], colors[other]) >= 1.8, (one, other)


def test_sentences_are_written_for_people() -> None:
    """What the tables say in a sentence loses its variables and gains its commas."""
    assert report_parts.readable(
        "1 complete months are observed, fewer than the 12 of readiness_min_months: "
        "1507 of 12345 customers can be judged in month 1, 1 of 1 customers in month 3."
    ) == (
        "1 complete month is observed, fewer than the 12 asked for: 1,507 of 12,345 "
        "customers can be judged in month 1, 1 of 1 customer in month 3."
    )
    guests = "60.0% of the orders, more than the share of 0.5 of "
    assert report_parts.readable(f"{guests}readiness_max_guest_share: 21 months.") == (
        "60.0% of the orders, more than the share of 0.5 allowed: 21 months."
    )
    assert report_parts.named(["paid_search", "__proto__", "A_b", "Älter"]) == {
        "paid_search": "paid search",
        **{name: name for name in ("__proto__", "A_b", "Älter")},
    }
    alike = ["paid_search", "paid search"]
    assert report_parts.named(alike) == dict(zip(alike, alike, strict=True))


def test_what_many_numbers_lack_is_said_once() -> None:
    """A page of a survey alone has one tile, and a sentence for the other seven."""
    known = Tile("Net promoter score", "31.0", "", "2,650 answers")
    unknown = [
        Tile(title, "not known", "", why)
        for title, why in (
            *(
                ("Orders", "Off."),
                ("Cost", "Nothing spent."),
                ("New customers", "Off."),
            ),
            *(("Active customers", "Off."), ("Net revenue", "Off.")),
        )
    ]
    tiles, note = report_growth.gathered([*unknown, known], "select 1")
    assert tiles == Tiles([unknown[1], known], "select 1")
    words = "Not known: orders, new customers, active customers and net revenue. Off."
    assert note == Note(words, is_empty=True)


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    weighed = zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    return sum(
        weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
        for weight, part in weighed
    )


def test_paper_is_light_and_whole(browser: Browser, sample: Report) -> None:
    with opened(browser, sample.page, 700, "dark") as found:
        found.page.emulate_media(media="print", color_scheme="dark")
        assert not found.page.locator("nav").is_visible()
        found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert found.page.locator("#cohorts .meaning dl").is_visible()
        body = found.page.locator("body")
        assert body.evaluate("body => getComputedStyle(body).color") == rgb(
            report_charts.LIGHT["ink"]
        )
        widths = "drawings => Math.max(...drawings.map(one => one.scrollWidth))"
        assert found.page.locator(".drawing svg").evaluate_all(widths) <= 700
        assert found.page.evaluate("document.documentElement.scrollWidth") == 700
        assert found.page.pdf(format="A4")[:5] == b"%PDF-"


def test_every_optional_input_may_be_off(browser: Browser, bare: Report) -> None:
    """What cannot be known says so and why, and is never a zero."""
    with opened(browser, bare.page, PHONE, "dark") as found:
        assert_sound(
            found,
            {
                *("revenue", "funnel", "growth_customers", "growth_revenue", "cohorts"),
                *("survival", "hazard"),
            },
            PHONE,
        )
        assert "Only one milestone has a success rate" in found.text("#milestones")
        assert "The input marketing spend is switched off." in found.text(
            "#costs .empty"
        )
        assert "The input touchpoints is switched off" in found.text(
            "#attribution .empty"
        )
        assert "survey responses is switched off" in found.text("#experience .empty")
        for title in ("Blended acquisition cost", "Net promoter score"):
            tile = found.page.locator(".tile", has=found.page.get_by_text(title))
            assert tile.locator(".value").inner_text() == "not known"
            assert "is switched off" in tile.inner_text()
        assert "not known: consideration and advocacy" in found.text("#funnel-says")
        # An empty track would say that nobody got there.
        hollow = "#chart-funnel .mark-rect path[stroke-dasharray='4,3']"
        assert found.page.locator(hollow).count() == 2


def test_no_row_at_all(browser: Browser, folder: Path) -> None:
    empty = drawn(folder / "nothing", databases.built({}), databases.BARE_INFO)
    with opened(browser, empty.page) as found:
        assert_sound(found, set())
        assert "Nothing has been observed yet." in found.text("header")
        for name in SECTIONS[:-2]:
            assert len(found.text(f"#{name} .empty")) > 30, name
        assert found.page.locator(".tile").count() == 0
        assert "not looked at in this run" in found.text("#run")


def test_no_month_is_over(browser: Browser, folder: Path) -> None:
    """One purchase of one customer: what is so far is shown, and no rate."""
    one = drawn(
        folder / "one", databases.built({"transactions": databases.ONE_PURCHASE})
    )
    with opened(browser, one.page, PHONE) as found:
        assert_sound(found, {"revenue", "funnel"}, PHONE)
        assert "No month is over yet" in found.text("#headlines .empty")
        assert "No month is over yet" in found.text("#growth .empty")
        assert "not measurable" in found.text("#cohorts .empty")
        assert "Feb 2024 is not over" in found.text("#revenue-says")


def test_one_month(browser: Browser, folder: Path) -> None:
    month = drawn(folder / "month", databases.built(databases.first_month()))
    with opened(browser, month.page, scheme="dark") as found:
        # One milestone has a rate, which a sentence says.
        lone = {"cohorts", "survival", "hazard", "milestones"}
        assert_sound(found, CHARTS - lone)
        assert "Jan 2023 at a glance" in found.text("#headlines h2")
        tile = found.page.locator(".tile").first.inner_text()
        assert "not known no month before" in tile
        assert "not known no year before" in tile
        assert "not measurable" in found.text("#churn .empty")


def test_three_years_of_names_that_are_not_harmless(
    browser: Browser, three_years: Report
) -> None:
    """Text is text, whatever it holds; of many channels the largest are drawn."""
    title = "Customer journey of customer_journey, as of 31 Dec 2024"
    with opened(browser, three_years.page, PHONE) as found:
        assert_sound(found, CHARTS - {"nps", "css", "exs"}, PHONE)
        scripts = found.page.locator("main script:not([type='application/json'])")
        assert scripts.count() == found.page.locator("img").count() == 0
        chart = found.page.locator("#chart-attribution")
        chart.locator("summary").first.click()
        table = chart.locator("tbody").inner_text()
        for name in databases.HOSTILE:
            assert name in table, name
        assert "(3 other channels)" in table
        left_out = "5 other channels with less spend are left out"
        assert left_out in found.text("#costs-says")
        chart.locator(".mark-text.role-mark text").first.hover()
        tooltip = found.page.locator("#vg-tooltip-element").inner_text()
        assert any(name in tooltip for name in databases.HOSTILE)
        assert found.page.locator("img").count() == 0
        assert found.page.title() == title
    assert three_years.page.stat().st_size < LARGEST
    assert three_years.seconds < LONGEST_SECONDS


def test_pictures_stand_alone(folder: Path, bare: Report) -> None:
    """Each chart is a PNG and an SVG, in the light colours, under its title."""
    with published.read(bare.place) as reader:
        report.write(reader, folder / "again.html", charts=folder / "pictures")
    found = charts(bare)
    assert {file.name for file in (folder / "pictures").iterdir()} == {
        f"{name}.{kind}" for name in found for kind in ("svg", "png")
    }
    for name, chart in found.items():
        svg = (folder / "pictures" / f"{name}.svg").read_text()
        assert "var(--" not in svg
        assert chart.title.split(",")[0] in svg
        assert (folder / "pictures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    assert (folder / "again.html").read_bytes() == bare.page.read_bytes()


def test_what_fails_leaves_the_old_page(tmp_path: Path, bare: Report) -> None:
    page = tmp_path / "report.html"
    page.write_text("yesterday's")

    class Broken:
        """A reader whose database goes away after the run has been found."""

        def __init__(self, reader: published.Reader) -> None:
            self.reader, self.questions = reader, 0

        def query(self, sql: str) -> list[dict[str, Any]]:
            self.questions += 1
            if self.questions > 10:
                raise ConnectionError("gone")
            return self.reader.query(sql)

    with (
        published.read(bare.place) as reader,
        pytest.raises(ConnectionError, match="gone"),
    ):
        report.write(Broken(reader), page)
    assert page.read_text() == "yesterday's"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_postgres_says_the_same(sample: Report) -> None:
    """Every query is answered alike by both engines that are published on."""
    with (
        postgres_server() as server,
        duckdb.connect(str(sample.place.path), read_only=True) as tables,
    ):

        def connect() -> Any:
            return psycopg2.connect(
                host=str(server.folder), user=server.user, dbname=server.database
            )

        with (
            closing(connect()) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("create schema journey; set search_path to journey")
            names = (name for (name,) in tables.execute("show tables").fetchall())
            for name in names:
                databases.copy_to_postgres(tables, name, cursor)
        place = published.PostgresSchema("journey", "customer_journey", connect)
        assert words(sections(place)) == words(sections(sample.place))


def words(made: Mapping[str, Section]) -> list[Any]:
    """Return all that sections say, beside their drawings."""
    return [
        replace(part, spec={}) if isinstance(part, Chart) else part
        for section in made.values()
        for part in section.parts
    ]
