/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers' table, made from its one list. */
#include "im/registry.h"

#define P(room, file, name) extern const struct parser parser_##name;
#include "im/protocols.def"
#undef P

static const struct parser *const table[] = {
#define P(room, file, name) &parser_##name,
#include "im/protocols.def"
#undef P
};

const struct parser *const *parsers_all(unsigned *out_count)
{
    *out_count = sizeof table / sizeof table[0];
    return table;
}
