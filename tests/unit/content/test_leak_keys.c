/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords, patterns of the institution's own, and customer data by hashes. */
#include "../test.h"
#include "base/text.h"
#include "content/exact.h"
#include "content/leak.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 64 };

struct set {
    struct leak_rules *rules;
    struct leak_search *search;
    char folder[64];
};

static int make_folder(void **state)
{
    struct set *s = calloc(1, sizeof *s);

    snprintf(s->folder, sizeof s->folder, "/tmp/imward-leak-XXXXXX");
    *state = s;
    return mkdtemp(s->folder) == NULL;
}

static int remove_folder(void **state)
{
    struct set *s = *state;
    static const char *const names[] = { "projects.txt", "more.txt", "salt", "other", "data", "data.salt" };

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", s->folder, names[i]);
        unlink(path);
    }
    rmdir(s->folder);
    free(s);
    return 0;
}

static const char *put(const struct set *s, const char *name, struct view content, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", s->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content.at, 1, content.len, f), content.len);
    fclose(f);
    return path;
}

static void start(struct set *s, const struct leak_settings *settings)
{
    struct imw_error_info err = { 0 };

    if (!leak_rules_new(settings, &s->rules, &err))
        fail_msg("%s: %s", err.file, err.text);
    assert_true(leak_search_new(s->rules, &s->search, &err));
}

static void stop(struct set *s)
{
    leak_search_free(s->search);
    leak_rules_free(s->rules);
}

static void expect(struct set *s, const char *text, const char *lines)
{
    char out[4096];
    struct text t = TEXT(out);
    struct leak_finding found[MOST];
    unsigned n = leak_find(s->search, view_string(text), found, MOST);

    for (unsigned i = 0; i < n && i < MOST; i++)
        text_format(&t, "%s%s %s %u %s", i > 0 ? "\n" : "", leak_kind_name(found[i].kind), found[i].name,
                    (unsigned)found[i].offset, found[i].masked);
    if (strcmp(out, lines) != 0)
        fail_msg("in '%s':\n%s\nexpected:\n%s", text, out, lines);
}

static void expect_wrong(const struct leak_settings *settings, const char *part)
{
    struct leak_rules *r = NULL;
    struct imw_error_info err = { 0 };
    char line[800];

    assert_false(leak_rules_new(settings, &r, &err));
    assert_null(r);
    if (strstr(error_format(&err, line, sizeof line), part) == NULL)
        fail_msg("'%s' does not say '%s'", line, part);
}

static void test_keywords_stand_between_borders_of_words(void **state)
{
    struct set *s = *state;
    char path[128];
    const char *lists[] = { put(s, "projects.txt",
                                VIEW("# names of projects\n"
                                     "Blue Heron\r\n\n"
                                     "merger\n"
                                     "C++ desk\n"
                                     "\xc3\x89toile\n"
                                     "\xe6\x9c\xba\xe5\xaf\x86\n" /* "secret" in Chinese */
                                     "\xd1\x82\xd0\xb0\xd0\xb9\xd0\xbd\xd0\xb0\n"),
                                path, sizeof path) };
    struct leak_settings settings = { .kinds = LEAK_ALL, .keywords = { lists, 1 } };

    start(s, &settings);
    expect(s, "the merger is on", "keyword projects 4 ***ger");
    expect(s, "MERGER!", "keyword projects 0 ***GER");
    expect(s, "mergers submerger merger_2 merger2", "");
    expect(s, "blue heron", "keyword projects 0 *****eron");
    expect(s, "about Blue \r\nHeron.", "keyword projects 6 *****eron");
    expect(s, "blueheron blue heronry", "");
    expect(s, "our c++ desk", "keyword projects 4 ***sk");
    expect(s, "\xc3\xa9toile \xc3\x89TOILE", "keyword projects 0 ***ile\nkeyword projects 8 ***ILE");
    expect(s, "\xc3\xa9toil\xc3\xa9 \xc3\xa9\xc3\xa9toile", "");
    expect(s, "\xe8\xbf\x99\xe6\x98\xaf\xe6\x9c\xba\xe5\xaf\x86\xe6\x96\x87\xe4\xbb\xb6",
           "keyword projects 6 *\xe5\xaf\x86");
    expect(s, "\xd0\xa2\xd0\x90\xd0\x99\xd0\x9d\xd0\x90!", "keyword projects 0 ***\xd0\x9d\xd0\x90");
    expect(s, "\xe2\x80\x9cmerger\xe2\x80\x9d", "keyword projects 3 ***ger");
    stop(s);
}

