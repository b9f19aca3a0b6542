"""Splits the breast cancer table by columns: python3 example_data.py SOURCE TARGET_FOLDER.

Every feature is standardised by its mean and population standard deviation and rounded to six
decimals; the guest gets the label and features 20..29 as x0..x9, the host features 0..19.
"""
import csv
import math
import sys


def standardise(column):
    mean = math.fsum(column) / len(column)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
    return [round((v - mean) / deviation, 6) for v in column]


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(f"example data: {path}: {len(rows)} rows, {len(header)} columns")


def main(source, target):
    with open(source, newline="") as file:
        rows = list(csv.reader(file))[1:]
    labels = [row[30] for row in rows]
    columns = [standardise([float(row[i]) for row in rows]) for i in range(30)]
    guest = [[i, labels[i]] + [columns[c][i] for c in range(20, 30)] for i in range(len(rows))]
    host = [[i] + [columns[c][i] for c in range(20)] for i in range(len(rows))]
    write(f"{target}/breast_hetero_guest.csv", ["id", "y"] + [f"x{i}" for i in range(10)], guest)
    write(f"{target}/breast_hetero_host.csv", ["id"] + [f"x{i}" for i in range(20)], host)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
