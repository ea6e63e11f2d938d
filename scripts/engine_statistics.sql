{#-
    One row per case: what the macros for scores, intervals, survival, lengths of time,
    joined texts, weights of touches, walks and customer value make of its numbers. Built
    on every engine and compared like engine_values.
-#}
with cases as (
    select
        given,
        promoters,
        detractors,
        answers,
        others,
        other_answers,
        {{ customer_journey.as_double('value_sum') }} as value_sum,
        {{ customer_journey.as_double('square_sum') }} as square_sum,
        cast(started_at as timestamp) as started_at,
        cast(ended_at as timestamp) as ended_at
    from (values
        (
            'nobody', 0, 0, 0, 0, 0, null, null,
            '2024-02-28 10:00:00', '2024-02-28 10:00:00'
        ),
        (
            'one promoter', 1, 0, 1, 0, 1, 7, 49,
            '2024-02-28 23:59:59.5', '2024-02-29 00:00:01.25'
        ),
        (
            'one detractor', 0, 1, 1, 1, 1, 0, 0,
            '2024-02-28 10:00:00.9', '2024-02-28 10:00:01.1'
        ),
        (
            'two alike', 2, 0, 2, 0, 0, 0.2, 0.02,
            '2024-02-29 10:00:00', '2024-03-01 10:00:00.000001'
        ),
        (
            'three', 1, 1, 3, 2, 2, 6, 14,
            '2024-02-28 10:00:00.000001', '2024-02-29 10:00:00'
        ),
        (
            'three alike but for rounding', 3, 0, 3, 0, 3,
            0.30000000000000004, 0.030000000000000006,
            '2024-02-28 10:00:00', '2024-02-28 10:00:01'
        ),
        (
            'published', 18, 2, 31, 5, 31, 2046, 135534,
            '1990-01-01 00:00:00', '2099-12-31 23:59:59.999999'
        ),
        ('small', 8, 2, 15, 0, 15, 1, 1, '2024-02-28 10:00:00', null),
        ('Newcombe', 56, 14, 70, 48, 80, null, null, null, '2024-02-28 10:00:00')
    ) as edge_cases (
        given, promoters, detractors, answers, others, other_answers, value_sum,
        square_sum, started_at, ended_at
    )
),

-- In the order of their numbers, not of their texts.
pieces as (
    select *
    from (values
        ('three', 10, 'last'), ('three', 2, 'first, or so'), ('three', 9, 'then'),
        ('two alike', 2, 'same'), ('two alike', 1, 'same'),
        ('one promoter', 1, 'alone'), ('published', 1, null),
        ('small', 2, 'after null'), ('small', 1, null)
    ) as edge_pieces (given, piece_number, piece)
),

join_pieces as (
    select
        given,
        {{ customer_journey.joined_text('piece', ', ', 'piece_number') }} as pieces
    from pieces
    group by given
),

-- Of two steps: back to the start, by two ways, and too unlikely for a float or nearly.
walks as (
    select
        conversion_type,
        from_state,
        to_state,
        {{ customer_journey.as_double('weight') }} as weight
    from (values
        ('one promoter', 'a', 'a', 0.5),
        ('three', 'a', 'b', 0.5), ('three', 'a', 'c', 0.25),
        ('three', 'b', 'd', 0.4), ('three', 'c', 'd', 0.8),
        ('published', 'a', 'b', 1e-149), ('published', 'b', 'c', 1e-149),
        ('small', 'a', 'b', 1e-200), ('small', 'b', 'c', 1e-200)
    ) as edge_walks (conversion_type, from_state, to_state, weight)
),

-- Somebody who first bought today, hundreds of purchases before a long silence, with and
-- without a chance to leave, a published customer, and numbers next to nothing and huge.
histories as (
    select
        given,
        {%- for name in ['odds', 'shape', 'alpha', 'last_age', 'age', 'growth',
            'exponent', 'purchases', 'mean_value'] %}
        {{ customer_journey.as_double(name) }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (values
        ('one promoter', 0.5, 0.525, 6.183, 0, 0, 0, 0, 0, null),
        ('one detractor', 0, 600.5, 0.01, 86, 4000, 1e-5, 1e-5, 1, 0),
        ('two alike', 1e12, 600.5, 0.01, 86, 4000, 9.99e-6, 9.99e-6, 600, 1e12),
        ('three', 0.25, 1e12, 1, 0, 1e-12, 1e-44, 1e-50, 1, 0.01),
        ('published', 0.5, 2, 1, 1, 3, 1, 600.5, 2, 30),
        ('small', 1e-12, 1e-12, 1e12, 0, 1e4, 1e12, 1e300, 1, -5)
    ) as edge_histories (
        given, odds, shape, alpha, last_age, age, growth, exponent, purchases,
        mean_value
    )
),

measure_survival as (
    select
        given,
        {{ customer_journey.log_survival_step('detractors', 'answers') }}
            as log_survival,
        {{ customer_journey.greenwood_step('detractors', 'answers') }} as variance
    from cases
),

sum_walks as (
    select
        conversion_type,
        sum(weight) as walks_of_two
    from {{ customer_journey.doubled_walks('walks') }}
    group by conversion_type
)

select
    cases.given,
    join_pieces.pieces,
    sum_walks.walks_of_two,
    {{ customer_journey.seconds_between('started_at', 'ended_at') }} as seconds,
    {{ customer_journey.decay_weight(
        customer_journey.seconds_between('started_at', 'ended_at')
    ) }} as decay_weight,
    {{ customer_journey.nps('promoters', 'detractors', 'answers') }} as score,
    {{ customer_journey.nps_lower('promoters', 'detractors', 'answers') }}
        as score_lower,
    {{ customer_journey.nps_upper('promoters', 'detractors', 'answers') }}
        as score_upper,
    {{ customer_journey.ratio('promoters', 'answers') }} as share,
    {{ customer_journey.wilson_lower('promoters', 'answers') }} as share_lower,
    {{ customer_journey.wilson_upper('promoters', 'answers') }} as share_upper,
    {{ customer_journey.newcombe_lower(
        'promoters', 'answers', 'others', 'other_answers'
    ) }} as difference_lower,
    {{ customer_journey.newcombe_upper(
        'promoters', 'answers', 'others', 'other_answers'
    ) }} as difference_upper,
    {{ customer_journey.mean_half_width('value_sum', 'square_sum', 'answers') }}
        as half_width,
    {{ customer_journey.clamp('value_sum', 0, 1) }} as clamped,
    {{ customer_journey.clamp('promoters - detractors', -1, 1) }} as clamped_number,
    {{ customer_journey.survival('measure_survival.log_survival') }} as survival,
    {{ customer_journey.survival_lower(
        'measure_survival.log_survival', 'measure_survival.variance'
    ) }} as survival_lower,
    {{ customer_journey.survival_upper(
        'measure_survival.log_survival', 'measure_survival.variance'
    ) }} as survival_upper,
    {{ customer_journey.probability_alive(
        'histories.odds', 'histories.shape', 'histories.alpha', 'histories.last_age',
        'histories.age'
    ) }} as probability_alive,
    {{ customer_journey.log_of_one_plus('histories.growth') }} as log_of_growth,
    case
        when histories.exponent is not null
            then {{ customer_journey.one_minus_exp('histories.exponent') }}
    end as share_gone,
    {{ customer_journey.expected_purchase_value(
        '6.25', '3.74', '15.44', 'histories.purchases', 'histories.mean_value'
    ) }} as purchase_value
from cases
left join join_pieces on cases.given = join_pieces.given
left join sum_walks on cases.given = sum_walks.conversion_type
left join measure_survival on cases.given = measure_survival.given
left join histories on cases.given = histories.given
