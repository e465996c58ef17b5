/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the opener and the sensor: what is sent arrives, what is no message is refused whole. */
#include "sensor/channel.h"
#include "test.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void pair(int ends[2])
{
    struct imw_error_info err;

    assert_true(channel_pair(ends, &err));
}

static struct live_grant empty_grant(void)
{
    struct live_grant g = { .ifindex = 7 };
    int *slots[LIVE_GRANT_FDS];
    unsigned count = live_grant_fds(&g, slots);

    for (unsigned i = 0; i < count; i++)
        *slots[i] = -1;
    return g;
}

static int descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_a_grant_arrives_with_its_descriptors_in_their_places(void **state)
{
    struct role_message m = { .type = MESSAGE_GRANT, .grant = empty_grant() }, got;
    int ends[2],
        *given[] = { &m.grant.sockets[0], &m.grant.sockets[63], &m.grant.bypass_map, &m.grant.xdp_link };
    const int *taken[] = { &got.grant.sockets[0], &got.grant.sockets[63], &got.grant.bypass_map,
                           &got.grant.xdp_link };

    (void)state;
    pair(ends);
    for (unsigned i = 0; i < 4; i++)
        *given[i] = descriptor();
    m.grant.bypass = true;
    strcpy(m.grant.note, "no bypass: \x1b[2J");
    assert_true(channel_send(ends[0], &m));
    assert_int_equal(channel_receive(ends[1], &got), CHANNEL_MESSAGE);
    assert_int_equal(got.type, MESSAGE_GRANT);
    assert_int_equal(got.grant.ifindex, 7);
    assert_true(got.grant.bypass);
    assert_string_equal(got.grant.note, "no bypass: ?[2J");
    for (unsigned i = 0; i < 4; i++) {
        assert_true(*taken[i] >= 0 && *taken[i] != *given[i]);
        assert_int_equal(fcntl(*taken[i], F_GETFD), FD_CLOEXEC);
        close(*taken[i]);
        close(*given[i]);
    }
    assert_int_equal(got.grant.sockets[1], -1);
    assert_int_equal(got.grant.filter, -1);
    assert_int_equal(channel_receive(ends[1], &got), CHANNEL_NOTHING);
    close(ends[0]);
    assert_int_equal(channel_receive(ends[1], &got), CHANNEL_CLOSED);
    close(ends[1]);
}

static void test_a_grant_of_everything_fits(void **state)
{
    struct role_message m = { .type = MESSAGE_GRANT, .grant = empty_grant() }, got;
    int ends[2], fd = descriptor(), *slots[LIVE_GRANT_FDS];
    unsigned before, count = live_grant_fds(&m.grant, slots);

    (void)state;
    pair(ends);
    for (unsigned i = 0; i < count; i++)
        *slots[i] = fd;
    memset(m.grant.note, 'x', sizeof m.grant.note - 1);
    before = open_descriptors();
    assert_true(channel_send(ends[0], &m));
    assert_int_equal(channel_receive(ends[1], &got), CHANNEL_MESSAGE);
    assert_int_equal(open_descriptors(), before + count);
    live_grant_close(&got.grant);
    assert_int_equal(open_descriptors(), before);
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static void test_orders_and_refusals_arrive(void **state)
{
    struct role_message got;
    int ends[2];

    (void)state;
    pair(ends);
    for (unsigned order = ORDER_STOP; order <= ORDER_REOPEN; order++) {
        const struct role_message m = { .type = MESSAGE_ORDER, .order = (enum order)order };
        assert_true(channel_send(ends[0], &m));
        assert_int_equal(channel_receive(ends[1], &got), CHANNEL_MESSAGE);
        assert_int_equal(got.order, order);
    }
    const struct role_message denied = { .type = MESSAGE_DENIED, .text = "there is no interface 'eth7'" };
    assert_true(channel_send(ends[0], &denied));
    assert_int_equal(channel_receive(ends[1], &got), CHANNEL_MESSAGE);
    assert_string_equal(got.text, denied.text);
    const struct role_message open = { .type = MESSAGE_OPEN };
    assert_true(channel_send(ends[1], &open));
    assert_int_equal(channel_receive(ends[0], &got), CHANNEL_MESSAGE);
    assert_int_equal(got.type, MESSAGE_OPEN);
    close(ends[0]);
    close(ends[1]);
}

static void test_what_is_no_message_is_refused_and_its_descriptors_are_closed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        { "imw", 3 },                         /* short */
        { "imwr\1\3\0\1\1x", 10 },            /* longer than it says */
        { "imwr\1\3\0\2\1", 9 },              /* shorter than it says */
        { "IMWR\1\3\0\1\1", 9 },              /* not ours */
        { "imwr\2\3\0\1\1", 9 },              /* of another version */
        { "imwr\1\3\0\1\0", 9 },              /* an order that there is not */
        { "imwr\1\3\0\1\4", 9 },              /* and the next */
        { "imwr\1\3\0\2\1\1", 10 },           /* more than an order */
        { "imwr\1\4\0\1x", 9 },               /* OPEN says nothing */
        { "imwr\1\5\0\0", 8 },                /* a type that there is not */
        { "imwr\1\1\0\5\0\0\0\7\0", 13 },     /* a grant without its number of descriptors */
        { "imwr\1\1\0\7\0\0\0\7\0\1\0", 15 }, /* that promises one, and sends none */
    };
    struct role_message got;
    int ends[2];

    (void)state;
    pair(ends);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(send(ends[0], bad[i].bytes, bad[i].len, 0), bad[i].len);
        assert_int_equal(channel_receive(ends[1], &got), CHANNEL_BAD);
    }
    close(ends[0]);
    close(ends[1]);
    const int fds[] = { 100, 101 };
    const struct view twice = VIEW("imwr\1\1\0\x08\0\0\0\7\0\2\5\5"),
                      beyond = VIEW("imwr\1\1\0\7\0\0\0\7\0\1\xff"),
                      right = VIEW("imwr\1\1\0\x08\0\0\0\7\0\2\5\6");
    assert_false(channel_parse(twice, fds, 2, &got));
    assert_false(channel_parse(beyond, fds, 1, &got));
    assert_true(channel_parse(right, fds, 2, &got));
    assert_int_equal(got.grant.sockets[6], 101);
    for (size_t len = 0; len < right.len; len++)
        assert_false(channel_parse(view_of(right.at, len), fds, 2, &got));
    assert_false(channel_parse(VIEW("imwr\1\3\0\1\1"), fds, 1, &got)); /* an order brings none */
}

static void test_descriptors_of_a_bad_message_do_not_stay(void **state)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char bytes[] = "imwr\1\3\0\1\1";
    struct iovec part = { bytes, sizeof bytes - 1 };
    struct msghdr out = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&out);
    struct role_message got;
    int ends[2], fd = descriptor();

    (void)state;
    pair(ends);
    *head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                              .cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    unsigned before = open_descriptors();
    assert_true(sendmsg(ends[0], &out, 0) > 0);
    assert_int_equal(channel_receive(ends[1], &got), CHANNEL_BAD);
    assert_int_equal(open_descriptors(), before);
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_grant_arrives_with_its_descriptors_in_their_places),
        cmocka_unit_test(test_a_grant_of_everything_fits),
        cmocka_unit_test(test_orders_and_refusals_arrive),
        cmocka_unit_test(test_what_is_no_message_is_refused_and_its_descriptors_are_closed),
        cmocka_unit_test(test_descriptors_of_a_bad_message_do_not_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
