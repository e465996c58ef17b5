/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all protocol parsers, from protocols.def. */
#pragma once
#include "identify/parser.h"

/* In the order of asking; *out_count gets their number. */
const struct parser *const *parsers_all(unsigned *out_count);