static void test_a_list_that_is_wrong_is_named_with_its_line(void **state)
{
    struct set *s = *state;
    char path[128];
    const char *lists[] = { put(s, "projects.txt", VIEW("fine\nx\n"), path, sizeof path) };
    struct leak_settings settings = { .kinds = LEAK_ALL, .keywords = { lists, 1 } };

    expect_wrong(&settings, "projects.txt:2: a keyword has 2 to 200 bytes");
    put(s, "projects.txt",
        VIEW("fine\n\nb\xff"
             "d\n"),
        path, sizeof path);
    expect_wrong(&settings, "projects.txt:3: not UTF-8");
    lists[0] = "/nonexistent/list";
    expect_wrong(&settings, "/nonexistent/list");
}

static void test_patterns_are_found_once_at_their_longest(void **state)
{
    struct set *s = *state;
    static const struct leak_pattern patterns[] = {
        { "account", "\\bACC-[0-9]{4,8}" },
        { "ticket", "(?i)\\bcase [a-z]{2}[0-9]{3}\\b" },
        { "header", "^CONFIDENTIAL$" },
    };
    struct leak_settings settings = { .kinds = LEAK_ALL, .patterns = patterns, .pattern_count = 3 };

    start(s, &settings);
    expect(s, "see ACC-12345678.", "pattern account 4 *******5678");
    expect(s, "ACC-1234 ACC-12345", "pattern account 0 ****234\npattern account 9 ****2345");
    expect(s, "XACC-1234 ACC-123", "");
    expect(s, "CASE xy123, case xy1234", "pattern ticket 0 *****y123");
    expect(s, "a\nCONFIDENTIAL\nb CONFIDENTIAL", "pattern header 2 ********TIAL");
    stop(s);
}

static void test_a_pattern_that_is_wrong_is_named(void **state)
{
    static const struct {
        const char *regex, *says;
    } wrong[] = {
        { "ACC-[0-9", "pattern account: " },
        { "[0-9]*", "empty buffer" },
        { "from.*to", "1024 bytes" },
        { "(a)\\1", "pattern account: " },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct leak_pattern p = { "account", wrong[i].regex };
        struct leak_settings settings = { .kinds = LEAK_ALL, .patterns = &p, .pattern_count = 1 };
        expect_wrong(&settings, wrong[i].says);
        settings.kinds &= ~(1u << LEAK_PATTERN);
        struct leak_rules *r;
        assert_true(leak_rules_new(&settings, &r, NULL)); /* not asked for: not looked at */
        leak_rules_free(r);
    }
}

/* ---- customer data ---- */

