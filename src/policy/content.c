/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy says of content: its sections `inside`, `scan`, `leaks`, `vault` and `detect`, and `keep` of
 * a rule; and what people who are stopped are told, `enforce` (docs/policy.md). They stand in the policy
 * itself only, not in the files that it includes.
 *
 * Files that they name must be there and readable; what is in them is read by who uses them, but for the page
 * of `enforce`, which is kept. Keys of `detect`
 * are those of the detectors' own tables.
 */
#include "base/file.h"
#include "content/leak.h"
#include "policy/rules.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LIST_MOST = 256,       /* entries of one list */
    PAGE_BYTES = 12 << 10, /* with what is put in, no more than FORGE_ANSWER_BYTES of enforce/forge.h */
    URL_BYTES = 1024,
    PATH_BYTES = 4096,
    SECOND_MS = 1000,
    HOUR_MS = 3600 * SECOND_MS,
    DAY_MS = 24 * HOUR_MS,
};
#define KEEP_MOST_MS (36500 * (uint64_t)DAY_MS)

/* Memory of the policy's, freed with it. */
struct content_block {
    struct content_block *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct reader {
    struct policy_content *content;
    const char *file; /* the policy */
    bool alone;       /* files are taken to be there */
    struct imw_error_info *err;
};

/* NULL without memory; zeroed. */
static void *allocate(struct reader *r, size_t count, size_t size)
{
    struct content_block *block = calloc(1, sizeof *block + (count > 0 ? count : 1) * size);

    if (block == NULL) {
        (void)error_memory(r->err);
        return NULL;
    }
    block->next = r->content->blocks;
    r->content->blocks = block;
    return block->bytes;
}

static const char *copy(struct reader *r, struct view v)
{
    char *text = allocate(r, v.len + 1, 1);

    if (text != NULL)
        memcpy(text, v.at, v.len);
    return text;
}

void content_free(struct policy_content *c)
{
    if (c == NULL)
        return;
    for (struct content_block *b = c->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    free(c);
}

/* ---- values ---- */

/* A path; NULL: err is set. */
static const char *read_path(struct reader *r, const struct yaml_node *n)
{
    char path[PATH_BYTES];

    return value_path(n, r->file, path, sizeof path, r->err) ? copy(r, view_string(path)) : NULL;
}

/* A path of a file that is there for us to read. */
static const char *read_file(struct reader *r, const struct yaml_node *n)
{
    const char *path = read_path(r, n);
    struct stat s;

    if (path == NULL || r->alone)
        return path;
    if (stat(path, &s) != 0 || access(path, R_OK) != 0) {
        (void)yaml_error(n, r->err, "%.150s: %s", path, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(s.st_mode)) {
        (void)yaml_error(n, r->err, "%.150s: is no file", path);
        return NULL;
    }
    return path;
}

static bool is_host_and_port(struct view v)
{
    size_t colon = v.len;
    uint64_t port;

    while (colon > 0 && v.at[colon - 1] != ':')
        colon--;
    return colon > 1 && view_decimal(view_from(v, colon), 65535, &port) && port > 0;
}

static const char *read_clamd(struct reader *r, const struct yaml_node *n)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_one_line(n, PATH_BYTES, &v, r->err))
        return NULL;
    if (view_starts(v, VIEW("unix:/")) || (view_starts(v, VIEW("tcp:")) && is_host_and_port(view_from(v, 4))))
        return copy(r, v);
    (void)yaml_error(n, r->err, "unix:/PATH or tcp:HOST:PORT is needed");
    return NULL;
}

typedef const char *read_one(struct reader *r, const struct yaml_node *n);

/* A value, or a list of them that is not empty; *out_lines (NULL: not wanted): where each stands. */
static bool read_list(struct reader *r, const struct yaml_node *section, const char *key, read_one *read,
                      struct string_list *out, const uint32_t **out_lines)
{
    const struct yaml_node *n = yaml_get(section, key);
    bool several = n != NULL && yaml_kind(n) == YAML_SEQUENCE;
    unsigned count = several ? yaml_count(n) : 1;

