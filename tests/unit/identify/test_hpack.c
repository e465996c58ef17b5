/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK against the examples of RFC 7541, Appendix C, and blocks that are wrong. */
#include "base/text.h"
#include "identify/hpack.h"
#include "test.h"

struct told {
    char line[2048];
    struct text text;
};

static void tell(void *context, enum hpack_name name, struct view value)
{
    static const char *const names[] = {
        "other", "authority", "method", "path", "protocol", "host", "agent"
    };
    struct told *told = context;

    text_format(&told->text, "%s=", names[name]);
    text_printable(&told->text, value);
    text_char(&told->text, ' ');
}

static bool decode(struct hpack *h, struct view block, struct told *out)
{
    out->text = TEXT(out->line);
    return hpack_block(h, block, tell, out);
}

static void test_literals_of_appendix_c_2(void **state)
{
    struct hpack h;
    struct told told;

    (void)state;
    hpack_init(&h);
    /* C.2.1: a name and a value as strings, indexed */
    assert_true(decode(&h,
                       VIEW("\x40\x0a"
                            "custom-key"
                            "\x0d"
                            "custom-header"),
                       &told));
    assert_int_equal(h.size, 55);
    assert_int_equal(h.count, 1);
    /* C.2.2: an indexed name, not indexed itself */
    assert_true(decode(&h, VIEW("\x04\x0c/sample/path"), &told));
    assert_string_equal(told.line, "path=/sample/path ");
    /* C.2.3: never indexed; C.2.4: by index */
    assert_true(decode(&h, VIEW("\x10\x08password\x06secret"), &told));
    assert_true(decode(&h, VIEW("\x82"), &told));
    assert_string_equal(told.line, "method=GET ");
    assert_int_equal(h.count, 1);
}

static void check_three_requests(struct view first, struct view second, struct view third)
{
    struct hpack h;
    struct told told;

    hpack_init(&h);
    assert_true(decode(&h, first, &told));
    assert_string_equal(told.line, "method=GET path=/ authority=www.example.com ");
    assert_int_equal(h.size, 57);
    assert_true(decode(&h, second, &told));
    assert_string_equal(told.line, "method=GET path=/ authority=www.example.com ");
    assert_int_equal(h.size, 110);
    assert_true(decode(&h, third, &told));
    assert_string_equal(told.line, "method=GET path=/index.html authority=www.example.com ");
    assert_int_equal(h.size, 164);
    assert_int_equal(h.count, 3);
}

static void test_requests_of_appendix_c_3_in_plain_strings(void **state)
{
    (void)state;
    check_three_requests(VIEW("\x82\x86\x84\x41\x0fwww.example.com"),
                         VIEW("\x82\x86\x84\xbe\x58\x08no-cache"),
                         VIEW("\x82\x87\x85\xbf\x40\x0a"
                              "custom-key\x0c"
                              "custom-value"));
}

