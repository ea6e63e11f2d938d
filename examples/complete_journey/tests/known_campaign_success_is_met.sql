-- The mailing's row of the scorecard where it is not what it is known to be, recounted
-- from the files in pandas: of 1,559 households that were sent a campaign, 1,532 could
-- be observed for 60 days after the first, and 189 of them redeemed a coupon in these.

with known_success (
    exposed_people, touches, eligible_people, succeeded_people, next_stage
) as (
    values (1559, 6589, 1532, 189, 'redeemer')
),

found_success as (
    select
        exposed_people,
        touches,
        eligible_people,
        succeeded_people,
        next_stage
    from {{ ref('rpt_milestone_scorecard') }}
    where
        segment_column = 'all'
        and milestone = 'mailing'
        and touchpoint_type = 'campaign_mailing'
)

(select * from known_success except select * from found_success)
union all
(select * from found_success except select * from known_success)
