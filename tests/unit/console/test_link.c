/* SPDX-License-Identifier: Apache-2.0 */
/* Questions between roles over a real socket pair, hostile messages, connections handed over, and limits. */
#include "console/handover.h"
#include "console/limits.h"
#include "console/link.h"
#include "console/serve.h"
#include "test.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool answer_echo(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const char *text;

    (void)context;
    if (!ask_text(question, "text", 100, &text, err))
        return false;
    *out = json_pack("{s:s}", "text", text);
    return true;
}

static const struct link_ask asks[] = { { "echo", answer_echo } };

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static void test_a_question_is_answered_or_refused_in_words(void **state)
{
    static struct link_service service;
    struct imw_error_info err = { 0 };
    struct role_link *link;
    json_t *answer;
    int fds[2];

    (void)state;
    make_pair(fds);
    service = (struct link_service){ fds[1], "test", asks, 1, NULL };
    assert_true(link_serve(&service, 2, &err));
    assert_true(link_new(fds[0], "other", &link, &err));
    for (unsigned i = 0; i < 500; i++) {
        assert_true(
            role_ask(link, json_pack("{s:s,s:s}", "ask", "echo", "text", "hello"), 2000, &answer, &err));
        assert_string_equal(json_string_value(json_object_get(answer, "text")), "hello");
        json_decref(answer);
    }
    assert_false(role_ask(link, json_pack("{s:s}", "ask", "echo"), 2000, &answer, &err));
    assert_int_equal(err.code, IMW_ERROR_VALUE);
    assert_non_null(strstr(err.text, "text"));
    assert_false(role_ask(link, json_pack("{s:s}", "ask", "nothing"), 2000, &answer, &err));
    assert_false(role_ask(NULL, json_pack("{s:s}", "ask", "echo"), 2000, &answer, &err));
}

static void test_nobody_answers_in_time(void **state)
{
    struct imw_error_info err = { 0 };
    struct role_link *link;
    json_t *answer;
    int fds[2];

    (void)state;
    make_pair(fds);
    assert_true(link_new(fds[0], "other", &link, &err));
    assert_false(role_ask(link, json_pack("{s:s}", "ask", "echo"), 50, &answer, &err));
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    /* What comes late, or was never asked for, is dropped, and the channel goes on. */
    static const char late[] = "{\"id\":1,\"ok\":true}";
    assert_int_equal(send(fds[1], late, sizeof late - 1, 0), (ssize_t)sizeof late - 1);
    assert_false(role_ask(link, json_pack("{s:s}", "ask", "echo"), 50, &answer, &err));
}

/* A process that answers over `fd`; its status when this message has come. */
static int status_after(const char *bytes, size_t len)
{
    int fds[2], status = 0;

    make_pair(fds);
    pid_t child = fork();
    if (child == 0) {
        struct link_service service = { fds[1], "test", asks, 1, NULL };
        struct imw_error_info err;
        close(fds[0]);
        (void)!freopen("/dev/null", "w", stderr);
        if (!link_serve(&service, 1, &err))
            _exit(99);
        sleep(2);
        _exit(0);
    }
    close(fds[1]);
    assert_int_equal(send(fds[0], bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(fds[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_what_is_no_message_closes_the_channel(void **state)
{
    static const char *const bad[] = { "x",
                                       "{",
                                       "[]",
                                       "{}",
                                       "{\"id\":0}",
                                       "{\"id\":-1}",
                                       "{\"id\":\"1\"}",
                                       "{\"id\":1,\"id\":2}",
                                       "{\"id\":1,\"a\":[[[[[[[[[]]]]]]]]]}",
                                       "{\"id\":1} {\"id\":2}",
                                       "{\"id\":1,\"a\":\"\xff\"}" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (status_after(bad[i], strlen(bad[i])) != ROLE_CHANNEL_GONE)
            fail_msg("'%s' does not close the channel", bad[i]);
    assert_int_equal(status_after("{\"id\":1,\"ask\":\"echo\"}", 21), 0);
}

static void test_a_connection_travels_with_its_address(void **state)
{
    struct sockaddr_storage from = { 0 }, to;
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_port = htons(4711),
                              .sin_addr.s_addr = htonl(0x0a010203) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(4712) };
    int edge[2], carried[2], fd;
    socklen_t size;
    bool full;

    (void)state;
    make_pair(edge);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, carried), 0);
    memcpy(&from, &v4, sizeof v4);
    assert_true(handover_send(edge[0], carried[0], &from, &full));
    assert_int_equal(handover_receive(edge[1], &fd, &to, &size), HANDOVER_CONNECTION);
    assert_int_equal(size, sizeof v4);
    assert_memory_equal(&to, &v4, sizeof v4);
    assert_int_equal(write(fd, "x", 1), 1);
    char byte = 0;
    assert_int_equal(read(carried[1], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(fd);
    v6.sin6_addr.s6_addr[15] = 1;
    memcpy(&from, &v6, sizeof v6);
    assert_true(handover_send(edge[0], carried[0], &from, &full));
    assert_int_equal(handover_receive(edge[1], &fd, &to, &size), HANDOVER_CONNECTION);
    assert_memory_equal(&to, &v6, sizeof v6);
    close(fd);
    assert_int_equal(handover_receive(edge[1], &fd, &to, &size), HANDOVER_NOTHING);
    assert_int_equal(send(edge[0], "imwc\4", 5, 0), 5); /* without a descriptor, and too short */
    assert_int_equal(handover_receive(edge[1], &fd, &to, &size), HANDOVER_BAD);
    close(edge[0]);
    assert_int_equal(handover_receive(edge[1], &fd, &to, &size), HANDOVER_CLOSED);
    close(edge[1]);
    close(carried[0]);
    close(carried[1]);
}

static void test_a_bucket_empties_and_fills_again(void **state)
{
    struct limits *l = limits_new();
    unsigned retry_s = 0, taken = 0;

    (void)state;
    assert_non_null(l);
    while (taken < 1000 && limits_take(l, LIMIT_SIGN_IN, VIEW("10.0.0.1"), 5000, &retry_s))
        taken++;
    assert_int_equal(taken, 60);
    assert_int_equal(retry_s, 2);
    assert_true(limits_take(l, LIMIT_SIGN_IN, VIEW("10.0.0.2"), 5000, &retry_s));
    assert_true(limits_take(l, LIMIT_NOBODY, VIEW("10.0.0.1"), 5000, &retry_s));
    assert_false(limits_take(l, LIMIT_SIGN_IN, VIEW("10.0.0.1"), 6900, &retry_s));
    assert_true(limits_take(l, LIMIT_SIGN_IN, VIEW("10.0.0.1"), 7100, &retry_s));
    assert_false(limits_take(l, LIMIT_SIGN_IN, VIEW("10.0.0.1"), 7200, &retry_s));
    assert_true(limits_take(NULL, LIMIT_SIGN_IN, VIEW("10.0.0.1"), 7200, &retry_s));
    limits_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_message_closes_the_channel), /* forks: before there are threads */
        cmocka_unit_test(test_a_question_is_answered_or_refused_in_words),
        cmocka_unit_test(test_nobody_answers_in_time),
        cmocka_unit_test(test_a_connection_travels_with_its_address),
        cmocka_unit_test(test_a_bucket_empties_and_fills_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
