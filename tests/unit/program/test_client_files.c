/* SPDX-License-Identifier: Apache-2.0 */
/* Inventories and files of advisories: what is read of them, what is refused, and how names become products.
 */
#include "base/file.h"
#include "program/advisory_file.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static struct inventory inventory(const char *text, const char *host)
{
    struct imw_error_info err = { 0 };
    struct inventory v;

    if (!inventory_parse(view_string(text), host, &v, &err))
        fail_msg("%s", err.text);
    return v;
}

static void refused(const char *text, const char *words)
{
    struct imw_error_info err = { 0 };
    struct inventory v;

    assert_false(inventory_parse(view_string(text), NULL, &v, &err));
    if (strstr(err.text, words) == NULL)
        fail_msg("not about %s: %s", words, err.text);
}

static char *fixture(const char *name, size_t *len)
{
    struct imw_error_info err = { 0 };
    char path[512], *text = NULL;

    snprintf(path, sizeof path, "%s/tests/fixtures/inventory/%s", getenv("SOURCE_ROOT"), name);
    if (!file_read(path, INVENTORY_MOST, &text, len, &err))
        fail_msg("%s: %s", path, err.text);
    return text;
}

static const struct inventory_row *row(const struct inventory *v, const char *machine, const char *product)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->rows[i].machine, machine) == 0 && strcmp(v->rows[i].product->key, product) == 0)
            return &v->rows[i];
    fail_msg("no %s of %s", product, machine);
    return NULL;
}

static void test_osquery_is_read(void **state)
{
    struct imw_error_info err = { 0 };
    struct inventory v;
    size_t len;
    char *text = fixture("osquery-results.log", &len);

    (void)state;
    assert_true(inventory_parse(view_of(text, len), NULL, &v, &err));
    free(text);
    assert_string_equal(row(&v, "desk-0042", "pidgin")->version, "2.10.12");
    assert_int_equal(row(&v, "desk-0042", "pidgin")->seen_us, UINT64_C(1795420800000000));
    assert_string_equal(row(&v, "desk-0042", "signal-desktop")->version, "7.30.0");
    assert_string_equal(row(&v, "mac-berta", "whatsapp-mac")->version, "2.25.10.70");
    assert_int_equal(row(&v, "lin-carl", "irssi")->package, PACKAGE_DEBIAN);
    assert_true(row(&v, "lin-carl", "hexchat")->removed);
    assert_int_equal(v.machine_count, 3);
    assert_int_equal(v.other, 1);   /* 7-Zip */
    assert_int_equal(v.skipped, 1); /* the broken line */
    assert_int_equal(v.problems.at[0].line, 6);
    inventory_free(&v);
}

static void test_csv_is_read(void **state)
{
    struct imw_error_info err = { 0 };
    struct inventory v;
    size_t len;
    char *text = fixture("inventory.csv", &len);

    (void)state;
    assert_true(inventory_parse(view_of(text, len), NULL, &v, &err));
    free(text);
    assert_int_equal(v.count, 4);
    assert_string_equal(row(&v, "desk-0003", "zoom")->version, "5.9.7");
    assert_string_equal(row(&v, "desk-0001", "pidgin")->login, "anna");
    assert_string_equal(row(&v, "desk-0004", "mirc")->version, "");
    assert_int_equal(v.skipped, 1);
    assert_int_equal(v.problems.at[0].line, 7);
    inventory_free(&v);

    v = inventory("name;version\n\"Gajim\";\"1.4.7\"\n", "Desk-1");
    assert_string_equal(row(&v, "desk-1", "gajim")->version, "1.4.7");
    inventory_free(&v);
    v = inventory("[{\"name\":\"Telegram Desktop version 4.8.1\"}, 7, {\"version\":\"1\"}]", "m");
    assert_string_equal(row(&v, "m", "telegram-desktop")->version, "4.8.1");
    assert_int_equal(v.skipped, 2);
    inventory_free(&v);
    /* rpm: a package, but not of Debian; removed packages of Debian are not there */
    v = inventory(
        "[{\"name\":\"pidgin\",\"version\":\"2.14.1\",\"release\":\"3.el9\",\"arch\":\"x86_64\"},"
        "{\"name\":\"irssi\",\"version\":\"1.2.0-1\",\"arch\":\"amd64\",\"revision\":\"1\",\"status\":\"deinstall "
        "ok config-files\"}]",
        "m");
    assert_int_equal(v.count, 1);
    assert_int_equal(v.rows[0].package, PACKAGE_OTHER);
    inventory_free(&v);
}

static void test_what_is_no_inventory_is_refused(void **state)
{
    char deep[400];

    (void)state;
    refused("", "empty");
    refused("a,b,c\n1,2,3\n", "host, name");
    refused("name,version\nPidgin,1\n", "whose");
    refused("[{\"name\":", "JSON");
    refused("host,name,version\nm,\xff\xff,1\n", "UTF-8");
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refused(deep, "JSON");
}

