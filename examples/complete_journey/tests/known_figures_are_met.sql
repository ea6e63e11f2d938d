-- Figures that are not what they are known to be.
{% set customers = ref('dim_customers') %}
{% set events = ref('fct_journey_events') %}
{% set input_quality = ref('rpt_input_quality') %}

with figures (figure, known_value, found_value) as (
    values
    ('households', 2469, (select count(*) from {{ customers }})),
    (
        'households of the January panel', 1983,
        (select count(*) from {{ customers }} where is_left_truncated)
    ),
    (
        'households in cohorts', 486,
        (
            select sum(cohort_size)
            from {{ ref('rpt_cohort_retention') }}
            where
                segment_column = 'all'
                and offset_basis = 'calendar'
                and period_grain = 'month'
                and period_number = 0
        )
    ),
    (
        'households with one basket', 31,
        (select count(*) from {{ customers }} where orders = 1)
    ),
    (
        'households with demographics', 801,
        (select sum(row_count) from {{ input_quality }} where input_name = 'customers')
    ),
    (
        'baskets by income', 155848,
        (
            select sum(orders)
            from {{ ref('rpt_growth') }}
            where segment_column = 'income' and period_grain = 'week'
        )
    ),
    (
        'sales', 4596039.58,
        (
            select sum(net_revenue)
            from {{ ref('rpt_growth') }}
            where segment_column = 'all' and period_grain = 'month'
        )
    ),
    (
        'baskets worth nothing', 478,
        (select count(*) from {{ events }} where event_type = 'purchase' and amount = 0)
    ),
    {%- for touchpoint_type, touches, households in [
        ('campaign_mailing', 6589, 1559), ('coupon_redemption', 2102, 410),
    ] %}
    (
        '{{ touchpoint_type }}', {{ touches }},
        (
            select count(*)
            from {{ events }}
            where touchpoint_type = '{{ touchpoint_type }}'
        )
    ),
    (
        'households of {{ touchpoint_type }}', {{ households }},
        (
            select count(distinct customer_id)
            from {{ events }}
            where touchpoint_type = '{{ touchpoint_type }}'
        )
    ),
    {%- endfor %}
    (
        'rows merged or rejected', 0,
        (select count(*) from {{ input_quality }} where row_status <> 'accepted')
    ),
    (
        'differences between input and marts', 0,
        (select sum(difference) from {{ ref('rpt_reconciliation') }})
    )
)

select *
from figures
where known_value is distinct from found_value
