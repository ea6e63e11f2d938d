"""The CDNOW purchases, fetched once into an ignored folder: not ours to hand on."""

from __future__ import annotations

import pandas as pd

from run_example import fetch


def transactions() -> pd.DataFrame:
    """Return all 69,659 rows as raw transactions, all text, under a generated key."""
    names = ["customer_id", "day", "discs", "amount"]
    return _read("CDNOW_master.txt", names, header_rows=1)


def sample() -> pd.DataFrame:
    """Return the 6,919 rows of the 2,357 customers that papers fit their models to."""
    names = ["master_customer_id", "customer_id", "day", "discs", "amount"]
    return _read("CDNOW_sample.txt", names, header_rows=0)


def _read(name: str, names: list[str], header_rows: int) -> pd.DataFrame:
    file = fetch("cdnow") / name
    rows = pd.read_csv(file, sep=r"\s+", skiprows=header_rows, names=names, dtype=str)
    days = pd.to_datetime(rows["day"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "transaction_id": rows.index.astype(str),
            "customer_id": rows["customer_id"],
            "occurred_at": days,
            "amount": rows["amount"],
        }
    )
