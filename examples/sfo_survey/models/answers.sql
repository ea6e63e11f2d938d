-- One row per passenger and question asked: satisfaction in all five years, the
-- likelihood to recommend in the last two.
{{ config(materialized='table') }}

with passengers as (
    select
        *,
        survey_year || '-' || respnum as customer_id,
        -- Four of the five files give the day of the month without the month: the year
        -- is all that is known of every answer, and it is over on its last day.
        make_date(survey_year, 12, 31) as responded_at
    from 'data/sfo_nps_csat_2014_2018.parquet'
)

select
    customer_id || '-csat' as response_id,
    customer_id,
    responded_at,
    'csat_airport' as question_id,
    csat_raw as score
from passengers
union all
select
    customer_id || '-nps' as response_id,
    customer_id,
    responded_at,
    'nps_airport' as question_id,
    nps_raw as score
from passengers
where survey_year >= 2017
