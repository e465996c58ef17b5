#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a C array of a file's bytes: embed.py OUTPUT NAME FILE."""
import sys

output, name, path = sys.argv[1:]
data = open(path, "rb").read()
lines = [f"/* Made of {path.rsplit('/', 1)[-1]} by embed.py. */", '#include "console/api.h"',
         f"const unsigned char {name}[] = {{"]
lines += ["    " + ", ".join(str(b) for b in data[i:i + 24]) + "," for i in range(0, len(data), 24)]
lines += ["};", f"const unsigned {name}_len = {len(data)};", ""]
open(output, "w", encoding="utf-8").write("\n".join(lines))
