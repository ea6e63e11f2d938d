-- Month numbers in which not as many customers churned, or are undetermined, as known.

select
    known_churn.*,
    churn.churn_window_months as found_window,
    churn.churned_customers as found_churned,
    churn.undetermined_customers as found_undetermined
from {{ ref('known_churn') }} as known_churn
left join {{ ref('rpt_churn_by_month_number') }} as churn
    on
        churn.segment_column = 'all'
        and churn.churn_window = 'in_force'
        and churn.period_grain = 'all'
        and known_churn.month = churn.period_number
where
    known_churn.churned is distinct from churn.churned_customers
    or known_churn.undetermined is distinct from churn.undetermined_customers
    or churn.churn_window_months is distinct from 3
    or churn.modal_churn_month is distinct from 1
    -- Months 16 to 18 have no three months after them.
    or churn.is_complete is distinct from (known_churn.month <= 15)
    or (churn.hazard is not null) is distinct from (known_churn.month <= 15)
    or (churn.survival is not null) is distinct from (known_churn.month <= 15)
