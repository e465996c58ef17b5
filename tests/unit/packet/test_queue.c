/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet queues against the real kernel: packets between two namespaces are forwarded by a third, where a
 * rule queues them. Needs root and iptables-nft; says so and skips where it has none.
 */
#include "base/counters.h"
#include "forwarding.h"
#include "packet/queue.h"
#include <endian.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUEUE = 7, PORT = 5000 };

static struct queued got[QUEUE_BATCH];
static struct counters counters;

static int enter(void **state)
{
    (void)state;
    forwarding_start("iptables-nft -t mangle -A FORWARD -j NFQUEUE --queue-num 7 2>/dev/null && "
                     "iptables-nft -t mangle -F FORWARD");
    for (unsigned i = 11; able && i <= 18; i++)
        run("nsenter --net=/proc/%d/fd/%d ip addr add 10.9.1.%u/24 dev eth0", getpid(), near_ns, i);
    return 0;
}

static void rule(const char *text)
{
    run("iptables-nft -t mangle -A FORWARD %s", text);
}

static int no_rules(void **state)
{
    (void)state;
    return able ? system("iptables-nft -t mangle -F FORWARD; iptables-nft -t mangle -F POSTROUTING") : 0;
}

static struct queue *open_queue(const struct queue_config *config)
{
    struct imw_error_info err;
    struct queue *q = NULL;
    int fd = -1;

    if (!queue_open(config, &fd, &err) || !queue_new(fd, config->number, &q, &err))
        fail_msg("%s", err.text);
    return q;
}

/* The next packet. */
static const struct queued *take(struct queue *q)
{
    unsigned n = 0;

    for (int i = 0; i < 10 && n == 0; i++) /* an error message wakes us too */
        assert_int_not_equal(queue_read(q, got, 1, SOON_MS, &n), QUEUE_GONE);
    assert_int_equal(n, 1);
    return &got[0];
}

struct ends {
    int near, far;
    struct queue *q;
};

static struct ends open_ends(const char *queue_rule, const struct queue_config *config)
{
    struct ends e = { .near = end_socket(near_ns, SOCK_DGRAM, NEAR, PORT),
                      .far = end_socket(far_ns, SOCK_DGRAM, FAR, PORT) };

    e.q = config != NULL ? open_queue(config) : NULL;
    rule(queue_rule);
    return e;
}

static void close_ends(struct ends *e)
{
    queue_free(e->q);
    close(e->near);
    close(e->far);
}

static const struct queue_config plain = { .number = QUEUE };
#define QUEUED "-j NFQUEUE --queue-num 7"

/* ---- what becomes of a packet ---- */

static void test_accept(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, &plain);
    struct queue_counters c;
    struct packet p;

    send_to(e.near, FAR, PORT, "hello", 5);
    const struct queued *a = take(e.q);
    assert_int_equal(a->in, if_nametoindex("port1"));
    assert_int_equal(a->out, if_nametoindex("port2"));
    assert_int_equal(a->phys_in, 0);
    assert_int_equal(a->mark, 0);
    assert_int_equal(a->frame.wire_len, a->frame.data.len);
    assert_true(a->frame.time_us / 1000000 >= (uint64_t)time(NULL) - 2);
    assert_true(a->frame.time_us / 1000000 <= (uint64_t)time(NULL));
    uint8_t none[6] = { 0 };
    assert_memory_not_equal(a->mac, none, 6);
    assert_int_equal(decode(&a->frame, NULL, &counters, &p), DECODE_PACKET);
    assert_int_equal(p.l4, 17);
    assert_int_equal(p.dst_port, PORT);
    assert_true(view_equal(p.payload, VIEW("hello")));
    expect_nothing(e.far); /* it is held */
    queue_accept(e.q, a->id, 0);
    expect_nothing(e.far); /* so are verdicts */
    queue_flush(e.q);
    expect_text(e.far, "hello");

    send_to(e.far, NEAR, PORT, "good day", 8);
    a = take(e.q);
    assert_int_equal(a->in, if_nametoindex("port2"));
    queue_accept(e.q, a->id, 0);
    queue_flush(e.q);
    expect_text(e.near, "good day");
    queue_counters(e.q, &c);
    assert_int_equal(c.received, 2);
    assert_int_equal(c.accepted, 2);
    assert_int_equal(c.dropped + c.replaced + c.overrun, 0);
    close_ends(&e);
}

