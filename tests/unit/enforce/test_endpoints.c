/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocked addresses against the real kernel: packets between two namespaces, forwarded by a third that has
 * the sets of enforce/ruleset.h, or the XDP program at the port that they come in by.
 */
#include "enforce/endpoints.h"
#include "enforce/ruleset.h"
#include "forwarding.h"
#include "packet/frames.h"
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>

enum { PORT = 5000 };

static void take_down(void)
{
    struct imw_error_info err;

    assert_true(ruleset_clear(&err));
}

static const struct ruleset_config rules = {
    .kind = RULESET_IPTABLES, .first_queue = 60, .queues = 1, .fail_open = true, .endpoints = true
};
static struct ruleset_info info;
static int near, far, near6, far6;

static int enter(void **state)
{
    struct imw_error_info err;

    (void)state;
    forwarding_start("nft list tables >/dev/null 2>&1 && iptables-nft --version >/dev/null 2>&1");
    if (!able)
        return 0;
    if (!ruleset_install(&rules, &info, &err))
        fail_msg("%s", err.text);
    near = end_socket(near_ns, SOCK_DGRAM, NEAR, PORT);
    far = end_socket(far_ns, SOCK_DGRAM, FAR, PORT);
    near6 = end_socket(near_ns, SOCK_DGRAM, NEAR6, PORT);
    far6 = end_socket(far_ns, SOCK_DGRAM, FAR6, PORT);
    return 0;
}

static struct ip_addr address(const char *text)
{
    struct ip_addr a;

    assert_true(ip_parse(view_string(text), &a));
    return a;
}

static struct endpoints *open_endpoints(const struct endpoints_config *config)
{
    struct imw_error_info err;
    struct endpoints *e = NULL;

    struct endpoints_grant grant;
    if (!endpoints_open(config, &grant, &err) || !endpoints_new(config, &grant, &e, &err))
        fail_msg("%s", err.text);
    return e;
}

static void flush(struct endpoints *e)
{
    struct imw_error_info err;

    if (!endpoints_flush(e, &err))
        fail_msg("%s", err.text);
}

static void expect_passes(bool v4, bool v6)
{
    send_to(near, FAR, PORT, "there", 5);
    send_to(near6, FAR6, PORT, "there6", 6);
    if (v4)
        expect_text(far, "there");
    else
        expect_nothing(far);
    if (v6)
        expect_text(far6, "there6");
    else
        expect_nothing(far6);
}

/* Both ways: what comes from a blocked address is dropped too. */
static void expect_back(bool v4)
{
    send_to(far, NEAR, PORT, "back", 4);
    if (v4)
        expect_text(near, "back");
    else
        expect_nothing(near);
}

/* The same of sets and of XDP. */
static void steps(struct endpoints *e)
{
    struct ip_addr v4 = address(FAR), v6 = address(FAR6), other = address("10.9.2.77");
    struct endpoints_counters c;

    expect_passes(true, true);
    endpoints_block(e, &v4, 1);
    endpoints_block(e, &other, 1);
    expect_passes(true, true); /* not sent yet */
    flush(e);
    expect_passes(false, true);
    endpoints_block(e, &v6, 600);
    endpoints_block(e, &v4, 600); /* for longer */
    flush(e);
    endpoints_counters(e, &c);
    assert_int_equal(c.entries, 3);
    assert_int_equal(c.added, 3);
    expect_passes(false, false);
    usleep(1300000);
    expect_passes(false, false); /* the first time-out is over, the new one is not */
    endpoints_release(e, &v4);
    flush(e);
    expect_passes(true, false);
    endpoints_block(e, &v4, 2);
    flush(e);
    expect_passes(false, false);
    usleep(2100000);
    expect_passes(true, false); /* by itself */
    usleep(1100000);
    flush(e);
    endpoints_counters(e, &c);
    assert_int_equal(c.entries, 1); /* 600 s */
    endpoints_block(e, &v4, 600);   /* in between two flushes nothing stays of it */
    endpoints_release(e, &v4);
    flush(e);
    endpoints_release(e, &v4); /* unknown */
    flush(e);
    expect_passes(true, false);
    endpoints_block(e, &v4, 600);
    flush(e);
    endpoints_block(e, &other, 600);
    endpoints_clear(e);
    endpoints_block(e, &v6, 600); /* after all was cleared */
    flush(e);
    expect_passes(true, false);
    endpoints_clear(e);
    flush(e);
    expect_passes(true, true);
    endpoints_counters(e, &c);
    assert_int_equal(c.entries, 0);
    assert_int_equal(c.refused, 0);
}

