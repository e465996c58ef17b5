#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the C table of the courses that come with the program: embed.py OUTPUT FILE... (COURSE/NAME each)."""
import os, sys

output, paths = sys.argv[1], sys.argv[2:]
lines = ["/* Made of src/program/courses by embed.py. */", '#include "program/course.h"']
table = []
for number, path in enumerate(sorted(paths)):
    data = open(path, "rb").read()
    course, name = path.split(os.sep)[-2:]
    lines.append(f"static const unsigned char file_{number}[] = {{")
    lines += ["    " + ", ".join(str(b) for b in data[i:i + 24]) + "," for i in range(0, len(data), 24)]
    lines.append("};")
    table.append(f'    {{ "{course}", "{name}", file_{number}, {len(data)} }},')
lines += ["const struct course_file course_files[] = {", *table, "};",
          f"const unsigned course_files_count = {len(table)};", ""]
open(output, "w", encoding="utf-8").write("\n".join(lines))
