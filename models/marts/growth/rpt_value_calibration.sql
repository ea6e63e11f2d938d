-- One row per segment value, model of purchases and group of customers by their repeat
-- purchases in the calibration period: what was expected afterwards, and what happened.

with holdout_forecasts as (
    select * from {{ ref('customer_journey', 'int_holdout_forecasts') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

value_parameters as (
    select * from {{ ref('customer_journey', 'int_value_parameters') }}
    where fit_period = 'calibration'
),

-- The tenth of whom most is expected, whatever they did.
rank_customers as (
    select
        segments.segment_column,
        segments.segment_value,
        holdout_forecasts.*,
        10 * row_number() over (
            partition by
                segments.segment_column,
                segments.segment_value,
                holdout_forecasts.model
            order by
                holdout_forecasts.expected_purchases desc,
                holdout_forecasts.customer_id
        ) < 10 + count(*) over (
            partition by
                segments.segment_column,
                segments.segment_value,
                holdout_forecasts.model
        ) as is_in_top_tenth
    from holdout_forecasts
    inner join segments on holdout_forecasts.segment_key = segments.segment_key
),

list_groups as (
    select
        *,
        'all' as frequency_group
    from rank_customers
    union all
    select
        *,
        case
            when repeat_purchase_days >= 7 then '7+'
            else {{ as_text('repeat_purchase_days') }}
        end as frequency_group
    from rank_customers
),

sum_groups as (
    select
        segment_column,
        segment_value,
        model,
        frequency_group,
        max(calibration_end_date) as calibration_end_date,
        max(as_of_date) as as_of_date,
        count(*) as customers,
        sum(actual_purchases) as actual_purchases,
        sum(expected_purchases) as expected_purchases,
        sum(actual_revenue) as actual_revenue,
        sum(expected_revenue) as expected_revenue,
        sum(case
            when frequency_group = 'all' and is_in_top_tenth and expected_purchases >= 0
                then actual_purchases
        end) as top_actual_purchases,
        sum(case
            when frequency_group = 'all' and is_in_top_tenth then expected_purchases
        end) as top_expected_purchases
    from list_groups
    group by segment_column, segment_value, model, frequency_group
),

final as (
    select
        sum_groups.segment_column,
        sum_groups.segment_value,
        sum_groups.model,
        sum_groups.frequency_group,
        sum_groups.calibration_end_date,
        {{ days_between('sum_groups.calibration_end_date', 'sum_groups.as_of_date') }}
            as holdout_days,
        {{ as_count('sum_groups.customers') }} as customers,
        {{ as_count('sum_groups.actual_purchases') }} as actual_purchases,
        sum_groups.expected_purchases,
        {{ ratio('sum_groups.actual_purchases', 'sum_groups.customers') }}
            as actual_purchases_per_customer,
        {{ ratio('sum_groups.expected_purchases', 'sum_groups.customers') }}
            as expected_purchases_per_customer,
        {{ as_money('sum_groups.actual_revenue') }} as actual_revenue,
        sum_groups.expected_revenue,
        {{ ratio('sum_groups.top_actual_purchases', 'sum_groups.actual_purchases') }}
            as top_tenth_actual_share,
        {{ ratio(
            'sum_groups.top_expected_purchases', 'sum_groups.expected_purchases'
        ) }} as top_tenth_expected_share,
        sum_groups.customers < {{ var('small_sample_size') }} as is_small_sample,
        value_parameters.null_reason,
        case
            when sum_groups.expected_revenue is null
                then coalesce(
                        value_parameters.null_reason,
                        value_model.null_reason,
                        'monetary_not_positive'
                    )
        end as expected_revenue_null_reason
    from sum_groups
    inner join value_parameters on sum_groups.model = value_parameters.model
    left join value_parameters as value_model on value_model.model = 'gamma_gamma'
)

select * from final