    if (n == NULL)
        return true;
    if (count == 0)
        return yaml_error(n, r->err, "an empty list; leave the key out where there are none");
    if (count > LIST_MOST)
        return yaml_error(n, r->err, "more than %d entries", LIST_MOST);
    const char **at = allocate(r, count, sizeof *at);
    uint32_t *lines = allocate(r, count, sizeof *lines);
    if (at == NULL || lines == NULL)
        return false;
    const struct yaml_node *one = several ? yaml_first(n) : n;
    for (unsigned i = 0; i < count; i++, one = yaml_next(one)) {
        at[i] = read(r, one);
        lines[i] = yaml_line(one);
        if (at[i] == NULL)
            return false;
    }
    *out = (struct string_list){ at, count };
    if (out_lines != NULL)
        *out_lines = lines;
    return true;
}

/* Numbers of a section, each with its limits; a key that is not there leaves *out as it is. */
static bool read_count(struct reader *r, const struct yaml_node *section, const char *key, unsigned min,
                       unsigned max, unsigned *out)
{
    const struct yaml_node *n = yaml_get(section, key);
    int64_t value = 0;

    if (n == NULL)
        return true;
    if (!yaml_integer(n, min, max, &value, r->err))
        return false;
    *out = (unsigned)value;
    return true;
}

static bool read_duration(struct reader *r, const struct yaml_node *section, const char *key,
                          uint64_t unit_ms, uint64_t min_ms, uint64_t max_ms, uint32_t *out)
{
    const struct yaml_node *n = yaml_get(section, key);
    uint64_t ms = 0;

    if (n == NULL)
        return true;
    if (!value_duration(n, min_ms, max_ms, &ms, r->err))
        return false;
    if (ms % unit_ms != 0)
        return yaml_error(n, r->err, "must be whole %s", unit_ms == HOUR_MS ? "hours" : "seconds");
    *out = (uint32_t)(ms / unit_ms);
    return true;
}

static bool read_size(struct reader *r, const struct yaml_node *section, const char *key, uint64_t min,
                      uint64_t max, uint64_t *out)
{
    const struct yaml_node *n = yaml_get(section, key);

    return n == NULL || value_size(n, min, max, out, r->err);
}

/* ---- inside ---- */

static bool read_inside(struct reader *r, const struct yaml_node *n)
{
    struct policy_content *c = r->content;

    if (n == NULL)
        return true;
    if (!yaml_expect(n, YAML_SEQUENCE, r->err))
        return false;
    if (yaml_count(n) > LIST_MOST)
        return yaml_error(n, r->err, "more than %d networks", LIST_MOST);
    c->inside = allocate(r, yaml_count(n), sizeof *c->inside);
    if (c->inside == NULL)
        return false;
    for (const struct yaml_node *one = yaml_first(n); one != NULL; one = yaml_next(one)) {
        struct network *network = &c->inside[c->inside_count];
        if (!value_network(one, &network->ip, &network->bits, r->err))
            return false;
        c->inside_count++;
    }
    return true;
}

bool policy_is_inside(const struct policy *p, const struct ip_addr *addr)
{
    const struct policy_content *c = p->content;

    for (unsigned i = 0; i < c->inside_count; i++)
        if (ip_in_network(addr, &c->inside[i].ip, c->inside[i].bits))
            return true;
    return ip_is_private(addr);
}

/* ---- scan ---- */

static bool read_archive(struct reader *r, const struct yaml_node *n, struct scan_settings *s)
{
    static const char *const keys[] = { "depth", "members", "unpacked", "ratio", NULL };

    return n == NULL ||
           (yaml_known_keys(n, keys, r->err) && read_count(r, n, "depth", 0, 16, &s->archive_depth) &&
            read_count(r, n, "members", 1, 1000000, &s->archive_members) &&
            read_size(r, n, "unpacked", 1 << 20, (uint64_t)1 << 40, &s->archive_bytes) &&
            read_count(r, n, "ratio", 2, 1000000, &s->archive_ratio));
}

static bool read_fallback(struct reader *r, const struct yaml_node *n, struct scan_settings *s)
{
    static const char *const words[] = {
        [SCAN_FALLBACK_REPORT] = "report",
        [SCAN_FALLBACK_ALERT] = "alert",
        [SCAN_FALLBACK_BLOCK] = "block",
        NULL,
    };
    uint32_t number = s->fallback;

    if (n != NULL && !value_word(n, "setting", words, &number, r->err))
        return false;
    s->fallback = (enum scan_fallback)number;
    r->content->enforce.block_unscanned = s->fallback == SCAN_FALLBACK_BLOCK;
    return true;
}

static bool read_scan(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "clamd",      "yara",        "hashes",        "media_hashes",
                                        "parallel",   "timeout",     "signature_age", "when_away",
                                        "file_limit", "spool_limit", "archive",       NULL };
    struct scan_settings *s = &r->content->settings.scan;

