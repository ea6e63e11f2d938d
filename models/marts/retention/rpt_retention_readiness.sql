-- One row per segment value: whether the data can carry retention, and why.

with readiness as (
    select * from {{ ref('customer_journey', 'int_retention_readiness') }}
),

write_numbers as (
    select
        *,
        {{ as_text(as_count('customers')) }} as all_customers,
        {{ as_text(as_count('customers - one_time_customers')) }} as repeat_customers,
        {{ as_text(as_count('eligible_customers_month_1')) }} as month_1_customers,
        {{ as_text(as_count('eligible_customers_month_3')) }} as month_3_customers,
        {{ as_text(as_count('eligible_customers_month_12')) }} as month_12_customers,
        {{ as_text('months_observed') }} as months,
        {{ as_percent('guest_order_share') }} as guest_percent,
        greatest({{ var('readiness_min_months') }} - months_observed, 0)
            as missing_months
    from readiness
),

final as (
    select
        segment_column,
        segment_value,
        verdict,
        case obstacle
            when 'no_customers'
                then 'There is no customer whose first purchase is known.'
            when 'no_repeat'
                then
                    repeat_customers || ' of ' || all_customers || ' customers ('
                    || {{ as_percent('1 - one_time_customer_share') }}
                    || ') bought on more than one day: with about one purchase per'
                    || ' customer nobody is seen to stay or to leave.'
            when 'no_follow_up'
                then
                    'None of the ' || all_customers || ' customers has been observed'
                    || ' for a whole month after the month of the first purchase.'
            when 'few_months'
                then
                    months || ' complete months are observed, fewer than the'
                    || ' {{ var("readiness_min_months") }} of readiness_min_months: '
                    || month_1_customers || ' of ' || all_customers || ' customers can'
                    || ' be judged in month 1 after the month of their first purchase, '
                    || month_3_customers || ' in month 3.'
            when 'few_customers'
                then
                    month_3_customers || ' of ' || all_customers || ' customers can be'
                    || ' judged in month 3 after the month of their first purchase,'
                    || ' fewer than the {{ var("readiness_min_customers") }} of'
                    || ' readiness_min_customers.'
            when 'many_guests'
                then
                    guest_percent || ' of the orders are guests'', more than the share'
                    || ' of {{ var("readiness_max_guest_share") }} of'
                    || ' readiness_max_guest_share: what is measured is about the rest.'
            else
                all_customers || ' customers bought on '
                || {{ as_text('cast(purchases_per_customer as decimal(18, 2))') }}
                || ' days each, ' || {{ as_percent('one_time_customer_share') }}
                || ' of them on one day only; ' || months || ' complete months are'
                || ' observed, and ' || month_1_customers || ' customers can be judged'
                || ' in month 1 after the month of their first purchase, '
                || month_3_customers || ' in month 3, ' || month_12_customers
                || ' in month 12.'
        end as reason,
        case obstacle
            when 'no_customers'
                then
                    'Fill customer_id of the transactions input; first purchases'
                    || ' within left_truncation_days do not count as known.'
            when 'no_repeat'
                then
                    'Fill customer_id with what stays the same from one order to the'
                    || ' next (a login, an e-mail address, a loyalty card), not with'
                    || ' an id per order' || case
                        when guest_order_share > 0
                            then
                                '; ' || guest_percent
                                || ' of the orders have no id at all'
                        else ''
                    end || '.'
            when 'no_follow_up'
                then
                    'Complete months still missing: '
                    || {{ as_text('missing_follow_up_months') }} || '.'
            when 'few_months'
                then
                    'Complete months still missing: ' || {{ as_text('missing_months') }}
                    || '.'
            when 'few_customers'
                then
                    'Customers whose month 3 is over still missing: '
                    || {{ as_text(as_count(
                        var('readiness_min_customers') ~ ' - eligible_customers_month_3'
                    )) }} || '.'
            when 'many_guests'
                then
                    'Fill customer_id of guests'' orders with what they leave behind'
                    || ' (an e-mail address, a phone number), so that they join the'
                    || ' customer they are.'
        end as remedy,
        {{ as_count('customers') }} as customers,
        purchases_per_customer,
        one_time_customer_share,
        guest_order_share,
        cast(months_observed as integer) as months_observed,
        cast(missing_months as integer) as missing_months,
        {{ as_count('eligible_customers_month_1') }} as eligible_customers_month_1,
        {{ as_count('eligible_customers_month_3') }} as eligible_customers_month_3,
        {{ as_count('eligible_customers_month_12') }} as eligible_customers_month_12,
        customers < {{ var('small_sample_size') }} as is_small_sample
    from write_numbers
)

select * from final
