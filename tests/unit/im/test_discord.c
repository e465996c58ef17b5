/* SPDX-License-Identifier: Apache-2.0 */
/* Discord's IP discovery and keep-alives. */
#include "builder.h"

extern const struct parser parser_discord_voice;

static struct outcome out;
static struct builder request, answer, media;

static void build_discovery(struct builder *b, uint16_t type, struct view address, uint16_t port)
{
    *b = (struct builder){ 0 };
    if (type != 0) {
        build_be(b, 2, type);
        build_be(b, 2, 70);
    }
    build_be(b, 4, 0x0000ace3);
    build_view(b, address);
    build_zero(b, 64 - address.len);
    build_be(b, 2, port);
}

static void build_media(struct builder *b)
{
    *b = (struct builder){ .seed = 9 };
    build_be(b, 2, 0x9078);
    build_random(b, 200);
}

static void test_a_discovery_is_a_call(void **state)
{
    (void)state;
    build_discovery(&request, 1, VIEW(""), 0);
    build_discovery(&answer, 2, VIEW("192.0.2.77"), 4711);
    const struct step both[] = { said(FROM_CLIENT, &request), said(FROM_SERVER, &answer) };
    converse_udp(&parser_discord_voice, both, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "activity call\ndelivery server-proxy\nsettle\n");
    converse_udp(&parser_discord_voice, both + 1, 1, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_the_old_form_needs_both_sides(void **state)
{
    (void)state;
    build_discovery(&request, 0, VIEW(""), 0);
    build_discovery(&answer, 0, VIEW("192.0.2.77"), 4711);
    const struct step steps[] = { said(FROM_CLIENT, &request), said(FROM_SERVER, &answer) };
    converse_udp(&parser_discord_voice, steps, 1, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_discord_voice, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    build_discovery(&answer, 0, VIEW("not an address"), 4711);
    const struct step text[] = { said(FROM_CLIENT, &request), said(FROM_SERVER, &answer) };
    converse_udp(&parser_discord_voice, text, 2, &out);
    assert_int_equal(out.answer, IM_NO);
    build_discovery(&answer, 0, VIEW("192.0.2.77"), 4711);
    answer.bytes[0] = 1; /* another ssrc */
    converse_udp(&parser_discord_voice, steps, 2, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_a_keep_alive_within_media_is_found(void **state)
{
    struct step steps[SAMPLE_HEADS];

    (void)state;
    build_media(&media);
    for (unsigned i = 0; i < SAMPLE_HEADS; i++)
        steps[i] = said((enum flow_dir)(i & 1), &media);
    converse_udp(&parser_discord_voice, steps, SAMPLE_HEADS, &out);
    assert_int_equal(out.answer, IM_NO);
    steps[9] = (struct step)CLIENT("\x13\x37\xca\xfe\x2a\0\0\0");
    converse_udp(&parser_discord_voice, steps, SAMPLE_HEADS, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(recorder_count(&out.record, "activity call"), 1);
}

static void test_near_misses_say_no(void **state)
{
    const struct step long_mark[] = { CLIENT("\x13\x37\xca\xfe\x2a\0\0\0\0") };
    const struct step other_mark[] = { CLIENT("\x13\x37\xca\xff\x2a\0\0\0") };

    (void)state;
    converse_udp(&parser_discord_voice, long_mark, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    converse_udp(&parser_discord_voice, other_mark, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    build_discovery(&request, 1, VIEW("x"), 0);
    build_discovery(&answer, 3, VIEW("192.0.2.77"), 1);
    const struct step types[] = { said(FROM_CLIENT, &request), said(FROM_SERVER, &answer) };
    converse_udp(&parser_discord_voice, types, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    converse_udp(&parser_discord_voice, types + 1, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    assert_no_yes_to_other_datagrams(&parser_discord_voice);
    assert_no_yes_to_random_datagrams(&parser_discord_voice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_discovery_is_a_call),
        cmocka_unit_test(test_the_old_form_needs_both_sides),
        cmocka_unit_test(test_a_keep_alive_within_media_is_found),
        cmocka_unit_test(test_near_misses_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