    if (n == NULL)
        return true;
    s->wanted = true;
    r->content->scan_line = yaml_line(n);
    if (!yaml_known_keys(n, keys, r->err) ||
        !read_list(r, n, "clamd", read_clamd, &s->clamd, &r->content->clamd_lines) ||
        !read_list(r, n, "yara", read_file, &s->yara, NULL) ||
        !read_list(r, n, "hashes", read_file, &s->hashes, NULL) ||
        !read_list(r, n, "media_hashes", read_file, &s->media_hashes, NULL) ||
        !read_count(r, n, "parallel", 1, 64, &s->parallel) ||
        !read_duration(r, n, "timeout", 1, SECOND_MS, HOUR_MS, &s->timeout_ms) ||
        !read_duration(r, n, "signature_age", HOUR_MS, HOUR_MS, 365 * (uint64_t)DAY_MS,
                       &s->signature_age_h) ||
        !read_fallback(r, yaml_get(n, "when_away"), s) ||
        !read_size(r, n, "file_limit", 1 << 10, (uint64_t)1 << 40, &s->file_bytes) ||
        !read_size(r, n, "spool_limit", 1 << 20, (uint64_t)1 << 50, &s->spool_bytes) ||
        !read_archive(r, yaml_get(n, "archive"), s))
        return false;
    if (s->spool_bytes >= s->file_bytes)
        return true;
    const struct yaml_node *limit = yaml_get(n, "spool_limit");
    return yaml_error(limit != NULL ? limit : yaml_get(n, "file_limit"), r->err,
                      "spool_limit, of all files under way, must not be less than file_limit, of one");
}

/* ---- leaks ---- */

/* Kinds that a policy may choose among; patterns, keywords and customer data are on where they are given. */
enum { BUILT_IN = 1 << LEAK_CARD | 1 << LEAK_SSN | 1 << LEAK_ABA | 1 << LEAK_IBAN | 1 << LEAK_BIC };

static bool read_kinds(struct reader *r, const struct yaml_node *n, uint32_t *out)
{
    const char *words[LEAK_KIND_COUNT + 1] = { NULL };
    uint32_t kinds[LEAK_KIND_COUNT], number = 0, count = 0;

    if (n == NULL)
        return true;
    if (!yaml_expect(n, YAML_SEQUENCE, r->err))
        return false;
    for (uint32_t k = 0; k < LEAK_KIND_COUNT; k++)
        if ((BUILT_IN >> k & 1) != 0) {
            kinds[count] = k;
            words[count++] = leak_kind_name((enum leak_kind)k);
        }
    *out &= ~(uint32_t)BUILT_IN;
    for (const struct yaml_node *one = yaml_first(n); one != NULL; one = yaml_next(one)) {
        if (!value_word(one, "kind", words, &number, r->err))
            return false;
        *out |= (uint32_t)1 << kinds[number];
    }
    return true;
}

static bool read_pattern(struct reader *r, const struct yaml_node *n, const struct leak_pattern *before,
                         unsigned count, struct leak_pattern *out)
{
    static const char *const keys[] = { "name", "regex", NULL };
    const struct yaml_node *name, *regex;
    struct view v = view_of(NULL, 0);

    if (!yaml_known_keys(n, keys, r->err) || !yaml_need(n, "name", &name, r->err) ||
        !yaml_one_line(name, LEAK_NAME_BYTES - 1, &v, r->err))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (view_equal_nocase(v, view_string(before[i].name)))
            return yaml_error(name, r->err, "a pattern of this name was given already");
    out->name = copy(r, v);
    if (out->name == NULL || !yaml_need(n, "regex", &regex, r->err) || !yaml_string(regex, &v, r->err))
        return false;
    out->regex = copy(r, v);
    return out->regex != NULL;
}

