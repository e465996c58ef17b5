/* SPDX-License-Identifier: Apache-2.0 */
/* What is forged and sent is taken by the kernel and by programs: connections end, curl gets the page, dig
 * the answer. */
#include "enforce/forge.h"
#include "net.h"

static const char *const servers[] = { "10.71.2.2", "fd71:2::2" };
static uint8_t out[FORGE_BYTES];

static void send_forged(size_t len)
{
    assert_true(len > 0);
    net_go(NET_GATEWAY);
    if (!inject_routed(&net.inject, view_of(out, len)))
        fail_msg("%s", strerror(errno));
}

/* On data that did not arrive: both ends are reset, and the server got none of it. */
static void test_inject_reset_ends_a_connection_at_both_ends(void **state)
{
    uint8_t bytes[500] = { 0 };

    (void)state;
    NET_NEEDED();
    net_rules("tcp dport 7000 meta length > 300 drop");
    for (int i = 0; i < 2; i++) {
        struct net_connection c = net_open(servers[i], 7000);
        net_forget();
        assert_int_equal(send(c.client, bytes, sizeof bytes, 0), sizeof bytes);
        struct packet p = net_payload(7000);
        assert_int_equal(p.payload_len, sizeof bytes);
        send_forged(forge_reset(&p, FORGE_TO_SENDER, false, out));
        send_forged(forge_reset(&p, FORGE_TO_RECEIVER, false, out));
        size_t got = 0;
        assert_int_equal(net_fate(c.client, NET_WAIT_MS, NULL), ECONNRESET);
        assert_int_equal(net_fate(c.server, NET_WAIT_MS, &got), ECONNRESET);
        assert_int_equal(got, 0);
        net_close(&c);
    }
}

/* On data that did. */
static void test_inject_reset_beside_the_way(void **state)
{
    uint8_t bytes[500] = { 0 };

    (void)state;
    NET_NEEDED();
    net_rules("");
    for (int i = 0; i < 2; i++) {
        struct net_connection c = net_open(servers[i], 7000);
        net_forget();
        assert_int_equal(send(c.client, bytes, sizeof bytes, 0), sizeof bytes);
        struct packet p = net_payload(7000);
        size_t got = 0;
        assert_int_equal(net_fate(c.server, 50, &got), -1);
        assert_int_equal(got, sizeof bytes);
        send_forged(forge_reset(&p, FORGE_TO_SENDER, true, out));
        send_forged(forge_reset(&p, FORGE_TO_RECEIVER, true, out));
        assert_int_equal(net_fate(c.client, NET_WAIT_MS, NULL), ECONNRESET);
        assert_int_equal(net_fate(c.server, NET_WAIT_MS, NULL), ECONNRESET);
        net_close(&c);
    }
}

/* RFC 5961: a number of the window is not enough; so the two tests above tell that ours are exact. */
static void test_inject_reset_with_another_number_ends_nothing(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("tcp dport 7000 meta length > 300 drop");
    struct net_connection c = net_open(servers[0], 7000);
    net_forget();
    uint8_t bytes[500] = { 0 };
    assert_int_equal(send(c.client, bytes, sizeof bytes, 0), sizeof bytes);
    struct packet p = net_payload(7000);
    p.seq += 1;
    p.ack += 1;
    send_forged(forge_reset(&p, FORGE_TO_SENDER, false, out));
    send_forged(forge_reset(&p, FORGE_TO_RECEIVER, false, out));
    assert_int_equal(net_fate(c.server, 100, NULL), -1);
    assert_int_equal(net_fate(c.client, 1, NULL), -1);
    net_close(&c);
}

static void test_inject_reset_of_a_connection_that_begins(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("tcp dport 7001 drop");
    for (int i = 0; i < 2; i++) {
        int fd = net_socket(NET_CLIENT, SOCK_STREAM | SOCK_NONBLOCK, servers[i]), error = 0;
        socklen_t len = sizeof error;
        struct packet p = { 0 };
        net_forget();
        assert_false(net_connect(fd, servers[i], 7001));
        assert_int_equal(errno, EINPROGRESS);
        while (p.dst_port != 7001)
            assert_true(net_seen(&p, NET_WAIT_MS));
        assert_int_equal(p.tcp_flags, TCP_SYN);
        send_forged(forge_reset(&p, FORGE_TO_SENDER, false, out));
        struct pollfd ready = { fd, POLLOUT, 0 };
        assert_int_equal(poll(&ready, 1, NET_WAIT_MS), 1);
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
        assert_int_equal(error, ECONNREFUSED);
        close(fd);
    }
}

/* By hardware addresses, without a route. */
static void test_inject_on_an_interface(void **state)
{
    uint8_t bytes[500] = { 0 };

    (void)state;
    NET_NEEDED();
    net_rules("tcp dport 7000 meta length > 300 drop");
    for (int i = 0; i < 2; i++) {
        struct net_connection c = net_open(servers[i], 7000);
        net_forget();
        assert_int_equal(send(c.client, bytes, sizeof bytes, 0), sizeof bytes);
        struct packet p = net_payload(7000);
        size_t len = forge_reset(&p, FORGE_TO_SENDER, false, out);
        assert_true(inject_on(&net.inject, net.ifindex, net.client_mac, view_of(out, len)));
        assert_int_equal(net_fate(c.client, NET_WAIT_MS, NULL), ECONNRESET);
        net_close(&c);
    }
}

