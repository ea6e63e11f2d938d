-- Figures that are not what they are known to be. Nobody buys, so everybody is a
-- prospect who has not come beyond the first stage, and no promoter is an advocate.
{% set customers = ref('dim_customers') %}
{% set input_quality = ref('rpt_input_quality') %}

with figures (figure, known_value, found_value) as (
    values
    ('passengers', 14503, (select count(*) from {{ customers }})),
    (
        'prospects', 14503,
        (select count(*) from {{ customers }} where lifecycle_status = 'prospect')
    ),
    (
        'prospects in the first stage', 13995,
        (select count(*) from {{ customers }} where current_stage = 'awareness')
    ),
    (
        'passengers without an answer that counts, and so without a stage', 508,
        (select count(*) from {{ customers }} where current_stage is null)
    ),
    (
        'passengers of whom a purchase is claimed', 0,
        (
            select count(*)
            from {{ customers }}
            where
                first_purchase_at is not null
                or days_since_last_purchase is not null
                or orders <> 0
                or is_left_truncated
        )
    ),
    (
        'answers', 20143,
        (
            select sum(row_count)
            from {{ input_quality }}
            where input_name = 'survey_responses'
        )
    ),
    (
        'rejected answers', 1027,
        (
            select sum(row_count)
            from {{ input_quality }}
            where input_name = 'survey_responses' and row_status = 'rejected'
        )
    ),
    (
        'answers left empty', 1,
        (select count(*) from {{ ref('fct_survey_scores') }} where is_not_applicable)
    ),
    (
        'shortfalls of targets that nobody set', 0,
        (select count(shortfall) from {{ ref('rpt_experience') }})
    ),
    (
        'repeat rates and conversions that nobody could observe', 0,
        (
            select
                (select count(repeat_rate) from {{ ref('rpt_brand_performance') }})
                + (
                    select count(conversion_rate)
                    from {{ ref('rpt_stage_funnel') }}
                    where stage in ('consideration', 'conversion', 'retention')
                )
        )
    ),
    (
        'rows of retention and growth', 0,
        (
            select
                (select count(*) from {{ ref('rpt_growth') }})
                + (select count(*) from {{ ref('rpt_cohort_retention') }})
        )
    ),
    (
        'differences between input and marts', 0,
        (select sum(difference) from {{ ref('rpt_reconciliation') }})
    )
)

select *
from figures
where known_value is distinct from found_value
