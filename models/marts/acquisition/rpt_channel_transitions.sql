-- One row per conversion type, state and the state that followed it in a path.

with channel_transitions as (
    select * from {{ ref('customer_journey', 'int_channel_transitions') }}
)

select
    conversion_type,
    from_state,
    to_state,
    transition_count,
    transition_probability
from channel_transitions