static bool read_patterns(struct reader *r, const struct yaml_node *n, struct leak_settings *s)
{
    struct leak_pattern *patterns;

    if (n == NULL)
        return true;
    if (!yaml_expect(n, YAML_SEQUENCE, r->err))
        return false;
    if (yaml_count(n) > LIST_MOST)
        return yaml_error(n, r->err, "more than %d patterns", LIST_MOST);
    patterns = allocate(r, yaml_count(n), sizeof *patterns);
    if (patterns == NULL)
        return false;
    for (const struct yaml_node *one = yaml_first(n); one != NULL; one = yaml_next(one), s->pattern_count++)
        if (!read_pattern(r, one, patterns, s->pattern_count, &patterns[s->pattern_count]))
            return false;
    s->patterns = patterns;
    return true;
}

static bool read_leaks(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "kinds", "patterns", "keywords", "customer_data", "least", NULL };
    struct leak_settings *s = &r->content->settings.leaks;
    const struct yaml_node *exact;

    if (n == NULL)
        return true;
    s->wanted = true;
    if (!yaml_known_keys(n, keys, r->err) || !read_kinds(r, yaml_get(n, "kinds"), &s->kinds) ||
        !read_patterns(r, yaml_get(n, "patterns"), s) ||
        !read_list(r, n, "keywords", read_file, &s->keywords, NULL) ||
        !read_count(r, n, "least", 1, 1000, &s->least))
        return false;
    exact = yaml_get(n, "customer_data");
    if (exact != NULL)
        s->exact = read_file(r, exact);
    if (exact != NULL && s->exact == NULL)
        return false;
    if ((s->kinds & BUILT_IN) == 0 && s->pattern_count == 0 && s->keywords.count == 0 && s->exact == NULL)
        return yaml_error(n, r->err, "nothing is searched for: kinds is empty, and nothing else is given");
    return true;
}

/* ---- vault ---- */

static bool read_vault(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "path", "key", NULL };
    struct vault_settings *s = &r->content->settings.vault;
    const struct yaml_node *path, *key;

    if (n == NULL)
        return true;
    r->content->vault_line = yaml_line(n);
    if (!yaml_known_keys(n, keys, r->err) || !yaml_need(n, "path", &path, r->err) ||
        !yaml_need(n, "key", &key, r->err))
        return false;
    s->path = read_path(r, path);
    s->key = s->path != NULL ? read_path(r, key) : NULL;
    s->public_only = true;
    return s->key != NULL;
}

bool content_read_keep(const struct yaml_node *n, const struct policy_content *c, struct rule *r,
                       struct imw_error_info *err)
{
    static const char *const keys[] = { "messages", "files", NULL };
    struct reader reader = { .err = err };

    if (!yaml_known_keys(n, keys, err) ||
        !read_duration(&reader, n, "messages", SECOND_MS, HOUR_MS, KEEP_MOST_MS, &r->keep_messages_s) ||
        !read_duration(&reader, n, "files", SECOND_MS, HOUR_MS, KEEP_MOST_MS, &r->keep_files_s))
        return false;
    if (yaml_count(n) == 0)
        return yaml_error(n, err, "say what is kept and for how long: messages, files");
    if (c->settings.vault.path == NULL)
        return yaml_error(n, err, "keeping needs the section 'vault', which says where");
    return true;
}

/* ---- detect ---- */

static bool read_detector(struct reader *r, const struct yaml_node *n, const struct detector *d,
                          struct detector_settings *out)
{
    static const char *const words[] = { "on", "off", NULL };
    const char *keys[DETECTOR_THRESHOLDS + DETECTOR_LISTS + 2] = { "suppress" };
    unsigned count = 1;
    uint32_t number = 0;

