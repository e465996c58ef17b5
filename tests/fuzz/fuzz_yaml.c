/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the YAML layer: read any bytes, then walk all of the tree with every getter. */
#include "base/yaml.h"
#include "library_leaks.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct yaml_node *n)
{
    static const char *const known[] = { "name", "rules", "action", NULL };
    struct imw_error_info err = { 0 };
    struct view v;
    int64_t number;
    bool flag;
    char line[1024];

    if (yaml_string(n, &v, &err) && (v.len == 0 || v.at[v.len] != '\0'))
        abort();
    (void)yaml_integer(n, -5, 5, &number, &err);
    (void)yaml_bool(n, &flag, &err);
    if (!yaml_known_keys(n, known, &err) && (err.line == 0 || err.text[0] == '\0'))
        abort();
    error_format(&err, line, sizeof line);
}

/* Values of a node, then theirs; the depth of a tree is limited by the reader. */
static void walk(const struct yaml_node *n, unsigned depth)
{
    unsigned count = 0;

    if (depth > YAML_DEPTH)
        abort();
    ask(n);
    for (const struct yaml_node *value = yaml_first(n); value != NULL; value = yaml_next(value), count++)
        walk(value, depth + 1);
    if (count != yaml_count(n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imw_error_info err = { 0 };
    struct yaml *y;

    if (!yaml_parse("fuzz.yaml", view_of(data, size), &y, &err))
        return err.code == IMW_OK ? abort(), 0 : 0;
    walk(yaml_root(y), 0);
    yaml_free(y);
    return 0;
}
