/* SPDX-License-Identifier: Apache-2.0 */
/* File names made from names on the wire. */
#pragma once
#include "base/text.h"

enum { SPOOL_NAME_BYTES = 128 };

/*
 * A name for a file of ours, of at most 128 bytes, in `out` (129 bytes at least). `copy` from 2 on is put
 * before the extension: "name (2).txt". Never empty, never "." or "..", never with a separator.
 */
void spool_name(struct view wire, unsigned copy, struct text *out);
