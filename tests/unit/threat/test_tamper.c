/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs of tampering in packets, through the whole engine: Ethernet frames of an IRC session with somebody
 * else's segments in between, and the look-alikes that must stay silent.
 */
#include "engine/engine.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CAPTURE_BYTES = 1 << 20, TTL = 61 };

struct making {
    uint8_t bytes[CAPTURE_BYTES];
    size_t len;
    uint64_t time_us;
    uint32_t next[2]; /* sequence numbers */
    uint8_t ttl[2];
    uint32_t client; /* address */
    uint16_t server_port;
};

#include "../engine/making.h" /* behind what it is about */

/* A segment as given, whoever sends it; the stream's numbers stay. */
static void segment_of(struct making *m, enum flow_dir from, uint32_t seq, uint8_t ttl, uint8_t flags,
                       struct view text)
{
    const uint32_t ends[2] = { m->client, 0xc0000201 };
    const uint16_t ports[2] = { 40000, m->server_port };
    size_t len = text.len;

    put_le32(m, m->time_us / 1000000);
    put_le32(m, m->time_us % 1000000);
    put_le32(m, 54 + len);
    put_le32(m, 54 + len);
    m->time_us += 100000;
    put(m, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
    put16(m, 0x4500);
    put16(m, (uint32_t)(40 + len));
    put32(m, 0x00014000);
    put16(m, (uint32_t)ttl << 8 | 6);
    put16(m, 0);
    put32(m, ends[from]);
    put32(m, ends[!from]);
    put16(m, ports[from]);
    put16(m, ports[!from]);
    put32(m, seq);
    put32(m, m->next[!from]);
    put16(m, 0x5000u | flags);
    put16(m, 65535);
    put32(m, 0);
    put(m, text.at, len);
}

static void segment(struct making *m, enum flow_dir from, uint32_t seq, uint8_t ttl, uint8_t flags,
                    const char *text)
{
    segment_of(m, from, seq, ttl, flags, view_string(text));
}

/* What a side sends next. */
static void says(struct making *m, enum flow_dir from, uint8_t flags, const char *text)
{
    segment(m, from, m->next[from], m->ttl[from], flags, text);
    m->next[from] += (uint32_t)strlen(text) + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

static void says_bytes(struct making *m, enum flow_dir from, struct view bytes)
{
    segment_of(m, from, m->next[from], m->ttl[from], 0x18, bytes);
    m->next[from] += (uint32_t)bytes.len;
}

static void chats(struct making *m, unsigned lines)
{
    while (lines-- > 0)
        says(m, FROM_CLIENT, 0x18, "PRIVMSG alice :hello again\r\n");
}

static struct making *session_at(uint32_t first_seq)
{
    static const uint8_t head[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff, 0xff, [20] = 1 };
    struct making *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->time_us = UINT64_C(1700000000) * 1000000;
    m->next[0] = first_seq;
    m->next[1] = 0xfffffff0; /* wraps at once */
    m->ttl[0] = m->ttl[1] = TTL;
    m->client = 0x0a000001;
    m->server_port = 6667;
    put(m, head, sizeof head);
    says(m, FROM_CLIENT, 2, "");
    says(m, FROM_SERVER, 0x12, "");
    says(m, FROM_CLIENT, 0x18, "NICK bob\r\nUSER bob 0 * :Bob\r\n");
    says(m, FROM_SERVER, 0x18, ":irc.example.net 001 bob :Welcome to the network, bob\r\n");
    return m;
}

static struct making *session(void)
{
    return session_at(1000);
}

struct found {
    unsigned anomalies, times;
    char alerts[200]; /* "5100 5103 ", of the detectors of hijacking and evasion */
};

static void on_flow(void *context, const struct flow_event *e)
{
    struct found *found = context;

    assert_non_null(e->record);
    found->anomalies |= e->record->anomalies;
    found->times += e->record->anomaly_count;
}

static void on_alert(void *context, const struct alert_event *e)
{
    struct found *found = context;
    size_t len = strlen(found->alerts);

    if (view_equal(view_string(e->alert->detector->name), VIEW("hijack")) ||
        view_equal(view_string(e->alert->detector->name), VIEW("evasion")))
        snprintf(found->alerts + len, sizeof found->alerts - len, "%u ",
                 e->alert->detector->id + e->alert->kind);
}

/* Reads it with all detectors; frees it. */
static struct found found_with(struct making *m, bool all_flows)
{
    struct found found = { 0 };
    struct content_settings settings;
    struct engine_config config = {
        .workers = 1, .all_flows = all_flows, .flow = on_flow, .context = &found
    };
    struct pipeline_config content = { .workers = 1,
                                       .wait = true,
                                       .settings = &settings,
                                       .threats = true,
                                       .alert = on_alert,
                                       .context = &found };
    struct imw_error_info err;
    struct engine *e;
    struct capture *c;
    char path[32];
    int fd = memfd_create("capture", MFD_CLOEXEC);

    settings_default(&settings);
    assert_true(fd >= 0 && write(fd, m->bytes, m->len) == (ssize_t)m->len);
    free(m);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_true(rules_load(NULL, NULL, NULL, &config.rules, &err));
    content.rules = config.rules;
    assert_true(pipeline_new(&content, &config.pipeline, &err));
    assert_true(engine_new(&config, &e, &err));
    assert_true(capture_open(path, &c, &err));
    assert_true(engine_read(e, c, "test.pcap", &err));
    capture_close(c);
    close(fd);
    pipeline_stop(config.pipeline);
    engine_free(e);
    pipeline_free(config.pipeline);
    return found;
}

static struct found found_in(struct making *m)
{
    return found_with(m, false);
}

static void expect(struct making *m, unsigned anomalies, unsigned times)
{
    struct found found = found_in(m);

    assert_int_equal(found.anomalies, anomalies);
    assert_int_equal(found.times, times);
}

#define BIT(anomaly) (1u << ANOMALY_##anomaly)

static void test_an_undisturbed_session_shows_nothing(void **state)
{
    struct making *m = session_at(0xffffff00); /* wraps after some lines */

    (void)state;
    chats(m, 40);
    says(m, FROM_CLIENT, 0x11, "");
    says(m, FROM_SERVER, 0x11, "");
    expect(m, 0, 0);
}

static void test_bytes_sent_twice_that_differ(void **state)
{
    struct making *m = session();

    (void)state;
    uint32_t at = m->next[0];
    chats(m, 1);
    segment(m, FROM_CLIENT, at, TTL, 0x18, "PRIVMSG alice :send money \r\n");
    chats(m, 1);
    expect(m, BIT(TCP_CONFLICT), 1);
}

static void test_a_retransmission_in_other_pieces_is_no_conflict(void **state)
{
    struct making *m = session();

    (void)state;
    uint32_t at = m->next[0];
    chats(m, 2);
    segment(m, FROM_CLIENT, at, TTL, 0x18, "PRIVMSG ");
    segment(m, FROM_CLIENT, at + 8, TTL, 0x18, "alice :hello again\r\nPRIVMSG alice :hello again\r\n");
    segment(m, FROM_CLIENT, m->next[0] - 1, TTL, 0x10, "z"); /* a keep-alive */
    chats(m, 3);
    expect(m, 0, 0);
}

static void test_a_ttl_that_comes_and_goes(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    m->ttl[0] = 52;
    chats(m, 1);
    m->ttl[0] = TTL;
    chats(m, 2);
    expect(m, BIT(TTL_CHANGE), 1);
}

static void test_a_ttl_one_hop_away_must_come_twice(void **state)
{
    (void)state;
    for (unsigned times = 1; times <= 2; times++) {
        struct making *m = session();
        chats(m, 15);
        for (unsigned i = 0; i < times; i++) {
            m->ttl[0] = TTL - 1;
            chats(m, 1);
            m->ttl[0] = TTL;
            chats(m, 2);
        }
        expect(m, times > 1 ? BIT(TTL_CHANGE) : 0, times - 1);
    }
}

static void test_another_route_is_no_tampering(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    m->ttl[0] = 57;
    chats(m, 20);
    m->ttl[0] = TTL; /* and back */
    chats(m, 20);
    expect(m, 0, 0);
}

static void test_packets_spread_over_two_ways_are_no_tampering(void **state)
{
    struct making *m = session();

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        m->ttl[0] = i * 2654435761u >> 31 ? TTL : 57;
        chats(m, 1);
    }
    expect(m, 0, 0);
}

static void test_keep_alives_and_resets_of_boxes_on_the_way(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    segment(m, FROM_CLIENT, m->next[0] - 1, 255, 0x10, "z");
    chats(m, 2);
    segment(m, FROM_CLIENT, m->next[0] - 1, 255, 0x10, "");
    chats(m, 2);
    segment(m, FROM_CLIENT, m->next[0], 255, 0x14, "");
    expect(m, 0, 0);
}

static void test_a_segment_far_away_and_back(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    segment(m, FROM_CLIENT, m->next[0] + 0x20000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    segment(m, FROM_CLIENT, m->next[0] - 0x30000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    expect(m, BIT(SEQUENCE_JUMP), 2);
}

static void test_bytes_that_the_capture_lost_are_no_jump(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    m->next[0] += 40 << 20;
    chats(m, 20);
    segment(m, FROM_CLIENT, m->next[0] - (4 << 20), TTL, 0x18, "an old piece"); /* within a window */
    chats(m, 1);
    expect(m, 0, 0);
}

static void test_a_stray_after_bytes_were_lost(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    m->next[0] += 40 << 20;
    chats(m, 5);
    segment(m, FROM_CLIENT, m->next[0] + 0x20000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    expect(m, BIT(SEQUENCE_JUMP), 1);
}

static void test_a_side_that_goes_on_after_its_reset(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    segment(m, FROM_CLIENT, m->next[0], 64, 0x14, "");
    m->time_us += 2000000;
    chats(m, 3);
    expect(m, BIT(RESET_IGNORED), 1);
}

static void test_what_was_on_its_way_at_the_reset_is_nothing(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    uint32_t end = m->next[0];
    segment(m, FROM_CLIENT, end, TTL, 0x14, "");
    chats(m, 1); /* a tenth of a second later */
    m->time_us += 2000000;
    segment(m, FROM_CLIENT, end - 28, TTL, 0x18, "PRIVMSG alice :hello again\r\n"); /* nothing new */
    says(m, FROM_SERVER, 0x18, "PING :the other side knows nothing of it\r\n");
    expect(m, 0, 0);
}

static void test_injected_bytes_are_an_alert(void **state)
{
    struct making *m = session();

    (void)state;
    uint32_t at = m->next[0];
    chats(m, 1);
    segment(m, FROM_CLIENT, at, TTL, 0x18, "PRIVMSG alice :send money \r\n");
    chats(m, 1);
    struct found found = found_in(m);
    assert_string_equal(found.alerts, "5100 ");
}

static void test_a_forged_segment_is_an_alert(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    segment(m, FROM_CLIENT, m->next[0] + 0x20000000, 48, 0x18, "QUIT\r\n");
    chats(m, 3);
    struct found found = found_in(m);
    assert_int_equal(found.anomalies, BIT(SEQUENCE_JUMP) | BIT(TTL_CHANGE));
    assert_string_equal(found.alerts, "5101 ");
}

static void test_a_search_for_the_right_number_is_an_alert(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    for (uint32_t i = 0; i < 40; i++) /* TTLs are right, nothing goes on in between */
        segment(m, FROM_CLIENT, m->next[0] + 0x08000000 + i * 0x05000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    struct found found = found_in(m);
    assert_int_equal(found.anomalies, BIT(SEQUENCE_JUMP));
    assert_string_equal(found.alerts, "5102 ");
}

/* Signs on to a message server with a cookie. */
static void signs_on(struct making *m, uint32_t client, const char *cookie)
{
    uint8_t frame[46] = { 0x2a, 1, 0, 1, 0, 40, 0, 0, 0, 1, 0, 6, 0, 32 };

    assert_int_equal(strlen(cookie), 32);
    memcpy(frame + 14, cookie, 32);
    m->client = client;
    m->server_port = 5190;
    says(m, FROM_CLIENT, 2, "");
    says(m, FROM_SERVER, 0x12, "");
    says_bytes(m, FROM_SERVER, view_of("\x2a\1\0\1\0\4\0\0\0\1", 10));
    says_bytes(m, FROM_CLIENT, view_of(frame, sizeof frame));
    says_bytes(m, FROM_SERVER, view_of("\x2a\2\0\2\0\x0e\0\1\0\3\0\0\0\0\0\0\0\1\0\2", 20));
    m->time_us += 30000000;
}

static void test_a_cookie_shown_from_another_address_is_an_alert(void **state)
{
    static const char bobs[] = "0123456789abcdef0123456789abcdef", als[] = "fedcba9876543210fedcba9876543210";

    (void)state;
    for (unsigned stolen = 0; stolen < 2; stolen++) {
        struct making *m = session();
        signs_on(m, 0x0a000002, bobs);
        signs_on(m, 0x0a000003, stolen ? bobs : als);
        struct found found = found_in(m);
        assert_string_equal(found.alerts, stolen ? "5105 " : "");
    }
}

/* A ClientHello to this port, which hides something. */
static void hides(struct making *m, uint16_t port, const uint8_t *extension, size_t len)
{
    uint8_t hello[64] = {
        0x16, 3, 1, 0, (uint8_t)(47 + len), 1, 0, 0, (uint8_t)(43 + len), 3, 3, [45] = 2, 0x13,
        1,    1, 0, 0, (uint8_t)len
    };

    memcpy(hello + 52, extension, len);
    m->server_port = port;
    says(m, FROM_CLIENT, 2, "");
    says(m, FROM_SERVER, 0x12, "");
    says_bytes(m, FROM_CLIENT, view_of(hello, 52 + len));
    says_bytes(m, FROM_SERVER, VIEW("\x15\3\3\0\2\2\x28"));
}

static void test_hiding_after_im_in_the_open_is_an_alert_where_all_flows_are_told(void **state)
{
    static const uint8_t dot[] = { 0, 16, 0, 6, 0, 4, 3, 'd', 'o', 't' }, esni[] = { 0xff, 0xce, 0, 1, 0 };

    (void)state;
    for (unsigned all = 0; all < 2; all++) {
        struct making *m = session();
        chats(m, 1);
        says(m, FROM_CLIENT, 0x11, "QUIT\r\n");
        says(m, FROM_SERVER, 0x11, "");
        m->time_us += UINT64_C(2000000000);
        hides(m, 853, dot, sizeof dot);
        hides(m, 443, esni, sizeof esni);
        struct found found = found_with(m, all);
        assert_string_equal(found.alerts, all ? "5502 " : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_undisturbed_session_shows_nothing),
        cmocka_unit_test(test_bytes_sent_twice_that_differ),
        cmocka_unit_test(test_a_retransmission_in_other_pieces_is_no_conflict),
        cmocka_unit_test(test_a_ttl_that_comes_and_goes),
        cmocka_unit_test(test_a_ttl_one_hop_away_must_come_twice),
        cmocka_unit_test(test_another_route_is_no_tampering),
        cmocka_unit_test(test_packets_spread_over_two_ways_are_no_tampering),
        cmocka_unit_test(test_keep_alives_and_resets_of_boxes_on_the_way),
        cmocka_unit_test(test_a_segment_far_away_and_back),
        cmocka_unit_test(test_bytes_that_the_capture_lost_are_no_jump),
        cmocka_unit_test(test_a_stray_after_bytes_were_lost),
        cmocka_unit_test(test_a_side_that_goes_on_after_its_reset),
        cmocka_unit_test(test_what_was_on_its_way_at_the_reset_is_nothing),
        cmocka_unit_test(test_injected_bytes_are_an_alert),
        cmocka_unit_test(test_a_forged_segment_is_an_alert),
        cmocka_unit_test(test_a_search_for_the_right_number_is_an_alert),
        cmocka_unit_test(test_a_cookie_shown_from_another_address_is_an_alert),
        cmocka_unit_test(test_hiding_after_im_in_the_open_is_an_alert_where_all_flows_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
