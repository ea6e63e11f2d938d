-- One row per conversion type and pair of states of the attribution chain: the weight
-- of all walks of 4,096 steps.
-- The linter does not see that a macro reads the steps.
-- noqa: disable=ST03,AM04

with walks_of_256 as (
    select * from {{ ref('customer_journey', 'int_channel_walks_256') }}
),

walks_of_512 as (
    select * from {{ doubled_walks('walks_of_256') }}
),

walks_of_1024 as (
    select * from {{ doubled_walks('walks_of_512') }}
),

walks_of_2048 as (
    select * from {{ doubled_walks('walks_of_1024') }}
)

select * from {{ doubled_walks('walks_of_2048') }}