    if (yaml_kind(n) == YAML_SCALAR) {
        if (!value_word(n, "setting", words, &number, r->err))
            return false;
        out->off = number == 1;
        return true;
    }
    for (unsigned i = 0; i < d->threshold_count; i++)
        keys[count++] = d->thresholds[i].name;
    for (unsigned i = 0; i < d->list_count; i++)
        keys[count++] = d->lists[i].name;
    if (!yaml_known_keys(n, keys, r->err) ||
        !read_duration(r, n, "suppress", SECOND_MS, SECOND_MS, 365 * (uint64_t)DAY_MS, &out->suppress_s))
        return false;
    for (unsigned i = 0; i < d->threshold_count; i++) {
        const struct threshold *t = &d->thresholds[i];
        const struct yaml_node *one = yaml_get(n, t->name);
        int64_t value = 0;
        if (one == NULL)
            continue;
        if (!yaml_integer(one, (int64_t)t->least, (int64_t)t->most, &value, r->err))
            return false;
        out->value[i] = (uint64_t)value;
    }
    for (unsigned i = 0; i < d->list_count; i++) {
        const struct yaml_node *one = yaml_get(n, d->lists[i].name);
        if (one == NULL)
            continue;
        out->path[i] = read_file(r, one);
        if (out->path[i] == NULL)
            return false;
    }
    return true;
}

static void set_threshold(struct policy_content *c, const char *detector, const char *name, uint64_t value)
{
    for (unsigned i = 0; i < threats_detector_count(); i++) {
        const struct detector *d = threats_detector(i);
        for (unsigned t = 0; t < d->threshold_count; t++)
            if (strcmp(d->name, detector) == 0 && strcmp(d->thresholds[t].name, name) == 0)
                c->detectors[i].value[t] = value;
    }
}

/* What `scan` and `leaks` say and a detector acts on; under `detect` it may still be told otherwise. */
static void pass_on(struct policy_content *c)
{
    set_threshold(c, "malware", "signature_age", c->settings.scan.signature_age_h);
    set_threshold(c, "malware", "not_scanned", c->settings.scan.fallback != SCAN_FALLBACK_REPORT);
    set_threshold(c, "leaks", "findings", c->settings.leaks.least);
}

static bool read_detect(struct reader *r, const struct yaml_node *n)
{
    unsigned count = threats_detector_count();
    const char **names;

    if (n == NULL)
        return true;
    names = allocate(r, count + 1, sizeof *names);
    if (names == NULL)
        return false;
    for (unsigned i = 0; i < count; i++)
        names[i] = threats_detector(i)->name;
    if (!yaml_known_keys(n, names, r->err))
        return false;
    for (unsigned i = 0; i < count; i++) {
        const struct yaml_node *one = yaml_get(n, names[i]);
        if (one != NULL && !read_detector(r, one, threats_detector(i), &r->content->detectors[i]))
            return false;
    }
    return true;
}

/* ---- enforce ---- */

static const char *read_url(struct reader *r, const struct yaml_node *n)
{
    struct view v = view_of(NULL, 0);
    bool good = true;

    if (!yaml_one_line(n, URL_BYTES, &v, r->err))
        return NULL;
    for (size_t i = 0; i < v.len; i++) /* as it goes into HTML and into headers */
        good &= v.at[i] > ' ' && v.at[i] < 0x7f && memchr("\"'<>\\", v.at[i], 5) == NULL;
    if (good && (view_starts(v, VIEW("https://")) || view_starts(v, VIEW("http://"))))
        return copy(r, v);
    (void)yaml_error(n, r->err, "a URL such as https://intranet.example/im-policy is needed");
    return NULL;
}

static bool wrong_page(struct reader *r, const char *path, struct view page, size_t at, const char *why)
{
    error_file(r->err, IMW_ERROR_VALUE, path, "%s", why);
    if (r->err != NULL) {
        r->err->line = 1;
        for (size_t i = 0; i < at; i++)
            r->err->line += page.at[i] == '\n';
    }
    return false;
}

