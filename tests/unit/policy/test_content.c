/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy says of content: every key, every mistake, what is told of it. */
#include "../identify/catalog_folder.h"
#include "content/leak.h"
#include "content/vault_key.h"
#include "policy/policy.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TOP "version: 1\ndefault: alert\n"
#define NOW_US UINT64_C(1795429800000000)
#define DAY_S 86400

static struct catalog *catalog;
static struct folder folder; /* with rules.yar, bad.sha256, words.txt and customers.hashes */

static int begin(void **state)
{
    static const char *const files[] = { "rules.yar", "bad.sha256", "words.txt", "customers.hashes" };
    char key[128];

    (void)state;
    folder = folder_new();
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
        folder_write(&folder, files[i], "x\n");
    folder_write(&folder, "page.html", "<p>{{rule}} {{service}} {{contact}}\n{{sign}}{{reference}} {x}");
    folder_write(&folder, "sections.html",
                 "a{b{c}}{{#sign}}{{sign}}{{/sign}}\n{{^sign}}ask {{contact}}{{/sign}}");
    folder_write(&folder, "open.html", "a\n{{#sign}}{{sign}}\n");
    folder_write(&folder, "nested.html", "{{#sign}}{{^rule}}{{/rule}}{{/sign}}");
    folder_write(&folder, "crossed.html", "{{#sign}}\n{{/rule}}");
    folder_write(&folder, "empty.html", "");
    char page[(12 << 10) + 2];
    memset(page, 'x', sizeof page - 1);
    page[sizeof page - 1] = '\0';
    folder_write(&folder, "long.html", page);
    folder_write(&folder, "wrong.html", "<p>\n{{rules}}");
    folder_write(&folder, "cut.html", "{{rule");
    snprintf(key, sizeof key, "%s/vault.key", folder.path);
    if (!vault_keys_new(key, NULL))
        return -1;
    return catalog_builtin(&catalog, NULL) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    folder_remove(&folder);
    catalog_close(catalog);
    return 0;
}

static bool try(const char *text, struct policy **out, struct imw_error_info *err)
{
    char name[128];

    snprintf(name, sizeof name, "%s/p.yaml", folder.path);
    return policy_parse(name, view_string(text), catalog, out, err);
}

static struct policy *parse(const char *text)
{
    struct imw_error_info err = { 0 };
    struct policy *p = NULL;
    char line[800];

    if (!try(text, &p, &err))
        fail_msg("%s", error_format(&err, line, sizeof line));
    return p;
}

static void assert_beside(const char *path, const char *name)
{
    char expected[200];

    snprintf(expected, sizeof expected, "%s/%s", folder.path, name);
    assert_string_equal(path, expected);
}

/* ---- values ---- */

static void a_policy_that_says_nothing_wants_nothing(void **state)
{
    struct policy *p = parse(TOP);
    struct content_settings usual;
    const struct content_settings *s = policy_content(p);
    struct detector_settings *detectors = calloc(threats_detector_count(), sizeof *detectors);

    (void)state;
    assert_non_null(detectors);
    settings_default(&usual);
    threats_defaults(detectors);
    assert_memory_equal(s, &usual, sizeof usual);
    assert_false(s->scan.wanted);
    assert_false(s->leaks.wanted);
    assert_null(s->vault.path);
    assert_memory_equal(policy_detectors(p), detectors, threats_detector_count() * sizeof *detectors);
    free(detectors);
    policy_free(p);
}

