#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the C table of templates: embed.py OUTPUT NAME.md... The first line of each is what it is about, the first heading
its title."""
import os, re, sys

output, paths = sys.argv[1], sys.argv[2:]
lines = ["/* Made of src/program/documents by embed.py. */", '#include "program/document.h"',
         "const struct document_template document_templates[] = {"]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


for path in paths:
    about, text = open(path, encoding="utf-8").read().split("\n", 1)
    text = text.lstrip("\n")
    if not about.startswith("about: ") or not text.startswith("# "):
        sys.exit(f"{path}: the first line is 'about: …', then a heading")
    name, title = os.path.basename(path)[:-3], re.match(r"# (.*)", text)[1]
    lines.append(f"    {{ {quoted(name)}, {quoted(title)}, {quoted(about[7:])},")
    lines += ["      " + quoted(line + "\n") for line in text.rstrip("\n").split("\n")]
    lines.append("    },")
lines += ["    { NULL, NULL, NULL, NULL },", "};", ""]
open(output, "w", encoding="utf-8").write("\n".join(lines))
