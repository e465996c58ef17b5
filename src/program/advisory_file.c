/* SPDX-License-Identifier: Apache-2.0 */
/* Advisories of OSV and NVD, read. */
#include "program/advisory_file.h"
#include "base/json_value.h"
#include "base/text.h"
#include "program/when.h"
#include <stdlib.h>

const char *const severity_names[SEVERITY_COUNT] = { "low", "medium", "high", "critical" };

int severity_find(const char *name)
{
    const struct view v = view_string(name);

    if (view_equal_nocase(v, VIEW("moderate")))
        return SEVERITY_MEDIUM;
    for (int i = 0; i < SEVERITY_COUNT; i++)
        if (view_equal_nocase(v, view_string(severity_names[i])))
            return i;
    return -1;
}

static enum severity severity_of_score(int tenths)
{
    return tenths >= 90   ? SEVERITY_CRITICAL
           : tenths >= 70 ? SEVERITY_HIGH
           : tenths >= 40 ? SEVERITY_MEDIUM
                          : SEVERITY_LOW;
}

/* The value of a metric of the vector, as its letter; 0: not there. */
static char metric(struct view vector, const char *name)
{
    while (vector.len > 0) {
        struct view part = view_token(&vector, '/');
        const struct view key = view_token(&part, ':');
        if (view_equal(key, view_string(name)) && part.len == 1)
            return (char)part.at[0];
    }
    return 0;
}

static double weight(const char *letters, const double *values, char letter)
{
    const char *at = letter != 0 ? strchr(letters, letter) : NULL;

    return at != NULL ? values[at - letters] : -1;
}

static double power(double base, unsigned n)
{
    double out = 1;

    while (n-- > 0)
        out *= base;
    return out;
}

int cvss3_score(struct view vector)
{
    static const double av[] = { 0.85, 0.62, 0.55, 0.2 }, ac[] = { 0.77, 0.44 }, pr[] = { 0.85, 0.62, 0.27 },
                        pr_changed[] = { 0.85, 0.68, 0.5 }, ui[] = { 0.85, 0.62 }, cia[] = { 0.56, 0.22, 0 };

    if (!view_starts(vector, VIEW("CVSS:3.")))
        return -1;
    const char scope = metric(vector, "S");
    const bool changed = scope == 'C';
    const double a = weight("NALP", av, metric(vector, "AV")), b = weight("LH", ac, metric(vector, "AC")),
                 c = weight("NLH", changed ? pr_changed : pr, metric(vector, "PR")),
                 d = weight("NR", ui, metric(vector, "UI")), e = weight("HLN", cia, metric(vector, "C")),
                 f = weight("HLN", cia, metric(vector, "I")), g = weight("HLN", cia, metric(vector, "A"));
    if (a < 0 || b < 0 || c < 0 || d < 0 || e < 0 || f < 0 || g < 0 || (scope != 'C' && scope != 'U'))
        return -1;
    const double iss = 1 - (1 - e) * (1 - f) * (1 - g),
                 impact = changed ? 7.52 * (iss - 0.029) - 3.25 * power(iss - 0.02, 15) : 6.42 * iss,
                 exploit = 8.22 * a * b * c * d;
    if (impact <= 0)
        return 0;
    const double sum = changed ? 1.08 * (impact + exploit) : impact + exploit;
    /* Up to one decimal, as appendix A of 3.1 has it, free of what floating point leaves over. */
    const long n = (long)((sum < 10 ? sum : 10) * 100000 + 0.5);
    return (int)(n % 10000 == 0 ? n / 10000 : n / 10000 + 1);
}

/* ---- the list ---- */

static bool no_memory(struct imw_error_info *err)
{
    return error_set(err, IMW_ERROR_MEMORY, "no memory for the advisories");
}

static void skip(struct advisory_file *f, unsigned line, const char *text)
{
    f->skipped++;
    line_problem_add(&f->problems, line, "%s", text);
}