static void test_drop(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, &plain);

    send_to(e.near, FAR, PORT, "one", 3);
    send_to(e.near, FAR, PORT, "two", 3);
    send_to(e.near, FAR, PORT, "three", 5);
    uint32_t id[3];
    for (unsigned i = 0; i < 3; i++)
        id[i] = take(e.q)->id;
    queue_accept(e.q, id[2], 0); /* in whichever order */
    queue_drop(e.q, id[0]);
    queue_accept(e.q, id[1], 0);
    queue_flush(e.q);
    expect_text(e.far, "three");
    expect_text(e.far, "two");
    expect_nothing(e.far);
    close_ends(&e);
}

static uint16_t sum(const uint8_t *at, size_t len, uint32_t from)
{
    for (size_t i = 0; i < len; i++)
        from += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (from >> 16 != 0)
        from = (from & 0xffff) + (from >> 16);
    return (uint16_t)~from;
}

static void put16(uint8_t *at, size_t n)
{
    at[0] = (uint8_t)(n >> 8);
    at[1] = (uint8_t)n;
}

/* The packet with another payload, lengths and checksums right. */
static size_t remake(const struct queued *from, const char *text, uint8_t *out)
{
    size_t header = (from->frame.data.at[0] & 15u) * 4u, len = header + 8 + strlen(text);

    memcpy(out, from->frame.data.at, header + 8);
    memcpy(out + header + 8, text, strlen(text));
    put16(out + 2, len);
    put16(out + 10, 0);
    put16(out + 10, sum(out, header, 0));
    put16(out + header + 4, len - header);
    put16(out + header + 6, 0);
    uint32_t pseudo = 17 + (uint32_t)(len - header);
    for (unsigned i = 12; i < 20; i += 2)
        pseudo += (uint32_t)out[i] << 8 | out[i + 1];
    put16(out + header + 6, sum(out + header, len - header, pseudo));
    return len;
}

static void test_replace(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, &plain);
    struct queue_counters c;
    char longer[1200];
    uint8_t packet[2000];
    const char *texts[] = { "short", "exactly the same length", longer };

    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    for (unsigned i = 0; i < 3; i++) {
        send_to(e.near, FAR, PORT, "a text with some length", 23);
        const struct queued *a = take(e.q);
        queue_replace(e.q, a->id, 0, view_of(packet, remake(a, texts[i], packet)));
        queue_flush(e.q);
        expect_text(e.far, texts[i]);
    }
    queue_counters(e.q, &c);
    assert_int_equal(c.replaced, 3);
    close_ends(&e);
}

/* More verdicts than fit the buffer go out without being asked to. */
static void test_many(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, &plain);
    struct queue_counters c;
    static uint8_t big[60000];
    unsigned sent = 0, arrived = 0;

    for (unsigned round = 0; round < 4; round++) {
        uint32_t id[40];
        struct queued one = { .id = 0 };
        uint8_t head[64];

        for (unsigned i = 0; i < 40; i++, sent++)
            send_to(e.near, FAR, PORT, "0123456789", 10);
        for (unsigned n = 0, have = 0; have < 40; have += n) {
            assert_int_equal(queue_read(e.q, got, QUEUE_BATCH, SOON_MS, &n), QUEUE_PACKETS);
            for (unsigned i = 0; i < n; i++)
                id[have + i] = got[i].id;
            one = got[0];
            memcpy(head, one.frame.data.at, one.frame.data.len < 64 ? one.frame.data.len : 64);
        }
        for (unsigned i = 0; i < 40; i++)
            if (i % 4 == 0) { /* junk that the other end does not take: it only has to be big */
                memcpy(big, head, 28);
                queue_replace(e.q, id[i], 0, view_of(big, sizeof big));
            } else {
                queue_accept(e.q, id[i], 0);
            }
        queue_flush(e.q);
    }
    for (unsigned i = 0; i < sent * 3 / 4; i++, arrived++)
        expect_text(e.far, "0123456789");
    queue_counters(e.q, &c);
    assert_int_equal(c.received, sent);
    assert_int_equal(c.accepted, arrived);
    assert_int_equal(c.replaced, sent / 4);
    close_ends(&e);
}

