-- One row per line of the file: a purchase.
-- A purchase has no key of its own, and two lines that are the same are two purchases,
-- so each gets a number.
{{ config(materialized='table') }}

-- Columns are divided by any number of blanks: read whole lines and split them.
with split_lines as (
    select string_split_regex(trim(line), '\s+') as fields
    from
        read_csv(
            'data/CDNOW_master.txt',
            columns = {'line': 'varchar'}, delim = '\t', header = false, skip = 1
        )
),

name_columns as (
    select
        fields[1] as customer_id,
        cast(strptime(fields[2], '%Y%m%d') as date) as occurred_at,
        cast(fields[4] as decimal(18, 2)) as amount
    from split_lines
)

select
    row_number() over (order by customer_id, occurred_at, amount) as transaction_id,
    customer_id,
    occurred_at,
    amount
from name_columns
