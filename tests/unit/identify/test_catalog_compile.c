/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a catalog file is said with file, line and key; the same files give the same bytes. */
#include "catalog_folder.h"
#include "identify/catalog.h"
#include "identify/catalog_format.h"
#include <sys/stat.h>

/* Compile one file a.yaml and expect an error that ends with `place_and_text` after the folder's name. */
static void assert_refused(const char *yaml, const char *place_and_text)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    uint8_t *image;
    size_t size;
    char line[1024];

    folder_write(&f, "a.yaml", yaml);
    bool ok = catalog_compile_image(f.path, &image, &size, &err);
    const char *text = error_format(&err, line, sizeof line);
    size_t skip = strlen(f.path) + 1;
    folder_remove(&f);
    if (ok)
        free(image);
    if (ok || strncmp(text + skip, place_and_text, strlen(place_and_text)) != 0)
        fail_msg("'%s' is not '%s'", ok ? "accepted" : text + skip, place_and_text);
}

static void test_each_mistake_is_named_with_line_and_key(void **state)
{
    (void)state;
    assert_refused("name: x\n", "a.yaml:1:1: the key 'slug' is missing");
    assert_refused("slug: b\n", "a.yaml:1:7: slug: the file of this service must be named b.yaml");
    assert_refused("slug: A\n", "a.yaml:1:7: slug: a slug has lower-case letters, digits and '-' only");
    assert_refused(HEAD("a") "colour: x\n", "a.yaml:7:9: colour: unknown key");
    assert_refused(HEAD("a") "domain: []\n", "a.yaml:7:9: domain: unknown key; is 'domains' meant?");
    assert_refused(HEAD("a") "slug: a\n", "a.yaml:7:1: the key 'slug' was given already in line 1");
    assert_refused(HEAD("a") "country: Ch\n", "a.yaml:7:10: country: two capital letters");
    assert_refused("slug: a\nname: N\nvendor: V\nsummary: S\nclass: imm\nend_to_end: true\n",
                   "a.yaml:5:8: class: unknown word 'imm'; is 'im' meant?");
    assert_refused(HEAD("a") "protocols: [tls, tsl]\n",
                   "a.yaml:7:18: protocols[1]: unknown word 'tsl'; is 'tls' meant?");
    assert_refused(HEAD("a") "domains:\n  - names: [x.example]\n    role: chatt\n",
                   "a.yaml:9:11: domains[0].role: unknown word 'chatt'; is 'chat' meant?");
    assert_refused(HEAD("a") "domains:\n  - names: [x.example]\n    networks: [x]\n",
                   "a.yaml:9:15: domains[0].networks: unknown key");
    assert_refused(HEAD("a") "domains:\n  - names: []\n", "a.yaml:8:12: domains[0].names: the list is empty");
    assert_refused(HEAD("a") "domains:\n  - names: x.example\n",
                   "a.yaml:8:12: domains[0].names: a list is needed here, not a single value");
}

static void test_names_that_are_none_are_refused(void **state)
{
    static const char *const names[] = { "x",
                                         "x..example",
                                         "-",
                                         "x.example.",
                                         "a b.example",
                                         "192.0.2.1",
                                         "x.example/y",
                                         "*.x.example",
                                         "ab*.x.example",
                                         "ab.*.x.example",
                                         "start*x.example",
                                         "start*.example",
                                         "start*.*.x.example",
                                         "x.exam_ple:443",
                                         "a.b.c.d.e.f.g.h.i.j.k" };
    char yaml[512];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(yaml, sizeof yaml, "%sdomains:\n  - names: [\"%s\"]\n", HEAD("a"), names[i]);
        assert_refused(yaml, "a.yaml:8:13: domains[0].names[0]: ");
    }
}

