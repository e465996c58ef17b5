/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP listener, over real connections: what it tells, that it tells no more, and who cannot hold it up.
 */
#include "sensor/pretend.h"
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

struct fixture {
    struct pretend pretend;
    struct control_calls calls;
    struct metrics *metrics;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct imw_error_info err = { .code = IMW_OK };

    f->pretend = (struct pretend){ .started_us = 1000000, .now_us = 61000000, .workers = 2, .services = 3 };
    f->pretend.rules = pretend_rules_new(NULL);
    f->calls = pretend_calls(&f->pretend);
    if (!metrics_new("127.0.0.1:0", &f->calls, &f->metrics, &err))
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    metrics_free(f->metrics);
    rules_free(f->pretend.rules);
    free(f);
    return 0;
}

static int connected(const struct fixture *f)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(metrics_port(f->metrics)) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* All that comes until the server closes, or `wait_ms` without a byte; the caller frees. */
static char *heard(int fd, int wait_ms)
{
    enum { MOST = 1 << 18 };
    char *text = calloc(1, MOST);
    size_t n = 0;
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (poll(&p, 1, wait_ms) == 1) {
        ssize_t got = recv(fd, text + n, MOST - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    return text;
}

#define SEND(fd, literal) (void)!send(fd, literal, sizeof(literal) - 1, MSG_NOSIGNAL)

static char *asked(const struct fixture *f, const char *request)
{
    int fd = connected(f);

    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    return heard(fd, 15000);
}

static void expect(const struct fixture *f, const char *request, const char *status, const char *part)
{
    char *answer = asked(f, request);

    if (strncmp(answer, status, strlen(status)) != 0 || strstr(answer, part) == NULL)
        fail_msg("'%.60s' is answered by '%.300s', without '%s' or '%s'", request, answer, status, part);
    free(answer);
}

static void test_get_metrics(void **state)
{
    expect(*state, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200",
           "\nimward_flows_live 812345\n");
    expect(*state, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200",
           "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    expect(*state, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.", "\nimward_http_requests_total 3\n");
}

static void test_metrics_tell_what_each_rule_was_good_for(void **state)
{
    struct fixture *f = *state;

    rules_note_flow(f->pretend.rules, 0, 5000000);
    rules_note_flow(f->pretend.rules, 0, 4000000);
    rules_note_stopped(f->pretend.rules, 0, 6000000);
    expect(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200",
           "\nimward_rule_hits_total{rule=\"default\"} 2\n");
    expect(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200",
           "\nimward_rule_stopped_total{rule=\"default\"} 1\n");
    expect(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200",
           "\nimward_rule_last_hit_timestamp_seconds{rule=\"default\"} 6\n");
}

static void test_head_has_the_length_and_no_body(void **state)
{
    char *answer = asked(*state, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_non_null(strstr(answer, "Content-Length: "));
    assert_null(strstr(answer, "imward_"));
    free(answer);
}

static void test_health_is_200_or_503_with_the_reason(void **state)
{
    struct fixture *f = *state;

    f->pretend.now_us = f->pretend.started_us + 60000000;
    expect(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "\r\n\r\nok\n");
    f->pretend.output_down = true;
    expect(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503",
           "siem.bank.example:6514?format=cef is down\n");
}

static void test_anything_else_is_refused(void **state)
{
    static const char *const paths[] = { "/", "/metrics/", "/metrics2", "//metrics", "/../etc/passwd",
                                         "*", "/%2e%2e" };
    char request[128];

    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
        expect(*state, request, "HTTP/1.1 404", "there are /metrics and /healthz\n");
    }
    expect(*state, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405",
           "Allow: GET, HEAD\r\n");
    expect(*state, "DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405", "GET or HEAD\n");
}

static void test_nonsense_and_long_headers_leave_it_serving(void **state)
{
    char *headers = malloc(200001);
    static const char nul[] = "GET /met\0rics HTTP/1.1\r\n\r\n";

    memset(headers, 'a', 200000);
    headers[200000] = '\0';
    memcpy(headers, "GET /metrics HTTP/1.1\r\nX: ", 26);
    free(asked(*state, headers));
    free(asked(*state, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"));
    int fd = connected(*state);
    (void)!send(fd, nul, sizeof nul - 1, MSG_NOSIGNAL);
    free(heard(fd, 1000));
    free(headers);
    expect(*state, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "imward_");
}

static void test_a_half_closed_client_is_answered(void **state)
{
    int fd = connected(*state);

    SEND(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    char *answer = heard(fd, 5000);
    assert_non_null(strstr(answer, "imward_flows_live"));
    free(answer);
}

static void test_thousands_of_connections_leave_it_serving(void **state)
{
    for (unsigned i = 0; i < 3000; i++) {
        int fd = connected(*state);
        if (i % 2 == 0)
            SEND(fd, "GET /metrics HTTP/1.1\r\n");
        close(fd);
    }
    char *answer = strdup("");
    for (unsigned i = 0; i < 50 && answer[0] == '\0'; i++) { /* the last of them still count for a moment */
        free(answer);
        answer = asked(*state, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        usleep(100000);
    }
    assert_non_null(strstr(answer, "imward_"));
    free(answer);
}

/* Eight connections are all that one address may have; each gives a byte a second for as long as it may. */
static void test_slow_clients_are_cut_off_though_they_never_rest(void **state)
{
    struct fixture *f = *state;
    int fds[8];
    time_t began = time(NULL);

    for (unsigned i = 0; i < 8; i++)
        fds[i] = connected(f);
    usleep(300000);
    int more = connected(f); /* closed at once: nothing comes */
    char *none = heard(more, 2000);
    assert_string_equal(none, "");
    free(none);
    while (f->calls.counts->slow < 8 && time(NULL) - began < 20) {
        for (unsigned i = 0; i < 8; i++)
            SEND(fds[i], "G");
        sleep(1);
    }
    assert_int_equal(f->calls.counts->slow, 8);
    assert_in_range(time(NULL) - began, 9, 14);
    expect(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 ", "\n");
    for (unsigned i = 0; i < 8; i++)
        close(fds[i]);
}

static void test_addresses_to_listen_on(void **state)
{
    static const char *const wrong[] = {
        "",      ":",     "localhost:9108", "::1:9108", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
        "[::1]", "9108x", "256.0.0.1:1",    ":9108"
    };
    struct fixture *f = *state;
    struct metrics *m = NULL;
    struct imw_error_info err = { .code = IMW_OK };
    char taken[32];

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (metrics_new(wrong[i], &f->calls, &m, &err))
            fail_msg("listens on '%s'", wrong[i]);
    assert_true(metrics_new("[::1]:0", &f->calls, &m, &err));
    metrics_free(m);
    assert_true(metrics_new("0", &f->calls, &m, &err));
    metrics_free(m);
    snprintf(taken, sizeof taken, "127.0.0.1:%u", metrics_port(f->metrics));
    assert_false(metrics_new(taken, &f->calls, &m, &err));
    assert_string_equal(err.text, "Address already in use");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get_metrics),
        TEST(test_metrics_tell_what_each_rule_was_good_for),
        TEST(test_head_has_the_length_and_no_body),
        TEST(test_health_is_200_or_503_with_the_reason),
        TEST(test_anything_else_is_refused),
        TEST(test_nonsense_and_long_headers_leave_it_serving),
        TEST(test_a_half_closed_client_is_answered),
        TEST(test_thousands_of_connections_leave_it_serving),
        TEST(test_slow_clients_are_cut_off_though_they_never_rest),
        TEST(test_addresses_to_listen_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
