/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_tox;

static struct outcome out;
static uint8_t packets[4][160];

/* A packet of `kind`: key, nonce and encrypted part made of three seeds by a simple generator. */
static struct step packet(unsigned slot, enum flow_dir from, uint8_t kind, size_t len, uint32_t key,
                          uint32_t nonce)
{
    uint8_t *at = packets[slot];

    at[0] = kind;
    for (size_t i = 1; i < len; i++) {
        uint32_t *seed = i < 33 ? &key : &nonce;
        *seed = *seed * 1664525u + 1013904223u;
        at[i] = (uint8_t)(*seed >> 24);
    }
    return (struct step){ from, view_of(at, len) };
}

static enum im_answer udp(const struct step *steps, size_t count)
{
    converse_udp(&parser_tox, steps, count, &out);
    return out.answer;
}

static void test_tox_is_known_by_a_key_that_stays(void **state)
{
    struct step steps[] = {
        packet(0, FROM_CLIENT, 0x02, 113, 1, 2),
        packet(1, FROM_SERVER, 0x04, 82 + 39, 3, 4),
        packet(2, FROM_CLIENT, 0x00, 82, 1, 5),
    };

    (void)state;
    assert_int_equal(udp(steps, 1), IM_MORE);
    assert_int_equal(udp(steps, 2), IM_MORE);
    assert_int_equal(udp(steps, 3), IM_YES);
    assert_string_equal(out.record.text, "delivery peer\nactivity presence\nsettle\n");
}

static void test_tox_needs_key_nonce_and_both_sides(void **state)
{
    struct step keys[] = {
        packet(0, FROM_CLIENT, 0x00, 82, 1, 2),
        packet(1, FROM_SERVER, 0x01, 82, 3, 4),
        packet(2, FROM_CLIENT, 0x00, 82, 6, 5),
    };

    (void)state;
    assert_int_equal(udp(keys, 3), IM_MORE);
    struct step repeated[] = {
        packet(0, FROM_CLIENT, 0x00, 82, 1, 2),
        packet(1, FROM_SERVER, 0x01, 82, 3, 4),
        packet(2, FROM_CLIENT, 0x00, 82, 1, 2),
    };
    assert_int_equal(udp(repeated, 3), IM_MORE);
    struct step one_side[] = {
        packet(0, FROM_CLIENT, 0x00, 82, 1, 2),
        packet(1, FROM_CLIENT, 0x00, 82, 1, 4),
        packet(2, FROM_CLIENT, 0x00, 82, 1, 5),
    };
    assert_int_equal(udp(one_side, 3), IM_MORE);
    struct step plain[] = {
        packet(0, FROM_CLIENT, 0x00, 82, 1, 2),
        packet(1, FROM_SERVER, 0x01, 82, 3, 4),
        packet(2, FROM_CLIENT, 0x00, 82, 1, 5),
    };
    memset(packets[0] + 1, 0, 32); /* a key of zeros is none */
    memset(packets[2] + 1, 0, 32);
    assert_int_equal(udp(plain, 3), IM_MORE);
}

static void test_tox_leaves_other_sizes_alone(void **state)
{
    struct step steps[] = { packet(0, FROM_CLIENT, 0x00, 81, 1, 2), packet(1, FROM_CLIENT, 0x02, 112, 1, 2),
                            packet(2, FROM_CLIENT, 0x03, 82, 1, 2), packet(3, FROM_CLIENT, 0x04, 83, 1, 2) };

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(udp(&steps[i], 1), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tox_is_known_by_a_key_that_stays),
        cmocka_unit_test(test_tox_needs_key_nonce_and_both_sides),
        cmocka_unit_test(test_tox_leaves_other_sizes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
