-- One row per fit period, model of purchases, x and point of the quadrature by which
-- the dropout probability of customers who are alive after x repeat purchases is
-- integrated. The points lie where the beta distribution of that probability has its
-- weight, spaced by a hyperbolic sine on the scale of log odds, where it falls off at
-- both ends.

with value_periods as (
    select * from {{ ref('customer_journey', 'int_value_periods') }}
),

value_parameters as (
    select * from {{ ref('customer_journey', 'int_value_parameters') }}
    where null_reason is null and model <> 'gamma_gamma'
),

point_numbers as (
    {{ dbt.generate_series(dropout_intervals() + 1) }}  -- noqa: PRS
),

list_counts as (
    select distinct
        fit_period,
        repeat_purchase_days
    from value_periods
),

-- Given alive the dropout probability is beta distributed: each purchase that did not
-- end in dropping out adds one to b, in mbg_nbd the first purchase too.
describe_dropout as (
    select
        value_parameters.fit_period,
        value_parameters.model,
        list_counts.repeat_purchase_days,
        value_parameters.r + list_counts.repeat_purchase_days as shape,
        value_parameters.alpha,
        value_parameters.a,
        value_parameters.b + list_counts.repeat_purchase_days
        + case when value_parameters.model = 'mbg_nbd' then 1 else 0 end as b
    from value_parameters
    inner join list_counts on value_parameters.fit_period = list_counts.fit_period
),

-- Beyond its reach on either side of the centre a weight is below e to the -20.
find_reach as (
    select
        *,
        ln(a / b) as centre,
        least(sqrt(1 / a + 1 / b), 1.5) as width,
        greatest(20 / a + ln(1 + 20 / b), 6.5 * sqrt(1 / a + 1 / b)) as reach_below,
        greatest(20 / b + ln(1 + 20 / a), 6.5 * sqrt(1 / a + 1 / b)) as reach_above
    from describe_dropout
),

space_points as (
    select
        find_reach.*,
        -asinh(find_reach.reach_below / find_reach.width)
        + (point_numbers.generated_number - 1) * (
            asinh(find_reach.reach_below / find_reach.width)
            + asinh(find_reach.reach_above / find_reach.width)
        ) / {{ dropout_intervals() }} as point
    from find_reach
    cross join point_numbers
),

place_points as (
    select
        *,
        centre + width * sinh(point) as log_odds
    from space_points
),

weigh_points as (
    select
        *,
        a * log_odds
        - (a + b) * (
            greatest(log_odds, 0) + ln(1 + exp(-least(abs(log_odds), 600)))
        )
        + ln(cosh(point)) as log_weight
    from place_points
),

compare_weights as (
    select
        *,
        log_weight - max(log_weight) over (
            partition by fit_period, model, repeat_purchase_days
        ) as relative_log_weight
    from weigh_points
),

-- Below odds of e to the -100 nobody drops out within any horizon.
final as (
    select
        fit_period,
        model,
        repeat_purchase_days,
        shape,
        alpha,
        exp(relative_log_weight) as weight,
        1 / (1 + exp(-{{ clamp('log_odds', -100, 100) }})) as dropout_probability
    from compare_weights
    where relative_log_weight > -34
)

select * from final
