/* SPDX-License-Identifier: Apache-2.0 */
/* What of an event is shown to whom: names that may not be seen are nowhere in it, nor in its table. */
#include "program/event_csv.h"
#include "program/event_show.h"
#include "store/event_store.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const people[] = { "annie@example.org", "bob-the-friend", "anna.doe", "Doe, Anna",
                                      "491701234567" },
                         *const technical[] = { "10.20.0.7", "pc-annie", "10.20.0.9" };
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static json_t *event(void)
{
    json_t *e = json_loads(
        "{\"id\":1,\"time\":\"2026-11-20T00:00:00.000000Z\",\"kind\":\"alert\",\"sensor\":\"s\",\"flow_id\":5,"
        "\"who\":{\"id\":5,\"address\":\"10.20.0.7\",\"login\":\"anna.doe\",\"host\":\"pc-annie\",\"person\":12,"
        "\"pseudonym\":\"P-7K3QWX\",\"name\":\"Doe, Anna\",\"department\":\"Treasury\"},\"service\":\"oscar\","
        "\"account\":\"annie@example.org\",\"peer\":\"bob-the-friend\",\"account_id\":63,\"peer_id\":64,"
        "\"server\":\"10.20.0.9\",\"file\":\"=cmd.csv\",\"stopped\":true,\"bytes_out\":7,"
        "\"activity\":[\"login\",\"chat\"],\"eve\":{\"event_type\":\"alert\",\"src_ip\":\"10.20.0.7\",\"dest_ip\":"
        "\"10.20.0.9\",\"src_who\":{\"user\":\"anna.doe\",\"host\":\"pc-annie\"},\"im\":{\"service\":\"oscar\","
        "\"account\":\"annie@example.org\",\"peer\":\"bob-the-friend\",\"text\":\"a secret\"},\"alert\":{"
        "\"signature\":\"worm\",\"severity\":1},\"imward\":{\"detector\":\"worm\",\"subject\":\"annie@example.org\","
        "\"seen\":\"annie@example.org at 10.20.0.7 (anna.doe, pc-annie) sent it to bob-the-friend\",\"evidence\":"
        "{\"from\":\"annie@example.org\",\"to\":[\"bob-the-friend\"],\"number\":491701234567}},\"verdict\":{\"action\":\"block\",\"rule\":"
        "\"rule 1\",\"user\":\"anna.doe\"},\"unknown\":\"annie@example.org\"}}",
        0, NULL);

    assert_non_null(e);
    return e;
}

static char *shown(const struct viewer *v)
{
    json_t *e = event();
    char *text;

    event_show_detail(v, e);
    text = json_dumps(e, JSON_COMPACT);
    assert_true(json_array_size(json_object_get(e, "told")) > 0);
    json_decref(e);
    return text;
}

static void none_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(text, words[i]) != NULL)
            fail_msg("%s is shown in %s", words[i], text);
}

static void test_who_may_see_nothing_finds_no_name_and_no_address(void **state)
{
    char *text = shown(&(struct viewer){ .account = 1 });

    (void)state;
    none_of(text, people, COUNT(people));
    none_of(text, technical, COUNT(technical));
    assert_null(strstr(text, "a secret"));
    assert_non_null(strstr(text, "P-7K3QWX"));
    free(text);
}

static void test_engineers_see_addresses_and_no_names(void **state)
{
    char *text = shown(&(struct viewer){ .account = 1, .technical = true });

    (void)state;
    none_of(text, people, COUNT(people));
    assert_non_null(strstr(text, "10.20.0.7"));
    free(text);
}

static void test_everybody_sees_themselves_but_not_what_was_said(void **state)
{
    char *text = shown(&(struct viewer){ .account = 1, .self = 12 });

    (void)state;
    assert_non_null(strstr(text, "annie@example.org"));
    assert_non_null(strstr(text, "Doe, Anna"));
    assert_null(strstr(text, "a secret"));
    free(text);
    text = shown(&(struct viewer){ .account = 1, .self = 13 }); /* somebody else */
    none_of(text, people, COUNT(people));
    free(text);
}

static void test_what_may_not_be_seen_may_not_be_searched_for(void **state)
{
    (void)state;
    assert_int_equal(viewer_sees(&(struct viewer){ .account = 1 }), 0);
    assert_int_equal(viewer_sees(&(struct viewer){ .account = 1, .technical = true }), EVENT_SEES_ADDRESSES);
}

static void test_a_table_is_one_that_a_spreadsheet_only_reads(void **state)
{
    char *text = NULL, *row;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    json_t *e = event();

    (void)state;
    assert_non_null(to);
    event_show(&(struct viewer){ .account = 1 }, e);
    json_object_set_new(e, "signature", json_pack("s", "a \"quoted\", one"));
    event_csv_head(to);
    event_csv_row(to, e);
    fclose(to);
    json_decref(e);
    none_of(text, people, COUNT(people));
    none_of(text, technical, COUNT(technical));
    row = strstr(text, "\r\n");
    assert_non_null(row);
    assert_non_null(strstr(row, ",P-7K3QWX,Treasury,oscar,"));
    assert_non_null(strstr(row, ",'=cmd.csv,"));
    assert_non_null(strstr(row, ",\"a \"\"quoted\"\", one\","));
    assert_non_null(strstr(row, ",login chat,"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_see_nothing_finds_no_name_and_no_address),
        cmocka_unit_test(test_engineers_see_addresses_and_no_names),
        cmocka_unit_test(test_everybody_sees_themselves_but_not_what_was_said),
        cmocka_unit_test(test_what_may_not_be_seen_may_not_be_searched_for),
        cmocka_unit_test(test_a_table_is_one_that_a_spreadsheet_only_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