static void test_mark(void **state)
{
    NEEDS_ROOT();
    (void)state;
    run("iptables-nft -t mangle -A POSTROUTING -m mark --mark 0x01050000/0x03ff0000 -j DROP");
    struct ends e = open_ends("-j MARK --set-mark 0x7", &plain);

    rule(QUEUED);
    send_to(e.near, FAR, PORT, "dropped by its mark", 19);
    const struct queued *a = take(e.q);
    assert_int_equal(a->mark, 7);
    queue_accept(e.q, a->id, 0x01050007);
    queue_flush(e.q);
    expect_nothing(e.far);
    send_to(e.near, FAR, PORT, "another mark", 12);
    queue_accept(e.q, take(e.q)->id, 0x01060007);
    queue_flush(e.q);
    expect_text(e.far, "another mark");
    close_ends(&e);
}

/* ---- when nobody reads ---- */

static void test_away(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, NULL);

    send_to(e.near, FAR, PORT, "closed", 6);
    expect_nothing(e.far);
    no_rules(NULL);
    rule(QUEUED " --queue-bypass");
    send_to(e.near, FAR, PORT, "open", 4);
    expect_text(e.far, "open");
    e.q = open_queue(&plain);
    send_to(e.near, FAR, PORT, "held by one that ends", 21);
    (void)take(e.q);
    queue_free(e.q);
    e.q = NULL;
    expect_nothing(e.far);
    send_to(e.near, FAR, PORT, "open again", 10);
    expect_text(e.far, "open again");
    close_ends(&e);
}

static void test_full(void **state)
{
    NEEDS_ROOT();
    (void)state;
    for (int open = 0; open <= 1; open++) {
        struct ends e =
            open_ends(QUEUED, &(struct queue_config){ .number = QUEUE, .length = 2, .fail_open = open });
        struct queue_counters c;

        for (int i = 0; i < 5; i++)
            send_to(e.near, FAR, PORT, &"abcde"[i], 1);
        if (open) {
            expect_text(e.far, "c");
            expect_text(e.far, "d");
            expect_text(e.far, "e");
        }
        expect_nothing(e.far);
        for (int i = 0; i < 2; i++)
            queue_accept(e.q, take(e.q)->id, 0);
        queue_flush(e.q);
        expect_text(e.far, "a");
        expect_text(e.far, "b");
        expect_nothing(e.far);
        queue_counters(e.q, &c);
        assert_int_equal(c.received, 2);
        assert_int_equal(c.overrun, open ? 0 : 3); /* the kernel counts only what it drops */
        close_ends(&e);
        no_rules(NULL);
    }
}

/* ---- several queues ---- */

static void test_balance(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct queue *q[4];
    unsigned used = 0;

    for (unsigned i = 0; i < 4; i++)
        q[i] = open_queue(&(struct queue_config){ .number = (uint16_t)(20 + i) });
    rule("-j NFQUEUE --queue-balance 20:23");
    for (unsigned host = 11; host <= 18; host++) {
        char address[16];
        snprintf(address, sizeof address, "10.9.1.%u", host);
        int near = end_socket(near_ns, SOCK_DGRAM, address, PORT);
        int far = end_socket(far_ns, SOCK_DGRAM, FAR, PORT);
        unsigned in = 4;

        for (unsigned packet = 0; packet < 4; packet++) { /* both ways by turns */
            if (packet % 2 == 0)
                send_to(near, FAR, PORT, "there", 5);
            else
                send_to(far, address, PORT, "back", 4);
            unsigned n = 0, at = 0;
            for (unsigned i = 0; i < 100 && n == 0; i++) {
                at = i % 4;
                queue_read(q[at], got, 1, 5, &n);
            }
            assert_int_equal(n, 1);
            assert_true(packet == 0 || at == in);
            in = at;
            queue_accept(q[at], got[0].id, 0);
            queue_flush(q[at]);
            expect_text(packet % 2 == 0 ? far : near, packet % 2 == 0 ? "there" : "back");
        }
        used |= 1u << in;
        close(near);
        close(far);
    }
    assert_true((used & (used - 1)) != 0); /* more than one */
    for (unsigned i = 0; i < 4; i++)
        queue_free(q[i]);
}

