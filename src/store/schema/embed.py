#!/usr/bin/env python3
"""Makes the C table of the schema's steps: embed.py OUTPUT NNNN-NAME.sql..."""
import os, re, sys

BEHIND_TYPE = r"(?=\s*(,|\)|not\b|unique\b|primary\b|check\b|references\b|default\b|$))"
output, paths = sys.argv[1], sys.argv[2:]
lines = ["/* Made of src/store/schema by embed.py. */", '#include "store/db_driver.h"',
         "const struct schema_step schema_steps[] = {"]
for number, path in enumerate(sorted(paths, key=os.path.basename), 1):
    match = re.fullmatch(r"(\d{4})-([a-z0-9-]+)\.sql", os.path.basename(path))
    if match is None or int(match.group(1)) != number:
        sys.exit(f"{path}: the steps are named NNNN-name.sql and numbered from 0001 without a gap")
    kept = []
    for at, line in enumerate(open(path, encoding="utf-8").read().split("\n"), 1):
        line = line.split("--")[0].rstrip()
        # In PostgreSQL columns would else be compared as the database's locale has it, or hold 32 bits.
        line = re.sub(r"(\w+) text" + BEHIND_TYPE, r"\1 {text}", line)
        if re.search(r"\w+ (integer|int|blob)" + BEHIND_TYPE, line):
            sys.exit(f"{path}:{at}: write the column's type as {{int}} or {{blob}}")
        if line:
            kept.append(line)
    text = "\n".join(kept).replace("\\", "\\\\").replace('"', '\\"')
    lines.append(f'    {{ {number}, "{match.group(2)}",')
    lines += [f'      "{line}\\n"' for line in text.split("\n")]
    lines.append("    },")
lines += ["    { 0, NULL, NULL },", "};", ""]
open(output, "w", encoding="utf-8").write("\n".join(lines))
