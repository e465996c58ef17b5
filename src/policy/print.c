/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy says of content, for people: one line a section that is there, and one a detector that is not
 * as usual. */
#include "content/leak.h"
#include "policy/rules.h"
#include <time.h>

enum { SUPPRESS_USUAL_S = 3600 }; /* as detectors have it where nothing is said */

static void print_files(FILE *out, const char *what, const struct string_list *list)
{
    for (unsigned i = 0; i < list->count; i++)
        fprintf(out, "%s%s", i == 0 ? what : ", ", list->at[i]);
}

static void print_duration(FILE *out, const char *before, uint64_t ms)
{
    char text[32];
    struct text t = TEXT(text);

    text_duration(&t, ms);
    fprintf(out, "%s%s", before, text);
}

static void print_bytes(FILE *out, const char *before, uint64_t bytes)
{
    char text[32];
    struct text t = TEXT(text);

    text_bytes(&t, bytes);
    fprintf(out, "%s%s", before, text);
}

static void print_inside(const struct policy_content *c, FILE *out)
{
    for (unsigned i = 0; i < c->inside_count; i++) {
        char text[64];
        struct text t = TEXT(text);
        text_address(&t, &c->inside[i].ip);
        text_format(&t, "/%u", c->inside[i].bits - (ip_is_v4(&c->inside[i].ip) ? 96 : 0));
        fprintf(out, "%s%s", i == 0 ? "inside: private space, " : ", ", text);
    }
    if (c->inside_count > 0)
        fputc('\n', out);
}

static void print_scan(const struct scan_settings *s, FILE *out)
{
    if (!s->wanted)
        return;
    fputs("scan: ", out);
    print_files(out, "clamd ", &s->clamd);
    print_files(out, s->clamd.count > 0 ? "; yara " : "yara ", &s->yara);
    print_files(out, s->clamd.count + s->yara.count > 0 ? "; hashes " : "hashes ", &s->hashes);
    if (s->clamd.count + s->yara.count + s->hashes.count == 0)
        fputs("no scanner", out);
    print_files(out, "; media_hashes ", &s->media_hashes);
    fprintf(out, "; %u at a time", s->parallel);
    print_duration(out, ", ", s->timeout_ms);
    fputs(" each\n", out);
    print_bytes(out, "scan: files up to ", s->file_bytes);
    print_bytes(out, ", all under way up to ", s->spool_bytes);
    fprintf(out, "; archives %u deep, %u members", s->archive_depth, s->archive_members);
    print_bytes(out, ", ", s->archive_bytes);
    fprintf(out, " unpacked, ratio %u; signatures older than ", s->archive_ratio);
    print_duration(out, "", s->signature_age_h * (uint64_t)3600000);
    fprintf(out, " are an alert; without a verdict: %s\n",
            s->fallback == SCAN_FALLBACK_BLOCK   ? "block"
            : s->fallback == SCAN_FALLBACK_ALERT ? "alert"
                                                 : "report");
}

static void print_leaks(const struct leak_settings *s, FILE *out)
{
    const char *before = "leaks: ";

    if (!s->wanted)
        return;
    for (unsigned k = 0; k < LEAK_KIND_COUNT; k++) {
        bool there = k == LEAK_PATTERN   ? s->pattern_count > 0
                     : k == LEAK_KEYWORD ? s->keywords.count > 0
                     : k == LEAK_EXACT   ? s->exact != NULL
                                         : (s->kinds >> k & 1) != 0;
        if (!there)
            continue;
        fprintf(out, "%s%s", before, leak_kind_name((enum leak_kind)k));
        before = ", ";
    }
    fprintf(out, "; an alert from %u findings on\n", s->least);
}

static void print_detector(const struct detector *d, const struct detector_settings *s, FILE *out)
{
    char text[2048];
    struct text t = TEXT(text);

    for (unsigned i = 0; i < d->threshold_count; i++)
        if (s->value[i] != d->thresholds[i].usual)
            text_format(&t, ", %s %llu", d->thresholds[i].name, (unsigned long long)s->value[i]);
    for (unsigned i = 0; i < d->list_count; i++)
        if (s->path[i] != NULL)
            text_format(&t, ", %s %s", d->lists[i].name, s->path[i]);
    if (s->suppress_s != SUPPRESS_USUAL_S) {
        text_string(&t, ", suppress ");
        text_duration(&t, s->suppress_s * (uint64_t)1000);
    }
    if (s->off)
        fprintf(out, "detect: %s off\n", d->name);
    else if (t.len > 0)
        fprintf(out, "detect: %s%s\n", d->name, text + 1);
}