/* ---- big packets ---- */

/* The same bytes, the checksum of TCP worked out. */
static void replace_same(struct queue *q, const struct queued *a)
{
    static uint8_t packet[QUEUE_PACKET_BYTES];
    size_t header = (a->frame.data.at[0] & 15u) * 4u, len = a->frame.data.len;
    uint32_t pseudo = 6 + (uint32_t)(len - header);

    memcpy(packet, a->frame.data.at, len);
    put16(packet + header + 16, 0);
    for (unsigned i = 12; i < 20; i += 2)
        pseudo += (uint32_t)packet[i] << 8 | packet[i + 1];
    put16(packet + header + 16, sum(packet + header, len - header, pseudo));
    queue_replace(q, a->id, 0, view_of(packet, len));
}

static void transfer(bool replace)
{
    struct queue *q = open_queue(&plain);
    pid_t pid[2];
    int status[2] = { -1, -1 };
    size_t longest = 0;
    bool no_checksum = false;

    rule(QUEUED);
    connection(PORT, pid);
    for (unsigned i = 0; i < 2000 && !ended(pid, status); i++) {
        unsigned n;
        queue_read(q, got, QUEUE_BATCH, 20, &n);
        for (unsigned j = 0; j < n; j++) {
            longest = got[j].frame.data.len > longest ? got[j].frame.data.len : longest;
            no_checksum |= got[j].no_checksum;
            assert_int_equal(got[j].frame.wire_len, view_u16(got[j].frame.data, 2));
            if (replace)
                replace_same(q, &got[j]);
            else
                queue_accept(q, got[j].id, 0);
        }
        queue_flush(q);
    }
    expect_ended(pid, status);
    assert_true(longest > 1500); /* they come whole */
    assert_true(no_checksum);
    queue_free(q);
}

static void test_segments(void **state)
{
    NEEDS_ROOT();
    (void)state;
    transfer(false);
}

static void test_segments_replaced(void **state)
{
    NEEDS_ROOT();
    (void)state;
    transfer(true);
}

/* Fragments are joined before us where connections are tracked; what no attribute can hold is known to be
 * cut. */
static void test_cut(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends("-m conntrack --ctstate NEW " QUEUED, &plain); /* it joins them */
    static uint8_t bytes[65507];
    static uint8_t back[sizeof bytes];
    struct pollfd p = { .fd = e.far, .events = POLLIN };

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    send_to(e.near, FAR, PORT, bytes, sizeof bytes);
    const struct queued *a = take(e.q);
    assert_int_equal(a->frame.wire_len, 65535);
    assert_int_equal(a->frame.data.len, 65531);
    queue_accept(e.q, a->id, 0);
    queue_flush(e.q);
    assert_int_equal(poll(&p, 1, SOON_MS), 1);
    assert_int_equal(recv(e.far, back, sizeof back, 0), sizeof back);
    assert_memory_equal(back, bytes, sizeof bytes);
    close_ends(&e);
}

/* ---- what goes wrong ---- */

static void test_busy(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct queue *q = open_queue(&plain);
    struct imw_error_info err;
    int fd;

    assert_false(queue_open(&plain, &fd, &err));
    assert_non_null(strstr(err.text, "in use by another program"));
    queue_free(q);
    q = open_queue(&plain); /* free again */
    queue_free(q);
}

