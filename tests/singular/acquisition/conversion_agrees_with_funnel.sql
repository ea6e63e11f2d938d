-- Conversion rates and rows of the funnel's stage that the first purchase opens, where
-- one of them does not have what the other has. The values of the funnel's segment
-- acquisition_channel are channels of the conversion rates.

with journey_stages as (
    select * from {{ ref('journey_stages') }}
    where reached_by = 'first_purchase'
),

funnel as (
    select * from {{ ref('customer_journey', 'rpt_stage_funnel') }}
),

-- Periods in which people bought and nobody was first seen are not in the funnel.
conversion as (
    select * from {{ ref('customer_journey', 'rpt_conversion') }}
    where people > 0
),

list_rows as (
    select
        'funnel' as table_name,
        case
            when funnel.segment_column = 'acquisition_channel' then 'all'
            else funnel.segment_column
        end as segment_column,
        case
            when funnel.segment_column = 'acquisition_channel' then 'all'
            else funnel.segment_value
        end as segment_value,
        case
            when funnel.segment_column = 'acquisition_channel' then funnel.segment_value
            else 'all'
        end as channel,
        funnel.period_grain,
        funnel.period_start,
        funnel.window_days,
        funnel.people,
        funnel.eligible_people,
        funnel.reached_people as converted_people,
        funnel.is_complete
    from funnel
    inner join journey_stages on funnel.stage = journey_stages.stage
    union all
    select
        'conversion' as table_name,
        conversion.segment_column,
        conversion.segment_value,
        conversion.channel,
        conversion.period_grain,
        conversion.period_start,
        conversion.window_days,
        conversion.people,
        conversion.eligible_people,
        conversion.converted_people,
        conversion.is_complete
    from conversion
    -- A journey without such a stage has nothing to agree with.
    cross join journey_stages
)

select
    min(table_name) as table_name,
    count(*) as row_count,
    segment_column,
    segment_value,
    channel,
    period_grain,
    period_start,
    window_days,
    people,
    eligible_people,
    converted_people,
    is_complete
from list_rows
group by
    segment_column,
    segment_value,
    channel,
    period_grain,
    period_start,
    window_days,
    people,
    eligible_people,
    converted_people,
    is_complete
-- The funnel has channels of the total alone, and none unless they are segments.
having count(*) <> 2 and (channel = 'all' or min(table_name) = 'funnel')
