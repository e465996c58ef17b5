#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the C tables of the method of risk assessments: embed.py OUTPUT NAME.tsv... The first line of each names its columns; what a
column means says program/assessment.h."""
import os, sys

output, paths = sys.argv[1], sys.argv[2:]
lines = ["/* Made of src/program/risk by embed.py. */", '#include "program/assessment.h"']


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


for path in sorted(paths):
    kind = os.path.basename(path)[:-4]
    rows = [line.split("\t") for line in open(path, encoding="utf-8").read().rstrip("\n").split("\n")]
    head, rows = rows[0], rows[1:]
    if len({row[0] for row in rows}) != len(rows):
        sys.exit(f"{path}: a key comes twice")
    lines.append(f"const struct risk_{kind[:-1] if not kind.endswith('ies') else kind[:-3] + 'y'} risk_{kind}[] = {{")
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            sys.exit(f"{path}:{number}: {len(head)} columns are needed")
        cells = (f".{name} = {cell if cell.isdigit() else quoted(cell)}" for name, cell in zip(head, row))
        lines.append("    { " + ", ".join(cells) + " },")
    lines += ["};", f"const unsigned risk_{kind}_count = {len(rows)};"]
open(output, "w", encoding="utf-8").write("\n".join(lines) + "\n")
