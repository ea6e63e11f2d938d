-- One row per input, and one for the as-of date: the last day that was seen.

with input_quality as (
    select *
    from {{ ref('customer_journey', 'rpt_input_quality') }}
    where row_status = 'accepted'
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
)

select
    input_name as day_name,
    cast(max(last_date) as varchar(10)) as last_day
from input_quality
group by input_name
union all
select
    'as_of_date' as day_name,
    cast(as_of_date as varchar(10)) as last_day
from run_parameters
