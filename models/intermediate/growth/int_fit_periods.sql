-- One row per fit period of the models of customer value: the last day that they see.
-- A view: it has two rows.
{{ config(materialized='view') }}

with run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
)

select
    'full' as fit_period,
    as_of_date as end_date
from run_parameters
union all
-- Half of history to learn from, half to be judged by.
select
    'calibration' as fit_period,
    least(as_of_date, coalesce(
        {{ date_variable('value_calibration_end_date') }},
        {{ add_days('history_start_date', 'floor('
            ~ days_between('history_start_date', 'as_of_date') ~ ' / 2.0)') }}
    )) as end_date
from run_parameters
