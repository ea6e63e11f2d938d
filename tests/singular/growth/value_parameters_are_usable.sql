-- Parameters of customer value that are there but cannot be used. That there are none,
-- or that the data cannot be measured, is no mistake.
{{ config(severity='warn') }}

with value_parameters as (
    select * from {{ ref('customer_journey', 'int_value_parameters') }}
)

select
    fit_period,
    model,
    source,
    as_of_date,
    null_reason
from value_parameters
where
    null_reason in (
        'not_converged', 'other_time_unit', 'other_currency', 'invalid_parameters'
    )
