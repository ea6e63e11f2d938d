-- One row per fit period, model of purchases, x and T (in days): purchases to be
-- expected of customers who are alive. They depend on nothing else, so however many
-- customers there are, there are no more rows than counts and ages.

with fit_periods as (
    select * from {{ ref('customer_journey', 'int_fit_periods') }}
),

value_periods as (
    select * from {{ ref('customer_journey', 'int_value_periods') }}
),

dropout_nodes as (
    select * from {{ ref('customer_journey', 'int_dropout_nodes') }}
),

list_ages as (
    select distinct
        fit_period,
        repeat_purchase_days,
        age_days
    from value_periods
),

list_horizons as (
    select
        'full' as fit_period,
        30 as horizon_days
    {%- for horizon_days in [90, 365] %}
    union all
    select
        'full' as fit_period,
        {{ horizon_days }} as horizon_days
    {%- endfor %}
    union all
    select
        'calibration' as fit_period,
        {{ days_between('min(end_date)', 'max(end_date)') }} as horizon_days
    from fit_periods
),

-- The models count time in weeks.
meet_horizons as (
    select
        list_ages.fit_period,
        list_ages.repeat_purchase_days,
        list_ages.age_days,
        list_horizons.horizon_days,
        dropout_nodes.model,
        dropout_nodes.shape,
        dropout_nodes.weight,
        dropout_nodes.dropout_probability,
        dropout_nodes.dropout_probability * list_horizons.horizon_days
        / (7 * dropout_nodes.alpha + list_ages.age_days) as dropout_ratio
    from list_ages
    inner join list_horizons on list_ages.fit_period = list_horizons.fit_period
    inner join dropout_nodes
        on
            list_ages.fit_period = dropout_nodes.fit_period
            and list_ages.repeat_purchase_days = dropout_nodes.repeat_purchase_days
),

take_logarithms as (
    select
        *,
        shape * {{ log_of_one_plus('dropout_ratio') }} as log_silence
    from meet_horizons
),

-- At dropout probability p there are (1 - ((alpha + T) / (alpha + T + p t))^shape) / p
-- purchases within t; the mean over p is what is expected.
integrate_dropout as (
    select
        fit_period,
        model,
        repeat_purchase_days,
        age_days,
        horizon_days,
        sum(weight * ({{ one_minus_exp('log_silence') }}) / dropout_probability)
        / sum(weight) as expected_purchases
    from take_logarithms
    group by fit_period, model, repeat_purchase_days, age_days, horizon_days
),

final as (
    select
        fit_period,
        model,
        repeat_purchase_days,
        age_days,
        {%- for horizon_days in [30, 90, 365] %}
        max(case
            when fit_period = 'full' and horizon_days = {{ horizon_days }}
                then expected_purchases
        end) as expected_purchases_{{ horizon_days }}_days,
        {%- endfor %}
        max(case when fit_period = 'calibration' then expected_purchases end)
            as expected_holdout_purchases
    from integrate_dropout
    group by fit_period, model, repeat_purchase_days, age_days
)

select * from final
