#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the C table of mapping tables: embed.py OUTPUT NAME.tsv..."""
import os, sys

output, paths = sys.argv[1], sys.argv[2:]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


lines = ["/* Made of src/program/mapping by embed.py. */", "struct mapping_ours { const char *name, *text; };",
         "extern const struct mapping_ours mapping_ours[];", "const struct mapping_ours mapping_ours[] = {"]
for path in paths:
    lines.append(f"    {{ {quoted(os.path.basename(path)[:-4])},")
    lines += ["      " + quoted(line + "\n") for line in open(path, encoding="utf-8").read().rstrip("\n").split("\n")]
    lines.append("    },")
lines += ["    { 0, 0 },", "};", ""]
open(output, "w", encoding="utf-8").write("\n".join(lines))
