/* SPDX-License-Identifier: Apache-2.0 */
/* Threema's handshake by turns and frames, on its port. */
#include "builder.h"

extern const struct parser parser_threema;

static struct outcome out;
static struct builder hello, answer, login, ack;
static uint16_t server_port = 5222;

/* The parser as it would be asked on `server_port`: the recorder's flows have another. */
static enum im_answer probe_on_port(const struct sample *s, struct finding *finding)
{
    struct sample on_port = *s;

    on_port.port[FROM_SERVER] = server_port;
    return parser_threema.probe(&on_port, finding);
}

static struct parser on_port(void)
{
    struct parser p = parser_threema;

    p.probe = probe_on_port;
    return p;
}

static void build_frame(struct builder *b, size_t n)
{
    build_le(b, 2, n);
    build_random(b, n);
}

static void build_handshake(size_t hello_bytes, size_t answer_bytes, size_t login_bytes)
{
    hello = answer = login = ack = (struct builder){ 0 };
    hello.seed = 1, answer.seed = 2, login.seed = 3, ack.seed = 4;
    build_random(&hello, hello_bytes);
    build_random(&answer, answer_bytes);
    build_random(&login, login_bytes);
    build_random(&ack, 32);
}

static void test_a_handshake_and_an_acknowledged_message(void **state)
{
    const struct parser p = on_port();
    static struct builder message, receipt;

    (void)state;
    server_port = 5222;
    build_handshake(48, 80, 203);
    build_frame(&ack, 20);
    message.seed = 5, receipt.seed = 6;
    build_frame(&message, 310);
    build_frame(&receipt, 36);
    const struct step steps[] = { said(FROM_CLIENT, &hello),   said(FROM_SERVER, &answer),
                                  said(FROM_CLIENT, &login),   said(FROM_SERVER, &ack),
                                  said(FROM_CLIENT, &message), said(FROM_SERVER, &receipt) };
    check_laws(&p, steps, 6, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(out.finding.confidence, 80);
    assert_string_equal(out.record.text, "activity login\ndelivery server-proxy\nactivity chat\nsettle\n");
}

static enum im_answer answer_to(size_t hello_bytes, size_t answer_bytes, size_t login_bytes, size_t frame)
{
    const struct parser p = on_port();

    build_handshake(hello_bytes, answer_bytes, login_bytes);
    build_frame(&ack, frame);
    const struct step steps[] = { said(FROM_CLIENT, &hello), said(FROM_SERVER, &answer),
                                  said(FROM_CLIENT, &login), said(FROM_SERVER, &ack) };
    converse(&p, steps, 4, &out);
    return out.answer;
}

static void test_turns_must_fit_to_the_byte(void **state)
{
    (void)state;
    server_port = 5222;
    assert_int_equal(answer_to(48, 80, 144, 20), IM_YES);
    assert_int_equal(answer_to(47, 80, 144, 20), IM_NO);
    assert_int_equal(answer_to(49, 80, 144, 20), IM_NO);
    assert_int_equal(answer_to(48, 81, 144, 20), IM_NO);
    assert_int_equal(answer_to(48, 79, 144, 20), IM_NO);
    assert_int_equal(answer_to(48, 80, 143, 20), IM_NO);
    assert_int_equal(answer_to(48, 80, 144, 19), IM_NO);
    server_port = 5000;
    assert_int_equal(answer_to(48, 80, 144, 20), IM_NO);
}

static void test_turns_that_are_not_random_say_no(void **state)
{
    const struct parser p = on_port();

    (void)state;
    server_port = 5222;
    build_handshake(0, 80, 144);
    build_frame(&ack, 20);
    build_zero(&hello, 48);
    const struct step steps[] = { said(FROM_CLIENT, &hello), said(FROM_SERVER, &answer),
                                  said(FROM_CLIENT, &login), said(FROM_SERVER, &ack) };
    converse(&p, steps, 4, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_threema);
    assert_no_yes_to_random_streams(&parser_threema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake_and_an_acknowledged_message),
        cmocka_unit_test(test_turns_must_fit_to_the_byte),
        cmocka_unit_test(test_turns_that_are_not_random_say_no),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