static void put(char *out, size_t size, const char *text)
{
    struct text t = text_over(out, size);

    text_printable(&t, view_trim(view_string(text)));
    if (t.cut)
        while (t.len > 0 && utf8_length(view_from(view_of(out, t.len), t.len - 1)) == 0)
            out[--t.len] = '\0';
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* A version into a range; false: it is none. */
static bool put_version(char *out, size_t size, const char *front, const char *version)
{
    if (version == NULL || version[0] == '\0' || strcmp(version, "0") == 0 || strcmp(version, "*") == 0) {
        out[0] = '\0';
        return true;
    }
    if (strlen(version) > VERSION_BYTES || !version_is(view_string(version)))
        return false;
    struct text t = text_over(out, size);
    text_string(&t, front);
    text_printable(&t, view_string(version));
    return true;
}

static bool add_range(struct advisory_file *f, const struct advisory_range *r, struct imw_error_info *err)
{
    if (f->range_count == ADVISORY_RANGES_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d ranges of versions: cut the file",
                         ADVISORY_RANGES_MOST);
    if (f->range_count == f->range_room) {
        const size_t room = f->range_room != 0 ? f->range_room * 2 : 64;
        struct advisory_range *more = realloc(f->ranges, room * sizeof *more);
        if (more == NULL)
            return no_memory(err);
        f->ranges = more;
        f->range_room = room;
    }
    f->ranges[f->range_count++] = *r;
    return true;
}

/* Keep it, where it has ranges. */
static bool add_advisory(struct advisory_file *f, struct advisory *a, struct imw_error_info *err)
{
    a->count = f->range_count - a->first;
    if (a->count == 0) {
        f->other++;
        return true;
    }
    if (f->count == ADVISORIES_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d advisories: cut the file", ADVISORIES_MOST);
    if (f->count == f->room) {
        const size_t room = f->room != 0 ? f->room * 2 : 64;
        struct advisory *more = realloc(f->list, room * sizeof *more);
        if (more == NULL)
            return no_memory(err);
        f->list = more;
        f->room = room;
    }
    f->list[f->count++] = *a;
    return true;
}

static bool good_ident(const char *text)
{
    size_t n = 0;

    for (; text != NULL && text[n] != '\0'; n++) {
        const char c = text[n];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
              c == '_' || c == ':' || c == '.'))
            return false;
    }
    return n > 0 && n < 64;
}

static uint64_t time_of(const char *text)
{
    char cut[32];
    uint64_t us = 0;

    if (text == NULL || strlen(text) < 10)
        return 0;
    snprintf(cut, sizeof cut, "%.10s", text); /* the day will do; NVD's times have no zone */
    return when_read(cut, &us) ? us : 0;
}

static void put_url(char *out, size_t size, const char *url)
{
    const struct view v = view_string(url);

    out[0] = '\0';
    if (v.len < size && (view_starts(v, VIEW("https://")) || view_starts(v, VIEW("http://"))))
        put(out, size, url);
}

/* ---- OSV ---- */

static bool osv_events(struct advisory_file *f, const json_t *events, const struct advisory_range *base,
                       bool *bad, struct imw_error_info *err)
{
    struct advisory_range r = *base;
    bool open = false;
    size_t i;
    const json_t *event;

    json_array_foreach(events, i, event)
    {
        const char *introduced = text_of(event, "introduced"), *fixed = text_of(event, "fixed"),
                   *last = text_of(event, "last_affected");
        if (introduced != NULL) {
            if (open && !add_range(f, &r, err))
                return false;
            r = *base;
            open = put_version(r.introduced, sizeof r.introduced, "", introduced);
            *bad |= !open;
        } else if (open && (fixed != NULL || last != NULL)) {
            const bool good = fixed != NULL
                                  ? put_version(r.fixed, sizeof r.fixed, "", fixed) && r.fixed[0] != '\0'
                                  : put_version(r.last, sizeof r.last, "", last) && r.last[0] != '\0';
            *bad |= !good;
            if (good && !add_range(f, &r, err))
                return false;
            r = *base;
            open = false;
        }
    }
    return !open || add_range(f, &r, err);
}

static bool osv_affected(struct advisory_file *f, const json_t *affected, bool *bad,
                         struct imw_error_info *err)
{
    const json_t *package = json_object_get(affected, "package"),
                 *ranges = json_object_get(affected, "ranges"), *range;
    const char *ecosystem = text_of(package, "ecosystem"), *name = text_of(package, "name");
    struct advisory_range base = { .package = PACKAGE_NONE };
    static const char *const others[] = { "Ubuntu",   "Alpine", "Red Hat",    "Rocky",  "AlmaLinux", "SUSE",
                                          "openSUSE", "Wolfi",  "Chainguard", "Mageia", "Photon" };
    size_t i;