static void test_requests_of_appendix_c_4_in_huffman_code(void **state)
{
    (void)state;
    check_three_requests(
        VIEW("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
        VIEW("\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf"),
        VIEW("\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8"
             "\xe8\xb4\xbf"));
}

/* C.6, after a size update to 256: entries are evicted, the oldest first. */
static void test_responses_of_appendix_c_6_evict(void **state)
{
    struct hpack h;
    struct told told;

    (void)state;
    hpack_init(&h);
    assert_true(decode(&h, VIEW("\x3f\xe1\x01"), &told));
    assert_int_equal(h.limit, 256);
    assert_true(
        decode(&h,
               VIEW("\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8"
                    "\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18\x63\xc7"
                    "\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3"),
               &told));
    assert_int_equal(h.size, 222);
    assert_int_equal(h.count, 4);
    assert_true(decode(&h, VIEW("\x48\x83\x64\x0e\xff\xc1\xc0\xbf"), &told));
    assert_int_equal(h.size, 222);
    assert_true(
        decode(&h,
               VIEW("\x88\xc1\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x84"
                    "\xa6\x2d\x1b\xff\xc0\x5a\x83\x9b\xd9\xab\x77\xad\x94\xe7\x82\x1d\xd7\xf2\xe6\xc7\xb3\x35"
                    "\xdf\xdf\xcd\x5b\x39\x60\xd5\xaf\x27\x08\x7f\x36\x72\xc1\xab\x27\x0f\xb5\x29\x1f\x95\x87"
                    "\x31\x60\x65\xc0\x03\xed\x4e\xe5\xb1\x06\x3d\x50\x07"),
               &told));
    assert_int_equal(h.size, 215);
    assert_int_equal(h.count, 3);
}

static void test_values_move_when_older_ones_are_evicted(void **state)
{
    struct hpack h;
    struct told told;

    (void)state;
    hpack_init(&h);
    /* :path /first, :path /second, user-agent third */
    assert_true(decode(&h, VIEW("\x44\x06/first\x44\x07/second\x7a\x05third"), &told));
    assert_true(decode(&h, VIEW("\xc0\xbf\xbe"), &told));
    assert_string_equal(told.line, "path=/first path=/second agent=third ");
    assert_true(decode(&h, VIEW("\x3f\x45\xbf\xbe"), &told)); /* limit 100: room for the last two */
    assert_string_equal(told.line, "path=/second agent=third ");
    assert_false(decode(&h, VIEW("\xc0"), &told));
}

static void test_a_table_larger_than_ours_is_followed(void **state)
{
    static char block[4 + 6000];
    struct hpack h;
    struct told told;
    struct text t = TEXT(block);

    (void)state;
    hpack_init(&h);
    assert_true(decode(&h, VIEW("\x3f\xe1\xff\x03"), &told)); /* 65536 */
    assert_true(decode(&h,
                       VIEW("\x41\x0b"
                            "example.org"),
                       &told));
    text_add(&t, VIEW("\x60\x7f\x89\x26")); /* cookie of 127 + 9 + 38 * 128 = 5000 octets */
    for (int i = 0; i < 5000; i++)
        text_char(&t, 'c');
    assert_true(decode(&h, view_of(block, t.len), &told));
    assert_int_equal(h.count, 1);
    assert_true(
        decode(&h, VIEW("\x44\x02/a\xbf\xbe\xc0"), &told)); /* the cookie, the path, the lost authority */
    assert_string_equal(told.line, "path=/a path=/a ");
}

static void test_an_entry_over_the_limit_empties_the_table(void **state)
{
    struct hpack h;
    struct told told;

    (void)state;
    hpack_init(&h);
    assert_true(decode(&h, VIEW("\x3f\x21\x41\x01x"), &told)); /* limit 64: an entry of 43 */
    assert_int_equal(h.count, 1);
    assert_true(decode(&h,
                       VIEW("\x41\x1f"
                            "0123456789012345678901234567890"),
                       &told));
    assert_int_equal(h.count, 0);
    assert_int_equal(h.size, 0);
}

static void test_malformed_blocks_are_refused(void **state)
{
    static const struct view bad[] = {
        { (const uint8_t *)"\x80", 1 },                         /* index 0 */
        { (const uint8_t *)"\xbe", 1 },                         /* an empty dynamic table */
        { (const uint8_t *)"\x41\x0fwww", 5 },                  /* a string that ends early */
        { (const uint8_t *)"\x41", 1 },                         /* no string */
        { (const uint8_t *)"\x7f\xff\xff\xff\xff\xff\x01", 7 }, /* a number too large */
        { (const uint8_t *)"\x41\x84\xff\xff\xff\xff", 6 },     /* EOS in a string: 5.2 */
        { (const uint8_t *)"\x41\x81\x18", 3 },                 /* padding of zeros: 5.2 */
        { (const uint8_t *)"\x41\x82\x1f\xff", 4 },             /* padding of more than 7 bits */
    };
    struct hpack h;
    struct told told;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hpack_init(&h);
        assert_false(decode(&h, bad[i], &told));
    }
    hpack_init(&h);
    assert_true(decode(&h, VIEW("\x41\x81\x1f"), &told)); /* "a": 00011 and 111 */
    assert_string_equal(told.line, "authority=a ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_of_appendix_c_2),
        cmocka_unit_test(test_requests_of_appendix_c_3_in_plain_strings),
        cmocka_unit_test(test_requests_of_appendix_c_4_in_huffman_code),
        cmocka_unit_test(test_responses_of_appendix_c_6_evict),
        cmocka_unit_test(test_values_move_when_older_ones_are_evicted),
        cmocka_unit_test(test_a_table_larger_than_ours_is_followed),
        cmocka_unit_test(test_an_entry_over_the_limit_empties_the_table),
        cmocka_unit_test(test_malformed_blocks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
