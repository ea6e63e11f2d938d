"""Counts from the generated company's own tables, without the project's models.

What has no closed form is true of the company as it was made: `people`, `purchases`,
`clean_touches`, `clean_answers` and `sent_links` of `sample_company.sql`, in local time
and with a number per person, before anything is delivered, doubled or named.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from generate_sample_data import Company

CONFIG = Path(__file__).parents[2] / "seeds" / "config"
STAGES = ("awareness", "consideration", "conversion", "retention", "advocacy")

# Steps: every touch and purchase of a person with the milestone that it belongs to.
# Entries: when somebody first was in a stage or beyond it.
TABLES = f"""
create or replace temp table touch_types as
select types.*, milestones.stage
from '{CONFIG}/journey_touchpoint_types.csv' as types
inner join '{CONFIG}/journey_milestones.csv' as milestones using (milestone);

create or replace temp table steps as
select
    touches.person,
    touches.local_time,
    touch_types.milestone,
    touch_types.stage,
    false as is_purchase,
    coalesce(touches.outcome, touch_types.default_outcome) as outcome
from clean_touches as touches
inner join touch_types using (touchpoint_type)
union all
select
    purchases.person,
    purchases.local_time,
    if(
        purchases.local_time::date = people.first_purchase::date,
        'purchase',
        'repeat_purchase'
    ),
    null,
    true,
    null
from purchases
inner join people using (person);

create or replace temp table moments as
select
    people.person,
    if(people.channel is null, people.first_purchase, people.first_seen) as seen,
    min(steps.local_time) filter (steps.stage = 'consideration') as considered,
    if(people.is_buyer, people.first_purchase, null) as bought,
    min(steps.local_time) filter (
        steps.is_purchase and steps.milestone = 'repeat_purchase'
    ) as bought_again,
    least(
        min(steps.local_time) filter (
            steps.stage = 'advocacy' and steps.outcome = 'positive'
        ),
        min(promoters.local_time)
    ) as recommended
from people
left join steps using (person)
left join (
    select person, min(local_time) as local_time
    from clean_answers
    where question_id like 'nps%' and score >= 9
    group by person
) as promoters using (person)
where people.channel is not null or people.is_buyer
group by all;

create or replace temp table entries as
select
    person,
    seen,
    unnest({list(STAGES)!r}) as stage,
    unnest([
        seen,
        least(considered, bought, bought_again, recommended),
        least(bought, bought_again, recommended),
        least(bought_again, recommended),
        recommended
    ]) as entered
from moments;
"""
FUNNEL = f"""
select
    windows.window_days,
    entries.stage,
    count(*) as eligible_people,
    count(*) filter (
        entered::date - seen::date <= coalesce(windows.window_days, 99999)
    ) as reached_people
from entries
cross join (
    select window_days from '{CONFIG}/observation_windows.csv' union all select null
) as windows
where seen::date + coalesce(windows.window_days::int, 0) < getvariable('end_day')
group by all
"""
SCORECARD = f"""
with exposures as (
    select
        person,
        milestone,
        min(local_time) as exposed,
        arg_min_null(outcome, local_time) as outcome
    from steps
    group by all
),

judged as (
    select
        exposures.*,
        exposed::date + milestones.window_days::int < getvariable('end_day')
        and coalesce(entered >= exposed, true) as is_eligible,
        is_eligible and entered is not null
        and entered::date - exposed::date <= milestones.window_days as has_succeeded
    from exposures
    inner join '{CONFIG}/journey_milestones.csv' as milestones using (milestone)
    inner join '{CONFIG}/journey_stages.csv' as stages using (stage)
    inner join '{CONFIG}/journey_stages.csv' as next_stages
        on stages.stage_order + 1 = next_stages.stage_order
    inner join entries
        on exposures.person = entries.person and next_stages.stage = entries.stage
),

touches as (
    select
        milestone,
        count(*) as touches,
        count(*) filter (outcome = 'positive') as positive_touches,
        count(*) filter (outcome = 'negative') as negative_touches
    from steps
    group by all
)

select
    milestone,
    count(*) as exposed_people,
    any_value(touches) as touches,
    any_value(positive_touches) as positive_touches,
    any_value(negative_touches) as negative_touches,
    count(*) filter (is_eligible) as eligible_people,
    count(*) filter (has_succeeded) as succeeded_people,
    -- Success after a positive outcome less success after another.
    avg(has_succeeded::int) filter (is_eligible and outcome = 'positive')
    - avg(has_succeeded::int) filter (is_eligible and outcome != 'positive')
        as positive_effect
from judged
inner join touches using (milestone)
group by milestone
"""


def make_tables(company: Company) -> None:
    """Add the tables `steps`, `moments` and `entries` to a company."""
    company.connection.execute(TABLES)


def funnel(company: Company) -> pd.DataFrame:
    """Return eligible and reached people by window (null: ever) and stage."""
    return company.connection.execute(FUNNEL).df()


def scorecard(company: Company) -> pd.DataFrame:
    """Return people and touches by milestone, of those that have a next stage."""
    return company.connection.execute(SCORECARD).df()
