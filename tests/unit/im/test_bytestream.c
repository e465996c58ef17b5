/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "conversation.h"
#include "test.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"

extern const struct parser parser_bytestream;

static struct outcome out;
static const char *server_name;
static struct announced_file offer;
static bool announced;

/* Put in charge as SOCKS does, with what it was asked for. */
static enum im_answer given_probe(const struct sample *s, struct finding *finding)
{
    (void)s;
    (void)finding;
    return IM_YES;
}

static void prepare(struct recorder *r)
{
    struct text name = TEXT(r->server_name);

    text_string(&name, server_name);
    r->announced_token = announced ? hash_bytes(view_string(HASH), 0) : 0;
    r->announced = offer;
}

static size_t given_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    prepare((struct recorder *)s);
    return parser_bytestream.feed(state, s, from, in);
}

static void leg(const struct step *steps, size_t count)
{
    struct parser given = parser_bytestream;

    given.probe = given_probe;
    given.feed = given_feed;
    check_laws(&given, steps, count, &out);
}

static int setup(void **state)
{
    (void)state;
    server_name = HASH;
    announced = true;
    offer = (struct announced_file){ .size = 11 };
    struct text name = TEXT(offer.name);
    text_string(&name, "a.txt");
    return 0;
}

static void test_the_side_that_speaks_sends_the_file(void **state)
{
    static const struct step in[] = { SERVER("hello "), SERVER("world") };
    static const struct step back[] = { CLIENT("hello "), CLIENT("world") };

    (void)state;
    leg(in, 2);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=11 in\n"
                                         "bytes 1 at 0 hello world\n"
                                         "file 1 whole\n");
    offer.outgoing = true;
    leg(back, 2);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=11 out\n"
                                         "bytes 1 at 0 hello world\n"
                                         "file 1 whole\n");
}

static void test_the_rest_of_a_file_begins_at_its_offset(void **state)
{
    static const struct step in[] = { SERVER("world"), SERVER("!") };

    (void)state;
    offer.offset = 6;
    leg(in, 2);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=11 offset=6 in\n"
                                         "bytes 1 at 6 world\n"
                                         "file 1 whole\n"
                                         "anomaly overlong bytestream\n"
                                         "settle\n");
}

static void test_a_bytestream_that_nobody_announced_is_a_file_without_a_name(void **state)
{
    static const struct step in[] = { CLIENT("hello"), SERVER("?") };

    (void)state;
    announced = false;
    leg(in, 2);
    assert_string_equal(out.record.text, "file 1 out\nbytes 1 at 0 hello\n");
}

static void test_a_leg_known_by_its_address_begins_with_socks(void **state)
{
    static const struct step in[] = { CLIENT("\5\1\0") };

    (void)state;
    server_name = "";
    leg(in, 1);
    assert_string_equal(out.record.text, "upgrade unknown\n");
    server_name = "proxy.example.org";
    leg(in, 1);
    assert_string_equal(out.record.text, "upgrade unknown\n");
}

static void test_a_file_keeps_its_place_over_lost_bytes(void **state)
{
    static struct recorder r;
    static uint64_t memory[PARSER_STATE_BYTES / 8];

    (void)state;
    recorder_init(&r);
    prepare(&r);
    struct session *s = recorder_session(&r);
    assert_true(parser_bytestream.gap(memory, s, FROM_SERVER, 6));
    assert_true(parser_bytestream.gap(memory, s, FROM_CLIENT, 6));
    assert_int_equal(parser_bytestream.feed(memory, s, FROM_SERVER, VIEW("world")), 5);
    assert_string_equal(r.text, "file 1 name=a.txt size=11 in\nbytes 1 at 6 world\nfile 1 whole\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_side_that_speaks_sends_the_file, setup),
        cmocka_unit_test_setup(test_the_rest_of_a_file_begins_at_its_offset, setup),
        cmocka_unit_test_setup(test_a_bytestream_that_nobody_announced_is_a_file_without_a_name, setup),
        cmocka_unit_test_setup(test_a_leg_known_by_its_address_begins_with_socks, setup),
        cmocka_unit_test_setup(test_a_file_keeps_its_place_over_lost_bytes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