    if (name == NULL || ecosystem == NULL)
        return true;
    for (i = 0; i < sizeof others / sizeof others[0]; i++)
        if (view_starts(view_string(ecosystem), view_string(others[i])))
            return true;
    if (view_starts(view_string(ecosystem), VIEW("Debian"))) {
        base.package = PACKAGE_DEBIAN;
        base.product = client_product_package(view_string(name));
    } else {
        base.product = client_product_named(view_string(name), false, NULL);
        if (base.product == NULL)
            base.product = client_product_package(view_string(name));
    }
    if (base.product == NULL)
        return true;
    json_array_foreach(ranges, i, range)
    {
        const char *type = text_of(range, "type");
        if (type != NULL && (strcmp(type, "SEMVER") == 0 || strcmp(type, "ECOSYSTEM") == 0) &&
            !osv_events(f, json_object_get(range, "events"), &base, bad, err))
            return false;
    }
    return true;
}

static enum severity osv_severity(const json_t *o)
{
    const json_t *list = json_object_get(o, "severity"), *one;
    const char *word = text_of(json_object_get(o, "database_specific"), "severity");
    int best = -1;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const char *score = text_of(one, "score");
        const int tenths = score != NULL ? cvss3_score(view_string(score)) : -1;
        best = tenths > best ? tenths : best;
    }
    if (best >= 0)
        return severity_of_score(best);
    const int named = word != NULL ? severity_find(word) : -1;
    return named >= 0 ? (enum severity)named : SEVERITY_MEDIUM;
}

static bool take_osv(struct advisory_file *f, const json_t *o, unsigned line, struct imw_error_info *err)
{
    const json_t *aliases = json_object_get(o, "aliases"), *affected = json_object_get(o, "affected"), *one;
    const char *ident = text_of(o, "id"), *title = text_of(o, "summary");
    struct advisory a = { .first = f->range_count };
    bool bad = false;
    char url[96];
    size_t i;

    f->entries++;
    if (!good_ident(ident) || !json_is_array(affected)) {
        skip(f, line, "no id, or no list \"affected\": not an entry of OSV");
        return true;
    }
    if (text_of(o, "withdrawn") != NULL) {
        f->other++;
        return true;
    }
    snprintf(url, sizeof url, "https://osv.dev/vulnerability/%s", ident);
    put_url(a.url, sizeof a.url, url);
    json_array_foreach(aliases, i, one)
    {
        const char *alias = json_string_value(one);
        if (good_ident(alias) && strncmp(alias, "CVE-", 4) == 0) {
            ident = alias;
            break;
        }
    }
    /* Debian's entries are DEBIAN-CVE-2022-26491. */
    if (strncmp(ident, "DEBIAN-CVE-", 11) == 0)
        ident += 7;
    put(a.ident, sizeof a.ident, ident);
    put(a.title, sizeof a.title,
        title != NULL                   ? title
        : text_of(o, "details") != NULL ? text_of(o, "details")
                                        : ident);
    a.severity = osv_severity(o);
    a.published_us = time_of(text_of(o, "published"));
    json_array_foreach(affected, i, one) if (!osv_affected(f, one, &bad, err)) return false;
    if (bad)
        skip(f, line, "a version that cannot be read");
    return add_advisory(f, &a, err);
}

/* ---- NVD ---- */

/* The part of a CPE 2.3 name; a backslash quotes what follows. */
static void cpe_part(struct view name, unsigned number, char *out, size_t size)
{
    struct text t = text_over(out, size);

    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '\\' && i + 1 < name.len) {
            i++;
        } else if (name.at[i] == ':') {
            if (number-- == 0)
                return;
            continue;
        }
        if (number == 0)
            text_char(&t, (char)name.at[i]);
    }
}

