/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a policy file that more than one of its sections has: words, names, networks, paths, times,
 * sizes. */
#include "base/yaml.h"
#include "policy/rules.h"

bool value_unknown(const struct yaml_node *n, const char *what, struct view v, const char *const *words,
                   struct imw_error_info *err)
{
    const char *hint = yaml_nearest(v, words);
    int len = v.len < 60 ? (int)v.len : 60;

    if (hint == NULL)
        return yaml_error(n, err, "unknown %s '%.*s'", what, len, (const char *)v.at);
    return yaml_error(n, err, "unknown %s '%.*s'; is '%s' meant?", what, len, (const char *)v.at, hint);
}

bool value_word(const struct yaml_node *n, const char *what, const char *const *words, uint32_t *out,
                struct imw_error_info *err)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, err))
        return false;
    for (uint32_t i = 0; words[i] != NULL; i++)
        if (view_equal(v, view_string(words[i]))) {
            *out = i;
            return true;
        }
    return value_unknown(n, what, v, words, err);
}

bool value_network(const struct yaml_node *n, struct ip_addr *out, unsigned *out_bits,
                   struct imw_error_info *err)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, err))
        return false;
    if (!ip_parse_network(v, out, out_bits))
        return yaml_error(n, err, "an address or a network such as 10.20.0.0/16 is needed");
    for (unsigned i = *out_bits; i < 128; i++)
        if ((out->octet[i / 8] >> (7 - i % 8) & 1) != 0)
            return yaml_error(n, err,
                              "bits behind the first %u are not zero: a network begins where they are",
                              *out_bits - (ip_is_v4(out) ? 96 : 0));
    return true;
}

bool value_path(const struct yaml_node *n, const char *policy_file, char *out, size_t size,
                struct imw_error_info *err)
{
    struct view name = view_of(NULL, 0);
    struct text t = text_over(out, size);
    const char *slash = strrchr(policy_file, '/');

    if (!yaml_string(n, &name, err))
        return false;
    if (name.at[0] != '/' && slash != NULL)
        text_add(&t, view_of(policy_file, (size_t)(slash - policy_file) + 1));
    text_add(&t, name);
    return !t.cut || yaml_error(n, err, "a shorter path is needed");
}

/* ---- numbers with a unit ---- */

struct unit {
    const char *name;
    uint64_t is; /* in milliseconds, or bytes */
};
enum { UNITS = 5 };

static const struct unit times[UNITS] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }
};
static const struct unit sizes[UNITS] = {
    { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { "TiB", (uint64_t)1 << 40 }
};

static void add_with_unit(struct text *t, uint64_t n, const struct unit units[UNITS])
{
    unsigned u = UNITS - 1;

    while (u > 0 && (n < units[u].is || n % units[u].is != 0))
        u--;
    text_decimal(t, n / units[u].is);
    text_string(t, units[u].name);
}

void text_duration(struct text *t, uint64_t ms)
{
    add_with_unit(t, ms, times);
}

void text_bytes(struct text *t, uint64_t bytes)
{
    add_with_unit(t, bytes, sizes);
}

static bool take_with_unit(struct view v, const struct unit units[UNITS], uint64_t *out)
{
    size_t digits = 0;
    uint64_t n;

    while (digits < v.len && v.at[digits] >= '0' && v.at[digits] <= '9')
        digits++;
    if (!view_decimal(view_slice(v, 0, digits), UINT32_MAX, &n))
        return false;
    for (unsigned u = 0; u < UNITS; u++)
        if (view_equal(view_from(v, digits), view_string(units[u].name))) {
            *out = n * units[u].is;
            return n == 0 || *out / n == units[u].is;
        }
    return false;
}

static bool with_unit(const struct yaml_node *n, const struct unit units[UNITS], const char *example,
                      uint64_t min, uint64_t max, uint64_t *out, struct imw_error_info *err)
{
    struct view v = view_of(NULL, 0);
    char from[32], to[32];
    struct text from_text = TEXT(from), to_text = TEXT(to);
    uint64_t value = 0;

    if (!yaml_string(n, &v, err))
        return false;
    if (!take_with_unit(v, units, &value))
        return yaml_error(n, err, "%s is needed", example);
    add_with_unit(&from_text, min, units);
    add_with_unit(&to_text, max, units);
    if (value < min || value > max)
        return yaml_error(n, err, "must be from %s to %s", from, to);
    *out = value;
    return true;
}

bool value_duration(const struct yaml_node *n, uint64_t min_ms, uint64_t max_ms, uint64_t *out_ms,
                    struct imw_error_info *err)
{
    return with_unit(n, times, "a time such as 30s, 15m, 72h or 90d", min_ms, max_ms, out_ms, err);
}

bool value_size(const struct yaml_node *n, uint64_t min, uint64_t max, uint64_t *out,
                struct imw_error_info *err)
{
    return with_unit(n, sizes, "a size such as 512KiB, 64MiB or 2GiB", min, max, out, err);
}