static void test_ranges_ports_and_texts_are_checked(void **state)
{
    (void)state;
    assert_refused(HEAD("a") "ranges:\n  - networks: [192.0.2.1/24]\n",
                   "a.yaml:8:16: ranges[0].networks[0]: the address has bits behind its mask");
    assert_refused(HEAD("a") "ranges:\n  - networks: [192.0.2.0/33]\n",
                   "a.yaml:8:16: ranges[0].networks[0]: not an");
    assert_refused(HEAD("a") "ranges:\n  - networks: [0.0.0.0/0]\n",
                   "a.yaml:8:16: ranges[0].networks[0]: too wide");
    assert_refused(HEAD("a") "ranges:\n  - networks: [\"::/0\"]\n",
                   "a.yaml:8:16: ranges[0].networks[0]: too wide");
    assert_refused(HEAD("a") "ranges:\n  - networks: [192.0.2.0/24]\n    l4: sctp\n",
                   "a.yaml:9:9: ranges[0].l4: must be");
    assert_refused(HEAD("a") "ports: {tcp: [0]}\n", "a.yaml:7:15: ports.tcp[0]: a port from 1");
    assert_refused(HEAD("a") "ports: {tcp: [65536]}\n", "a.yaml:7:15: ports.tcp[0]: a port from 1");
    assert_refused(HEAD("a") "ports: {udp: [20-10]}\n", "a.yaml:7:15: ports.udp[0]: a range of ports");
    assert_refused(HEAD("a") "ports: {sctp: [1]}\n", "a.yaml:7:15: ports.sctp: unknown key; is 'tcp' meant?");
    assert_refused(HEAD("a") "agents:\n  - match: [\"*abc\"]\n",
                   "a.yaml:8:13: agents[0].match[0]: too short");
    assert_refused(HEAD("a") "paths:\n  - match: [chat/]\n", "a.yaml:8:13: paths[0].match[0]: a path starts");
    assert_refused(HEAD("a") "ja4:\n  - match: [abc]\n", "a.yaml:8:13: ja4[0].match[0]: not a JA4");
    assert_refused(HEAD("a") "risk: {files: maybe}\n",
                   "a.yaml:7:15: risk.files: true or false is needed here");
}

static void assert_twice(const char *a, const char *b, const char *expected)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    uint8_t *image = NULL;
    size_t size;
    char yaml[512], line[1024];

    snprintf(yaml, sizeof yaml, "%s%s", HEAD("a"), a);
    folder_write(&f, "a.yaml", yaml);
    snprintf(yaml, sizeof yaml, "%s%s", HEAD("b"), b);
    folder_write(&f, "b.yaml", yaml);
    bool ok = catalog_compile_image(f.path, &image, &size, &err);
    error_format(&err, line, sizeof line);
    free(image);
    size_t skip = strlen(f.path) + 1;
    folder_remove(&f);
    if (expected == NULL ? !ok : ok || strcmp(line + skip, expected) != 0)
        fail_msg("'%s' is not '%s'", ok ? "accepted" : line + skip, expected != NULL ? expected : "accepted");
}

static void test_what_stands_twice_is_refused_with_both_places(void **state)
{
    (void)state;
    assert_twice("domains:\n  - names: [x.example]\n", "domains:\n  - names: [y.example, X.Example]\n",
                 "b.yaml:8:24: domains[0].names[1]: 'x.example' stands already in a.yaml line 8");
    assert_twice("domains:\n  - names: [x.example]\n  - names: [x.example]\n", "",
                 "a.yaml:9:13: domains[1].names[0]: 'x.example' stands already in a.yaml line 8");
    assert_twice("domains:\n  - names: [x.example]\nnot_below: [x.example]\n", "",
                 "a.yaml:9:13: not_below[0]: 'x.example' stands already in a.yaml line 8");
    assert_twice("not_below: [x.example]\n", "not_below: [x.example]\n", NULL);
    assert_twice("ranges:\n  - networks: [192.0.2.0/24]\n", "ranges:\n  - networks: [192.0.2.0/24]\n",
                 "b.yaml:8:16: ranges[0].networks[0]: '192.0.2.0/24' stands already in a.yaml line 8");
    assert_twice("ranges:\n  - networks: [192.0.2.0/24]\n    l4: udp\n",
                 "ranges:\n  - networks: [192.0.2.0/24]\n", NULL);
    assert_twice("agents:\n  - match: [Chat/]\n", "agents:\n  - match: [Chat/]\n",
                 "b.yaml:8:13: agents[0].match[0]: 'Chat/' stands already in a.yaml line 8");
    assert_twice("paths:\n  - match: [/chat/]\n", "paths:\n  - match: [/chat/]\n",
                 "b.yaml:8:13: paths[0].match[0]: '/chat/' stands already in a.yaml line 8");
}