static void print_keep(const struct policy *p, FILE *out)
{
    for (uint32_t r = 0; r < p->rule_names.count; r++) {
        const struct rule *rule = &p->rules[r];
        if (rule->keep_messages_s + (uint64_t)rule->keep_files_s == 0)
            continue;
        fprintf(out, "keep: rule '%s':", names_text(&p->rule_names, r));
        if (rule->keep_messages_s > 0)
            print_duration(out, " messages ", rule->keep_messages_s * (uint64_t)1000);
        if (rule->keep_files_s > 0)
            print_duration(out, rule->keep_messages_s > 0 ? ", files " : " files ",
                           rule->keep_files_s * (uint64_t)1000);
        fputc('\n', out);
    }
}

static void print_how(const struct policy *p, FILE *out)
{
    for (uint32_t r = 0; r < p->rule_names.count; r++) {
        const struct rule *rule = &p->rules[r];
        if (rule->means != POLICY_MEANS_AUTO)
            fprintf(out, "with: rule '%s': %s\n", names_text(&p->rule_names, r),
                    policy_means_name((enum policy_means)rule->means));
        if (rule->throttle == 0)
            continue;
        fprintf(out, "throttle: rule '%s':", names_text(&p->rule_names, r));
        print_bytes(out, " ", rule->throttle);
        fputs(" a second\n", out);
    }
}

/* How many rules are exceptions, and which of them ends first. */
static void print_exceptions(const struct policy *p, FILE *out)
{
    const struct rule *first = NULL;
    unsigned count = 0;
    char text[32];

    for (uint32_t r = 0; r < p->rule_names.count; r++) {
        const struct rule *rule = &p->rules[r];
        if (!rule->exception)
            continue;
        count++;
        if (first == NULL || rule->end_s < first->end_s)
            first = rule;
    }
    if (first == NULL)
        return;
    time_t at = (time_t)first->end_s;
    struct tm tm;
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    fprintf(out, "exceptions: %u, the first ends at %s: rule '%s'\n", count, text,
            names_text(&p->rule_names, (uint32_t)(first - p->rules)));
}

static void print_enforce(const struct policy_enforce *e, FILE *out)
{
    if (e->contact != NULL)
        fprintf(out, "enforce: contact %s\n", e->contact);
    if (e->sign != NULL)
        fprintf(out, "enforce: sign at %s\n", e->sign);
    if (e->page != NULL)
        fprintf(out, "enforce: page %s\n", e->page);
}

void policy_print_settings(const struct policy *p, FILE *out)
{
    const struct policy_content *c = p->content;

    print_inside(c, out);
    print_scan(&c->settings.scan, out);
    print_leaks(&c->settings.leaks, out);
    if (c->settings.vault.path != NULL)
        fprintf(out, "vault: %s, key %s\n", c->settings.vault.path, c->settings.vault.key);
    for (unsigned i = 0; i < threats_detector_count(); i++)
        print_detector(threats_detector(i), &c->detectors[i], out);
}

/* Where classes differ: those that are not as all others. */
static void print_default(const struct policy *p, FILE *out)
{
    unsigned told = 0;

    for (unsigned c = 0; c < CLASS_COUNT; c++)
        if (p->fallback[c] != p->fallback[CLASS_COUNT])
            fprintf(out, "%s%s %s", told++ == 0 ? "default: " : ", ", class_name((enum service_class)c),
                    policy_action_name((enum policy_action)p->fallback[c]));
    if (told > 0)
        fprintf(out, ", else %s\n", policy_action_name((enum policy_action)p->fallback[CLASS_COUNT]));
}

void policy_print(const struct policy *p, FILE *out)
{
    print_default(p, out);
    policy_print_settings(p, out);
    print_enforce(&p->content->enforce, out);
    print_exceptions(p, out);
    print_how(p, out);
    print_keep(p, out);
}
