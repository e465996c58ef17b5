/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT: a CONNECT of each version is recognised, one that is not used up to its last octet is not. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_mqtt;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct outcome outcome;

static const char *found(struct view connect)
{
    struct step step = { FROM_CLIENT, connect };

    check_laws(&parser_mqtt, &step, 1, &outcome);
    assert_int_equal(outcome.answer, IM_YES);
    return outcome.finding.value;
}

static void test_connect_of_each_version(void **state)
{
    (void)state;
    assert_string_equal(found(VIEW("\x10\x11\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x03"
                                   "dev")),
                        "MQTT 3.1 client dev");
    assert_string_equal(found(VIEW("\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")), "MQTT 3.1.1 client ");
    /* a will of quality 1, user name and password */
    assert_string_equal(found(VIEW("\x10\x21\x00\x04MQTT\x04\xee\x00\x3c\x00\x03"
                                   "dev\x00\x03t/w\x00\x03"
                                   "bye\x00\x02me"
                                   "\x00\x02pw")),
                        "MQTT 3.1.1 client dev");
    /* properties: session expiry; of the will: delay */
    assert_string_equal(found(VIEW("\x10\x1e\x00\x04MQTT\x05\x06\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x01"
                                   "d"
                                   "\x05\x18\x00\x00\x00\x01\x00\x01t\x00\x00")),
                        "MQTT 5.0 client d");
}

static void test_near_misses_are_refused(void **state)
{
    static const struct view bad[] = {
        { (const uint8_t *)"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x00x", 15 }, /* one octet too many */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x01",
          14 }, /* a client id that is not there */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTT\x06\x02\x00\x3c\x00\x00", 14 }, /* no such level */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTT\x03\x02\x00\x3c\x00\x00", 14 }, /* level 3 is MQIsdp's */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTT\x04\x03\x00\x3c\x00\x00", 14 }, /* the reserved flag */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTT\x04\x1e\x00\x3c\x00\x00", 14 }, /* quality 3 */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTT\x04\x22\x00\x3c\x00\x00", 14 }, /* retain, without a will */
        { (const uint8_t *)"\x10\x0c\x00\x04MQTX", 8 },
        { (const uint8_t *)"\x10\xff\xff\x7f\x00\x04MQTT", 10 }, /* 2 MiB */
        { (const uint8_t *)"\x10\xff\xff\xff\xff\x00", 6 },      /* a length of five octets */
        { (const uint8_t *)"\x20\x02\x00\x00", 4 },              /* CONNACK */
    };
    static const struct step greeted[] = { SERVER("220 x\r\n") };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(probe_bytes(&parser_mqtt, bad[i]), IM_NO);
    converse(&parser_mqtt, greeted, 1, &outcome);
    assert_int_equal(outcome.answer, IM_NO);
    assert_int_equal(probe_bytes(&parser_mqtt, VIEW("\x10\x0c\x00\x04MQT")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_mqtt, VIEW("\x10")), IM_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_of_each_version),
        cmocka_unit_test(test_near_misses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