static const struct client_product *nvd_product(struct view criteria)
{
    static const struct {
        const char *target, *platform;
    } targets[] = { { "android", "android" }, { "iphone_os", "ios" }, { "ios", "ios" },
                    { "ipados", "ios" },      { "macos", "macos" },   { "mac_os_x", "macos" },
                    { "windows", "windows" } };
    char vendor[64], product[64], target[32];

    if (!view_starts(criteria, VIEW("cpe:2.3:a:")))
        return NULL;
    cpe_part(criteria, 3, vendor, sizeof vendor);
    cpe_part(criteria, 4, product, sizeof product);
    cpe_part(criteria, 10, target, sizeof target);
    const struct client_product *p = client_product_cpe(view_string(vendor), view_string(product));
    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        if (strcmp(target, targets[i].target) != 0)
            continue;
        const struct client_product *other =
            client_product_platform(view_string(p->service), view_string(targets[i].platform));
        /* Of a system that the product has no entry for: nothing is said. */
        return other != NULL ? other
               : client_product_cpe(view_string(vendor), view_string(product)) == p &&
                       strcmp(p->platform, "") != 0 && strcmp(targets[i].platform, "windows") != 0 &&
                       strcmp(p->platform, targets[i].platform) != 0
                   ? NULL
                   : p;
    }
    return p;
}

static bool nvd_match(struct advisory_file *f, const json_t *match, bool *bad, struct imw_error_info *err)
{
    const char *criteria = text_of(match, "criteria"), *from = text_of(match, "versionStartIncluding"),
               *behind = text_of(match, "versionStartExcluding"),
               *before = text_of(match, "versionEndExcluding"), *last = text_of(match, "versionEndIncluding");
    struct advisory_range r = { .package = PACKAGE_NONE };
    char version[VERSION_BYTES + 1];
    bool good;

    if (criteria == NULL || !json_is_true(json_object_get(match, "vulnerable")))
        return true;
    r.product = nvd_product(view_string(criteria));
    if (r.product == NULL)
        return true;
    cpe_part(view_string(criteria), 5, version, sizeof version);
    if (from == NULL && behind == NULL && before == NULL && last == NULL && strcmp(version, "*") != 0) {
        if (strcmp(version, "-") == 0)
            return true;
        good = put_version(r.introduced, sizeof r.introduced, "", version) &&
               put_version(r.last, sizeof r.last, "", version) && r.last[0] != '\0';
    } else {
        good = put_version(r.introduced, sizeof r.introduced, behind != NULL ? ">" : "",
                           behind != NULL ? behind : from) &&
               put_version(r.fixed, sizeof r.fixed, "", before) &&
               put_version(r.last, sizeof r.last, "", last);
    }
    *bad |= !good;
    return !good || add_range(f, &r, err);
}

static enum severity nvd_severity(const json_t *metrics)
{
    static const char *const keys[] = { "cvssMetricV31", "cvssMetricV30", "cvssMetricV40", "cvssMetricV2" };

    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const json_t *list = json_object_get(metrics, keys[k]), *one;
        int best = -1;
        size_t i;
        json_array_foreach(list, i, one)
        {
            const json_t *data = json_object_get(one, "cvssData");
            const char *word = text_of(data, "baseSeverity");
            const double score = json_number_value(json_object_get(data, "baseScore"));
            int found = word != NULL ? severity_find(word) : -1;
            if (found < 0 && score > 0 && score <= 10)
                found = (int)severity_of_score((int)(score * 10 + 0.5));
            best = found > best ? found : best;
        }
        if (best >= 0)
            return (enum severity)best;
    }
    return SEVERITY_MEDIUM;
}

