"""Make communes.json.gz anew: `npm pack @etalab/decoupage-administratif@6.0.0`, unpack, then

    python portal/data/make.py package/data/communes.json

The columns the portal reads, in the package's own layout and order. The same input gives the same bytes.
LICENCE.md names the version: change it there as well.
"""
import gzip
import json
import sys
from pathlib import Path

COLUMNS = ("code", "nom", "type", "chefLieu", "commune", "departement", "codesPostaux", "population", "anciensCodes")


def kept(row):
    return {column: row[column] for column in COLUMNS if column in row}


def make(source, target):
    rows = [kept(row) for row in json.loads(Path(source).read_bytes())]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    Path(target).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    make(sys.argv[1], Path(__file__).parent / "communes.json.gz")
