{#
    Keys of a staging model whose rows were not judged as promised: each row has one
    status, merged and rejected rows have a reason (an accepted one only if it is spend
    named again), rejected ones keep what they held, and of the rows of a key one is
    accepted for the others to be merged into.
    key: the column that identifies an accepted row, or none where rows add up.
#}
{% test judged_once(model, key=none) %}

with judged as (
    select
        {{ key or 'row_status' }} as row_key,
        row_status,
        case
            when row_status not in ('accepted', 'merged', 'rejected', 'after_as_of') then 1
            when row_status in ('merged', 'rejected') and status_reason is null then 1
            when row_status = 'after_as_of' and status_reason is not null then 1
            when
                row_status = 'accepted'
                and status_reason <> 'repeated_day_channel_campaign'
                then 1
            when (row_status = 'rejected') <> (raw_values is not null) then 1
            when row_status = 'accepted' and {{ key or "''" }} is null then 1
            when row_status is null then 1
            else 0
        end as is_broken
    from {{ model }}
)

select
    row_key,
    sum(is_broken) as broken_rows,
    sum(case when row_status = 'accepted' then 1 else 0 end) as accepted_rows,
    sum(case when row_status = 'merged' then 1 else 0 end) as merged_rows
from judged
group by row_key
having
    sum(is_broken) > 0
    {%- if key %}
    or sum(case when row_status = 'accepted' then 1 else 0 end) > 1
    or (
        sum(case when row_status = 'merged' then 1 else 0 end) > 0
        and sum(case when row_status = 'accepted' then 1 else 0 end) = 0
    )
    {%- endif %}

{% endtest %}
