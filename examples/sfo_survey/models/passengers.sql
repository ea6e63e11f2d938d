-- One row per passenger asked: respondent numbers begin anew each year.
{{ config(materialized='table') }}

select
    survey_year || '-' || respnum as customer_id,
    -- 0 is no answer; 7 stands in six rows of 2014 and means nothing that is known.
    case when times_flown between '1' and '6' then times_flown end as times_flown
from 'data/sfo_nps_csat_2014_2018.parquet'