static void test_inject_says_why_it_could_not(void **state)
{
    (void)state;
    NET_NEEDED();
    net_go(NET_GATEWAY);
    errno = 0;
    assert_false(inject_routed(&net.inject, VIEW("no packet of the Internet Protocol")));
    assert_int_equal(errno, EINVAL);
    assert_false(inject_routed(&net.inject, view_of(NULL, 0)));
    struct packet p = { .l4 = 6, .tcp_flags = TCP_ACK };
    assert_true(ip_parse(VIEW("10.71.1.2"), &p.dst));
    assert_true(ip_parse(VIEW("198.51.100.1"), &p.src)); /* no way there */
    size_t len = forge_reset(&p, FORGE_TO_SENDER, false, out);
    assert_true(len > 0);
    assert_false(inject_routed(&net.inject, view_of(out, len)));
    assert_int_equal(errno, ENETUNREACH);
    assert_false(inject_on(&net.inject, 9999, net.client_mac, view_of(out, len)));
}

/* ---- refusals that programs notice ---- */

static void test_inject_unreachable_is_told_to_programs_at_once(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("meta l4proto { tcp, udp } th dport 7002 drop");
    for (int i = 0; i < 4; i++) {
        bool tcp = i >= 2;
        int fd = net_socket(NET_CLIENT, tcp ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM, servers[i % 2]);
        struct packet p = { 0 };
        int error = 0;
        socklen_t len = sizeof error;
        net_forget();
        assert_int_equal(net_connect(fd, servers[i % 2], 7002), !tcp);
        if (!tcp)
            assert_int_equal(send(fd, "hello", 5, 0), 5);
        while (p.dst_port != 7002)
            assert_true(net_seen(&p, NET_WAIT_MS));
        send_forged(forge_unreachable(view_from(view_of(net.frame, p.wire_len), 14), out));
        struct pollfd ready = { fd, POLLIN, 0 };
        assert_int_equal(poll(&ready, 1, NET_WAIT_MS), 1);
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
        assert_int_equal(error, ECONNREFUSED);
        close(fd);
    }
}

/* ---- programs ---- */

/* Run in the client's place; what it prints comes from the pipe. */
static FILE *client_runs(const char *command)
{
    net_go(NET_CLIENT);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    return pipe;
}

static size_t read_all(FILE *pipe, char *text, size_t size)
{
    size_t len = fread(text, 1, size - 1, pipe);

    text[len] = '\0';
    return len;
}

static void test_inject_answer_is_a_page_for_curl(void **state)
{
    static char page[12000], answer[13000], text[16000];
    const char *commands[] = {
        "curl -s -g -m 3 -w '<%{http_code} %{num_connects} %{size_download}>' http://10.71.2.2:7003/x",
        "curl -s -g -m 3 -w '<%{http_code} %{num_connects} %{size_download}>' 'http://[fd71:2::2]:7003/x'"
    };

    (void)state;
    NET_NEEDED();
    net_rules("tcp dport 7003 meta length > 90 drop");
    for (size_t i = 0; i < sizeof page - 1; i++)
        page[i] = (char)('a' + i * 7 % 26);
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                       sizeof page - 1, page);
    for (int i = 0; i < 2; i++) {
        int listener = net_listen(servers[i], 7003);
        net_forget();
        FILE *curl = client_runs(commands[i]);
        struct packet p = net_payload(7003);
        assert_memory_equal(p.payload.at, "GET /x", 6);
        send_forged(forge_answer(&p, view_of(answer, (size_t)len), out));
        read_all(curl, text, sizeof text);
        assert_int_equal(pclose(curl), 0);
        assert_memory_equal(text, page, sizeof page - 1);
        assert_string_equal(text + sizeof page - 1, "<403 1 11999>");
        close(listener);
    }
}

static void test_inject_no_such_name_is_believed(void **state)
{
    static char text[16000];
    static const struct {
        const char *command, *want;
    } tries[] = {
        { "dig +tries=1 +time=3 @10.71.2.2 web.whatsapp.example", "status: NXDOMAIN" },
        { "dig +tries=1 +time=3 @10.71.2.2 web.whatsapp.example", "EDE: 15 (Blocked)" },
        { "dig +noedns +tries=1 +time=3 @fd71:2::2 web.whatsapp.example AAAA", "status: NXDOMAIN" },
        { "unshare -m sh -c 'f=$(mktemp); echo nameserver 10.71.2.2 >$f; mount --bind $f /etc/resolv.conf;"
          "rm $f; getent ahostsv4 web.whatsapp.example; echo status $?'",
          "status 2" },
    };

    (void)state;
    NET_NEEDED();
    net_rules("udp dport 53 drop");
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        uint64_t begin_us = net_now_us();
        net_forget();
        FILE *pipe = client_runs(tries[i].command);
        struct packet p = net_payload(53);
        send_forged(forge_no_such_name(&p, out));
        read_all(pipe, text, sizeof text);
        (void)pclose(pipe);
        if (strstr(text, tries[i].want) == NULL || strstr(text, "Warning") != NULL)
            fail_msg("%s: %s", tries[i].command, text);
        assert_true(net_now_us() - begin_us < 2500000); /* not after a time-out */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inject_reset_ends_a_connection_at_both_ends),
        cmocka_unit_test(test_inject_reset_beside_the_way),
        cmocka_unit_test(test_inject_reset_with_another_number_ends_nothing),
        cmocka_unit_test(test_inject_reset_of_a_connection_that_begins),
        cmocka_unit_test(test_inject_on_an_interface),
        cmocka_unit_test(test_inject_says_why_it_could_not),
        cmocka_unit_test(test_inject_unreachable_is_told_to_programs_at_once),
        cmocka_unit_test(test_inject_answer_is_a_page_for_curl),
        cmocka_unit_test(test_inject_no_such_name_is_believed),
    };

    return cmocka_run_group_tests(tests, net_enter, NULL);
}
