/* SPDX-License-Identifier: Apache-2.0 */
/* Overrides: what a file may say, what it changes in a catalog, and what it leaves alone. */
#include "identify/catalog_overrides.h"
#include "identify/decide.h"
#include "identify/knowledge.h"
#include "rig.h"

#define TAIL "  by: a\n  at: 2026-11-23\n  why: b\n"

static struct overrides *parsed(const char *text)
{
    struct imw_error_info err = { 0 };
    struct overrides *o;

    if (!overrides_parse("o.yaml", view_string(text), &o, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    return o;
}

static void test_a_file_is_a_history(void **state)
{
    struct overrides *o =
        parsed("# ours\n"
               "- trust: Portal.Example.\n  not: chat\n  by: \"A. Person\"\n"
               "  at: 2026-11-23T09:20:00Z\n  why: \"it is: ours\"\n"
               "- trust: 192.0.2.0/24\n" TAIL "- distrust: portal.example\n  not: chat\n" TAIL
               "- trust: portal.example\n  not: chat\n" TAIL);
    const struct override *first = overrides_get(o, 0), *second = overrides_get(o, 1);

    (void)state;
    assert_int_equal(overrides_count(o), 4);
    assert_true(view_equal(first->what, VIEW("portal.example")));
    assert_true(view_equal(first->slug, VIEW("chat")));
    assert_true(view_equal(first->by, VIEW("A. Person")));
    assert_true(view_equal(first->why, VIEW("it is: ours")));
    assert_int_equal(first->line, 2);
    assert_ptr_equal(first->ended, overrides_get(o, 2));
    assert_true(second->is_network);
    assert_int_equal(second->bits, 96 + 24);
    assert_null(second->ended);
    assert_null(overrides_get(o, 3)->ended);
    assert_null(overrides_get(o, 4));
    overrides_free(o);

    o = parsed("");
    assert_int_equal(overrides_count(o), 0);
    overrides_free(o);
    o = parsed("# nothing yet\n\n  # really");
    assert_int_equal(overrides_count(o), 0);
    overrides_free(o);
}

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } cases[] = {
        { "trust: a.example\n", 1, "" },
        { "- trust: a.example\n" TAIL "- 7\n", 5, "" },
        { "- not: chat\n" TAIL, 1, "one of 'trust' and 'distrust'" },
        { "- trust: a.example\n  distrust: a.example\n" TAIL, 1, "one of 'trust' and 'distrust'" },
        { "- trust: example\n" TAIL, 1, "neither a name" },
        { "- trust: \"*.a.example\"\n" TAIL, 1, "neither a name" },
        { "- trust: a b.example\n" TAIL, 1, "neither a name" },
        { "- trust: 192.0.2.0/40\n" TAIL, 1, "neither a name" },
        { "- trust: a.example\n  by: a\n  at: 2026-11-23\n", 1, "why" },
        { "- trust: a.example\n  by: a\n  at: 2026-02-29\n  why: b\n", 3, "a day such as" },
        { "- trust: a.example\n  by: a\n  at: 23.11.2026\n  why: b\n", 3, "a day such as" },
        { "- trust: a.example\n  by: a\n  at: 2026-11-23T24:00:00Z\n  why: b\n", 3, "a day such as" },
        { "- trust: a.example\n  till: 2027-01-01\n" TAIL, 2, "till" },
        { "- trust: a.example\n" TAIL "- trust: A.example\n" TAIL, 5, "trusted already, since line 1" },
        { "- distrust: a.example\n" TAIL, 1, "not in force" },
        { "- trust: a.example\n" TAIL "- distrust: a.example\n  not: chat\n" TAIL, 5, "not in force" },
        { "- trust: a.example\n" TAIL "- distrust: a.example\n" TAIL "- distrust: a.example\n" TAIL, 9,
          "not in force" },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        struct overrides *o = NULL;
        char text[1024];
        if (overrides_parse("o.yaml", view_string(cases[i].text), &o, &err))
            fail_msg("taken: %s", cases[i].text);
        assert_null(o);
        error_format(&err, text, sizeof text);
        if (err.line != cases[i].line || strstr(text, cases[i].says) == NULL ||
            strstr(text, "o.yaml") == NULL)
            fail_msg("case %u, line %u: %s", i, err.line, text);
    }
}

