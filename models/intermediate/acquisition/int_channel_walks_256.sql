-- One row per conversion type and pair of states of the attribution chain: the weight
-- of all walks of 256 steps.
-- The linter does not see that a macro reads the steps.
-- noqa: disable=ST03,AM04

with walks_of_16 as (
    select * from {{ ref('customer_journey', 'int_channel_walks_16') }}
),

walks_of_32 as (
    select * from {{ doubled_walks('walks_of_16') }}
),

walks_of_64 as (
    select * from {{ doubled_walks('walks_of_32') }}
),

walks_of_128 as (
    select * from {{ doubled_walks('walks_of_64') }}
)

select * from {{ doubled_walks('walks_of_128') }}
