"""Land the orders of an invented shop, as its loader would have done some hours ago.

    python land_orders.py landing --hours-ago 0

Writes one Parquet file into the folder `orders` of the one that is named.
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

# One new customer a week for 14 months; each orders again, a month later, none to six
# times. The same for every load, but for the dates.
ORDERS = """
select
    'order-' || customers.number || '-' || orders.number as order_id,
    'customer-' || customers.number as customer_id,
    $loaded_at - to_hours(1 + customers.number % 24)
        - to_days(420 - 7 * customers.number - 30 * orders.number) as ordered_at,
    cast(20 + (customers.number * 7 + orders.number) % 30 as decimal(18, 2)) as total,
    $loaded_at as loaded_at
from range(61) as customers (number)
inner join range(7) as orders (number)
    on orders.number <= customers.number % 7
    and 30 * orders.number <= 420 - 7 * customers.number
"""


def land(folder: Path, hours_ago: int) -> Path:
    """Write the file of a load and return its path; a reader never finds it half."""
    loaded_at = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    loaded_at -= timedelta(hours=hours_ago)
    orders = folder / "orders"
    orders.mkdir(parents=True, exist_ok=True)
    part = orders / "orders.part"
    with duckdb.connect() as database:
        rows = database.sql(ORDERS, params={"loaded_at": loaded_at})
        rows.write_parquet(str(part))
    return part.replace(orders / "orders.parquet")


def main() -> None:
    """Land what the command line asks for."""
    parser = argparse.ArgumentParser(description="Land the orders of the shop.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours-ago", type=int, default=0)
    arguments = parser.parse_args()
    land(arguments.folder, arguments.hours_ago)


if __name__ == "__main__":
    main()
