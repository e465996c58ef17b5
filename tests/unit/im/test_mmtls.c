/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's records and its older long link. */
#include "builder.h"

extern const struct parser parser_mmtls;

static struct outcome out;
static struct builder client, server, more;

static void reset(void)
{
    client = server = more = (struct builder){ 0 };
}

static void build_record(struct builder *b, uint8_t type, uint8_t minor, size_t n)
{
    build_be(b, 1, type);
    build_be(b, 1, 0xf1);
    build_be(b, 1, minor);
    build_be(b, 2, n);
    build_random(b, n);
}

/* A ClientHello: its own length in 32 bits, then the message. */
static void build_client_hello(struct builder *b, uint8_t type, uint8_t minor, size_t n)
{
    build_be(b, 1, type);
    build_be(b, 1, 0xf1);
    build_be(b, 1, minor);
    build_be(b, 2, n);
    build_be(b, 4, n - 4);
    build_random(b, n - 4);
}

static void build_link(struct builder *b, uint32_t command, uint32_t sequence, size_t body)
{
    build_be(b, 4, 16 + body);
    build_be(b, 4, 0x00100001);
    build_be(b, 4, command);
    build_be(b, 4, sequence);
    build_random(b, body);
}

static void test_a_handshake_and_data_sign_in_and_chat(void **state)
{
    (void)state;
    reset();
    build_client_hello(&client, 0x16, 4, 366);
    build_record(&server, 0x16, 4, 95);
    build_record(&server, 0x16, 4, 55);
    build_record(&more, 0x16, 4, 55);
    build_record(&more, 0x17, 4, 40);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server),
                                  said(FROM_CLIENT, &more) };
    check_laws(&parser_mmtls, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(probe_bytes(&parser_mmtls, view_slice(built(&client), 0, 8)), IM_MORE);
    assert_int_equal(probe_bytes(&parser_mmtls, view_slice(built(&client), 0, 9)), IM_YES);
    assert_string_equal(out.finding.value, "MMTLS records, version f104");
    assert_string_equal(out.record.text, "activity login\nactivity chat\ndelivery server-proxy\nsettle\n");
}

static void test_resumption_of_the_older_version_is_known(void **state)
{
    (void)state;
    reset();
    build_client_hello(&client, 0x19, 3, 161);
    build_record(&client, 0x19, 3, 90);
    const struct step steps[] = { said(FROM_CLIENT, &client) };
    check_laws(&parser_mmtls, steps, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "MMTLS records, version f103");
}

static void test_two_records_of_data_are_enough_but_not_one(void **state)
{
    (void)state;
    reset();
    build_record(&client, 0x17, 4, 40);
    assert_int_equal(probe_bytes(&parser_mmtls, built(&client)), IM_MORE);
    build_record(&server, 0x17, 4, 30);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };
    check_laws(&parser_mmtls, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "activity chat"));
}

static void test_the_older_long_link_is_proved_by_its_answer(void **state)
{
    (void)state;
    reset();
    build_link(&client, 237, 1, 120);
    build_link(&server, 1000000237, 1, 60);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };
    check_laws(&parser_mmtls, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "WeChat long link, command 237");
    assert_true(recorder_has(&out.record, "activity chat"));
}

static void test_a_keep_alive_is_no_chat(void **state)
{
    (void)state;
    reset();
    build_link(&client, 6, 0xffffffff, 0);
    build_link(&server, 1000000006, 0xffffffff, 0);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };
    converse(&parser_mmtls, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "activity login\n");
}

static void test_other_services_with_the_same_head_say_no(void **state)
{
    (void)state;
    reset();
    build_link(&client, 7, 1, 60); /* goim: the answer is command 8 */
    build_link(&server, 8, 1, 0);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };
    converse(&parser_mmtls, steps, 2, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_near_misses_say_no(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_mmtls, VIEW("\x16\3\1")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mmtls, VIEW("\x16\xf1\2")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mmtls, VIEW("\x18\xf1\3\0\1x")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mmtls, VIEW("\x17\xf1\4\0\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mmtls, VIEW("\x17\xf1\4\0\1x\x17\3\3\0\1x")), IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_mmtls);
    assert_no_yes_to_random_streams(&parser_mmtls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake_and_data_sign_in_and_chat),
        cmocka_unit_test(test_resumption_of_the_older_version_is_known),
        cmocka_unit_test(test_two_records_of_data_are_enough_but_not_one),
        cmocka_unit_test(test_the_older_long_link_is_proved_by_its_answer),
        cmocka_unit_test(test_a_keep_alive_is_no_chat),
        cmocka_unit_test(test_other_services_with_the_same_head_say_no),
        cmocka_unit_test(test_near_misses_say_no),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
