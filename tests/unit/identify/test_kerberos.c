/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos messages built from RFC 4120: who is answered with a ticket is at the other end. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_kerberos;

static struct outcome out;

struct der {
    uint8_t bytes[70000];
    size_t len;
};

static void raw(struct der *d, const void *bytes, size_t len)
{
    memcpy(d->bytes + d->len, bytes, len);
    d->len += len;
}

/* Put tag and length before what was added since `from`. */
static void wrap(struct der *d, size_t from, uint8_t tag)
{
    size_t len = d->len - from, head = len < 0x80 ? 2 : len < 0x100 ? 3 : len < 0x10000 ? 4 : 5;
    uint8_t *at = d->bytes + from;

    memmove(at + head, at, len);
    at[0] = tag;
    at[1] = head == 2 ? (uint8_t)len : (uint8_t)(0x80 + head - 2);
    for (size_t i = 2; i < head; i++)
        at[i] = (uint8_t)(len >> 8 * (head - 1 - i));
    d->len += head;
}

static void number(struct der *d, unsigned field, uint8_t n)
{
    size_t from = d->len;

    raw(d, (const uint8_t[]){ 2, 1, n }, 3);
    wrap(d, from, (uint8_t)(0xa0 + field));
}

static void string(struct der *d, const char *text)
{
    size_t from = d->len;

    raw(d, text, strlen(text));
    wrap(d, from, 0x1b);
}

/* The name of the client, its parts separated by strokes. */
static void client(struct der *d, const char *name)
{
    size_t field = d->len, list;
    struct view rest = view_string(name);

    number(d, 0, 1);
    list = d->len;
    while (rest.len > 0) {
        size_t from = d->len;
        struct view part = view_token(&rest, '/');
        raw(d, part.at, part.len);
        wrap(d, from, 0x1b);
    }
    wrap(d, list, 0x30);
    wrap(d, list, 0xa1);
    wrap(d, field, 0x30);
    wrap(d, field, 0xa4);
}

/* An answer (`type` 11 or 13) to a client, with a ticket of so many octets; a length before it over TCP. */
static struct step answer(struct der *d, uint8_t type, const char *name, size_t ticket, bool tcp)
{
    d->len = tcp ? 4 : 0;
    size_t start = d->len, realm;

    number(d, 0, 5);
    number(d, 1, type);
    if (ticket % 2 == 1) { /* data before the authentication, now and then */
        size_t data = d->len;
        raw(d, "\x30\3\2\1\x13", 5);
        wrap(d, data, 0xa2);
    }
    realm = d->len;
    string(d, "BANK.EXAMPLE");
    wrap(d, realm, 0xa3);
    client(d, name);
    size_t sealed = d->len;
    memset(d->bytes + d->len, 0x61, ticket);
    d->len += ticket;
    wrap(d, sealed, 0xa5);
    wrap(d, start, 0x30);
    wrap(d, start, (uint8_t)(0x60 + type));
    if (tcp)
        memcpy(d->bytes,
               (const uint8_t[]){ 0, (uint8_t)((d->len - 4) >> 16), (uint8_t)((d->len - 4) >> 8),
                                  (uint8_t)(d->len - 4) },
               4);
    return (struct step){ FROM_SERVER, view_of(d->bytes, d->len) };
}

/* A question (`type` 10 or 12), or an error (30), as far as it is read. */
static struct step other(struct der *d, uint8_t type, bool tcp)
{
    unsigned first = type == 30 ? 0 : 1;

    d->len = tcp ? 4 : 0;
    size_t start = d->len;
    number(d, first, 5);
    number(d, first + 1, type);
    number(d, first + 3, 0);
    number(d, first + 4, 0);
    wrap(d, start, 0x30);
    wrap(d, start, (uint8_t)(0x60 + type));
    if (tcp)
        memcpy(d->bytes, (const uint8_t[]){ 0, 0, 0, (uint8_t)(d->len - 4) }, 4);
    return (struct step){ type == 30 ? FROM_SERVER : FROM_CLIENT, view_of(d->bytes, d->len) };
}

static struct der a, b, c;

static void test_who_is_answered_with_a_ticket_is_at_the_other_end(void **state)
{
    struct step steps[] = { other(&a, 10, false), answer(&b, 11, "alice", 100, false) };

    (void)state;
    converse_udp(&parser_kerberos, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "Kerberos sign-in");
    assert_string_equal(out.record.text, "user 10.0.0.1 alice\n");
    steps[1].from = FROM_CLIENT; /* a flow of which only the answers were seen */
    converse_udp(&parser_kerberos, steps + 1, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "user 192.0.2.1 alice\n");
}

