/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers over a reload: whatever services come, go, change and come back over the generations, a number
 * means the same service, in every look-up and in a policy; and what was told of a service that is gone is
 * still told.
 */
#include "catalog_folder.h"
#include "identify/catalog.h"
#include "identify/catalog_format.h"
#include "policy/policy.h"

enum { SERVICES = 24, GENERATIONS = 60 };

/* A service of the test: every kind of entry, all telling its letter and its edition. */
static void write_service(const struct folder *f, unsigned letter, unsigned edition)
{
    char name[32], text[1024];
    unsigned n = letter;
    char c = (char)('a' + letter);

    snprintf(name, sizeof name, "%c-chat.yaml", c);
    snprintf(text, sizeof text,
             "slug: %c-chat\nname: Name %u\nvendor: Vendor %c\ncountry: CH\nclass: im\nend_to_end: true\n"
             "summary: Edition %u\n"
             "domains:\n  - names: [%c.example]\n    role: chat\n"
             "ranges:\n  - networks: [\"192.0.%u.0/24\", \"2001:db8:%u::/48\"]\n"
             "ports: {tcp: [%u]}\n"
             "agents:\n  - match: [Agent-%c/, \"*Inner-%c \"]\n"
             "paths:\n  - {match: [/path-%c/], role: chat}\n"
             "ja4:\n  - match: [t13d1516h2_8daaf61527%02u_b0da82dd1658]\n",
             c, edition, c, edition, c, n, n, 1000 + n, c, c, c, n);
    folder_write(f, name, text);
}