/* The rig's catalog, with these overrides. */
static struct catalog *overridden(const char *text)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c = rig_catalog();
    char path[80];

    folder_write(&f, "o.yaml", text);
    snprintf(path, sizeof path, "%s/o.yaml", f.path);
    if (!catalog_override(c, path, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    return c;
}

static bool is_service(const struct catalog *c, const char *name)
{
    struct catalog_hit hit;

    return catalog_match_name(c, view_string(name), &hit);
}

static bool address_is_service(const struct catalog *c, const char *address)
{
    struct catalog_hit hit;
    struct ip_addr ip;

    assert_true(ip_parse(view_string(address), &ip));
    return catalog_match_address(c, &ip, L4_TCP, 443, &hit);
}

static void test_what_is_trusted_is_no_evidence_and_all_else_is(void **state)
{
    struct catalog *c = overridden(
        "- trust: Portal.chat.example\n  not: chat\n" TAIL "- trust: shared.example\n  not: other\n" TAIL
        "- trust: mail.other.example\n" TAIL "- trust: 198.51.100.64/26\n  not: chat\n" TAIL
        "- trust: back.chat.example\n" TAIL "- distrust: back.chat.example\n" TAIL);
    uint16_t chat = catalog_find(c, VIEW("chat")), other = catalog_find(c, VIEW("other"));
    struct ip_addr ip;

    (void)state;
    assert_false(is_service(c, "portal.chat.example"));
    assert_false(is_service(c, "PORTAL.chat.example.:443"));
    assert_false(is_service(c, "a.b.portal.chat.example"));
    assert_true(is_service(c, "chat.example"));
    assert_true(is_service(c, "xportal.chat.example"));
    assert_true(is_service(c, "web.chat.example"));
    assert_true(is_service(c, "shared.example")); /* it was not said of this service */
    assert_false(is_service(c, "mail.other.example"));
    assert_true(is_service(c, "other.example"));
    assert_true(is_service(c, "back.chat.example"));
    assert_true(address_is_service(c, "198.51.100.63"));
    assert_false(address_is_service(c, "198.51.100.64"));
    assert_false(address_is_service(c, "198.51.100.127"));
    assert_true(address_is_service(c, "198.51.100.128"));

    assert_true(catalog_trusts_name(c, VIEW("www.portal.chat.example"), chat));
    assert_false(catalog_trusts_name(c, VIEW("portal.chat.example"), other));
    assert_true(catalog_trusts_name(c, VIEW("portal.chat.example"), 0));
    assert_true(catalog_trusts_name(c, VIEW("mail.other.example"), chat));
    assert_false(catalog_trusts_name(c, VIEW("10.0.0.1"), 0));
    assert_true(ip_parse(VIEW("198.51.100.70"), &ip));
    assert_true(catalog_trusts_address(c, &ip, chat));
    assert_false(catalog_trusts_address(c, &ip, other));
    catalog_close(c);
}

static void count_entry(void *context, const char *kind, enum server_role role, enum strength strength,
                        struct view entry, struct view source)
{
    struct text *t = context;

    (void)kind;
    (void)role;
    (void)strength;
    (void)source;
    text_add(t, entry);
    text_char(t, ' ');
}

/* What is told of a service leaves out what is overridden as a whole, as exports do. */
static void test_entries_that_are_overridden_are_not_told(void **state)
{
    static const struct {
        const char *overrides, *entries;
    } cases[] = {
        { "# none\n", "chat.example shared.example 198.51.100.0/24 203.0.113.0/24 SharedLib/ tls " },
        { "- trust: chat.example\n  not: other\n" TAIL "- trust: 198.51.100.0/25\n" TAIL
          "- trust: a.shared.example\n" TAIL,
          "chat.example shared.example 198.51.100.0/24 203.0.113.0/24 SharedLib/ tls " },
        { "- trust: chat.example\n  not: chat\n" TAIL "- trust: 198.51.100.0/23\n" TAIL,
          "shared.example 203.0.113.0/24 SharedLib/ tls " },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct catalog *c = overridden(cases[i].overrides);
        char entries[512];
        struct text t = TEXT(entries);
        catalog_each(c, catalog_find(c, VIEW("chat")), count_entry, &t);
        assert_string_equal(entries, cases[i].entries);
        catalog_close(c);
    }
}

static void test_an_unknown_service_is_refused_and_the_catalog_stays(void **state)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c = overridden("- trust: portal.chat.example\n" TAIL);
    char path[80];

    (void)state;
    snprintf(path, sizeof path, "%s/o.yaml", f.path);
    folder_write(&f, "o.yaml", "- trust: chat.example\n" TAIL "- trust: b.example\n  not: chatt\n" TAIL);
    assert_false(catalog_override(c, path, &err));
    assert_int_equal(err.line, 5);
    assert_non_null(strstr(err.text, "unknown service 'chatt'"));
    assert_true(is_service(c, "chat.example"));
    assert_false(is_service(c, "portal.chat.example"));
    /* What is not in force any more may name what the catalog has no more. */
    folder_write(&f, "o.yaml",
                 "- trust: b.example\n  not: chatt\n" TAIL "- distrust: b.example\n  not: chatt\n" TAIL);
    assert_true(catalog_override(c, path, &err));
    assert_true(is_service(c, "portal.chat.example"));
    snprintf(path, sizeof path, "%s/none.yaml", f.path);
    assert_false(catalog_override(c, path, &err));
    catalog_close(c);
    folder_remove(&f);
}