static void test_machines_have_accounts_too(void **state)
{
    static const struct {
        const char *name, *told;
    } cases[] = {
        { "PC-17$", "host 10.0.0.1 PC-17\n" },
        { "host/pc-17.bank.example", "host 10.0.0.1 pc-17.bank.example\n" },
        { "alice/admin", "user 10.0.0.1 alice/admin\n" },
        { "al\x1b"
          "ce",
          "user 10.0.0.1 al?ce\n" },
        { "WELLKNOWN/ANONYMOUS", "" },
        { "a/b/c/d/e", "" },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step step = answer(&a, 11, cases[i].name, 100 + i, false);
        converse_udp(&parser_kerberos, &step, 1, &out);
        assert_int_equal(out.answer, IM_YES);
        assert_string_equal(out.record.text, cases[i].told);
    }
}

static void test_questions_errors_and_tickets_for_services_teach_nothing(void **state)
{
    struct step steps[] = { other(&a, 10, false), other(&b, 30, false), answer(&c, 13, "alice", 10, false) };

    (void)state;
    converse_udp(&parser_kerberos, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "");
    for (unsigned i = 0; i < 3; i++) {
        converse_udp(&parser_kerberos, steps + i, 1, &out);
        assert_int_equal(out.answer, IM_YES);
    }
}

static void test_over_tcp_in_any_segments(void **state)
{
    struct step steps[] = { other(&a, 10, true), answer(&b, 11, "alice", 301, true) };

    (void)state;
    check_laws(&parser_kerberos, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "user 10.0.0.1 alice\n");
}

static void test_a_ticket_longer_than_what_is_kept(void **state)
{
    struct step steps[] = { other(&a, 10, true), answer(&b, 11, "alice", 66000, true),
                            answer(&c, 11, "bob", 50, true) };

    (void)state;
    converse(&parser_kerberos, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "user 10.0.0.1 alice\nuser 10.0.0.1 bob\n");
}

static void test_near_misses_are_no_kerberos(void **state)
{
    struct step udp = answer(&a, 11, "alice", 40, false), step = udp;

    (void)state;
    for (size_t len = 0; len < a.len; len++) {
        step.bytes = view_of(a.bytes, len);
        converse_udp(&parser_kerberos, &step, 1, &out);
        assert_int_equal(out.answer, IM_NO);
    }
    for (size_t i = 0; i < 14; i++) { /* tag, lengths, version, type: any other bit, and it is none */
        a.bytes[i] ^= 4;
        converse_udp(&parser_kerberos, &udp, 1, &out);
        assert_int_equal(out.answer, IM_NO);
        a.bytes[i] ^= 4;
    }
    (void)other(&b, 10, true);
    assert_int_equal(probe_bytes(&parser_kerberos, view_of(b.bytes, b.len)), IM_YES);
    assert_int_equal(probe_bytes(&parser_kerberos, view_of(b.bytes, 4)), IM_MORE);
    b.bytes[3]++;
    assert_int_equal(probe_bytes(&parser_kerberos, view_of(b.bytes, b.len)), IM_NO);
    assert_int_equal(probe_bytes(&parser_kerberos, VIEW("\0\0\0\x40\x30")), IM_NO);
    assert_int_equal(probe_bytes(&parser_kerberos, VIEW("\0\x40\0\0")), IM_NO);
}

static void test_names_that_are_cut_off_teach_nothing(void **state)
{
    struct step good = answer(&a, 11, "alice", 40, false);
    size_t realm = view_find(good.bytes, VIEW("BANK")) - 1, name = view_find(good.bytes, VIEW("alice")) - 1;
    static const uint8_t wrong[] = { 0x7f, 0x80, 0x82, 0x84, 0xff, 0 };

    (void)state;
    for (unsigned i = 0; i < sizeof wrong; i++) {
        for (unsigned which = 0; which < 2; which++) {
            uint8_t *at = &a.bytes[which ? realm : name], before = *at;
            *at = wrong[i];
            converse_udp(&parser_kerberos, &good, 1, &out);
            assert_string_equal(out.record.text, "");
            *at = before;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_answered_with_a_ticket_is_at_the_other_end),
        cmocka_unit_test(test_machines_have_accounts_too),
        cmocka_unit_test(test_questions_errors_and_tickets_for_services_teach_nothing),
        cmocka_unit_test(test_over_tcp_in_any_segments),
        cmocka_unit_test(test_a_ticket_longer_than_what_is_kept),
        cmocka_unit_test(test_near_misses_are_no_kerberos),
        cmocka_unit_test(test_names_that_are_cut_off_teach_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