static bool take_nvd(struct advisory_file *f, const json_t *cve, unsigned line, struct imw_error_info *err)
{
    const json_t *descriptions = json_object_get(cve, "descriptions"), *configurations, *one, *node, *match;
    const char *ident = text_of(cve, "id"), *status = text_of(cve, "vulnStatus"), *title = NULL;
    struct advisory a = { .first = f->range_count };
    bool bad = false;
    char url[128];
    size_t i, j, k;

    f->entries++;
    if (!good_ident(ident)) {
        skip(f, line, "no id: not an entry of NVD's API 2.0");
        return true;
    }
    if (status != NULL && strcmp(status, "Rejected") == 0) {
        f->other++;
        return true;
    }
    json_array_foreach(descriptions, i, one)
    {
        const char *language = text_of(one, "lang");
        if (title == NULL || (language != NULL && strcmp(language, "en") == 0))
            title = text_of(one, "value");
    }
    put(a.ident, sizeof a.ident, ident);
    put(a.title, sizeof a.title, title != NULL ? title : ident);
    snprintf(url, sizeof url, "https://nvd.nist.gov/vuln/detail/%s", ident);
    put_url(a.url, sizeof a.url, url);
    a.severity = nvd_severity(json_object_get(cve, "metrics"));
    a.published_us = time_of(text_of(cve, "published"));
    configurations = json_object_get(cve, "configurations");
    json_array_foreach(configurations, i, one) json_array_foreach(json_object_get(one, "nodes"), j, node)
    {
        if (json_is_true(json_object_get(node, "negate")))
            continue;
        json_array_foreach(json_object_get(node, "cpeMatch"), k,
                           match) if (!nvd_match(f, match, &bad, err)) return false;
    }
    if (bad)
        skip(f, line, "a version that cannot be read");
    return add_advisory(f, &a, err);
}

/* ---- all of it ---- */

static json_t *load(struct view text)
{
    return json_depth(text, ADVISORY_DEPTH + 1) <= ADVISORY_DEPTH
               ? json_loadb((const char *)text.at, text.len, 0, NULL)
               : NULL;
}

static bool take_list(struct advisory_file *f, const json_t *list, bool nvd, struct imw_error_info *err)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const json_t *entry = nvd ? json_object_get(one, "cve") : one;
        if (!(nvd ? take_nvd(f, entry, (unsigned)i + 1, err) : take_osv(f, entry, (unsigned)i + 1, err)))
            return false;
    }
    return true;
}

static bool take_lines(struct advisory_file *f, struct view file, struct imw_error_info *err)
{
    struct view line;
    bool ok = true;

    for (unsigned number = 1; ok && file.len > 0; number++) {
        if (!view_line(&file, &line)) {
            line = file;
            file = view_from(file, file.len);
        }
        if (view_trim(line).len == 0)
            continue;
        json_t *o = load(line);
        if (json_is_object(o)) {
            ok = take_osv(f, o, number, err);
        } else {
            f->entries++;
            skip(f, number, "no JSON object on this line");
        }
        json_decref(o);
    }
    return ok;
}

bool advisory_file_parse(struct view file, struct advisory_file *out, struct imw_error_info *err)
{
    static const char what[] =
        "this is no file of advisories: OSV entries (JSON), or an answer of NVD's API 2.0 with "
        "\"vulnerabilities\"";
    struct view rest, first = { 0 };
    bool ok;

    *out = (struct advisory_file){ .source = "osv" };
    if (file.len > ADVISORY_FILE_MOST)
        return error_set(
            err, IMW_ERROR_LIMIT,
            "the file is over 32 MiB: ask NVD or OSV for the products in question, not for all of them");
    file = view_trim(view_starts(file, VIEW("\xef\xbb\xbf")) ? view_from(file, 3) : file);
    if (file.len == 0)
        return error_set(err, IMW_ERROR_FORMAT, "the file is empty");
    rest = file;
    json_t *o = view_line(&rest, &first) && rest.len > 0 ? load(first) : NULL;
    if (json_is_object(o)) {
        json_decref(o);
        ok = take_lines(out, file, err);
    } else {
        json_decref(o);
        o = load(file);
        const json_t *nvd = json_object_get(o, "vulnerabilities"), *osv = json_object_get(o, "vulns");
        if (json_is_array(nvd)) {
            out->source = "nvd";
            ok = take_list(out, nvd, true, err);
        } else if (json_is_array(o) || json_is_array(osv)) {
            ok = take_list(out, json_is_array(o) ? o : osv, false, err);
        } else if (json_is_object(o) && json_object_get(o, "affected") != NULL) {
            ok = take_osv(out, o, 1, err);
        } else {
            ok = error_set(err, IMW_ERROR_FORMAT, "%s", what);
        }
        json_decref(o);
    }
    if (!ok)
        advisory_file_free(out);
    return ok;
}

void advisory_file_free(struct advisory_file *f)
{
    free(f->list);
    free(f->ranges);
    line_problems_free(&f->problems);
    *f = (struct advisory_file){ .source = "osv" };
}