static void test_sets(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct endpoints *e = open_endpoints(&(struct endpoints_config){ .nft = true, .least_s = 1 });
    struct ip_addr v4 = address(FAR);

    steps(e);
    endpoints_block(e, &v4, 600);
    flush(e);
    expect_back(false);
    endpoints_clear(e);
    flush(e);
    expect_back(true);
    endpoints_free(e);
}

static void test_xdp(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct endpoints *e = open_endpoints(&(struct endpoints_config){ .xdp = "port1", .least_s = 1 });
    struct endpoints_counters c;
    struct ip_addr v4 = address(FAR);

    steps(e);
    endpoints_counters(e, &c);
    assert_true(c.dropped_packets >= 7);
    endpoints_block(e, &v4, 600);
    flush(e);
    expect_passes(false, true);
    endpoints_free(e); /* with it goes the program */
    expect_passes(true, true);
}

/* Frames as they are on the wire: which are dropped? */
static void test_xdp_frames(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct endpoints *e = open_endpoints(&(struct endpoints_config){ .xdp = "port1" });
    struct ip_addr v4 = address("192.0.2.9"), v6 = address("2001:db8::9");
    static struct build b;
    struct sockaddr_ll to = { .sll_family = AF_PACKET };
    uint64_t dropped = 0;

    assert_int_equal(setns(near_ns, CLONE_NEWNET), 0);
    to.sll_ifindex = (int)if_nametoindex("eth0");
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(setns(here, CLONE_NEWNET), 0);
    endpoints_block(e, &v4, 600);
    endpoints_block(e, &v6, 600);
    flush(e);
    for (unsigned i = 0; i < 36; i++) { /* of or to whom, tags, family */
        unsigned which = i % 3, tags = i / 3 % 4;
        bool is_v6 = i >= 12 && i < 24, is_cut = i >= 24;
        const char *one4 = which == 0 ? "\xc0\0\2\x09" : "\xc0\0\2\1",
                   *two4 = which == 1 ? "\xc0\0\2\x09" : "\xc0\0\2\2";
        const char *one6 = which == 0 ? "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                                      : "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
        const char *two6 = which == 1 ? "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                                      : "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2";
        struct endpoints_counters c;

        build_start(&b, VIEW("something"));
        wrap_udp(&b, 1, 2);
        if (is_v6)
            wrap_ipv6(&b, 17, one6, two6);
        else
            wrap_ipv4(&b, 17, one4, two4);
        for (unsigned tag = 0; tag < tags; tag++) {
            wrap16(&b, tag > 0 ? 0x8100 : is_v6 ? 0x86dd : 0x0800);
            wrap16(&b, 7 + tag);
        }
        wrap_ethernet(&b, tags == 2 ? 0x88a8 : tags > 0 ? 0x8100 : is_v6 ? 0x86dd : 0x0800);
        size_t len =
            is_cut ? 14 + 4 * tags + 19 : build_len(&b); /* the last octet of the addresses is missing */
        assert_int_equal(send(fd, build_view(&b).at, len, 0), (ssize_t)len);
        usleep(1000);
        endpoints_counters(e, &c);
        dropped += which < 2 && tags <= 2 && !is_cut;
        assert_int_equal(c.dropped_packets, dropped);
    }
    close(fd);
    endpoints_free(e);
}

