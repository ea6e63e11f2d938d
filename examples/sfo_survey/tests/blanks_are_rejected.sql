-- Answers that are no scores, counted in the file itself, and not listed as rejected in
-- that number; and the other way round.

with raw_answers as (
    select 'csat' as question, csat_raw as raw_score
    from 'data/sfo_nps_csat_2014_2018.parquet'
    union all
    select 'nps' as question, nps_raw as raw_score
    from 'data/sfo_nps_csat_2014_2018.parquet'
),

count_blanks as (
    select
        question,
        raw_score,
        case
            when lower(raw_score) = 'blank' then 'unparseable_score'
            else 'score_out_of_range'
        end as reject_reason,
        count(*) as answers
    from raw_answers
    where
        lower(raw_score) = 'blank'
        or (question = 'csat' and raw_score in ('0', '6'))
        or (question = 'nps' and raw_score = '11')
    group by question, raw_score
),

count_rejected as (
    select
        split_part(row_key, '-', 3) as question,
        regexp_extract(raw_values, 'score=([^;]*)', 1) as raw_score,
        reject_reason,
        count(*) as answers
    from {{ ref('fct_rejected_rows') }}
    where input_name = 'survey_responses'
    group by all
)

(select * from count_blanks except select * from count_rejected)
union all
(select * from count_rejected except select * from count_blanks)
