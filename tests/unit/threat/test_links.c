/* SPDX-License-Identifier: Apache-2.0 */
/* Links: lists in their forms, disguises, shapes, imitations; and links that are nobody's worry. */
#include "threat/stand.h"
#include <unistd.h>

static char list_path[2][64];

static void write_file(char path[64], const char *text)
{
    snprintf(path, 64, "/tmp/imward-links-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void give_lists(const struct detector *d, struct detector_settings *s)
{
    (void)d;
    s->path[0] = list_path[0];
    s->path[1] = list_path[1];
}

static struct stand *stand_with(const char *list, const char *protected, struct imw_error_info *err)
{
    write_file(list_path[0], list);
    write_file(list_path[1], protected);
    struct stand *s = stand_try("links", give_lists, err);
    unlink(list_path[0]);
    unlink(list_path[1]);
    return s;
}

static const char bad[] = "# a feed\n"
                          "evil.example\n"
                          "\n"
                          "*.wild.example   # with subdomains\n"
                          "http://shared.example/users/mallory/\n"
                          "http://shared.example/get.php?id=5\n"
                          "127.0.0.1 localhost\n"
                          "0.0.0.0\thosts.example other.example\n"
                          "http://203.0.113.9/\n"
                          "b\xc3\xbc"
                          "cher.example\r\n";
static const char ours[] = "mybank.example\nwww.modern.example\n";

static void expect(const char *text, unsigned id)
{
    struct imw_error_info err = { 0 };
    struct stand *s = stand_with(bad, ours, &err);
    if (s == NULL)
        fail_msg("%s", err.text);
    hear(s, "eve@im.example", "al@im.example", text);
    if (s->count != (id != 0) || (id != 0 && s->alert[0].id != id))
        fail_msg("%u alerts, %u, for %s", s->count, s->alert[0].id, text);
    stand_free(s);
}

static void test_listed_sites_are_found_in_every_form(void **state)
{
    (void)state;
    expect("see http://evil.example/x", 4500);
    expect("see evil.example", 4500);
    expect("see a.b.EVIL.example.", 4500);
    expect("hxxp://evil[.]example/", 4500);
    expect("http://wild.example", 4500);
    expect("http://x.wild.example", 4500);
    expect("http://shared.example/users/mallory/a/b?q", 4500);
    expect("http://shared.example/get.php?id=5", 4500);
    expect("hosts.example", 4500);
    expect("https://other.example:8443/x", 4500);
    expect("http://203.0.113.9/a", 4500);
    expect("http://0xCB007109/a", 4500);
    expect("http://xn--bcher-kva.example/", 4500);
    expect("http://b%C3%BCcher.example/", 4500);
}

static void test_their_neighbours_are_not(void **state)
{
    (void)state;
    expect("http://notevil.example/", 0);
    expect("http://example/", 0);
    expect("http://evil.example.org/", 0);
    expect("http://shared.example/users/alice/", 0);
    expect("http://shared.example/get.php?id=6", 0);
    expect("http://shared.example/", 0);
    expect("http://localhost.example/", 0);
    expect("http://203.0.113.10/a", 0);
    expect("read setup.exe and photo.jpg.exe.txt", 0);
}

static void test_shapes_need_no_list(void **state)
{
    (void)state;
    expect("http://198.51.100.4/update.exe", 4501);
    expect("http://198.51.100.4:8080/a/pic.scr?x", 4501);
    expect("http://10.1.2.3/tools/setup.exe", 0);
    expect("http://198.51.100.4/index.html", 0);
    expect("http://files.example/setup.exe", 0);
    expect("http://files.example/photo.jpg.exe", 4502);
    expect("http://files.example/letter.doc%20%20%20.scr", 4502);
    expect("http://files.example/jquery.min.js", 0);
    expect("http://files.example/v1.2.exe", 0);
}

static void test_imitations_of_protected_hosts(void **state)
{
    (void)state;
    expect("http://myb\xd0\xb0nk.example/login", 4503);
    expect("http://xn--mybnk-6ve.example/login", 4503);
    expect("http://secure.myb\xd0\xb0nk.example/", 4503);
    expect("rnybank.example", 4503);
    expect("http://www.rnodern.example/", 4503);
    expect("http://mybank.example/login", 0);
    expect("http://online.mybank.example/login", 0);
    expect("http://mybanks.example/", 0);
    expect("http://www.modern.example/", 0);
}

static void test_evidence_says_where(void **state)
{
    struct imw_error_info err = { 0 };
    struct stand *s = stand_with(bad, ours, &err);
    (void)state;
    assert_non_null(s);
    hear(s, "eve@im.example", "al@im.example", "look hxxp://www.evil.example/p?q=secret");
    assert_int_equal(s->count, 1);
    assert_string_equal(evidence_of(s, 0, "link"), "www.evil.example/p");
    assert_string_equal(evidence_of(s, 0, "entry"), "evil.example");
    assert_string_equal(evidence_of(s, 0, "line"), "2");
    assert_string_equal(evidence_of(s, 0, "written"), "disguised");
    assert_string_equal(evidence_of(s, 0, "from"), "eve@im.example");
    hear(s, "eve@im.example", "bob@im.example", "look http://www.evil.example/p");
    assert_int_equal(s->count, 1); /* the same from the same */
    stand_free(s);
}

static void refuse(const char *list, const char *protected, unsigned line, unsigned which)
{
    struct imw_error_info err = { 0 };
    assert_null(stand_with(list, protected, &err));
    assert_int_equal(err.line, line);
    assert_string_equal(err.file, list_path[which]);
    assert_true(err.text[0] != '\0');
}

static void test_a_bad_line_names_file_and_line(void **state)
{
    (void)state;
    refuse("good.example\nnot a domain\n", "", 2, 0);
    refuse("good.example\n# x\n\nfoo\n", "", 4, 0);
    refuse("127.0.0.1 good.example bad_\n", "", 1, 0);
    refuse("", "mybank.example\n10.0.0.1\n", 2, 1);
}

static void test_a_list_that_is_not_there_is_an_error(void **state)
{
    struct imw_error_info err = { 0 };
    (void)state;
    snprintf(list_path[0], sizeof list_path[0], "/nonexistent/list");
    snprintf(list_path[1], sizeof list_path[1], "/nonexistent/list");
    assert_null(stand_try("links", give_lists, &err));
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    assert_string_equal(err.file, "/nonexistent/list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed_sites_are_found_in_every_form),
        cmocka_unit_test(test_their_neighbours_are_not),
        cmocka_unit_test(test_shapes_need_no_list),
        cmocka_unit_test(test_imitations_of_protected_hosts),
        cmocka_unit_test(test_evidence_says_where),
        cmocka_unit_test(test_a_bad_line_names_file_and_line),
        cmocka_unit_test(test_a_list_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