/* More than one batch, more than there is room for. */
static void test_many(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct endpoints *e = open_endpoints(&(struct endpoints_config){ .nft = true, .entries = 3000 });
    struct endpoints_counters c;
    struct ip_addr a = address("198.18.0.0");

    for (unsigned twice = 0; twice < 2; twice++) {
        for (unsigned i = 0; i < 4000; i++) {
            a.octet[14] = (uint8_t)(i >> 8);
            a.octet[15] = (uint8_t)i;
            endpoints_block(e, &a, 3600 * (twice + 1)); /* for longer, the second time */
        }
        flush(e);
        endpoints_counters(e, &c);
        assert_int_equal(c.entries, 3000);
        assert_int_equal(c.added, 3000);
        assert_int_equal(c.refused, 1000 * (twice + 1));
    }
    run("test $(nft list set inet imward blocked4 | grep -oE 'timeout (2h|1h59m)' | wc -l) = 3000");
    endpoints_clear(e);
    flush(e);
    run("test $(nft list set inet imward blocked4 | grep -c expires) = 0");
    endpoints_free(e);
}

/* Without the sets it is told, and made good when they are there again. */
static void test_refused(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct endpoints *e = open_endpoints(&(struct endpoints_config){ .nft = true }), *first;
    struct endpoints_grant grant;
    struct imw_error_info err;
    struct ip_addr v4 = address(FAR);

    take_down();
    endpoints_block(e, &v4, 600);
    assert_false(endpoints_flush(e, &err));
    assert_non_null(strstr(err.text, "table inet imward"));
    assert_false(endpoints_flush(e, &err));
    assert_true(ruleset_install(&rules, &info, &err));
    flush(e);
    expect_passes(false, true);
    endpoints_free(e);
    assert_true(ruleset_install(&rules, &info, &err)); /* which empties the sets */
    expect_passes(true, true);
    assert_false(endpoints_open(&(struct endpoints_config){ .xdp = "port9" }, &grant, &err));
    assert_non_null(strstr(err.text, "there is no interface 'port9'"));
    first = open_endpoints(&(struct endpoints_config){ .xdp = "port1" });
    assert_false(endpoints_open(&(struct endpoints_config){ .nft = true, .xdp = "port1" }, &grant, &err));
    assert_non_null(strstr(err.text, "has an XDP program already"));
    assert_int_equal(grant.netlink, -1);
    endpoints_free(first);
}

static void *others(void *of)
{
    struct ip_addr a = address("198.19.0.0");

    for (unsigned i = 0; i < 30000; i++) {
        a.octet[14] = (uint8_t)(i >> 4);
        a.octet[15] = (uint8_t)(i * 7);
        if (i % 3 == 2)
            endpoints_release(of, &a);
        else
            endpoints_block(of, &a, 60 + i % 900);
        if (i % 5000 == 4999)
            endpoints_clear(of);
    }
    return NULL;
}

/* Threads put in and take out while one sends: nothing is left of it in the end. */
static void test_threads(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct endpoints *e =
        open_endpoints(&(struct endpoints_config){ .nft = true, .xdp = "port1", .entries = 2000 });
    struct endpoints_counters c;
    pthread_t thread[2];

    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, others, e), 0);
    for (unsigned i = 0; i < 20; i++) {
        flush(e);
        usleep(1000);
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    flush(e);
    endpoints_counters(e, &c);
    run("test $(nft list set inet imward blocked4 | grep -o expires | wc -l) = %u", (unsigned)c.entries);
    endpoints_clear(e);
    flush(e);
    run("test $(nft list set inet imward blocked4 | grep -c expires) = 0");
    endpoints_free(e);
}

static int leave(void **state)
{
    (void)state;
    if (able)
        take_down();
    return able ? close(near) + close(far) + close(near6) + close(far6) : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets), cmocka_unit_test(test_xdp),     cmocka_unit_test(test_xdp_frames),
        cmocka_unit_test(test_many), cmocka_unit_test(test_refused), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
