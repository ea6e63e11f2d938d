-- One row per conversion type and pair of states of the attribution chain: the weight
-- of all walks of 65,536 steps.
-- The linter does not see that a macro reads the steps.
-- noqa: disable=ST03,AM04

with walks_of_4096 as (
    select * from {{ ref('customer_journey', 'int_channel_walks_4096') }}
),

walks_of_8192 as (
    select * from {{ doubled_walks('walks_of_4096') }}
),

walks_of_16384 as (
    select * from {{ doubled_walks('walks_of_8192') }}
),

walks_of_32768 as (
    select * from {{ doubled_walks('walks_of_16384') }}
)

select * from {{ doubled_walks('walks_of_32768') }}