static void test_names_become_products(void **state)
{
    static const struct {
        const char *text, *product, *version;
    } names[] = {
        { "Pidgin", "pidgin", "" },
        { "Skype version 8.98", "skype", "8.98" },
        { "Skype for Business", NULL, "" },
        { "Signal.app", "signal-desktop", "" },
        { "Signalman", NULL, "" },
        { "Zoom (64-bit)", "zoom", "" },
        { "HexChat 2.16.1 / Linux", "hexchat", "2.16.1" },
        { "irssi v1.2.3 - running on Linux x86_64", "irssi", "1.2.3" },
        { "WeeChat 3.8 (Jan 1 2023)", "weechat", "3.8" },
        { "http://gajim.org", "gajim", "" },
        { "http://pidgin.im/", "pidgin", "" },
        { "ICQ 6.5", "icq", "6.5" },
        { "WhatsApp/2.23.20.0 A", "whatsapp-android", "2.23.20.0" },
        { "WhatsApp/2.24.1 i", "whatsapp-ios", "2.24.1" },
        { "Telegram Android 10.2", "telegram-android", "10.2" },
        { "", NULL, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct view version = view_of(NULL, 0);
        const char *os;
        const struct client_product *p = client_product_wire(view_string(names[i].text), &version, &os);
        if ((p == NULL) != (names[i].product == NULL) || (p != NULL && strcmp(p->key, names[i].product) != 0))
            fail_msg("%s is %s", names[i].text, p != NULL ? p->key : "nothing");
        if (p != NULL && !view_equal(version, view_string(names[i].version)))
            fail_msg("%s has version %.*s", names[i].text, (int)version.len, (const char *)version.at);
    }
}

static struct advisory_file advisories(const char *name)
{
    struct imw_error_info err = { 0 };
    struct advisory_file f;
    size_t len;
    char *text = fixture(name, &len);

    if (!advisory_file_parse(view_of(text, len), &f, &err))
        fail_msg("%s", err.text);
    free(text);
    return f;
}

static void test_osv_is_read(void **state)
{
    struct advisory_file f = advisories("osv.json");

    (void)state;
    assert_string_equal(f.source, "osv");
    assert_int_equal(f.count, 2);
    assert_int_equal(f.other, 1);
    assert_int_equal(f.skipped, 1);
    assert_int_equal(f.problems.at[0].line, 4);
    assert_string_equal(f.list[0].ident, "CVE-2022-26491");
    assert_int_equal(f.list[0].count, 2);
    assert_int_equal(f.ranges[0].package, PACKAGE_DEBIAN);
    assert_string_equal(f.ranges[0].fixed, "2.14.1-1+deb11u1");
    assert_string_equal(f.list[1].ident, "CVE-2031-0001");
    assert_int_equal(f.list[1].severity, SEVERITY_CRITICAL);
    assert_int_equal(f.list[1].count, 2);
    assert_string_equal(f.ranges[3].introduced, "1.12.0-rc.1");
    advisory_file_free(&f);
}

static void test_nvd_is_read(void **state)
{
    struct advisory_file f = advisories("nvd.json");

    (void)state;
    assert_string_equal(f.source, "nvd");
    assert_int_equal(f.count, 2);
    assert_string_equal(f.ranges[0].product->key, "irssi");
    assert_string_equal(f.ranges[0].introduced, "1.2.0");
    assert_string_equal(f.ranges[0].fixed, "1.2.2");
    assert_int_equal(f.list[0].severity, SEVERITY_CRITICAL);
    assert_string_equal(f.ranges[1].product->key, "whatsapp-android");
    assert_string_equal(f.ranges[1].last, "2.30.1");
    assert_int_equal(f.list[1].severity, SEVERITY_MEDIUM);
    advisory_file_free(&f);
}

static void test_scores(void **state)
{
    (void)state;
    assert_int_equal(cvss3_score(VIEW("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")), 98);
    assert_int_equal(cvss3_score(VIEW("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N")), 81);
    assert_int_equal(cvss3_score(VIEW("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N")), 53);
    assert_int_equal(cvss3_score(VIEW("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N")), 61);
    assert_int_equal(cvss3_score(VIEW("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N")), 0);
    assert_int_equal(cvss3_score(VIEW("CVSS:3.1/AV:N")), -1);
    assert_int_equal(cvss3_score(VIEW("CVSS:4.0/AV:N")), -1);
}

static void test_what_are_no_advisories_is_refused(void **state)
{
    static const char *const texts[] = { "", "hello", "{}", "{\"vulnerabilities\":7}", "[[[[" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct imw_error_info err = { 0 };
        struct advisory_file f;
        assert_false(advisory_file_parse(view_string(texts[i]), &f, &err));
        assert_int_equal(err.code, IMW_ERROR_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_osquery_is_read),
        cmocka_unit_test(test_csv_is_read),
        cmocka_unit_test(test_what_is_no_inventory_is_refused),
        cmocka_unit_test(test_names_become_products),
        cmocka_unit_test(test_osv_is_read),
        cmocka_unit_test(test_nvd_is_read),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_what_are_no_advisories_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