static void every_key_is_read(void **state)
{
    struct policy *p = parse(TOP "scan:\n"
                                 "  clamd: [unix:/run/clamd.ctl, 'tcp:[::1]:3310']\n"
                                 "  yara: rules.yar\n"
                                 "  hashes: [bad.sha256]\n"
                                 "  media_hashes: [bad.sha256, words.txt]\n"
                                 "  parallel: 7\n"
                                 "  timeout: 1500ms\n"
                                 "  signature_age: 2d\n"
                                 "  when_away: alert\n"
                                 "  file_limit: 512KiB\n"
                                 "  spool_limit: 1GiB\n"
                                 "  archive: {depth: 0, members: 5, unpacked: 3MiB, ratio: 50}\n"
                                 "leaks:\n"
                                 "  kinds: [card, aba-routing]\n"
                                 "  patterns: [{name: account, regex: 'ACC-[0-9]{8}'}, {name: b, regex: x}]\n"
                                 "  keywords: words.txt\n"
                                 "  customer_data: customers.hashes\n"
                                 "  least: 3\n"
                                 "vault: {path: kept, key: vault.key}\n");
    const struct scan_settings *s = &policy_content(p)->scan;
    const struct leak_settings *l = &policy_content(p)->leaks;

    (void)state;
    assert_true(s->wanted);
    assert_int_equal(s->clamd.count, 2);
    assert_string_equal(s->clamd.at[0], "unix:/run/clamd.ctl");
    assert_string_equal(s->clamd.at[1], "tcp:[::1]:3310");
    assert_int_equal(s->yara.count, 1);
    assert_beside(s->yara.at[0], "rules.yar");
    assert_int_equal(s->hashes.count, 1);
    assert_beside(s->hashes.at[0], "bad.sha256");
    assert_int_equal(s->media_hashes.count, 2);
    assert_beside(s->media_hashes.at[1], "words.txt");
    assert_int_equal(s->parallel, 7);
    assert_int_equal(s->timeout_ms, 1500);
    assert_int_equal(s->signature_age_h, 48);
    assert_int_equal(s->fallback, SCAN_FALLBACK_ALERT);
    assert_int_equal(s->file_bytes, 512 << 10);
    assert_int_equal(s->spool_bytes, 1 << 30);
    assert_int_equal(s->archive_depth, 0);
    assert_int_equal(s->archive_members, 5);
    assert_int_equal(s->archive_bytes, 3 << 20);
    assert_int_equal(s->archive_ratio, 50);
    assert_true(l->wanted);
    assert_true((l->kinds >> LEAK_CARD & 1) != 0);
    assert_true((l->kinds >> LEAK_ABA & 1) != 0);
    assert_false((l->kinds >> LEAK_SSN & 1) != 0);
    assert_false((l->kinds >> LEAK_IBAN & 1) != 0);
    assert_true((l->kinds >> LEAK_PATTERN & 1) != 0);
    assert_int_equal(l->pattern_count, 2);
    assert_string_equal(l->patterns[0].name, "account");
    assert_string_equal(l->patterns[0].regex, "ACC-[0-9]{8}");
    assert_string_equal(l->patterns[1].name, "b");
    assert_beside(l->keywords.at[0], "words.txt");
    assert_beside(l->exact, "customers.hashes");
    assert_int_equal(l->least, 3);
    assert_beside(policy_content(p)->vault.path, "kept");
    assert_beside(policy_content(p)->vault.key, "vault.key");
    policy_free(p);
}

static void an_empty_section_is_wanted_with_what_is_usual(void **state)
{
    struct policy *p = parse(TOP "scan: {}\nleaks: {}\n");
    struct content_settings usual;

    (void)state;
    settings_default(&usual);
    usual.scan.wanted = usual.leaks.wanted = true;
    assert_memory_equal(policy_content(p), &usual, sizeof usual);
    policy_free(p);
}

static void no_built_in_kind_may_be_wanted(void **state)
{
    struct policy *p = parse(TOP "leaks: {kinds: [], keywords: [words.txt]}\n");

    (void)state;
    assert_int_equal(policy_content(p)->leaks.kinds, 1 << LEAK_PATTERN | 1 << LEAK_KEYWORD | 1 << LEAK_EXACT);
    policy_free(p);
}

static void networks_of_our_own_are_inside_beside_private_space(void **state)
{
    static const struct {
        const char *address;
        bool inside;
    } cases[] = {
        { "203.0.113.9", true },   { "203.0.114.9", false },   { "10.1.2.3", true },
        { "2001:db8:1::1", true }, { "2001:db8:2::1", false }, { "fd00::1", true },
    };
    struct policy *p = parse(TOP "inside: [203.0.113.0/24, '2001:db8:1::/48']\n");
    struct ip_addr ip;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(ip_parse(view_string(cases[i].address), &ip));
        if (policy_is_inside(p, &ip) != cases[i].inside)
            fail_msg("%s", cases[i].address);
    }
    policy_free(p);
}