static const char *make_data(const struct set *s, const char *const *values, unsigned count, char *path,
                             size_t size)
{
    char salt[128];
    struct exact_maker *m;
    uint64_t rows;

    put(s, "salt", VIEW("0123456789abcdef0123456789abcdef"), salt, sizeof salt);
    assert_true(exact_maker_new(salt, "customers", &m, NULL));
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(exact_put(m, view_string(values[i])), EXACT_TAKEN);
    snprintf(path, size, "%s/data", s->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(exact_write(m, f, &rows));
    assert_int_equal(rows, count);
    fclose(f);
    exact_maker_free(m);
    return path;
}

static void test_customer_data_is_found_in_any_form(void **state)
{
    struct set *s = *state;
    static const char *const values[] = { "12345678",          "AB-1234-567",
                                          "0044 20 7946 0018", "mary.doe@example.com",
                                          "4111111111111111",  "99887766X",
                                          "06 12 34 56 78" };
    char path[128], salt[128];
    struct leak_settings settings = { .kinds = LEAK_ALL,
                                      .exact = make_data(s, values, 7, path, sizeof path),
                                      .salt = put(s, "salt", VIEW("0123456789abcdef0123456789abcdef"), salt,
                                                  sizeof salt) };

    start(s, &settings);
    expect(s, "account 12345678 please", "customer-data customers 8 ****5678");
    expect(s, "12-34-56-78", "customer-data customers 0 ****5678");
    expect(s, "1234 5678", "customer-data customers 0 ****5678");
    expect(s, "ab1234567", "customer-data customers 0 *****4567");
    expect(s, "AB 1234/567.", "customer-data customers 0 *****4567");
    expect(s, "(0044) 20-7946-0018", "customer-data customers 1 **********0018");
    expect(s, "mail Mary.Doe@Example.COM.", "customer-data customers 5 *************eCOM");
    expect(s, "4111 1111 1111 1111", "customer-data customers 0 ************1111");
    expect(s, "99887766x", "customer-data customers 0 *****766x");
    expect(s, "0612345678 or 06.12.34.56.78",
           "customer-data customers 0 ******5678\ncustomer-data customers 14 ******5678");
    expect(s, "99 11 06 12 34 56 78 31 44", "customer-data customers 6 ******5678");
    for (unsigned i = 0; i < 9; i++) { /* wherever it stands */
        char text[64], line[64];
        snprintf(text, sizeof text, "%.*s06 12 34 56 78", (int)i, "a a a a a");
        snprintf(line, sizeof line, "customer-data customers %u ******5678", i);
        if (i % 2 == 0)
            expect(s, text, line);
    }
    expect(s, "12345679 123456780 x12345678 ary.doe@example.com 99887766", "");
    stop(s);
    /* Only the salt is told of the file beside it. */
    settings.salt = NULL;
    put(s, "data.salt", VIEW("0123456789abcdef0123456789abcdef"), salt, sizeof salt);
    start(s, &settings);
    expect(s, "12345678", "customer-data customers 0 ****5678");
    stop(s);
}

static void test_wrong_files_of_customer_data_are_refused(void **state)
{
    struct set *s = *state;
    static const char *const values[] = { "12345678", "23456789", "34567890" };
    char path[128], other[128], salt[128];
    struct leak_settings settings = { .kinds = LEAK_ALL,
                                      .exact = make_data(s, values, 3, path, sizeof path),
                                      .salt = put(s, "other", VIEW("another salt, another salt"), other,
                                                  sizeof other) };
    uint8_t bytes[4096];

    expect_wrong(&settings, "another salt");
    put(s, "other", VIEW("short"), other, sizeof other);
    expect_wrong(&settings, "16 bytes at least");
    settings.salt = put(s, "salt", VIEW("0123456789abcdef0123456789abcdef"), salt, sizeof salt);
    FILE *f = fopen(path, "r");
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t cut = 0; cut < size; cut++) {
        put(s, "data", view_of(bytes, cut), path, sizeof path);
        expect_wrong(&settings, cut < 96 ? "not made by" : "damaged or cut");
    }
    uint8_t row[10]; /* the rows no longer ascend */
    memcpy(row, bytes + size - 10, 10);
    memmove(bytes + size - 20, bytes + size - 30, 10);
    memcpy(bytes + size - 30, row, 10);
    put(s, "data", view_of(bytes, size), path, sizeof path);
    expect_wrong(&settings, "damaged or cut");
}

static void test_values_that_would_be_found_everywhere_are_refused(void **state)
{
    struct set *s = *state;
    struct exact_maker *m;
    char salt[128];

    put(s, "salt", VIEW("0123456789abcdef0123456789abcdef"), salt, sizeof salt);
    assert_true(exact_maker_new(salt, "x", &m, NULL));
    assert_int_equal(exact_put(m, VIEW("smith jones")), EXACT_REFUSED);
    assert_int_equal(exact_put(m, VIEW("12345")), EXACT_REFUSED);
    assert_int_equal(exact_put(m, VIEW("a1b2c3d4")), EXACT_REFUSED);
    assert_int_equal(exact_put(m, VIEW("1234567890123456789012345678901234567890123456789012345678901234")),
                     EXACT_REFUSED);
    assert_int_equal(exact_put(m, VIEW("")), EXACT_REFUSED);
    assert_int_equal(exact_put(m, VIEW("123456")), EXACT_TAKEN);
    exact_maker_free(m);
}

/* The file tells nothing of the values, and their number only. */
static void test_the_file_holds_no_value(void **state)
{
    struct set *s = *state;
    static const char *const values[] = { "12345678", "mary.doe@example.com" };
    char path[128];
    uint8_t bytes[4096];

    make_data(s, values, 2, path, sizeof path);
    FILE *f = fopen(path, "r");
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct view all = view_of(bytes, size);
    assert_int_equal(size, 96 + 8 + 20);
    assert_int_equal(view_find(all, VIEW("12345678")), size);
    assert_int_equal(view_find(all, VIEW("mary")), size);
    assert_int_equal(view_find(all, VIEW("0123456789abcdef")), size);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        T(test_keywords_stand_between_borders_of_words),
        T(test_a_list_that_is_wrong_is_named_with_its_line),
        T(test_patterns_are_found_once_at_their_longest),
        T(test_a_pattern_that_is_wrong_is_named),
        T(test_customer_data_is_found_in_any_form),
        T(test_wrong_files_of_customer_data_are_refused),
        T(test_values_that_would_be_found_everywhere_are_refused),
        T(test_the_file_holds_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
