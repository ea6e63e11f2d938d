-- One row per first purchase date, segment key and window: how many bought again in it.
-- A window of null days never ends. Left-truncated customers are left out.
-- A view: it has one reader.
{{ config(materialized='view') }}

with customer_occasions as (
    select * from {{ ref('customer_journey', 'int_customer_occasions') }}
    where first_purchase_date is not null and not is_left_truncated
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

-- Customers of one day wait equally long, so they are counted before windows apply.
count_waits as (
    select
        first_purchase_date,
        segment_key,
        {{ days_between('first_purchase_date', 'second_purchase_date') }} as wait_days,
        count(*) as customers
    from customer_occasions
    group by
        first_purchase_date,
        segment_key,
        {{ days_between('first_purchase_date', 'second_purchase_date') }}
),

-- Only customers whose whole window is observed are eligible.
judge_windows as (
    select
        count_waits.*,
        observation_windows.window_days,
        observation_windows.window_days is null
        or {{ add_days(
            'count_waits.first_purchase_date', 'observation_windows.window_days'
        ) }} <= run_parameters.as_of_date as is_eligible,
        count_waits.wait_days
        <= coalesce(observation_windows.window_days, count_waits.wait_days)
            as has_repeated
    from count_waits
    cross join observation_windows
    cross join run_parameters
),

final as (
    select
        first_purchase_date,
        segment_key,
        window_days,
        sum(customers) as cohort_size,
        sum(case when is_eligible then customers else 0 end) as eligible_customers,
        sum(case when is_eligible and has_repeated then customers else 0 end)
            as customers
    from judge_windows
    group by first_purchase_date, segment_key, window_days
)

select * from final