/* ---- detectors ---- */

static unsigned number_of(const char *name)
{
    for (unsigned i = 0; i < threats_detector_count(); i++)
        if (strcmp(threats_detector(i)->name, name) == 0)
            return i;
    fail_msg("no detector %s", name);
    return 0;
}

static void detectors_are_set_by_their_own_tables(void **state)
{
    unsigned n = number_of("malware");
    struct policy *p = parse(TOP "detect: {malware: {signature_age: 5, suppress: 90m}}\n");

    (void)state;
    assert_false(policy_detectors(p)[n].off);
    assert_int_equal(policy_detectors(p)[n].value[0], 5);
    assert_int_equal(policy_detectors(p)[n].suppress_s, 5400);
    policy_free(p);
    p = parse(TOP "detect: {malware: off}\n");
    assert_true(policy_detectors(p)[n].off);
    policy_free(p);
    p = parse(TOP "detect: {malware: on}\n");
    assert_false(policy_detectors(p)[n].off);
    policy_free(p);
}

static void each_threshold_takes_its_least_and_most_and_nothing_beyond(void **state)
{
    char text[300], key[100];

    (void)state;
    for (unsigned d = 0; d < threats_detector_count(); d++)
        for (unsigned i = 0; i < threats_detector(d)->threshold_count; i++) {
            const struct threshold *t = &threats_detector(d)->thresholds[i];
            const uint64_t values[] = { t->least, t->most, t->most + 1, t->least - 1 };
            for (unsigned v = 0; v < 4; v++) {
                struct imw_error_info err = { 0 };
                struct policy *p = NULL;
                if (v == 3 && t->least == 0)
                    continue;
                snprintf(text, sizeof text, TOP "detect:\n  %s: {%s: %llu}\n", threats_detector(d)->name,
                         t->name, (unsigned long long)values[v]);
                snprintf(key, sizeof key, "detect.%s.%s", threats_detector(d)->name, t->name);
                bool ok = try(text, &p, &err);
                if (ok != (v < 2))
                    fail_msg("%s", text);
                if (ok)
                    assert_int_equal(policy_detectors(p)[d].value[i], values[v]);
                else
                    assert_string_equal(err.key, key);
                policy_free(p);
            }
        }
}

static void lists_of_detectors_are_files(void **state)
{
    char text[300];

    (void)state;
    for (unsigned d = 0; d < threats_detector_count(); d++)
        for (unsigned i = 0; i < threats_detector(d)->list_count; i++) {
            struct imw_error_info err = { 0 };
            struct policy *p = NULL;
            snprintf(text, sizeof text, TOP "detect:\n  %s: {%s: words.txt}\n", threats_detector(d)->name,
                     threats_detector(d)->lists[i].name);
            p = parse(text);
            assert_beside(policy_detectors(p)[d].path[i], "words.txt");
            policy_free(p);
            snprintf(text, sizeof text, TOP "detect:\n  %s: {%s: gone.txt}\n", threats_detector(d)->name,
                     threats_detector(d)->lists[i].name);
            p = NULL;
            assert_false(try(text, &p, &err));
            assert_non_null(strstr(err.text, "No such file"));
        }
}

static void what_scan_and_leaks_say_reaches_their_detectors(void **state)
{
    unsigned n = number_of("malware");
    struct policy *p = parse(TOP "scan: {signature_age: 24h, when_away: alert}\n");

    (void)state;
    assert_int_equal(policy_detectors(p)[n].value[0], 24);
    assert_int_equal(policy_detectors(p)[n].value[1], 1);
    policy_free(p);
    p = parse(TOP "scan: {signature_age: 24h}\ndetect: {malware: {signature_age: 7}}\n");
    assert_int_equal(policy_detectors(p)[n].value[0], 7);
    assert_int_equal(policy_detectors(p)[n].value[1], 0);
    policy_free(p);
    n = number_of("leaks");
    p = parse(TOP "leaks: {least: 5}\n");
    assert_int_equal(policy_detectors(p)[n].value[0], 5);
    policy_free(p);
    p = parse(TOP "leaks: {least: 5}\ndetect: {leaks: {findings: 9}}\n");
    assert_int_equal(policy_detectors(p)[n].value[0], 9);
    policy_free(p);
}