/* Addresses that were learnt of a name before it was trusted give nothing any more. */
static void test_what_dns_told_of_a_trusted_name_is_forgotten(void **state)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct rig r;
    char path[80];

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        rig_start(&r, NULL, 0, 0);
        struct known_address known = { .service = catalog_find(r.catalog, VIEW("chat")), .role = ROLE_CHAT };
        struct decision_context context = { .catalog = r.catalog,
                                            .knowledge = r.knowledge,
                                            .now_us = r.now_us };
        struct known_evidence evidence;
        snprintf(known.name, sizeof known.name, "portal.chat.example");
        knowledge_learn_address(r.knowledge, &r.flow.key.addr[FROM_SERVER], &known, 60, r.now_us);
        assert_true(decide_by_address(&context, &r.flow, &evidence));
        assert_int_equal(evidence.kind, EVIDENCE_DNS_ADDRESS);

        folder_write(&f, "o.yaml",
                     round == 0 ? "- trust: portal.chat.example\n  not: chat\n" TAIL
                                : "- trust: 192.0.2.0/24\n  not: chat\n" TAIL);
        snprintf(path, sizeof path, "%s/o.yaml", f.path);
        assert_true(catalog_override(r.catalog, path, &err));
        assert_false(decide_by_address(&context, &r.flow, &evidence));
        rig_stop(&r);
    }
    folder_remove(&f);
}

/* ---- a flow ---- */

static enum im_answer probe(const struct sample *s, struct finding *out)
{
    (void)out;
    return view_starts(s->bytes[FROM_CLIENT], VIEW("GO\n")) ? IM_YES : IM_NO;
}

/* Lines: a name that the client asks for, one that the server proves, a DNS answer for the first name that
 * led to the second. */
static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    const uint8_t v4[4] = { 192, 0, 2, 77 };
    const struct ip_addr addr = ip_from_v4(v4);
    struct view rest = in, line;

    (void)state;
    (void)from;
    if (!view_line(&rest, &line))
        return 0;
    struct view word = view_token(&line, ' ');
    if (view_equal(word, VIEW("sni")))
        (void)session_name(s, EVIDENCE_SNI, line);
    else if (view_equal(word, VIEW("proves")))
        (void)session_name(s, EVIDENCE_CERTIFICATE, line);
    else if (view_equal(word, VIEW("answer"))) {
        struct view first = view_token(&line, ' ');
        session_learn_address(s, first, line, &addr, 60);
    }
    return in.len - rest.len;
}

static const struct parser toy = { .protocol = PROTOCOL_TLS, .on = PARSER_TCP, .probe = probe, .feed = feed };
static const struct parser *const toys[] = { &toy };

/* The service of a flow that says this, and what its address is known for then; with overrides or without. */
static void flow_of(const char *lines, const char *overrides, const char *service, const char *learnt)
{
    const uint8_t v4[4] = { 192, 0, 2, 77 };
    const struct ip_addr addr = ip_from_v4(v4);
    struct known_address known = { 0 };
    struct rig r;

    rig_start(&r, toys, 1, 0);
    if (overrides != NULL) {
        struct folder f = folder_new();
        struct imw_error_info err = { 0 };
        char path[80];
        folder_write(&f, "o.yaml", overrides);
        snprintf(path, sizeof path, "%s/o.yaml", f.path);
        assert_true(catalog_override(r.catalog, path, &err));
        folder_remove(&f);
    }
    client(&r, "GO\n");
    client(&r, lines);
    (void)knowledge_address(r.knowledge, &addr, r.now_us, &known);
    const struct catalog_service *of = catalog_service(r.catalog, known.service);
    if (strcmp(rig_service(&r), service) != 0 || strcmp(of != NULL ? of->slug : "-", learnt) != 0)
        fail_msg("'%s' gives %s and %s, not %s and %s", lines, rig_service(&r), of != NULL ? of->slug : "-",
                 service, learnt);
    rig_stop(&r);
}

static void test_a_flow_to_a_trusted_name_is_none_of_the_service(void **state)
{
    static const char trust[] = "- trust: portal.chat.example\n  not: chat\n" TAIL;

    (void)state;
    flow_of("sni portal.chat.example\n", NULL, "chat", "-");
    flow_of("sni portal.chat.example\n", trust, "-", "-");
    flow_of("sni web.chat.example\n", trust, "chat", "-");
    /* What its server proves besides is about the same server. */
    flow_of("sni portal.chat.example\nproves *.chat.example\n", NULL, "chat", "-");
    flow_of("sni portal.chat.example\nproves *.chat.example\n", trust, "-", "-");
    flow_of("sni portal.chat.example\nproves other.example\n", trust, "other", "-");
    flow_of("sni bank.example\nproves chat.example\n", trust, "chat", "-");
    /* Nor do its addresses tell, wherever its name leads. */
    flow_of("answer portal.chat.example edge.chat.example\n", NULL, "-", "chat");
    flow_of("answer portal.chat.example edge.chat.example\n", trust, "-", "-");
    flow_of("answer bank.example edge.chat.example\n", trust, "-", "chat");
    flow_of("answer bank.example portal.chat.example\n", trust, "-", "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_a_history),
        cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(test_what_is_trusted_is_no_evidence_and_all_else_is),
        cmocka_unit_test(test_entries_that_are_overridden_are_not_told),
        cmocka_unit_test(test_an_unknown_service_is_refused_and_the_catalog_stays),
        cmocka_unit_test(test_a_flow_to_a_trusted_name_is_none_of_the_service),
        cmocka_unit_test(test_what_dns_told_of_a_trusted_name_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
