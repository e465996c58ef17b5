/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the section `tenants` (docs/policy.md#tenants). What is read goes into lines of a proxy's settings,
 * so names and identifiers are held to the characters that they may have.
 */
#include "policy/tenants.h"
#include "base/yaml.h"
#include "policy/rules.h"
#include <stddef.h>
#include <stdlib.h>

enum { LIST_MOST = 256, DOMAIN_BYTES = 253, SLACK_ID_BYTES = 32 };

/* Memory of the section's, freed with it. */
struct tenant_block {
    struct tenant_block *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct reader {
    struct policy_tenants *tenants;
    struct imw_error_info *err;
};

typedef bool check_value(struct view v);

static void *allocate(struct reader *r, size_t size)
{
    struct tenant_block *block = calloc(1, sizeof *block + size);

    if (block == NULL) {
        (void)error_memory(r->err);
        return NULL;
    }
    block->next = r->tenants->blocks;
    r->tenants->blocks = block;
    return block->bytes;
}

void tenants_free(struct policy_tenants *t)
{
    if (t == NULL)
        return;
    for (struct tenant_block *b = t->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    free(t);
}

const struct policy_tenants *policy_tenants(const struct policy *p)
{
    return p->tenants;
}

/* ---- values ---- */

static bool is_alphanumeric(uint8_t c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* "bank.example": two labels or more of letters, digits and '-'. */
static bool is_domain(struct view v)
{
    size_t label = 0, labels = 1;

    for (size_t i = 0; i < v.len; i++) {
        bool dot = v.at[i] == '.';
        if ((!dot && !is_alphanumeric(v.at[i]) && v.at[i] != '-') || (dot && label == 0))
            return false;
        label = dot ? 0 : label + 1;
        labels += dot;
    }
    return label > 0 && labels > 1 && v.len <= DOMAIN_BYTES;
}

/* 8-4-4-4-12 hexadecimal digits (RFC 9562 section 4). */
static bool is_uuid(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = ascii_lower(v.at[i]);
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return v.len == 36;
}

/* Entra takes tenants by a domain of theirs or by directory. */
static bool is_domain_or_uuid(struct view v)
{
    return is_uuid(v) || is_domain(v);
}

/* Of a workspace (T...) or an Enterprise organization (E...). */
static bool is_slack_id(struct view v)
{
    bool good = v.len >= 2 && v.len <= SLACK_ID_BYTES && (v.at[0] == 'T' || v.at[0] == 'E');

    for (size_t i = 0; good && i < v.len; i++)
        good = (v.at[i] >= 'A' && v.at[i] <= 'Z') || (v.at[i] >= '0' && v.at[i] <= '9');
    return good;
}

static const char *read_value(struct reader *r, const struct yaml_node *n, check_value *check,
                              const char *what)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, r->err))
        return NULL;
    if (!check(v)) {
        (void)yaml_error(n, r->err, "%s is needed", what);
        return NULL;
    }
    char *text = allocate(r, v.len + 1);
    if (text != NULL)
        memcpy(text, v.at, v.len);
    return text;
}

/* A value, or a list of them that is not empty. */
static bool read_values(struct reader *r, const struct yaml_node *section, const char *key,
                        check_value *check, const char *what, struct string_list *out)
{
    const struct yaml_node *n;

    if (!yaml_need(section, key, &n, r->err))
        return false;
    bool several = yaml_kind(n) == YAML_SEQUENCE;
    unsigned count = several ? yaml_count(n) : 1, i = 0;
    if (count == 0 || count > LIST_MOST)
        return yaml_error(n, r->err, "1 to %d values are needed", LIST_MOST);
    const char **at = allocate(r, count * sizeof *at);
    if (at == NULL)
        return false;
    for (const struct yaml_node *v = several ? yaml_first(n) : n; v != NULL && i < count; i++) {
        at[i] = read_value(r, v, check, what);
        if (at[i] == NULL)
            return false;
        v = several ? yaml_next(v) : NULL;
    }
    *out = (struct string_list){ at, count };
    return true;
}

static bool read_one(struct reader *r, const struct yaml_node *section, const char *key, check_value *check,
                     const char *what, const char **out)
{
    const struct yaml_node *n;

    if (!yaml_need(section, key, &n, r->err))
        return false;
    *out = read_value(r, n, check, what);
    return *out != NULL;
}

/* ---- sections ---- */

static bool read_microsoft(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "domains", "directory", NULL };
    struct policy_tenants *t = r->tenants;

    return n == NULL ||
           (yaml_known_keys(n, keys, r->err) &&
            read_values(r, n, "domains", is_domain_or_uuid,
                        "a domain such as bank.example, or a directory's UUID,", &t->microsoft_domains) &&
            read_one(r, n, "directory", is_uuid, "the UUID of the firm's directory (tenant)",
                     &t->microsoft_directory));
}

static bool read_google(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "domains", NULL };

    return n == NULL || (yaml_known_keys(n, keys, r->err) &&
                         read_values(r, n, "domains", is_domain, "a domain such as bank.example",
                                     &r->tenants->google_domains));
}

static bool read_slack(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "requester", "workspaces", NULL };
    static const char what[] = "the identifier of a workspace (T...) or organization (E...)";

    return n == NULL || (yaml_known_keys(n, keys, r->err) &&
                         read_one(r, n, "requester", is_slack_id, what, &r->tenants->slack_requester) &&
                         read_values(r, n, "workspaces", is_slack_id, what, &r->tenants->slack_workspaces));
}

bool tenants_read(const struct yaml_node *n, struct policy_tenants **out, struct imw_error_info *err)
{
    static const char *const keys[] = { "microsoft", "google", "slack", NULL };
    struct reader r = { .err = err };

    *out = NULL;
    if (n == NULL)
        return true;
    if (!yaml_known_keys(n, keys, err))
        return false;
    if (yaml_count(n) == 0)
        return yaml_error(n, err, "say whose tenants: microsoft, google, slack");
    r.tenants = calloc(1, sizeof *r.tenants);
    if (r.tenants == NULL)
        return error_memory(err);
    if (!read_microsoft(&r, yaml_get(n, "microsoft")) || !read_google(&r, yaml_get(n, "google")) ||
        !read_slack(&r, yaml_get(n, "slack"))) {
        tenants_free(r.tenants);
        return false;
    }
    *out = r.tenants;
    return true;
}