/* Nothing but what the page may ask for (enforce/page.h) stands between {{ and }}. */
static bool check_page(struct reader *r, const char *path, struct view page)
{
    static const char *const words[] = { "rule", "service", "contact", "sign", "reference", NULL };
    struct view open = VIEW(""); /* of the section that it is in */
    size_t at = 0;

    while ((at += view_find(view_from(page, at), VIEW("{{"))) < page.len) {
        struct view word = view_from(page, at + 2);
        word = view_slice(word, 0, view_find(word, VIEW("}}")));
        bool ends = view_starts(word, VIEW("/")),
             begins = view_starts(word, VIEW("#")) || view_starts(word, VIEW("^")), known = false;
        struct view name = view_from(word, ends || begins);
        for (unsigned i = 0; words[i] != NULL; i++)
            known |= view_equal(name, view_string(words[i]));
        if (!known || at + 4 + word.len > page.len)
            return wrong_page(
                r, path, page, at,
                "'{{' stands before one of rule, service, contact, sign and reference, then '}}'");
        if (begins ? open.len > 0 : ends && !view_equal(name, open))
            return wrong_page(r, path, page, at,
                              "sections such as {{#sign}} to {{/sign}} end before another begins");
        if (begins || ends)
            open = begins ? name : VIEW("");
        at += 4 + word.len;
    }
    return open.len == 0 ||
           wrong_page(r, path, page, page.len, "the last section has no end, such as {{/sign}}");
}

static bool read_page(struct reader *r, const struct yaml_node *n, struct policy_enforce *e)
{
    char *data, *kept;
    size_t len;

    if (n == NULL)
        return true;
    e->page = read_file(r, n);
    if (r->alone)
        return e->page != NULL;
    if (e->page == NULL || !file_read(e->page, PAGE_BYTES, &data, &len, r->err))
        return false;
    kept = allocate(r, len + 1, 1);
    if (kept != NULL)
        memcpy(kept, data, len);
    free(data);
    e->page_text = view_of(kept, len);
    return kept != NULL && (len > 0 || yaml_error(n, r->err, "%.150s: is empty", e->page)) &&
           check_page(r, e->page, e->page_text);
}

static bool read_enforce(struct reader *r, const struct yaml_node *n)
{
    static const char *const keys[] = { "contact", "sign", "page", NULL };
    struct policy_enforce *e = &r->content->enforce;
    const struct yaml_node *contact = n != NULL ? yaml_get(n, "contact") : NULL;
    const struct yaml_node *sign = n != NULL ? yaml_get(n, "sign") : NULL;
    struct view v = view_of(NULL, 0);

    if (n == NULL)
        return true;
    if (!yaml_known_keys(n, keys, r->err) ||
        (contact != NULL && !yaml_one_line(contact, NAME_BYTES, &v, r->err)))
        return false;
    if (contact != NULL)
        e->contact = copy(r, v);
    if (sign != NULL)
        e->sign = read_url(r, sign);
    return (contact == NULL || e->contact != NULL) && (sign == NULL || e->sign != NULL) &&
           read_page(r, yaml_get(n, "page"), e);
}

const struct policy_enforce *policy_enforce(const struct policy *p)
{
    return &p->content->enforce;
}

/* ---- all ---- */

bool content_read(const struct yaml_node *root, const char *file, struct policy *p,
                  struct imw_error_info *err)
{
    struct reader r = {
        .content = calloc(1, sizeof *p->content), .file = file, .alone = p->alone, .err = err
    };

    if (r.content == NULL)
        return error_memory(err);
    p->content = r.content;
    settings_default(&r.content->settings);
    r.content->detectors = allocate(&r, threats_detector_count(), sizeof *r.content->detectors);
    if (r.content->detectors == NULL)
        return false;
    threats_defaults(r.content->detectors);
    if (!read_inside(&r, yaml_get(root, "inside")) || !read_scan(&r, yaml_get(root, "scan")) ||
        !read_leaks(&r, yaml_get(root, "leaks")) || !read_vault(&r, yaml_get(root, "vault")) ||
        !read_enforce(&r, yaml_get(root, "enforce")))
        return false;
    pass_on(r.content);
    return read_detect(&r, yaml_get(root, "detect"));
}

const struct content_settings *policy_content(const struct policy *p)
{
    return &p->content->settings;
}

const struct detector_settings *policy_detectors(const struct policy *p)
{
    return p->content->detectors;
}
