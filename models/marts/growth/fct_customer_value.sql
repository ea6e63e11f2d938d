-- One row per customer with a purchase or a refund: what they have been worth, and what
-- is to be expected of them.

with value_histories as (
    select * from {{ ref('customer_journey', 'int_value_histories') }}
),

rfm_scores as (
    select * from {{ ref('customer_journey', 'int_rfm_scores') }}
),

forecasts as (
    select * from {{ ref('customer_journey', 'int_customer_forecasts') }}
),

value_parameters as (
    select * from {{ ref('customer_journey', 'int_value_parameters') }}
    where fit_period = 'full'
),

find_reasons as (
    select
        max(case when model = 'mbg_nbd' then null_reason end) as mbg_nbd_reason,
        max(case when model = 'bg_nbd' then null_reason end) as bg_nbd_reason,
        max(case when model = 'gamma_gamma' then null_reason end) as gamma_gamma_reason
    from value_parameters
),

rank_revenue as (
    select
        *,
        case when purchase_days > 0 then row_number() over by_revenue end
            as revenue_rank,
        count(*) over (partition by purchase_days > 0) as customers,
        case when purchase_days > 0 then sum(net_revenue) over by_revenue end
            as cumulative_revenue,
        sum(net_revenue) over (partition by purchase_days > 0) as total_revenue,
        case
            when purchase_days = 0 then 'no_purchase'
            when is_left_truncated then 'left_truncated'
        end as history_reason
    from value_histories
    window by_revenue as (
        partition by purchase_days > 0 order by net_revenue desc, customer_id
    )
),

final as (
    select
        rank_revenue.customer_id,
        rank_revenue.first_purchase_date,
        rank_revenue.last_purchase_date,
        {{ days_between('rank_revenue.last_purchase_date', 'rank_revenue.as_of_date') }}
            as recency_days,
        {{ as_count('rank_revenue.purchase_days') }} as purchase_days,
        {{ as_money('rank_revenue.net_revenue') }} as net_revenue,
        rfm_scores.recency_score,
        rfm_scores.frequency_score,
        rfm_scores.monetary_score,
        {{ as_text('rfm_scores.recency_score') }} || '-'
        || {{ as_text('rfm_scores.frequency_score') }} || '-'
        || {{ as_text('rfm_scores.monetary_score') }} as rfm_score,
        rfm_scores.rfm_segment,
        {{ ratio('rank_revenue.revenue_rank', 'rank_revenue.customers') }}
            as revenue_rank_share,
        {{ ratio_of_positive(
            'rank_revenue.cumulative_revenue', 'rank_revenue.total_revenue'
        ) }} as cumulative_revenue_share,
        {%- for prefix in ['', 'calibration_'] %}
        rank_revenue.{{ prefix }}repeat_purchase_days,
        rank_revenue.{{ prefix }}last_repeat_age_days,
        rank_revenue.{{ prefix }}age_days,
        rank_revenue.{{ prefix }}mean_repeat_value,
        {%- endfor %}
        rank_revenue.holdout_purchase_days,
        rank_revenue.holdout_revenue,
        forecasts.probability_alive,
        forecasts.expected_purchases_30_days,
        forecasts.expected_purchases_90_days,
        forecasts.expected_purchases_365_days,
        forecasts.expected_purchase_value,
        forecasts.expected_value_30_days,
        forecasts.expected_value_90_days,
        forecasts.expected_value_365_days,
        forecasts.bg_nbd_probability_alive,
        forecasts.bg_nbd_expected_purchases_30_days,
        forecasts.bg_nbd_expected_purchases_90_days,
        forecasts.bg_nbd_expected_purchases_365_days,
        forecasts.bg_nbd_expected_value_30_days,
        forecasts.bg_nbd_expected_value_90_days,
        forecasts.bg_nbd_expected_value_365_days,
        coalesce(rank_revenue.history_reason, find_reasons.mbg_nbd_reason)
            as expected_purchases_null_reason,
        coalesce(rank_revenue.history_reason, find_reasons.bg_nbd_reason)
            as bg_nbd_null_reason,
        coalesce(
            rank_revenue.history_reason,
            find_reasons.mbg_nbd_reason,
            find_reasons.gamma_gamma_reason,
            case
                when
                    rank_revenue.repeat_purchase_days > 0
                    and rank_revenue.mean_repeat_value <= 0
                    then 'monetary_not_positive'
            end
        ) as expected_value_null_reason
    from rank_revenue
    cross join find_reasons
    left join rfm_scores on rank_revenue.customer_id = rfm_scores.customer_id
    left join forecasts on rank_revenue.customer_id = forecasts.customer_id
)

select * from final
