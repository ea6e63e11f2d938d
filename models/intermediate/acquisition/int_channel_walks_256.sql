-- One row per conversion type and pair of states of the attribution chain: the weight of
-- all walks of 256 steps.

with walks_of_16 as (
    select * from {{ ref('customer_journey', 'int_channel_walks_16') }}
),

walks_of_32 as (
    {{ doubled_walks('walks_of_16') }}
),

walks_of_64 as (
    {{ doubled_walks('walks_of_32') }}
),

walks_of_128 as (
    {{ doubled_walks('walks_of_64') }}
)

{{ doubled_walks('walks_of_128') }}