/* ---- keeping ---- */

#define VAULT TOP "vault: {path: kept, key: vault.key.pub}\nrules:\n"

static void the_rule_that_decides_says_what_is_kept_and_for_how_long(void **state)
{
    struct policy *p = parse(
        VAULT "  - {name: a, match: {activity: chat}, action: alert, keep: {messages: 2190d}}\n"
              "  - {name: b, match: {activity: file}, action: block, keep: {messages: 12h, files: 30d}}\n"
              "  - {name: c, match: {activity: call}, action: alert}\n");
    struct policy_facts f = { .class = CLASS_IM,
                              .server_name = VIEW(""),
                              .client_version = VIEW(""),
                              .user = VIEW(""),
                              .time_us = NOW_US };
    static const struct {
        enum activity activity;
        uint32_t messages_s, files_s;
    } cases[] = {
        { ACTIVITY_CHAT, 2190u * DAY_S, 0 },
        { ACTIVITY_FILE, DAY_S / 2, 30 * DAY_S },
        { ACTIVITY_CALL, 0, 0 },
        { ACTIVITY_LOGIN, 0, 0 }, /* the default keeps nothing */
    };
    struct policy_verdict v;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f.activities = (uint8_t)(1u << cases[i].activity);
        policy_judge(p, &f, &v);
        assert_int_equal(v.keep_messages_s, cases[i].messages_s);
        assert_int_equal(v.keep_files_s, cases[i].files_s);
    }
    policy_free(p);
}

/* ---- errors and warnings ---- */

static void those_who_are_stopped_are_told_what_the_policy_says(void **state)
{
    struct policy *p = parse(TOP "enforce:\n"
                                 "  contact: \"compliance, ext. 4711\"\n"
                                 "  sign: https://intranet.example/im?a=b\n"
                                 "  page: page.html\n"
                                 "scan: {when_away: block}\n");
    const struct policy_enforce *e = policy_enforce(p);

    (void)state;
    assert_string_equal(e->contact, "compliance, ext. 4711");
    assert_string_equal(e->sign, "https://intranet.example/im?a=b");
    assert_beside(e->page, "page.html");
    assert_true(
        view_equal(e->page_text, VIEW("<p>{{rule}} {{service}} {{contact}}\n{{sign}}{{reference}} {x}")));
    assert_int_equal(e->page_text.at[e->page_text.len], 0);
    assert_true(e->block_unscanned);
    assert_int_equal(policy_content(p)->scan.fallback, SCAN_FALLBACK_BLOCK);
    policy_free(p);
    policy_free(parse(TOP "enforce: {page: sections.html}\n"));

    p = parse(TOP "scan: {when_away: alert}\n");
    e = policy_enforce(p);
    assert_null(e->contact);
    assert_null(e->sign);
    assert_null(e->page);
    assert_int_equal(e->page_text.len, 0);
    assert_false(e->block_unscanned);
    policy_free(p);
}

