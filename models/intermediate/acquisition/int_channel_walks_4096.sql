-- One row per conversion type and pair of states of the attribution chain: the weight of
-- all walks of 4,096 steps.

with walks_of_256 as (
    select * from {{ ref('customer_journey', 'int_channel_walks_256') }}
),

walks_of_512 as (
    {{ doubled_walks('walks_of_256') }}
),

walks_of_1024 as (
    {{ doubled_walks('walks_of_512') }}
),

walks_of_2048 as (
    {{ doubled_walks('walks_of_1024') }}
)

{{ doubled_walks('walks_of_2048') }}