/* Who may not gets told at opening; and at a verdict, which ends the queue. */
static void test_no_permission(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, &plain);
    int status;

    send_to(e.near, FAR, PORT, "hello", 5);
    pid_t pid = fork();
    if (pid == 0) {
        struct imw_error_info err = { .text = "" };
        unsigned n = 0;
        int fd;

        if (setuid(65534) != 0 || queue_open(&(struct queue_config){ .number = 8 }, &fd, &err))
            _exit(1);
        if (strstr(err.text, "no permission") == NULL)
            _exit(2);
        if (queue_read(e.q, got, 1, SOON_MS, &n) != QUEUE_PACKETS)
            _exit(3);
        queue_accept(e.q, got[0].id, 0);
        queue_flush(e.q);
        _exit(queue_read(e.q, got, 1, SOON_MS, &n) == QUEUE_GONE ? 0 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_nothing(e.far);
    close_ends(&e);
}

/* A verdict on a packet that is none of ours is refused, and that is all. */
static void test_unknown_packet(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ends e = open_ends(QUEUED, &plain);

    queue_accept(e.q, 4711, 0);
    queue_flush(e.q);
    send_to(e.near, FAR, PORT, "hello", 5);
    queue_accept(e.q, take(e.q)->id, 0);
    queue_flush(e.q);
    expect_text(e.far, "hello");
    close_ends(&e);
}

/* ---- messages that the kernel does not send ---- */

struct said {
    size_t len;
    uint8_t bytes[70000];
};

static void say(struct said *s, const void *bytes, size_t len)
{
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
}

static void say16(struct said *s, size_t n)
{
    uint16_t v = (uint16_t)n;

    say(s, &v, sizeof v);
}

static void say32(struct said *s, size_t n)
{
    uint32_t v = (uint32_t)n;

    say(s, &v, sizeof v);
}

static void say_attr(struct said *s, size_t type, const void *bytes, size_t len)
{
    say16(s, 4 + len);
    say16(s, type);
    say(s, bytes, len);
    say(s, "\0\0\0", (4 - len % 4) % 4);
}

static uint64_t stamp_s; /* in messages: seconds and 3 us */

/* A message of a packet, its length (4 octets at its start) still to be set. */
static size_t say_packet(struct said *s, uint32_t id, size_t queue)
{
    const uint64_t stamp[2] = { htobe64(stamp_s), htobe64(3) };
    size_t from = s->len;
    uint8_t head[7] = { 0, 0, 0, (uint8_t)id, 8, 0, 2 };

    say32(s, 0);
    say16(s, 3 << 8); /* a packet of a queue */
    say(s, "\0\0\0\0\0\0\0\0\0\0\2\0", 12);
    say16(s, htons((uint16_t)queue));
    say_attr(s, 1, head, sizeof head);
    say_attr(s, 3, "\0\0\0\x2a", 4); /* mark */
    say_attr(s, 4, &stamp, sizeof stamp);
    say_attr(s, 9, "\0\6\0\0\1\2\3\4\5\6\0\0", 12); /* hardware address */
    say_attr(s, 10, "E and so on", 11);
    return from;
}

static void end_packet(struct said *s, size_t from)
{
    uint32_t len = (uint32_t)(s->len - from);

    memcpy(s->bytes + from, &len, sizeof len);
}

static unsigned hear(struct queue *q, int fd, const struct said *s, unsigned max)
{
    unsigned n = 0;

    assert_int_equal(send(fd, s->bytes, s->len, 0), (ssize_t)s->len);
    assert_int_not_equal(queue_read(q, got, max, 0, &n), QUEUE_GONE);
    assert_true(n <= max);
    for (unsigned i = 0; i < n; i++)
        for (size_t at = 0; at < got[i].frame.data.len; at++)
            (void)*(volatile const uint8_t *)(got[i].frame.data.at + at); /* it can all be read */
    return n;
}

static void test_odd_messages(void **state)
{
    struct imw_error_info err;
    struct queue *q = NULL;
    static struct said s;
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
    assert_true(queue_new(fd[0], QUEUE, &q, &err));
    stamp_s = 2; /* of a clock that counts from the start */
    size_t from = say_packet(&s, 1, QUEUE);
    end_packet(&s, from);
    assert_int_equal(hear(q, fd[1], &s, 4), 1);
    assert_true(got[0].frame.time_us / 1000000 >= (uint64_t)time(NULL) - 2);
    s.len = 0;
    stamp_s = (uint64_t)time(NULL) - 1;
    from = say_packet(&s, 1, QUEUE);
    end_packet(&s, from);
    assert_int_equal(hear(q, fd[1], &s, 4), 1);
    assert_int_equal(got[0].id, 1);
    assert_int_equal(got[0].mark, 0x2a);
    assert_int_equal(got[0].frame.time_us, stamp_s * 1000000 + 3);
    assert_memory_equal(got[0].mac, "\1\2\3\4\5\6", 6);
    assert_true(view_equal(got[0].frame.data, VIEW("E and so on")));
    assert_int_equal(got[0].frame.wire_len, 11);
    /* Cut anywhere: it says that it is longer. */
    struct said cut = s;
    for (cut.len = 0; cut.len < s.len; cut.len++)
        if (cut.len > 0)
            assert_int_equal(hear(q, fd[1], &cut, 4), 0);
    /* An attribute that is longer than the message ends it. */
    struct said bad = s;
    bad.bytes[bad.len - 16] = 200;
    assert_int_equal(hear(q, fd[1], &bad, 4), 1);
    assert_int_equal(got[0].frame.data.len, 0);
    /* One of another queue; one without a number. */
    s.len = 0;
    end_packet(&s, say_packet(&s, 2, QUEUE + 1));
    assert_int_equal(hear(q, fd[1], &s, 4), 0);
    s.len = 0;
    end_packet(&s, say_packet(&s, 3, QUEUE));
    s.bytes[22] = 15; /* another type */
    assert_int_equal(hear(q, fd[1], &s, 4), 0);
    /* Three at a time, and room for two: the third is dropped, and not forgotten. */
    s.len = 0;
    for (uint32_t i = 4; i < 7; i++)
        end_packet(&s, say_packet(&s, i, QUEUE));
    assert_int_equal(hear(q, fd[1], &s, 2), 2);
    struct queue_counters c;
    queue_counters(q, &c);
    assert_int_equal(c.dropped, 1);
    /* Longer than any. */
    s.len = 0;
    from = say_packet(&s, 9, QUEUE);
    memset(s.bytes + s.len, 0, sizeof s.bytes - s.len);
    s.len = sizeof s.bytes;
    end_packet(&s, from);
    assert_int_equal(hear(q, fd[1], &s, 4), 0);
    /* Any octets changed. */
    uint32_t chance = 1;
    for (unsigned round = 0; round < 20000; round++) {
        s.len = 0;
        end_packet(&s, say_packet(&s, round & 0xff, QUEUE));
        for (unsigned i = 0; i < 1 + round % 4; i++) {
            chance = chance * 1664525 + 1013904223;
            s.bytes[(chance >> 16) % s.len] = (uint8_t)(chance >> 8);
        }
        if (s.bytes[4] != 2) /* an error may say that it is the end */
            (void)hear(q, fd[1], &s, 4);
    }
    queue_free(q);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_accept, no_rules),
        cmocka_unit_test_teardown(test_drop, no_rules),
        cmocka_unit_test_teardown(test_replace, no_rules),
        cmocka_unit_test_teardown(test_many, no_rules),
        cmocka_unit_test_teardown(test_mark, no_rules),
        cmocka_unit_test_teardown(test_away, no_rules),
        cmocka_unit_test_teardown(test_full, no_rules),
        cmocka_unit_test_teardown(test_balance, no_rules),
        cmocka_unit_test_teardown(test_segments, no_rules),
        cmocka_unit_test_teardown(test_segments_replaced, no_rules),
        cmocka_unit_test_teardown(test_cut, no_rules),
        cmocka_unit_test_teardown(test_busy, no_rules),
        cmocka_unit_test_teardown(test_no_permission, no_rules),
        cmocka_unit_test_teardown(test_unknown_packet, no_rules),
        cmocka_unit_test(test_odd_messages),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