static void test_the_version_is_a_date(void **state)
{
    static const char *const bad[] = { "1",           "2026.11",        "2026.13.01", "2026.00.01",
                                       "2026.11.22.", "2026.11.22.1.2", "x" };
    struct folder f = folder_new();
    struct catalog *c;
    char yaml[64];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(yaml, sizeof yaml, "version: \"%s\"\n", bad[i]);
        folder_write(&f, "catalog.yaml", yaml);
        assert_false(catalog_open(f.path, &c, NULL));
    }
    folder_write(&f, "catalog.yaml", "version: 2026.11.22.3\n");
    assert_true(catalog_open(f.path, &c, NULL));
    assert_int_equal(catalog_built(c), 1795305603);
    catalog_close(c);
    folder_remove(&f);
}

static void test_a_folder_without_a_version_is_refused(void **state)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c;
    char path[256];

    (void)state;
    snprintf(path, sizeof path, "%s/catalog.yaml", f.path);
    assert_int_equal(unlink(path), 0);
    assert_false(catalog_open(f.path, &c, &err));
    assert_non_null(strstr(err.text, "no catalog.yaml"));
    folder_remove(&f);
}

static void test_the_same_files_give_the_same_bytes_and_a_file_is_written_whole(void **state)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    uint8_t *first, *second;
    size_t first_size, second_size;
    char out[256], temporary[300];
    struct catalog *c;
    struct stat st;

    (void)state;
    folder_write(&f, "a.yaml", HEAD("a") "domains:\n  - names: [x.example, y.example]\n");
    assert_true(catalog_compile_image(f.path, &first, &first_size, NULL));
    assert_true(catalog_compile_image(f.path, &second, &second_size, NULL));
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
    snprintf(out, sizeof out, "%s/out.imwcat", f.path);
    snprintf(temporary, sizeof temporary, "%s.new", out);
    assert_true(catalog_compile(f.path, out, &err));
    assert_int_equal(stat(out, &st), 0);
    assert_int_equal(st.st_size, first_size);
    assert_int_not_equal(stat(temporary, &st), 0);
    assert_true(catalog_open(out, &c, &err));
    assert_int_equal(catalog_count(c), 1);
    catalog_close(c);
    assert_false(catalog_compile(f.path, "/nonexistent/out", &err));
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    folder_remove(&f);
}

/* A file of `count` names, each below one of 97 parents that are no entries themselves. */
static void write_many(const struct folder *f, unsigned count)
{
    char path[256];

    snprintf(path, sizeof path, "%s/a.yaml", f->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(HEAD("a") "domains:\n  - names:\n", file);
    for (unsigned i = 0; i < count; i++)
        fprintf(file, "      - host%u.parent%u.example\n", i, i % 97);
    assert_int_equal(fclose(file), 0);
}

static void test_a_hundred_thousand_names(void **state)
{
    enum { MANY = 100000 };
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog_hit hit;
    struct catalog *c;
    char host[64];

    (void)state;
    write_many(&f, MANY);
    if (!catalog_open(f.path, &c, &err))
        fail_msg("%s", err.text);
    for (unsigned i = 0; i < MANY; i += 7) {
        snprintf(host, sizeof host, "www.host%u.parent%u.example", i, i % 97);
        assert_true(catalog_match_name(c, view_string(host), &hit));
        assert_true(view_equal(hit.entry, view_string(host + 4)));
        snprintf(host, sizeof host, "host%u.parent%u.example", i, (i + 1) % 97);
        assert_false(catalog_match_name(c, view_string(host), &hit));
    }
    catalog_close(c);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mistake_is_named_with_line_and_key),
        cmocka_unit_test(test_names_that_are_none_are_refused),
        cmocka_unit_test(test_ranges_ports_and_texts_are_checked),
        cmocka_unit_test(test_what_stands_twice_is_refused_with_both_places),
        cmocka_unit_test(test_the_version_is_a_date),
        cmocka_unit_test(test_a_folder_without_a_version_is_refused),
        cmocka_unit_test(test_the_same_files_give_the_same_bytes_and_a_file_is_written_whole),
        cmocka_unit_test(test_a_hundred_thousand_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
