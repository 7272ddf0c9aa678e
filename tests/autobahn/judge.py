"""Reads what Autobahn|Testsuite wrote, prints the count, and fails below the bar."""

import collections
import json
import pathlib
import sys

work, chosen = pathlib.Path(sys.argv[1]), sys.argv[2] != "0"
CASES = 301
NON_STRICT = {"6.4.3", "6.4.4"}
INFORMATIONAL_MAX = 3
# Largest message of production, in bytes.
LIMIT = 64 * 1024
faults = []


def cases(run):
    return json.loads((work / run / "index.json").read_text())["domu"]


def count(found):
    return ", ".join(f"{number} {verdict}" for verdict, number in sorted(collections.Counter(found).items()))


def sizes():
    """The size of the message of each case 9.*: 9.1 to 9.4 of megabytes, 9.5 and 9.6 in chops, 9.7 and 9.8 in many small ones."""
    kib, mib = 1024, 1024 * 1024
    whole = [64 * kib, 256 * kib, mib, 4 * mib, 8 * mib, 16 * mib]
    for group in (1, 2):
        for number, size in enumerate(whole, 1):
            yield f"9.{group}.{number}", size
    for group in (3, 4):
        for number in range(1, 10):
            yield f"9.{group}.{number}", 4 * mib
    for group in (5, 6):
        for number in range(1, 7):
            yield f"9.{group}.{number}", mib


found = cases("large")
verdicts = {case: row["behavior"] for case, row in found.items()}
print(f"{len(found)} cases: {count(verdicts.values())}; closing: {count(row['behaviorClose'] for row in found.values())}")
if not chosen and len(found) != CASES:
    faults.append(f"{len(found)} cases ran, not {CASES}")
for case, row in found.items():
    if row["behavior"] not in ("OK", "NON-STRICT", "INFORMATIONAL"):
        faults.append(f"{case}: {row['behavior']}")
    if row["behaviorClose"] not in ("OK", "INFORMATIONAL"):
        faults.append(f"{case}: closing {row['behaviorClose']}")
    if row["behavior"] == "NON-STRICT" and case not in NON_STRICT:
        faults.append(f"{case}: not strict")
if sum(verdict == "INFORMATIONAL" for verdict in verdicts.values()) > INFORMATIONAL_MAX:
    faults.append("too many informational")
if not chosen:
    found = cases("production")
    above = {case for case, size in sizes() if size > LIMIT}
    refused = {case for case, row in found.items() if row["remoteCloseCode"] == 1009}
    print(f"with the limits of production: {len(refused)} of {len(above)} cases above them end in close 1009")
    for case in sorted(above - refused):
        faults.append(f"{case}: above the limit, but closed with {found[case]['remoteCloseCode']}")
    for case, row in found.items():
        if case not in above and row["behavior"] not in ("OK", "INFORMATIONAL"):
            faults.append(f"{case}: within the limit, but {row['behavior']}")
for fault in faults:
    print(fault, file=sys.stderr)
sys.exit(bool(faults))
