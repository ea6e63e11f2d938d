"""The CDNOW purchases, fetched once into an ignored folder: not ours to hand on."""

from __future__ import annotations

import pandas as pd

from run_example import fetch


def transactions() -> pd.DataFrame:
    """All 69,659 rows as raw transactions, all text, under a generated key."""
    file = fetch("cdnow") / "CDNOW_master.txt"
    names = ["customer_id", "day", "discs", "amount"]
    rows = pd.read_csv(file, sep=r"\s+", skiprows=1, names=names, dtype=str)
    days = pd.to_datetime(rows["day"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "transaction_id": rows.index.astype(str),
            "customer_id": rows["customer_id"],
            "occurred_at": days,
            "amount": rows["amount"],
        }
    )
