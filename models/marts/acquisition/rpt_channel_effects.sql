-- One row per conversion type and channel: what share of the conversions would be lost
-- without the channel, and what that rests on.

with removal_effects as (
    select * from {{ ref('customer_journey', 'int_removal_effects') }}
)

select
    conversion_type,
    channel,
    paths,
    converting_paths,
    visit_probability,
    conversion_probability,
    path_conversion_probability,
    removal_effect,
    removal_effect_share,
    markov_conversions
from removal_effects
