-- One row per fit period and model of customer value: the parameters in use, or why
-- there are none.
{%- set columns = [
    'fit_period', 'model', 'r', 'alpha', 'a', 'b', 'p', 'q', 'gamma', 'time_unit',
    'currency', 'as_of_date', 'customers', 'log_likelihood', 'is_converged',
    'fitted_at',
] %}

with value_parameters as (
    select * from {{ ref('value_parameters') }}
),

fitted_parameters as (
    select * from {{ ref('customer_journey', 'int_fitted_parameters') }}
),

fit_periods as (
    select * from {{ ref('customer_journey', 'int_fit_periods') }}
),

readiness as (
    select * from {{ ref('customer_journey', 'int_retention_readiness') }}
    where segment_column = 'all'
),

list_models as (
    select
        'full' as fit_period,
        'mbg_nbd' as model
    {%- for fit_period, model in [
        ('full', 'bg_nbd'), ('full', 'gamma_gamma'), ('calibration', 'mbg_nbd'),
        ('calibration', 'bg_nbd'), ('calibration', 'gamma_gamma'),
    ] %}
    union all
    select
        '{{ fit_period }}' as fit_period,
        '{{ model }}' as model
    {%- endfor %}
),

list_sources as (
    select
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        'seed' as source
    from value_parameters
    union all
    select
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        'fit' as source
    from fitted_parameters
),

-- What is given wins over what was fitted; a fit must not have seen days to come.
rank_sources as (
    select
        list_sources.*,
        row_number() over (
            partition by list_sources.fit_period, list_sources.model
            order by
                list_sources.source desc,
                list_sources.as_of_date desc,
                list_sources.fitted_at desc
        ) as source_rank
    from list_sources
    inner join fit_periods
        on
            list_sources.fit_period = fit_periods.fit_period
            and (
                list_sources.source = 'seed'
                or list_sources.as_of_date <= fit_periods.end_date
            )
),

final as (
    select
        list_models.fit_period,
        list_models.model,
        {%- for column in columns[2:] %}
        rank_sources.{{ column }},
        {%- endfor %}
        rank_sources.source,
        case
            when readiness.verdict = 'not_measurable' then 'not_measurable'
            when rank_sources.source is null then 'no_parameters'
            when not rank_sources.is_converged then 'not_converged'
            when rank_sources.time_unit <> 'week' then 'other_time_unit'
            when rank_sources.currency <> '{{ var("reporting_currency") }}'
                then 'other_currency'
            when
                list_models.model = 'gamma_gamma'
                and least(rank_sources.p, rank_sources.q - 1) >= 1e-9
                and rank_sources.gamma >= 1e-9
                and rank_sources.p + rank_sources.q + rank_sources.gamma < 1e12
                then null
            when
                list_models.model <> 'gamma_gamma'
                and least(
                    rank_sources.r, rank_sources.alpha, rank_sources.a, rank_sources.b
                ) >= 1e-9
                and rank_sources.r + rank_sources.alpha + rank_sources.a
                + rank_sources.b < 1e7
                then null
            else 'invalid_parameters'
        end as null_reason
    from list_models
    cross join readiness
    left join rank_sources
        on
            list_models.fit_period = rank_sources.fit_period
            and list_models.model = rank_sources.model
            and rank_sources.source_rank = 1
)

select * from final
