-- One row per conversion date and type, channel, campaign and attribution model: the
-- conversions and the revenue credited to the channel's touches.
{%- set models = attribution_models() %}

with attribution_credits as (
    select * from {{ ref('customer_journey', 'int_attribution_credits') }}
),

sum_credits as (
    select
        conversion_date,
        conversion_type,
        channel,
        {%- for model in models %}
        sum({{ model }}_credit) as {{ model }}_conversions,
        sum({{ model }}_credit * gross_revenue) as {{ model }}_revenue,
        {%- endfor %}
        campaign
    from attribution_credits
    group by conversion_date, conversion_type, channel, campaign
),

list_models as (
    {%- for model in models %}
    {{ 'union all' if not loop.first }}
    select
        conversion_date,
        conversion_type,
        channel,
        campaign,
        '{{ model }}' as attribution_model,
        {{ as_double(model ~ '_conversions') }} as conversions,
        {{ as_double(model ~ '_revenue') }} as gross_revenue
    from sum_credits
    {%- endfor %}
)

select * from list_models
