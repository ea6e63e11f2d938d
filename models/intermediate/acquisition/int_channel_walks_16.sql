-- One row per conversion type and pair of states of the attribution chain: the weight
-- of all walks of 16 steps.
-- The chain is the matrix [[Q, R, I], [0, 1, 0], [0, 0, I]]: Q leads from channel to
-- channel, R to the conversion, and I notes a visit. Its power n holds the probability
-- of conversion in n steps and, in place of I, the expected visits I + Q + Q^2 + ...
-- Staying in a channel is left out: it changes no removal effect, and without it fewer
-- steps tell everything.
-- The linter does not see that a macro reads the steps.
-- noqa: disable=ST03,AM04

with transitions as (
    select *
    from {{ ref('customer_journey', 'int_channel_transitions') }}
    where from_state <> to_state
),

weigh_steps as (
    select
        conversion_type,
        from_state,
        to_state,
        {{ ratio(
            'transition_count',
            'sum(transition_count) over (partition by conversion_type, from_state)'
        ) }} as weight
    from transitions
),

list_states as (
    select distinct
        conversion_type,
        from_state
    from transitions
),

list_steps as (
    select
        conversion_type,
        from_state,
        to_state,
        weight
    from weigh_steps
    where to_state <> '(null)'
    union all
    select
        conversion_type,
        from_state,
        '(visits) ' || from_state as to_state,
        1 as weight
    from list_states
    union all
    select
        conversion_type,
        '(visits) ' || from_state as from_state,
        '(visits) ' || from_state as to_state,
        1 as weight
    from list_states
    union all
    select distinct
        conversion_type,
        '(conversion)' as from_state,
        '(conversion)' as to_state,
        1 as weight
    from list_states
),

walks_of_2 as (
    select * from {{ doubled_walks('list_steps') }}
),

walks_of_4 as (
    select * from {{ doubled_walks('walks_of_2') }}
),

walks_of_8 as (
    select * from {{ doubled_walks('walks_of_4') }}
)

select * from {{ doubled_walks('walks_of_8') }}
