-- One row per measure and channel in which the new customers that are credited to it
-- disagree with the touches before their first purchases.
-- For the three models that credit one touch: they need no path, only its ends. Of all
-- models the totals are compared: each purchase is credited once.

with journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where customer_id is not null
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

acquisition as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where
        campaign = 'all'
        and channel <> 'all'
        and attribution_model in ('first', 'last', 'last_non_direct')
),

attribution as (
    select * from {{ ref('customer_journey', 'rpt_attribution') }}
    where conversion_type = 'all'
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
    where orders > 0
),

grains as (
    select distinct period_grain
    from periods
),

find_first_purchases as (
    select
        customer_id,
        min(occurred_at) as purchased_at
    from journey_events
    where event_type = 'purchase'
    group by customer_id
),

rank_touches as (
    select
        find_first_purchases.customer_id,
        touches.channel,
        row_number() over (
            partition by find_first_purchases.customer_id
            order by touches.occurred_at, touches.source_id
        ) as first_rank,
        row_number() over (
            partition by find_first_purchases.customer_id
            order by touches.occurred_at desc, touches.source_id desc
        ) as last_rank,
        row_number() over (
            partition by find_first_purchases.customer_id
            order by
                case when journey_channels.is_direct then 1 else 0 end,
                touches.occurred_at desc, touches.source_id desc
        ) as last_non_direct_rank
    from find_first_purchases
    inner join journey_events as touches
        on
            find_first_purchases.customer_id = touches.customer_id
            and touches.event_type = 'touchpoint'
            and touches.channel is not null
            and find_first_purchases.purchased_at >= touches.occurred_at
            and {{ days_between(
                'touches.occurred_date',
                'cast(find_first_purchases.purchased_at as date)'
            ) }} <= {{ var('attribution_lookback_days') }}
    left join journey_channels on touches.channel = journey_channels.channel
),

-- Purchases of one day are one conversion.
sum_days as (
    select
        customer_id,
        occurred_date,
        sum(amount) as gross_revenue
    from journey_events
    where event_type = 'purchase'
    group by customer_id, occurred_date
),

sum_conversions as (
    select
        count(*) as conversions,
        {{ as_double('coalesce(sum(gross_revenue), 0)') }} as gross_revenue
    from sum_days
),

figures as (
    select 'conversions' as figure
    union all
    select 'gross_revenue' as figure
),

all_models as (
    {%- for model in attribution_models() %}
    {{ 'union all' if not loop.first }}
    select '{{ model }}' as attribution_model
    {%- endfor %}
),

models as (
    {%- for model in ['first', 'last', 'last_non_direct'] %}
    {{ 'union all' if not loop.first }}
    select '{{ model }}' as attribution_model
    {%- endfor %}
),

name_channels as (
    select
        find_first_purchases.customer_id,
        models.attribution_model,
        cast(find_first_purchases.purchased_at as date) as first_date,
        coalesce(max(
            case
                when
                    case models.attribution_model
                        when 'first' then rank_touches.first_rank
                        when 'last' then rank_touches.last_rank
                        else rank_touches.last_non_direct_rank
                    end = 1
                    then rank_touches.channel
            end
        ), '(none)') as channel
    from find_first_purchases
    cross join models
    left join rank_touches
        on find_first_purchases.customer_id = rank_touches.customer_id
    group by
        find_first_purchases.customer_id, models.attribution_model,
        find_first_purchases.purchased_at
),

count_channels as (
    select
        name_channels.attribution_model,
        name_channels.channel,
        count(*) as customers,
        -- Whose first purchase is not known to be first is new nowhere.
        sum(case
            when
                not run_parameters.is_history_start_known
                or name_channels.first_date >= {{ add_days(
                    'run_parameters.history_start_date', var('left_truncation_days')
                ) }}
                then 1
            else 0
        end) as new_customers
    from name_channels
    cross join run_parameters
    group by name_channels.attribution_model, name_channels.channel
),

list_values as (
    select
        'rpt_acquisition.new_customers of ' || count_channels.channel || ' by '
        || count_channels.attribution_model || ' and ' || grains.period_grain
            as measure,
        count_channels.new_customers as expected,
        0 as found
    from count_channels
    cross join grains
    union all
    select
        'rpt_acquisition.new_customers of ' || channel || ' by ' || attribution_model
        || ' and ' || period_grain as measure,
        0 as expected,
        new_customers as found
    from acquisition
    union all
    select
        'dim_customers.acquisition_channel ' || channel as measure,
        customers as expected,
        0 as found
    from count_channels
    where attribution_model = '{{ var("acquisition_attribution_model") }}'
    union all
    select
        'dim_customers.acquisition_channel ' || acquisition_channel as measure,
        0 as expected,
        1 as found
    from customers
    union all
    select
        'rpt_attribution.' || figures.figure || ' by ' || all_models.attribution_model
        || ' and ' || grains.period_grain as measure,
        case figures.figure
            when 'conversions' then sum_conversions.conversions
            else sum_conversions.gross_revenue
        end as expected,
        0 as found
    from sum_conversions
    cross join figures
    cross join all_models
    cross join grains
    union all
    select
        'rpt_attribution.' || figures.figure || ' by ' || attribution.attribution_model
        || ' and ' || attribution.period_grain as measure,
        0 as expected,
        case figures.figure
            when 'conversions' then attribution.conversions
            else attribution.gross_revenue
        end as found
    from attribution
    cross join figures
)

select
    measure,
    {{ as_text('null') }} as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure
having {{ disagrees('1e-6') }}