static void errors_name_line_key_and_what_was_meant(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *key, *what;
    } cases[] = {
        { TOP "inside: 10.0.0.0/8\n", 3, "inside", "" },
        { TOP "inside: [10.0.0.1/8]\n", 3, "inside[0]", "first 8" },
        { TOP "insid: []\n", 3, "insid", "'inside'" },
        { TOP "scan: yes\n", 3, "scan", "" },
        { TOP "scan:\n  clamav: x\n", 4, "scan.clamav", "unknown key" },
        { TOP "scan:\n  calmd: x\n", 4, "scan.calmd", "'clamd'" },
        { TOP "scan:\n  clamd: /run/clamd.ctl\n", 4, "scan.clamd", "unix:/PATH" },
        { TOP "scan:\n  clamd: ['unix:/x', 'unix:x']\n", 4, "scan.clamd[1]", "unix:/PATH" },
        { TOP "scan:\n  clamd: 'tcp:localhost'\n", 4, "scan.clamd", "tcp:HOST:PORT" },
        { TOP "scan:\n  clamd: 'tcp::3310'\n", 4, "scan.clamd", "tcp:HOST:PORT" },
        { TOP "scan:\n  clamd: 'tcp:h:0'\n", 4, "scan.clamd", "tcp:HOST:PORT" },
        { TOP "scan:\n  clamd: 'tcp:h:70000'\n", 4, "scan.clamd", "tcp:HOST:PORT" },
        { TOP "scan:\n  clamd: []\n", 4, "scan.clamd", "empty list" },
        { TOP "scan:\n  yara: [rules.yar, gone.yar]\n", 4, "scan.yara[1]", "No such file" },
        { TOP "scan:\n  hashes: .\n", 4, "scan.hashes", "is no file" },
        { TOP "scan:\n  media_hashes: gone\n", 4, "scan.media_hashes", "No such file" },
        { TOP "scan:\n  parallel: 65\n", 4, "scan.parallel", "from 1 to 64" },
        { TOP "scan:\n  parallel: many\n", 4, "scan.parallel", "whole number" },
        { TOP "scan:\n  timeout: 30\n", 4, "scan.timeout", "30s" },
        { TOP "scan:\n  timeout: 30sec\n", 4, "scan.timeout", "30s" },
        { TOP "scan:\n  timeout: s\n", 4, "scan.timeout", "30s" },
        { TOP "scan:\n  timeout: -1s\n", 4, "scan.timeout", "30s" },
        { TOP "scan:\n  timeout: 2h\n", 4, "scan.timeout", "from 1s to 1h" },
        { TOP "scan:\n  timeout: 999ms\n", 4, "scan.timeout", "from 1s to 1h" },
        { TOP "scan:\n  signature_age: 90m\n", 4, "scan.signature_age", "whole hours" },
        { TOP "scan:\n  signature_age: 400d\n", 4, "scan.signature_age", "from 1h to 365d" },
        { TOP "scan:\n  when_away: alerts\n", 4, "scan.when_away", "'alert'" },
        { TOP "scan:\n  file_limit: 64M\n", 4, "scan.file_limit", "64MiB" },
        { TOP "scan:\n  file_limit: 1B\n", 4, "scan.file_limit", "from 1KiB to 1TiB" },
        { TOP "scan:\n  file_limit: 99999999999TiB\n", 4, "scan.file_limit", "64MiB" },
        { TOP "scan:\n  file_limit: 4294967295TiB\n", 4, "scan.file_limit", "64MiB" },
        { TOP "scan:\n  file_limit: 4GiB\n", 4, "scan.file_limit", "less than file_limit" },
        { TOP "scan:\n  file_limit: 4MiB\n  spool_limit: 3MiB\n", 5, "scan.spool_limit",
          "less than file_limit" },
        { TOP "scan:\n  archive: 3\n", 4, "scan.archive", "" },
        { TOP "scan:\n  archive: {dept: 3}\n", 4, "scan.archive.dept", "'depth'" },
        { TOP "scan:\n  archive: {depth: 17}\n", 4, "scan.archive.depth", "from 0 to 16" },
        { TOP "scan:\n  archive: {members: 0}\n", 4, "scan.archive.members", "from 1" },
        { TOP "scan:\n  archive: {unpacked: 1KiB}\n", 4, "scan.archive.unpacked", "from 1MiB" },
        { TOP "scan:\n  archive: {ratio: 1}\n", 4, "scan.archive.ratio", "from 2" },
        { TOP "leaks: [card]\n", 3, "leaks", "" },
        { TOP "leaks:\n  kind: [card]\n", 4, "leaks.kind", "'kinds'" },
        { TOP "leaks:\n  kinds: card\n", 4, "leaks.kinds", "" },
        { TOP "leaks:\n  kinds: [ibn]\n", 4, "leaks.kinds[0]", "'iban'" },
        { TOP "leaks:\n  kinds: [pattern]\n", 4, "leaks.kinds[0]", "unknown kind" },
        { TOP "leaks:\n  kinds: []\n", 4, "leaks", "nothing is searched for" },
        { TOP "leaks:\n  patterns: {name: a, regex: b}\n", 4, "leaks.patterns", "" },
        { TOP "leaks:\n  patterns: [{name: a}]\n", 4, "leaks.patterns[0]", "'regex'" },
        { TOP "leaks:\n  patterns: [{regex: a}]\n", 4, "leaks.patterns[0]", "'name'" },
        { TOP "leaks:\n  patterns:\n    - {name: a, regex: b}\n    - {name: A, regex: b}\n", 6,
          "leaks.patterns[1].name", "already" },
        { TOP "leaks:\n  patterns: [{name: a, regexp: b}]\n", 4, "leaks.patterns[0].regexp", "'regex'" },
        { TOP "leaks:\n  patterns: [{name: "
              "x123456789x123456789x123456789x123456789x123456789x123456789x123, regex: b}]\n",
          4, "leaks.patterns[0].name", "at most 63" },
        { TOP "leaks:\n  keywords: [gone.txt]\n", 4, "leaks.keywords[0]", "No such file" },
        { TOP "leaks:\n  customer_data: gone.hashes\n", 4, "leaks.customer_data", "No such file" },
        { TOP "leaks:\n  least: 0\n", 4, "leaks.least", "from 1 to 1000" },
        { TOP "vault: {path: x}\n", 3, "vault", "'key'" },
        { TOP "vault: {key: x}\n", 3, "vault", "'path'" },
        { TOP "vault: {path: x, kex: y}\n", 3, "vault.kex", "'key'" },
        { TOP "enforce: {contacts: x}\n", 3, "enforce.contacts", "'contact'" },
        { TOP "enforce: []\n", 3, "enforce", "" },
        { TOP "enforce: {contact: \"a\\nb\"}\n", 3, "enforce.contact", "one line" },
        { TOP "enforce:\n  sign: intranet.example\n", 4, "enforce.sign", "a URL such as" },
        { TOP "enforce:\n  sign: \"https://a/\\\"><script>\"\n", 4, "enforce.sign", "a URL such as" },
        { TOP "enforce:\n  page: gone.html\n", 4, "enforce.page", "No such file" },
        { TOP "enforce:\n  page: empty.html\n", 4, "enforce.page", "is empty" },
        { TOP "enforce:\n  page: wrong.html\n", 2, "", "one of rule, service" },
        { TOP "enforce:\n  page: cut.html\n", 1, "", "one of rule, service" },
        { TOP "enforce:\n  page: open.html\n", 3, "", "the last section has no end" },
        { TOP "enforce:\n  page: nested.html\n", 1, "", "before another begins" },
        { TOP "enforce:\n  page: crossed.html\n", 2, "", "before another begins" },
        { TOP "enforce:\n  page: long.html\n", 0, "", "12288" },
        { TOP "scan:\n  when_away: stop\n", 4, "scan.when_away", "unknown setting" },
        { TOP "rules:\n  - {name: a, match: {}, action: alert, with: drop}\n", 4, "rules[0].with",
          "'block'" },
        { TOP "rules:\n  - {name: a, match: {}, action: block, with: rest}\n", 4, "rules[0].with",
          "'reset'" },
        { TOP "rules:\n  - {name: a, match: {}, action: block, throttle: 64KiB}\n", 4, "rules[0].throttle",
          "must be 'allow', 'alert' or 'scan'" },
        { TOP "rules:\n  - {name: a, match: {}, action: allow, throttle: 64}\n", 4, "rules[0].throttle",
          "a size" },
        { TOP "rules:\n  - {name: a, match: {}, action: allow, throttle: 1B}\n", 4, "rules[0].throttle",
          "from 1KiB" },
        { TOP "detect: off\n", 3, "detect", "" },
        { TOP "detect:\n  malwar: off\n", 4, "detect.malwar", "'malware'" },
        { TOP "detect:\n  malware: offf\n", 4, "detect.malware", "'off'" },
        { TOP "detect:\n  malware: {signatures_age: 3}\n", 4, "detect.malware.signatures_age",
          "'signature_age'" },
        { TOP "detect:\n  malware: {signature_age: 3h}\n", 4, "detect.malware.signature_age",
          "whole number" },
        { TOP "detect:\n  malware: {suppress: 60}\n", 4, "detect.malware.suppress", "30s" },
        { TOP "detect:\n  malware: {suppress: 500ms}\n", 4, "detect.malware.suppress", "from 1s" },
        { TOP "detect:\n  malware: {suppress: 1500ms}\n", 4, "detect.malware.suppress", "whole seconds" },
        { TOP "rules:\n  - {name: a, match: {}, action: alert, keep: {files: 1d}}\n", 4, "rules[0].keep",
          "'vault'" },
        { VAULT "  - {name: a, match: {}, action: alert, keep: {}}\n", 5, "rules[0].keep",
          "messages, files" },
        { VAULT "  - {name: a, match: {}, action: alert, keep: {message: 1d}}\n", 5, "rules[0].keep.message",
          "'messages'" },
        { VAULT "  - {name: a, match: {}, action: alert, keep: {messages: 30}}\n", 5,
          "rules[0].keep.messages", "90d" },
        { VAULT "  - {name: a, match: {}, action: alert, keep: {messages: 0d}}\n", 5,
          "rules[0].keep.messages", "from 1h to 36500d" },
        { VAULT "  - {name: a, match: {}, action: alert, keep: 30d}\n", 5, "rules[0].keep", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        struct policy *p = NULL;
        if (try(cases[i].text, &p, &err))
            fail_msg("accepted: %s", cases[i].text);
        assert_null(p);
        if (err.line != cases[i].line || strcmp(err.key, cases[i].key) != 0 ||
            strstr(err.text, cases[i].what) == NULL)
            fail_msg("%s%u %s: %s", cases[i].text, err.line, err.key, err.text);
    }
}