/* The catalog of the services whose bits are set. */
static struct catalog *catalog_with(uint32_t services, unsigned edition)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c;

    for (unsigned i = 0; i < SERVICES; i++)
        if ((services >> i & 1) != 0)
            write_service(&f, i, edition);
    if (!catalog_open(f.path, &c, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    return c;
}

static void follow(struct catalog *c, const struct catalog *old)
{
    struct imw_error_info err = { 0 };

    if (!catalog_follow(c, old, &err))
        fail_msg("%s", err.text);
}

static uint16_t find(const struct catalog *c, unsigned letter)
{
    char slug[] = "?-chat";

    slug[0] = (char)('a' + letter);
    return catalog_find(c, view_string(slug));
}

static void visit(void *context, const char *kind, enum server_role role, enum strength strength,
                  struct view entry, struct view source)
{
    unsigned *entries = context;

    (void)kind, (void)role, (void)strength, (void)entry, (void)source;
    ++*entries;
}

/* Every look-up for one service gives `number`; 0: none gives anything. */
static void assert_look_ups(const struct catalog *c, unsigned letter, uint16_t number)
{
    char text[64], l = (char)('a' + letter);
    struct catalog_hit hit = { 0 };
    struct ip_addr ip;
    unsigned hits = 0;

#define LOOK(found)                                                                                          \
    do {                                                                                                     \
        hit.service = 0;                                                                                     \
        hits += (found);                                                                                     \
        assert_int_equal(hit.service, number);                                                               \
    } while (0)
    assert_int_equal(find(c, letter), number);
    snprintf(text, sizeof text, "www.%c.example", l);
    LOOK(catalog_match_name(c, view_string(text), &hit));
    snprintf(text, sizeof text, "192.0.%u.7", letter);
    assert_true(ip_parse(view_string(text), &ip));
    LOOK(catalog_match_address(c, &ip, 6, 443, &hit));
    snprintf(text, sizeof text, "2001:db8:%u::7", letter);
    assert_true(ip_parse(view_string(text), &ip));
    LOOK(catalog_match_address(c, &ip, 17, 443, &hit));
    snprintf(text, sizeof text, "Agent-%c/7", l);
    LOOK(catalog_match_agent(c, view_string(text), &hit));
    snprintf(text, sizeof text, "Mozilla Inner-%c 7", l);
    LOOK(catalog_match_agent(c, view_string(text), &hit));
    snprintf(text, sizeof text, "/path-%c/7", l);
    LOOK(catalog_match_path(c, view_string(text), &hit));
    snprintf(text, sizeof text, "t13d1516h2_8daaf61527%02u_b0da82dd1658", letter);
    LOOK(catalog_match_ja4(c, view_string(text), &hit));
#undef LOOK
    assert_int_equal(hits, number != 0 ? 7 : 0);
}

/* What the numbers should be, kept beside the catalogs by the plainest means. */
struct book {
    uint16_t number[SERVICES]; /* 0: never seen */
    unsigned edition[SERVICES];
    unsigned count;
};

static void assert_as_in_book(const struct catalog *c, const struct book *b, uint32_t services)
{
    assert_int_equal(catalog_count(c), b->count);
    assert_null(catalog_service(c, 0));
    assert_null(catalog_service(c, (uint16_t)(b->count + 1)));
    for (unsigned i = 0; i < SERVICES; i++) {
        bool here = (services >> i & 1) != 0;
        char slug[] = "?-chat", vendor[] = "Vendor ?", name[32], summary[32];
        unsigned entries = 0;
        assert_look_ups(c, i, here ? b->number[i] : 0);
        if (b->number[i] == 0)
            continue;
        const struct catalog_service *s = catalog_service(c, b->number[i]);
        slug[0] = vendor[7] = (char)('a' + i);
        snprintf(name, sizeof name, "Name %u", b->edition[i]);
        snprintf(summary, sizeof summary, "Edition %u", b->edition[i]);
        assert_string_equal(s->slug, slug);
        assert_string_equal(s->vendor, vendor);
        assert_string_equal(s->vendor_country, "CH");
        assert_string_equal(s->name, name);
        assert_string_equal(s->summary, summary);
        assert_int_equal(s->removed, !here);
        assert_true(s->end_to_end && s->class == CLASS_IM);
        assert_int_equal(catalog_own_port(c, b->number[i], 6, (uint16_t)(1000 + i)), here);
        assert_false(catalog_own_port(c, b->number[i], 6, (uint16_t)(1001 + i)));
        catalog_each(c, b->number[i], visit, &entries);
        assert_int_equal(entries > 0, here);
    }
}

static void test_a_catalog_that_follows_none_numbers_by_slug(void **state)
{
    struct catalog *c = catalog_with(0x0d, 1);

    (void)state;
    assert_int_equal(catalog_count(c), 3);
    assert_look_ups(c, 0, 1);
    assert_look_ups(c, 1, 0);
    assert_look_ups(c, 2, 2);
    assert_look_ups(c, 3, 3);
    assert_false(catalog_service(c, 1)->removed);
    catalog_close(c);
}

static void test_numbers_stay_whatever_comes_and_goes(void **state)
{
    uint32_t random = 12345, services = 0x00ff;
    struct book book = { .count = 0 };
    struct catalog *old = NULL;

    (void)state;
    for (unsigned generation = 1; generation <= GENERATIONS; generation++) {
        struct catalog *c = catalog_with(services, generation);
        if (old != NULL)
            follow(c, old);
        for (unsigned i = 0; i < SERVICES; i++) {
            if ((services >> i & 1) == 0)
                continue;
            if (book.number[i] == 0)
                book.number[i] = (uint16_t)++book.count; /* new ones are numbered in the order of slugs */
            book.edition[i] = generation;
        }
        catalog_close(old); /* the follower borrows nothing from it */
        assert_as_in_book(c, &book, services);
        old = c;
        random = random * 1664525 + 1013904223;
        services = random >> 8 & ((1u << SERVICES) - 1);
        if (generation % 10 == 0)
            services = generation % 20 == 0 ? 0 : (1u << SERVICES) - 1; /* all gone, all back */
        else if (generation % 3 == 0)
            services &= 0x0f0f0f; /* few */
    }
    assert_int_equal(book.count, SERVICES);
    catalog_close(old);
}

static void test_a_service_with_a_new_slug_is_another_service(void **state)
{
    struct catalog *old = catalog_with(0x03, 1), *c = catalog_with(0x05, 2);

    (void)state;
    follow(c, old);
    catalog_close(old);
    assert_look_ups(c, 0, 1);
    assert_look_ups(c, 1, 0);
    assert_look_ups(c, 2, 3);
    assert_string_equal(catalog_service(c, 2)->slug, "b-chat");
    assert_true(catalog_service(c, 2)->removed);
    catalog_close(c);
}

static enum policy_action judge(const struct policy *p, uint16_t service)
{
    const struct policy_facts facts = { .service = service, .class = CLASS_IM };
    struct policy_verdict verdict;

    policy_judge(p, &facts, &verdict);
    return verdict.action;
}

static void test_a_policy_means_the_services_that_it_names(void **state)
{
    static const char by_service[] = "version: 1\ndefault: alert\nrules:\n"
                                     "  - {name: one, match: {service: [a-chat]}, action: block}\n"
                                     "  - {name: two, match: {service: [c-chat]}, action: allow}\n";
    static const char by_vendor[] = "version: 1\ndefault: alert\nrules:\n"
                                    "  - {name: one, match: {vendor: [Vendor B]}, action: block}\n"
                                    "  - {name: two, match: {class: im}, action: allow}\n";
    struct catalog *first = catalog_with(0x06, 1), *second = catalog_with(0x05, 2);
    struct imw_error_info err = { 0 };
    struct policy *p;

    (void)state;
    assert_true(policy_parse("p", view_string(by_vendor), first, &p, &err));
    policy_free(p);
    follow(second, first); /* b-chat is 1 and gone, c-chat is 2, a-chat is 3 */
    assert_true(policy_parse("p", view_string(by_service), second, &p, &err));
    assert_int_equal(judge(p, 1), POLICY_ALERT);
    assert_int_equal(judge(p, 2), POLICY_ALLOW);
    assert_int_equal(judge(p, 3), POLICY_BLOCK);
    policy_free(p);

    /* A policy is good or not whatever was in force before: these are no words of the new catalog. */
    assert_false(policy_parse("p", view_string(by_vendor), second, &p, &err));
    assert_non_null(strstr(err.text, "Vendor B"));
    assert_false(policy_parse("p",
                              VIEW("version: 1\ndefault: alert\nrules:\n"
                                   "  - {name: one, match: {service: [b-chat]}, action: block}\n"),
                              second, &p, &err));

    /* But flows that were given a service before it was removed are judged by its class. */
    assert_true(policy_parse("p",
                             VIEW("version: 1\ndefault: alert\nrules:\n"
                                  "  - {name: one, match: {class: im}, action: block}\n"),
                             second, &p, &err));
    for (uint16_t number = 1; number <= 3; number++)
        assert_int_equal(judge(p, number), POLICY_BLOCK);
    policy_free(p);
    catalog_close(first);
    catalog_close(second);
}

/* ---- running out ---- */

enum { MANY = 2048, ALL_ONE = 25 * 26 + 25 };

/* An image of MANY services whose slugs begin with "aa". */
static uint8_t *image_of_many(size_t *out_size)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    uint8_t *image;

    for (unsigned i = 0; i < MANY; i++) {
        char name[32], text[160];
        snprintf(name, sizeof name, "aa%04u.yaml", i);
        snprintf(text, sizeof text,
                 "slug: aa%04u\nname: N\nvendor: V\nclass: im\nend_to_end: true\nsummary: S\n", i);
        folder_write(&f, name, text);
    }
    if (!catalog_compile_image(f.path, &image, out_size, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    return image;
}

/* The same with other slugs: those of generation 3 begin with "ad"; of ALL_ONE, all are the same. */
static struct catalog *renamed(const uint8_t *image, size_t size, unsigned generation)
{
    struct catalog_section section[SECTION_COUNT];
    uint8_t *copy = malloc(size);
    struct catalog *c;

    assert_non_null(copy);
    memcpy(copy, image, size);
    memcpy(section, image + sizeof(struct catalog_header), sizeof section);
    for (unsigned i = 0; i < section[SECTION_SERVICES].count; i++) {
        struct record_service r;
        memcpy(&r, image + section[SECTION_SERVICES].at + i * sizeof r, sizeof r);
        uint8_t *slug = copy + section[SECTION_STRINGS].at + r.slug.at;
        slug[0] = (uint8_t)('a' + generation / 26);
        slug[1] = (uint8_t)('a' + generation % 26);
        if (generation == ALL_ONE)
            memcpy(slug, "zz0000", 6);
    }
    assert_true(catalog_digest(copy, size, copy + offsetof(struct catalog_header, digest)));
    assert_true(catalog_open_image("many", copy, size, true, &c, NULL));
    return c;
}

static void test_when_numbers_run_out_the_old_catalog_stays_and_a_restart_is_asked_for(void **state)
{
    size_t size;
    uint8_t *image = image_of_many(&size);
    struct catalog *old = renamed(image, size, 0);
    struct imw_error_info err = { 0 };
    unsigned generation = 1;

    (void)state;
    for (; (generation + 1) * MANY <= UINT16_MAX; generation++) {
        struct catalog *c = renamed(image, size, generation);
        follow(c, old);
        catalog_close(old);
        old = c;
    }
    assert_int_equal(catalog_count(old), UINT16_MAX / MANY * MANY);
    struct catalog *c = renamed(image, size, generation);
    assert_false(catalog_follow(c, old, &err));
    assert_int_equal(err.code, IMW_ERROR_LIMIT);
    assert_non_null(strstr(err.text, "restart"));
    assert_int_equal(catalog_count(c), MANY); /* untouched */
    assert_int_equal(catalog_count(old), UINT16_MAX / MANY * MANY);
    catalog_close(c);

    c = renamed(image, size, 3); /* what is known needs no new numbers */
    follow(c, old);
    char slug[] = "ad0000";
    assert_int_equal(catalog_find(c, view_string(slug)), 3 * MANY + 1);
    assert_string_equal(catalog_service(c, 5 * MANY + 1)->slug, "af0000");
    catalog_close(c);
    catalog_close(old);
    free(image);
}

/* No catalog that we compile is so, but a digest is no signature. */
static void test_services_of_one_slug_do_no_harm(void **state)
{
    size_t size;
    uint8_t *image = image_of_many(&size);

    (void)state;
    for (unsigned turn = 0; turn < 3; turn++) {
        struct catalog *old = renamed(image, size, turn == 1 ? 3 : ALL_ONE);
        struct catalog *c = renamed(image, size, turn == 0 ? 3 : ALL_ONE);
        follow(c, old);
        assert_in_range(catalog_count(c), MANY, 2 * MANY);
        for (unsigned i = 1; i <= catalog_count(c); i++)
            assert_int_equal(strlen(catalog_service(c, (uint16_t)i)->slug), 6);
        catalog_close(old);
        catalog_close(c);
    }
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_catalog_that_follows_none_numbers_by_slug),
        cmocka_unit_test(test_numbers_stay_whatever_comes_and_goes),
        cmocka_unit_test(test_a_service_with_a_new_slug_is_another_service),
        cmocka_unit_test(test_a_policy_means_the_services_that_it_names),
        cmocka_unit_test(test_when_numbers_run_out_the_old_catalog_stays_and_a_restart_is_asked_for),
        cmocka_unit_test(test_services_of_one_slug_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