static void an_included_file_says_nothing_of_content(void **state)
{
    struct imw_error_info err = { 0 };
    struct policy *p = NULL;

    (void)state;
    folder_write(&folder, "more.yaml", "version: 1\nscan: {}\n");
    assert_false(try(TOP "include: [more.yaml]\n", &p, &err));
    assert_string_equal(err.key, "scan");
    folder_write(&folder, "more.yaml",
                 "version: 1\nrules: [{name: a, match: {}, action: alert, keep: {messages: 1d}}]\n");
    assert_false(try(TOP "include: [more.yaml]\n", &p, &err));
    assert_non_null(strstr(err.text, "'vault'"));
    policy_free(parse(TOP "vault: {path: kept, key: vault.key}\ninclude: [more.yaml]\n"));
}

static void keep_warning(void *context, const char *file, unsigned line, const char *text)
{
    char *out = context;
    size_t len = strlen(out);

    assert_beside(file, "p.yaml");
    snprintf(out + len, 2000 - len, "%u %s\n", line, text);
}

static void warnings_find_what_is_not_meant(void **state)
{
    static const struct {
        const char *text, *what; /* "": no warning */
    } cases[] = {
        { TOP "scan: {yara: rules.yar}\n", "" },
        { TOP "scan:\n  parallel: 3\n", "4 no scanner is named" },
        { TOP "scan:\n  media_hashes: words.txt\n", "4 no scanner is named" },
        { TOP "scan:\n  clamd: ['tcp:h:1']\n", "" },
        { TOP "scan:\n  clamd:\n    - tcp:h:1\n    - unix:/nowhere/clamd.ctl\n",
          "6 clamd's socket /nowhere/clamd.ctl: No such file" },
        { TOP "scan:\n  clamd: ['unix:/dev/null']\n", "4 clamd's socket /dev/null is no socket" },
        { TOP "vault: {path: kept, key: vault.key.pub}\n", "3 nothing is put into the vault" },
        { VAULT "  - {name: a, match: {}, action: alert, keep: {messages: 1d, files: 1d}}\n", "" },
        { VAULT
          "  - {name: a, match: {activity: [chat, file]}, action: alert, keep: {messages: 1d, files: 1d}}\n",
          "" },
        { VAULT "  - {name: a, match: {activity: file}, action: alert, keep: {messages: 1d}}\n",
          "5 rule 'a' keeps no message" },
        { VAULT "  - {name: a, match: {activity: [login, chat]}, action: alert, keep: {files: 1d}}\n",
          "5 rule 'a' keeps no file" },
        { TOP "vault: {path: kept, key: gone.key}\nrules:\n"
              "  - {name: a, match: {}, action: alert, keep: {messages: 1d}}\n",
          "3 the vault's key" },
        { TOP "vault: {path: kept, key: vault.key}\nrules:\n"
              "  - {name: a, match: {}, action: alert, keep: {messages: 1d}}\n",
          "this is a private key" },
        { TOP "vault: {path: kept, key: words.txt}\nrules:\n"
              "  - {name: a, match: {}, action: alert, keep: {messages: 1d}}\n",
          "is no key of a vault" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = parse(cases[i].text);
        char told[2000] = "";
        unsigned count = policy_check(p, NOW_US, keep_warning, told);
        if (count != (cases[i].what[0] != '\0') || strstr(told, cases[i].what) == NULL)
            fail_msg("%s%s", cases[i].text, told);
        policy_free(p);
    }
}

static void a_socket_that_is_there_is_no_warning(void **state)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    char text[300], told[2000] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    snprintf(name.sun_path, sizeof name.sun_path, "%s/clamd.ctl", folder.path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
    snprintf(text, sizeof text, TOP "scan: {clamd: 'unix:%s'}\n", name.sun_path);
    struct policy *p = parse(text);
    assert_int_equal(policy_check(p, NOW_US, keep_warning, told), 0);
    policy_free(p);
    close(fd);
}

/* ---- for people ---- */

static void what_is_set_is_printed(void **state)
{
    struct policy *p = parse(
        TOP
        "inside: [203.0.113.0/24]\n"
        "scan: {clamd: 'tcp:h:1', yara: /etc/passwd, timeout: 90s, signature_age: 72h}\n"
        "leaks: {kinds: [iban], keywords: words.txt, least: 2}\n"
        "vault: {path: /v, key: /k}\n"
        "enforce: {contact: ext. 4711, sign: 'https://a.example', page: page.html}\n"
        "detect: {malware: {signature_age: 5, suppress: 90m}}\n"
        "rules: [{name: b, match: {class: im}, action: block, with: drop},\n"
        "        {name: a, match: {}, action: alert, throttle: 64KiB, keep: {messages: 90d, files: 36h}}]\n");
    char expected[1500];
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    assert_non_null(out);
    policy_print(p, out);
    fclose(out);
    snprintf(expected, sizeof expected,
             "inside: private space, 203.0.113.0/24\n"
             "scan: clamd tcp:h:1; yara /etc/passwd; 4 at a time, 90s each\n"
             "scan: files up to 64MiB, all under way up to 2GiB; archives 4 deep, 2000 members, 256MiB "
             "unpacked, ratio 200; signatures older than 3d are an alert; without a verdict: report\n"
             "leaks: iban, keyword; an alert from 2 findings on\n"
             "vault: /v, key /k\n"
             "detect: malware signature_age 5, suppress 90m\n"
             "detect: leaks findings 2\n"
             "enforce: contact ext. 4711\n"
             "enforce: sign at https://a.example\n"
             "enforce: page %s/page.html\n"
             "with: rule 'b': drop\n"
             "throttle: rule 'a': 64KiB a second\n"
             "keep: rule 'a': messages 90d, files 36h\n",
             folder.path);
    assert_string_equal(text, expected);
    free(text);
    policy_free(p);
    p = parse(TOP);
    out = open_memstream(&text, &size);
    assert_non_null(out);
    policy_print(p, out);
    fclose(out);
    assert_string_equal(text, "");
    free(text);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_that_says_nothing_wants_nothing),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(an_empty_section_is_wanted_with_what_is_usual),
        cmocka_unit_test(no_built_in_kind_may_be_wanted),
        cmocka_unit_test(networks_of_our_own_are_inside_beside_private_space),
        cmocka_unit_test(detectors_are_set_by_their_own_tables),
        cmocka_unit_test(each_threshold_takes_its_least_and_most_and_nothing_beyond),
        cmocka_unit_test(lists_of_detectors_are_files),
        cmocka_unit_test(what_scan_and_leaks_say_reaches_their_detectors),
        cmocka_unit_test(the_rule_that_decides_says_what_is_kept_and_for_how_long),
        cmocka_unit_test(those_who_are_stopped_are_told_what_the_policy_says),
        cmocka_unit_test(errors_name_line_key_and_what_was_meant),
        cmocka_unit_test(an_included_file_says_nothing_of_content),
        cmocka_unit_test(warnings_find_what_is_not_meant),
        cmocka_unit_test(a_socket_that_is_there_is_no_warning),
        cmocka_unit_test(what_is_set_is_printed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
