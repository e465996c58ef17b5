/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture against the real kernel: a network namespace of our own with a pair of interfaces, "wire" and
 * "port"; what is sent out of "wire" comes in at "port", which is captured. Needs root; says so and skips
 * where it has none.
 */
#include "frames.h"
#include "packet/live.h"
#include "packet/live_method.h"
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define A "\x0a\x00\x00\x01"
#define B "\x0a\x00\x00\x02"
#define A6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define B6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"

enum { FRAMES_MOST = 64, FRAME_MOST = 65600, LITTLE_MS = 60, TCP = 6, UDP = 17 };

static struct build b;
static bool able;

/* What workers gave, copied. */
static struct got {
    unsigned count;
    struct {
        struct frame frame;
        unsigned worker;
        uint8_t bytes[FRAME_MOST];
    } at[FRAMES_MOST];
} got;

/* ---- the namespace ---- */

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

static int enter(void **state)
{
    (void)state;
    able = geteuid() == 0 && unshare(CLONE_NEWNET) == 0;
    if (!able) {
        print_message("live capture is not tested: needs root and network namespaces\n");
        return 0;
    }
    /* No router solicitations and the like among our frames. */
    return system(
        "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6;"
        "ip link set lo up");
}

static int pair(void **state)
{
    (void)state;
    if (able)
        run("ip link add port mtu 9000 type veth peer name wire mtu 9000 && ip link set port up && ip link set wire up");
    return 0;
}

static int unpair(void **state)
{
    (void)state;
    return able ? system("ip link del wire 2>/dev/null; true") : 0;
}

#define NEEDS_ROOT()                                                                                         \
    if (!able)                                                                                               \
    skip()

/* A socket that sends frames out of an interface. */
static int sender(const char *name)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static bool send_built(int fd)
{
    return send(fd, build_view(&b).at, build_len(&b), 0) == (ssize_t)build_len(&b);
}

static void build_udp(const char *src, const char *dst, uint16_t src_port, uint16_t dst_port)
{
    build_start(&b, VIEW("something of no meaning, longer than the least of Ethernet"));
    wrap_udp(&b, src_port, dst_port);
    wrap_ipv4(&b, UDP, src, dst);
    wrap_ethernet(&b, 0x0800);
}

static void build_tcp(const char *src, const char *dst, uint16_t src_port, uint16_t dst_port, uint8_t flags)
{
    build_start(&b, VIEW("something of no meaning, longer than the least of Ethernet"));
    wrap_tcp(&b, src_port, dst_port);
    b.bytes[b.at + 13] = flags;
    wrap_ipv4(&b, TCP, src, dst);
    wrap_ethernet(&b, 0x0800);
}

static void sends(int fd)
{
    assert_true(send_built(fd));
}

/* ---- the capture ---- */

static struct live_config config_of(const char *interface, unsigned workers, bool bypass)
{
    struct live_config c = { .workers = workers, .ring_mib = 2, .bypass = bypass, .bypass_flows = 1000 };

    snprintf(c.interface, sizeof c.interface, "%s", interface);
    return c;
}

static struct live *live_on(const struct live_config *config)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct live_grant grant;
    struct live *l = NULL;

    if (!live_grant_open(config, &grant, &err) || !live_new(config, &grant, &l, &err))
        fail_msg("%s: %s", err.file, err.text);
    return l;
}

/* Read until `want` frames came, or for some time when it is 0. Returns the last other answer. */
static enum live_answer collect(struct live *l, unsigned workers, unsigned want)
{
    enum live_answer answer = LIVE_QUIET;
    struct frame frames[16];
    unsigned n;

    got.count = 0;
    for (unsigned round = 0; round < (want > 0 ? 200u : 4u) && (want == 0 || got.count < want); round++)
        for (unsigned w = 0; w < workers; w++) {
            enum live_answer now = live_read(l, w, frames, 16, LITTLE_MS / 4, &n);
            if (now != LIVE_FRAMES) {
                answer = now;
                continue;
            }
            for (unsigned i = 0; i < n && got.count < FRAMES_MOST; i++, got.count++) {
                assert_true(frames[i].data.len <= FRAME_MOST);
                got.at[got.count].frame = frames[i];
                got.at[got.count].worker = w;
                memcpy(got.at[got.count].bytes, frames[i].data.at, frames[i].data.len);
                got.at[got.count].frame.data.at = got.at[got.count].bytes;
            }
        }
    return answer;
}

/* Ask until the answer comes that is expected, for two seconds. */
static bool answers(struct live *l, enum live_answer want)
{
    struct frame frames[16];
    unsigned n;

    for (unsigned i = 0; i < 100; i++)
        if (live_read(l, 0, frames, 16, 20, &n) == want)
            return true;
    return false;
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void frames_come_as_they_were_sent(const struct live_config *config)
{
    static uint8_t payload[8900];
    struct live *l = live_on(config);
    int fd = sender("wire");
    uint64_t before = now_us();
    bool xdp = config->method == LIVE_XDP;
    size_t most = xdp ? 1400 : sizeof payload;

    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 31 >> 3);
    for (size_t len = 18; len <= most; len += len / 2) {
        build_start(&b, view_of(payload, len));
        wrap_udp(&b, 4000, 5000);
        wrap_ipv4(&b, UDP, A, B);
        wrap_ethernet(&b, 0x0800);
        sends(fd);
        collect(l, 1, 1);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.at[0].frame.data.len, build_len(&b));
        assert_memory_equal(got.at[0].bytes, build_view(&b).at, build_len(&b));
        assert_int_equal(got.at[0].frame.wire_len, build_len(&b));
        assert_int_equal(got.at[0].frame.link, 1);
        assert_int_equal(got.at[0].frame.vlan[0], 0);
        assert_true(got.at[0].frame.time_us >= before && got.at[0].frame.time_us <= now_us());
    }
    close(fd);
    live_free(l);
}

static void test_live_frames_come_as_they_were_sent(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, false);

    frames_come_as_they_were_sent(&c);
    c.bypass = c.promiscuous = true;
    frames_come_as_they_were_sent(&c);
}

static void test_live_joined_segments_are_one_long_frame(void **state)
{
    NEEDS_ROOT();
    (void)state;
    static uint8_t payload[65000];
    struct live_config c = config_of("port", 1, true);
    struct live *l;

    run("ip link set port mtu 65535 && ip link set wire mtu 65535");
    l = live_on(&c);
    int fd = sender("wire");
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 31 >> 3);
    build_start(&b, view_of(payload, sizeof payload));
    wrap_tcp(&b, 4000, 5000);
    wrap_ipv4(&b, TCP, A, B);
    wrap_ethernet(&b, 0x0800);
    for (unsigned i = 0; i < 30; i++) { /* more than the ring holds at a time */
        sends(fd);
        collect(l, 1, 1);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.at[0].frame.data.len, build_len(&b));
        assert_memory_equal(got.at[0].bytes, build_view(&b).at, build_len(&b));
    }
    close(fd);
    live_free(l);
}

static void test_live_vlan_tags_are_kept(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, true);
    struct live *l = live_on(&c);
    int fd = sender("wire");

    build_udp(A, B, 4000, 5000);
    b.at += 14;
    WRAP(&b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x60\x2a\x08\x00");
    sends(fd);
    b.at += 18; /* two tags, the outer one of VLAN 0 */
    WRAP(&b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xa8\x00\x00\x81\x00\x00\x2a\x08\x00");
    sends(fd);
    collect(l, 1, 2);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.at[0].frame.vlan[0], 0x602a | FRAME_TAGGED);
    assert_memory_equal(got.at[0].bytes + 12, "\x08\x00\x45", 3);
    assert_int_equal(got.at[1].frame.vlan[0], FRAME_TAGGED);
    assert_memory_equal(got.at[1].bytes + 12, "\x81\x00\x00\x2a\x08\x00\x45", 7);
    close(fd);
    live_free(l);
}

static void test_live_loopback_gives_each_packet_once(void **state)
{
    NEEDS_ROOT();
    (void)state;
    for (unsigned bypass = 0; bypass < 2; bypass++) {
        struct live_config c = config_of("lo", 1, bypass != 0);
        struct live *l = live_on(&c);
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(9),
                                  .sin_addr = { htonl(0x7f000001) } };
        struct live_counters counters;
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        for (unsigned i = 0; i < 3; i++)
            (void)sendto(fd, "hello", 5, 0, (const struct sockaddr *)&to, sizeof to);
        collect(l, 1, 0);
        unsigned hello = 0;
        for (unsigned i = 0; i < got.count; i++)
            hello += got.at[i].frame.data.len == 47;
        assert_int_equal(hello, 3); /* the rest is ICMP's answer */
        live_counters(l, &counters);
        assert_int_equal(counters.received, got.count);
        close(fd);
        live_free(l);
    }
}

/* ---- several workers ---- */

/* Which worker gets what was built last. */
static unsigned worker_of(struct live *l, int fd)
{
    sends(fd);
    collect(l, 2, 1);
    assert_int_equal(got.count, 1);
    return got.at[0].worker;
}

static void test_live_both_directions_of_a_flow_come_to_one_worker(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 2, false);
    struct live *l = live_on(&c);
    int wire = sender("wire"), port = sender("port");
    unsigned of_first = 0;

    for (uint16_t i = 0; i < 12; i++) {
        build_udp(A, B, (uint16_t)(4000 + i), 443);
        unsigned worker = worker_of(l, wire);
        of_first += worker == 0;
        build_udp(B, A, 443, (uint16_t)(4000 + i));
        assert_int_equal(worker_of(l, wire), worker);
        assert_int_equal(worker_of(l, port), worker); /* the sensor's host itself answers */
        b.at += 14;
        WRAP(&b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xa8\x00\x07\x81\x00\x00\x2a\x08\x00");
        assert_int_equal(worker_of(l, wire), worker);
        assert_int_equal(worker_of(l, port), worker);
        b.at += 22;
        WRAP(&b, "\x00\x01\x01\x40"); /* MPLS */
        wrap_ethernet(&b, 0x8847);
        assert_int_equal(worker_of(l, wire), worker);
        b.at += 18;
        WRAP(&b, "\x11\x00\x00\x01\x00\x20\x00\x21"); /* PPPoE */
        wrap_ethernet(&b, 0x8864);
        assert_int_equal(worker_of(l, wire), worker);
    }
    assert_in_range(of_first, 1, 11);
    of_first = 0;
    for (uint16_t i = 0; i < 12; i++) { /* IPv6 */
        build_start(&b, VIEW("something"));
        wrap_tcp(&b, (uint16_t)(4000 + i), 443);
        wrap_ipv6(&b, TCP, A6, B6);
        wrap_ethernet(&b, 0x86dd);
        unsigned worker = worker_of(l, wire);
        of_first += worker == 0;
        build_start(&b, VIEW("something"));
        wrap_tcp(&b, 443, (uint16_t)(4000 + i));
        wrap_ipv6(&b, TCP, B6, A6);
        wrap_ethernet(&b, 0x86dd);
        assert_int_equal(worker_of(l, wire), worker);
    }
    assert_in_range(of_first, 1, 11);
    close(wire), close(port);
    live_free(l);
}

static void test_live_tunnels_and_fragments_are_spread_by_addresses_alone(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 2, false);
    struct live *l = live_on(&c);
    int fd = sender("wire");
    unsigned first = 2;

    for (uint16_t i = 0; i < 10; i++) {
        build_udp(A, B, (uint16_t)(4000 + i), 4789);
        unsigned worker = worker_of(l, fd);
        first = first == 2 ? worker : first;
        assert_int_equal(worker, first);
        build_udp(B, A, (uint16_t)(5000 + i), 4789);
        assert_int_equal(worker_of(l, fd), first);
        build_start(&b, VIEW("\x12\x34\x56\x78 a fragment")); /* the ports would be in the first only */
        wrap_ipv4_part(&b, UDP, A, B, (uint16_t)(i + 1), i % 2 == 0 ? 0x2000 : 0x0007);
        wrap_ethernet(&b, 0x0800);
        unsigned fragment = worker_of(l, fd);
        build_start(&b, VIEW("\x12\x34\x56\x78 a fragment"));
        wrap_ipv4_part(&b, UDP, B, A, (uint16_t)(i + 1), 0x2000);
        wrap_ethernet(&b, 0x0800);
        assert_int_equal(worker_of(l, fd), fragment);
    }
    unsigned of_first = 0;
    for (uint8_t i = 0; i < 12; i++) { /* GRE between other pairs */
        char host[4] = { 10, 0, 1, (char)i };
        build_start(&b, VIEW("\0\0\x08\0 not really GRE"));
        wrap_ipv4(&b, 47, A, host);
        wrap_ethernet(&b, 0x0800);
        unsigned worker = worker_of(l, fd);
        of_first += worker == 0;
        build_start(&b, VIEW("\0\0\x08\0 not really GRE"));
        wrap_ipv4(&b, 47, host, A);
        wrap_ethernet(&b, 0x0800);
        assert_int_equal(worker_of(l, fd), worker);
    }
    assert_in_range(of_first, 1, 11);
    close(fd);
    live_free(l);
}

/* Where there is no Ethernet header: a tunnel's interface, of which the test is the other end. */
static void test_live_interface_without_ethernet_gives_ip(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ifreq r = { .ifr_name = "tunnel", .ifr_flags = IFF_TUN | IFF_NO_PI };
    struct live_config c = config_of("tunnel", 2, true);
    struct imw_error_info err = { .code = IMW_OK };
    struct live_grant grant;
    struct live *l;
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC), out = socket(AF_PACKET, SOCK_RAW, 0);
    unsigned of_first = 0;

    if (tun < 0)
        skip();
    assert_int_equal(ioctl(tun, TUNSETIFF, &r), 0);
    run("ip link set tunnel up");
    assert_true(live_grant_open(&c, &grant, &err));
    assert_string_equal(grant.note, "no bypass: it reads Ethernet frames only");
    assert_true(live_new(&c, &grant, &l, &err));
    assert_false(live_can_bypass(l));
    struct sockaddr_ll to = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_IP),
                              .sll_ifindex = (int)if_nametoindex("tunnel") };
    for (uint16_t i = 0; i < 12; i++) {
        build_udp(A, B, (uint16_t)(4000 + i), 443);
        b.at += 14;
        assert_int_equal(write(tun, build_view(&b).at, build_len(&b)), build_len(&b));
        collect(l, 2, 1);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.at[0].frame.link, 101);
        assert_int_equal(got.at[0].frame.data.len, build_len(&b));
        assert_memory_equal(got.at[0].bytes, build_view(&b).at, build_len(&b));
        unsigned worker = got.at[0].worker;
        of_first += worker == 0;
        build_udp(B, A, 443, (uint16_t)(4000 + i));
        b.at += 14;
        assert_int_equal(
            sendto(out, build_view(&b).at, build_len(&b), 0, (const struct sockaddr *)&to, sizeof to),
            build_len(&b));
        collect(l, 2, 1);
        assert_int_equal(got.count, 1);
        assert_memory_equal(got.at[0].bytes, build_view(&b).at, build_len(&b));
        assert_int_equal(got.at[0].worker, worker);
    }
    assert_in_range(of_first, 1, 11);
    close(tun), close(out);
    assert_true(answers(l, LIVE_GONE));
    live_free(l);
}

/* ---- interfaces that come and go ---- */

static void comes_and_goes(const struct live_config *config)
{
    struct live *l = live_on(config);
    int fd = sender("wire");

    assert_true(answers(l, LIVE_QUIET));
    for (unsigned i = 0; i < 2; i++) {
        run("ip link set port down");
        assert_true(answers(l, LIVE_DOWN));
        run("ip link set port up");
        assert_true(answers(l, LIVE_QUIET));
        build_udp(A, B, 4000, 5000);
        sends(fd);
        collect(l, config->workers, 1);
        assert_int_equal(got.count, 1);
    }
    run("ip link del port");
    assert_true(answers(l, LIVE_GONE));
    assert_true(answers(l, LIVE_GONE));
    close(fd);
    live_free(l);
}

static void test_live_interface_goes_down_comes_up_and_is_deleted(void **state)
{
    NEEDS_ROOT();
    struct live_config c = config_of("port", 2, false);

    comes_and_goes(&c);
    pair(state);
    c.bypass = true;
    comes_and_goes(&c);
}

static void begins_down(struct live_config c)
{
    run("ip link set port mtu 1500 && ip link set wire mtu 1500 && ip link set port down");
    struct live *l = live_on(&c);
    int fd = sender("wire");
    assert_true(answers(l, LIVE_DOWN));
    run("ip link set port up");
    for (unsigned i = 0; i < 5; i++) /* both notice, and wait for each other */
        (void)collect(l, c.workers, 0);
    for (uint16_t i = 0; i < 12; i++) {
        build_udp(A, B, (uint16_t)(4000 + i), 443);
        sends(fd);
        collect(l, c.workers, 1);
        assert_int_equal(got.count, 1);
        unsigned worker = got.at[0].worker;
        build_udp(B, A, 443, (uint16_t)(4000 + i));
        sends(fd);
        collect(l, c.workers, 1);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.at[0].worker, worker);
    }
    close(fd);
    live_free(l);
}

static void test_live_begins_on_an_interface_that_is_down(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 2, true);

    begins_down(c);
    c.workers = 1;
    c.method = LIVE_XDP;
    begins_down(c);
}

static void test_live_what_finds_no_room_is_counted(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, false);
    struct live *l = live_on(&c);
    int fd = sender("wire");
    struct live_counters counters;
    struct frame frames[64];
    unsigned n, read = 0, sent = 3000; /* of 2 KiB: the ring holds less than a thousand */
    static uint8_t payload[2000];

    build_start(&b, view_of(payload, sizeof payload));
    wrap_udp(&b, 4000, 5000);
    wrap_ipv4(&b, UDP, A, B);
    wrap_ethernet(&b, 0x0800);
    for (unsigned i = 0; i < sent; i++)
        sends(fd);
    for (unsigned quiet = 0; quiet < 3;)
        if (live_read(l, 0, frames, 64, 30, &n) == LIVE_FRAMES)
            read += n;
        else
            quiet++;
    live_counters(l, &counters);
    assert_int_equal(counters.received, read);
    assert_int_equal(counters.received + counters.dropped, sent);
    assert_true(counters.dropped > 0 && counters.freezes > 0);
    live_counters(l, &counters); /* they add up, though the kernel's begin anew */
    assert_int_equal(counters.received + counters.dropped, sent);
    close(fd);
    live_free(l);
}

/* ---- a block that lies ---- */

enum { BLOCK = 1024, FIRST = 64, APART = 256 };

/* Three frames in a ring of one block. */
static void block_fill(uint8_t *block)
{
    struct tpacket_block_desc head = { .version = 1 };

    memset(block, 0, BLOCK);
    head.hdr.bh1.block_status = TP_STATUS_USER;
    head.hdr.bh1.num_pkts = 3;
    head.hdr.bh1.offset_to_first_pkt = FIRST;
    memcpy(block, &head, sizeof head);
    for (unsigned i = 0; i < 3; i++) {
        struct tpacket3_hdr h = { .tp_next_offset = i < 2 ? APART : 0,
                                  .tp_sec = 7,
                                  .tp_snaplen = 100,
                                  .tp_len = 100,
                                  .tp_mac = 82,
                                  .tp_net = 96 };
        memcpy(block + FIRST + i * APART, &h, sizeof h);
    }
}

/* Read it all; returns the frames, whose bytes are all looked at. */
static unsigned block_read(uint8_t *block, uint16_t link, uint64_t *out_broken)
{
    struct live_worker w = {
        .fd = -1, .memory = block, .memory_bytes = BLOCK, .block_bytes = BLOCK, .block_count = 1
    };
    struct live l = { .interface = { .link = link }, .workers = 1, .worker = &w, .control = -1 };
    struct frame frames[2];
    volatile uint8_t sum = 0;
    unsigned n, total = 0;

    while ((n = live_packet_methods.take(&l, &w, frames, 2)) > 0) {
        for (unsigned i = 0; i < n; i++)
            for (size_t at = 0; at < frames[i].data.len; at++)
                sum = (uint8_t)(sum + frames[i].data.at[at]);
        total += n;
    }
    *out_broken = w.broken;
    return total;
}

static void test_live_a_block_is_never_left_whatever_it_says(void **state)
{
    (void)state;
    uint8_t *block = malloc(BLOCK); /* alone, so that AddressSanitizer sees its ends */
    uint64_t broken;

    block_fill(block);
    assert_int_equal(block_read(block, LINK_ETHERNET, &broken), 3);
    assert_int_equal(broken, 0);
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    for (size_t at = 12; at < BLOCK; at++) /* behind the status */
        for (size_t v = 0; v < sizeof values; v++)
            for (unsigned link = 0; link < 2; link++) {
                block_fill(block);
                block[at] = values[v];
                (void)block_read(block, link == 0 ? LINK_ETHERNET : LINK_RAW, &broken);
            }
    block_fill(block);
    memset(block + FIRST + APART, 0, 4); /* the second says that it is the last */
    assert_int_equal(block_read(block, LINK_ETHERNET, &broken), 1);
    assert_int_equal(broken, 2);
    block_fill(block);
    memset(block + FIRST + 2 * APART + 12, 0xff, 4); /* the third is longer than the block */
    assert_int_equal(block_read(block, LINK_ETHERNET, &broken), 2);
    assert_int_equal(broken, 1);
    free(block);
}

/* ---- the bypass ---- */

static struct live_flow flow_of(const char *a, const char *c, uint16_t a_port, uint16_t c_port, uint8_t l4)
{
    return (struct live_flow){
        .addr = { ip_from_v4((const uint8_t *)a), ip_from_v4((const uint8_t *)c) },
        .port = { a_port, c_port },
        .l4 = l4,
    };
}

/* Does what was built last come through? */
static bool passes(struct live *l, int fd)
{
    sends(fd);
    collect(l, 1, 0);
    return got.count == 1;
}

static void bypass_counts(const struct live_config *config)
{
    struct live *l = live_on(config);
    struct live_flow f = flow_of(B, A, 443, 4000, TCP);
    struct live_bypassed counted;
    struct live_counters counters;
    int fd = sender("wire");

    assert_true(live_can_bypass(l));
    assert_false(live_bypass_read(l, &f, false, &counted));
    assert_true(live_bypass(l, &f));
    assert_true(live_bypass(l, &f)); /* again: it is */
    assert_true(live_bypass_read(l, &f, false, &counted));
    assert_int_equal(counted.last_us, 0);
    uint64_t before = now_us();

    build_tcp(A, B, 4000, 443, TCP_ACK);
    size_t bytes = build_len(&b);
    assert_false(passes(l, fd));
    assert_false(passes(l, fd));
    build_tcp(B, A, 443, 4000, TCP_ACK | TCP_PSH);
    assert_false(passes(l, fd));
    build_tcp(B, A, 443, 4000, TCP_ACK | TCP_FIN);
    assert_true(passes(l, fd));
    build_tcp(B, A, 443, 4000, TCP_RST);
    assert_true(passes(l, fd));
    build_tcp(A, B, 4000, 443, TCP_SYN);
    assert_true(passes(l, fd));
    build_tcp(A, B, 4001, 443, TCP_ACK);
    assert_true(passes(l, fd));
    build_udp(A, B, 4000, 443);
    assert_true(passes(l, fd));

    assert_true(live_bypass_read(l, &f, false, &counted));
    assert_int_equal(counted.packets[0], 1); /* from B, the first end of `f` */
    assert_int_equal(counted.packets[1], 2);
    assert_int_equal(counted.bytes[0], bytes);
    assert_int_equal(counted.bytes[1], 2 * bytes);
    assert_true(counted.last_us + 1000 >= before && counted.last_us <= now_us() + 1000);
    struct live_flow turned = flow_of(A, B, 4000, 443, TCP);
    assert_true(live_bypass_read(l, &turned, true, &counted));
    assert_int_equal(counted.packets[0], 2);
    assert_int_equal(counted.packets[1], 1);
    assert_false(live_bypass_read(l, &f, true, &counted));
    build_tcp(A, B, 4000, 443, TCP_ACK);
    assert_true(passes(l, fd));

    live_counters(l, &counters);
    assert_int_equal(counters.received, 6);
    assert_int_equal(counters.bypassed_packets, 3);
    assert_int_equal(counters.bypassed_bytes, 3 * bytes);
    assert_int_equal(counters.bypassed_flows, 1);
    assert_int_equal(counters.bypass_full, 0);
    close(fd);
    live_free(l);
}

static void test_live_bypass_drops_and_counts_by_direction(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, true);

    bypass_counts(&c);
}

static void test_live_bypass_reads_tags_options_and_ipv6(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, true);
    struct live *l = live_on(&c);
    struct live_flow four = flow_of(A, B, 4000, 5000, UDP), six = four;
    int wire = sender("wire"), port = sender("port");

    six.addr[0] = ip_from_v6((const uint8_t *)A6);
    six.addr[1] = ip_from_v6((const uint8_t *)B6);
    assert_true(live_bypass(l, &four) && live_bypass(l, &six));
    build_udp(B, A, 5000, 4000);
    assert_false(passes(l, wire));
    assert_false(passes(l, port));
    b.at += 14;
    WRAP(&b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x00\x2a\x08\x00");
    assert_false(passes(l, wire)); /* the kernel takes the tag out */
    assert_false(passes(l, port)); /* here not */
    b.at += 18;
    WRAP(&b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xa8\x00\x01\x81\x00\x00\x2a\x08\x00");
    assert_false(passes(l, wire));
    assert_false(passes(l, port));

    build_start(&b, VIEW("with options in the IP header, of eight octets"));
    wrap_udp(&b, 4000, 5000);
    WRAP(&b, "\x01\x01\x01\x01\x01\x01\x01\x00");
    wrap_ipv4(&b, UDP, A, B);
    b.bytes[b.at] = 0x47;
    wrap_ethernet(&b, 0x0800);
    assert_false(passes(l, wire));

    build_start(&b, VIEW("sixth version"));
    wrap_udp(&b, 4000, 5000);
    wrap_ipv6(&b, UDP, A6, B6);
    wrap_ethernet(&b, 0x86dd);
    assert_false(passes(l, wire));

    build_start(&b, VIEW("\x0f\xa0\x13\x88 ports that are none: a fragment"));
    wrap_ipv4_part(&b, UDP, A, B, 7, 0x0010);
    wrap_ethernet(&b, 0x0800);
    assert_true(passes(l, wire));
    build_start(&b, VIEW("behind another header"));
    wrap_udp(&b, 4000, 5000);
    WRAP(&b, "\x11\x00\x01\x04\x00\x00\x00\x00");
    wrap_ipv6(&b, 60, A6, B6);
    wrap_ethernet(&b, 0x86dd);
    assert_true(passes(l, wire));
    close(wire), close(port);
    live_free(l);
}

static void test_live_bypass_says_when_it_is_full(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, true);
    struct live_counters counters;
    struct live_bypassed counted;
    unsigned added = 0;

    c.bypass_flows = 16;
    struct live *l = live_on(&c);
    for (uint16_t i = 0; i < 40; i++) {
        struct live_flow f = flow_of(A, B, (uint16_t)(1000 + i), 443, TCP);
        added += live_bypass(l, &f);
    }
    assert_int_equal(added, 16);
    live_counters(l, &counters);
    assert_int_equal(counters.bypassed_flows, 16);
    assert_int_equal(counters.bypass_full, 24);
    struct live_flow first = flow_of(A, B, 1000, 443, TCP), late = flow_of(A, B, 9, 443, TCP);
    assert_true(live_bypass_read(l, &first, true, &counted));
    assert_true(live_bypass(l, &late));
    live_free(l);
}

static void test_live_bypass_is_off_unless_asked_for(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, false);
    struct live_flow f = flow_of(A, B, 4000, 443, TCP);
    struct live_bypassed counted;
    struct live *l = live_on(&c);

    assert_false(live_can_bypass(l));
    assert_false(live_bypass(l, &f));
    assert_false(live_bypass_read(l, &f, true, &counted));
    live_free(l);
}

/* ---- privilege ---- */

static bool drop_privilege(void)
{
    if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        return false;
    return socket(AF_PACKET, SOCK_RAW, 0) < 0; /* it is gone */
}

/* In a process of its own: 0, or the number of the step that failed. */
static int read_unprivileged(const struct live_config *config, struct live_grant *grant, int fd)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct live_flow f = flow_of(A, B, 4000, 5000, UDP);
    struct live_bypassed counted;
    struct live_counters counters;
    struct live *l;

    if (!drop_privilege())
        return 1;
    if (!live_new(config, grant, &l, &err)) {
        print_message("%s\n", err.text);
        return 2;
    }
    build_udp(A, B, 4000, 5000);
    if (!send_built(fd) || collect(l, config->workers, 1) == LIVE_GONE || got.count != 1)
        return 3;
    if (!live_can_bypass(l) || !live_bypass(l, &f))
        return 4;
    if (!send_built(fd) || collect(l, config->workers, 0) == LIVE_GONE || got.count != 0)
        return 5;
    if (!live_bypass_read(l, &f, true, &counted) || counted.packets[0] != 1)
        return 6;
    live_counters(l, &counters);
    if (counters.received != 1 || counters.bypassed_packets != 1)
        return 7;
    live_free(l);
    return 0;
}

static void reads_without_privilege(const struct live_config *config)
{
    struct imw_error_info err;
    struct live_grant grant;
    int fd = sender("wire"), status;

    assert_true(live_grant_open(config, &grant, &err));
    assert_string_equal(grant.note, "");
    pid_t child = fork();
    if (child == 0)
        _exit(read_unprivileged(config, &grant, fd));
    live_grant_close(&grant);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(fd);
}

static void test_live_grant_is_used_by_a_process_without_capabilities(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 2, true);

    c.promiscuous = true;
    reads_without_privilege(&c);
    c.workers = 1;
    reads_without_privilege(&c);
}

/* A grant over a socket, as one process sends it to another: the struct, and its descriptors apart. */
static bool grant_send(int channel, struct live_grant *grant)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(LIVE_GRANT_FDS * sizeof(int))] = { 0 };
    struct iovec whole = { grant, sizeof *grant };
    struct msghdr m = { .msg_iov = &whole, .msg_iovlen = 1, .msg_control = control };
    int *fds[LIVE_GRANT_FDS], open_fds[LIVE_GRANT_FDS];
    unsigned n = live_grant_fds(grant, fds), used = 0;

    for (unsigned i = 0; i < n; i++)
        if (*fds[i] >= 0)
            open_fds[used++] = *fds[i];
    m.msg_controllen = CMSG_SPACE(used * sizeof(int));
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *h = (struct cmsghdr){ CMSG_LEN(used * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(h), open_fds, used * sizeof(int));
    return sendmsg(channel, &m, 0) == (ssize_t)sizeof *grant;
}

static bool grant_receive(int channel, struct live_grant *grant)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(LIVE_GRANT_FDS * sizeof(int))] = { 0 };
    struct iovec whole = { grant, sizeof *grant };
    struct msghdr m = {
        .msg_iov = &whole, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    int *fds[LIVE_GRANT_FDS], received[LIVE_GRANT_FDS];
    unsigned used = 0;

    if (recvmsg(channel, &m, 0) != (ssize_t)sizeof *grant || CMSG_FIRSTHDR(&m) == NULL)
        return false;
    size_t bytes = CMSG_FIRSTHDR(&m)->cmsg_len - CMSG_LEN(0);
    memcpy(received, CMSG_DATA(CMSG_FIRSTHDR(&m)), bytes);
    for (unsigned i = 0, n = live_grant_fds(grant, fds); i < n; i++)
        if (*fds[i] >= 0)
            *fds[i] = used < bytes / sizeof(int) ? received[used++] : -1;
    return used == bytes / sizeof(int);
}

static void test_live_grant_is_sent_to_another_process(void **state)
{
    NEEDS_ROOT();
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct live_config c = config_of("port", i == 0 ? 2 : 1, true);
        struct imw_error_info err;
        struct live_grant grant = { .ifindex = 0 };
        int fd = sender("wire"), channel[2], status;

        if (i == 1)
            run("ip link set port mtu 1500 && ip link set wire mtu 1500");
        c.method = i == 0 ? LIVE_PACKET : LIVE_XDP;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
        pid_t child = fork();
        if (child == 0) {
            close(0); /* so that no descriptor has the number that it has in the parent */
            _exit(grant_receive(channel[1], &grant) ? read_unprivileged(&c, &grant, fd) : 100);
        }
        assert_true(live_grant_open(&c, &grant, &err));
        assert_true(grant_send(channel[0], &grant));
        live_grant_close(&grant);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        close(fd), close(channel[0]), close(channel[1]);
    }
}

/* Nobody, who may capture and nothing else. */
static bool keep_only_raw(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { .effective = 1u << CAP_NET_RAW,
                                                .permitted = 1u << CAP_NET_RAW } };

    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
           setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0 &&
           syscall(SYS_capset, &head, data) == 0;
}

/* In a process of its own. */
static int read_with_raw_only(const struct live_config *config, int fd)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct live_grant grant;
    struct live *l;
    unsigned of_first = 0;

    if (!keep_only_raw())
        return 1;
    if (!live_grant_open(config, &grant, &err) || !live_new(config, &grant, &l, &err)) {
        print_message("%s\n", err.text);
        return 2;
    }
    if (live_can_bypass(l) || strstr(grant.note, "no bypass") == NULL ||
        strstr(grant.note, "CAP_BPF") == NULL)
        return 3;
    for (uint16_t i = 0; i < 12; i++) {
        build_udp(A, B, (uint16_t)(4000 + i), 443);
        if (!send_built(fd) || collect(l, 2, 1) == LIVE_GONE || got.count != 1)
            return 4;
        unsigned worker = got.at[0].worker;
        of_first += worker == 0;
        build_udp(B, A, 443, (uint16_t)(4000 + i));
        if (!send_built(fd) || collect(l, 2, 1) == LIVE_GONE || got.count != 1 || got.at[0].worker != worker)
            return 5;
    }
    live_free(l);
    return of_first > 0 && of_first < 12 ? 0 : 6;
}

static void test_live_works_with_the_capability_to_capture_alone(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 2, true);
    int fd = sender("wire"), status;
    pid_t child = fork();

    if (child == 0)
        _exit(read_with_raw_only(&c, fd));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(fd);
}

static int grant_unprivileged(const struct live_config *config)
{
    struct imw_error_info err;
    struct live_grant grant;

    if (!drop_privilege())
        return 1;
    if (live_grant_open(config, &grant, &err))
        return 2;
    return strstr(err.text, "CAP_NET_RAW") != NULL && strstr(err.text, "'port'") != NULL ? 0 : 3;
}

static void test_live_refusals_say_what_to_do(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("nowhere", 1, true);
    struct imw_error_info err;
    struct live_grant grant;
    int status;

    assert_false(live_grant_open(&c, &grant, &err));
    assert_string_equal(err.text, "there is no interface 'nowhere'; there are: lo, wire, port");
    c = config_of("port", 65, true);
    assert_false(live_grant_open(&c, &grant, &err));
    assert_non_null(strstr(err.text, "1 to 64"));
    c = config_of("port", 3, true);
    c.method = LIVE_XDP;
    assert_false(live_grant_open(&c, &grant, &err));
    assert_non_null(strstr(err.text, "ethtool -L"));
    c = config_of("port", 1, true);
    pid_t child = fork();
    if (child == 0)
        _exit(grant_unprivileged(&c));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);

    c.ring_mib = 4096;
    struct live *l;
    assert_true(live_grant_open(&c, &grant, &err));
    assert_false(live_new(&c, &grant, &l, &err));
    assert_non_null(strstr(err.text, "2047"));
    live_grant_close(&grant); /* still ours */
}

static void test_live_grant_lists_all_its_descriptors(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 3, true);
    struct imw_error_info err;
    struct live_grant grant;
    int *fds[LIVE_GRANT_FDS];
    unsigned used = 0;

    assert_true(live_grant_open(&c, &grant, &err));
    unsigned n = live_grant_fds(&grant, fds);
    assert_in_range(n, LIVE_WORKERS + 1, LIVE_GRANT_FDS);
    for (unsigned i = 0; i < n; i++)
        used += *fds[i] >= 0;
    assert_int_equal(used, 3 + 4); /* sockets; two tables, the filter, the spread */
    assert_true(grant.bypass);
    live_grant_close(&grant);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(*fds[i], -1);
}

/* ---- AF_XDP ---- */

static void test_live_xdp_gives_frames_and_bypasses(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, false);

    run("ip link set port mtu 1500 && ip link set wire mtu 1500");
    c.method = LIVE_XDP;
    frames_come_as_they_were_sent(&c);
    c.bypass = c.promiscuous = true;
    frames_come_as_they_were_sent(&c);
    bypass_counts(&c);
    comes_and_goes(&c);
}

/* Send, from another process; the parent reads. */
static pid_t send_many(unsigned count)
{
    pid_t child = fork();

    if (child == 0) {
        int fd = sender("wire");
        build_udp(A, B, 4000, 5000);
        while (count > 0)
            count -= send_built(fd);
        _exit(0);
    }
    return child;
}

/* Read all that comes at once; in the midst of it the flow is bypassed. Every frame must be in one count, and
 * quiet is not answered before its time. */
static void reads_all(struct live_config c)
{
    struct live_flow f = flow_of(A, B, 4000, 5000, UDP);
    struct live_bypassed counted = { .last_us = 0 };
    struct live_counters counters;
    struct frame frames[64];
    unsigned n, read = 0, sent = 60000;
    int status;

    struct live *l = live_on(&c);
    pid_t child = send_many(sent);
    for (bool ended = false;;) {
        uint64_t before = now_us();
        if (live_read(l, 0, frames, 64, 50, &n) == LIVE_FRAMES) {
            if (c.bypass && read < 1000 && read + n >= 1000)
                assert_true(live_bypass(l, &f));
            read += n;
            continue;
        }
        assert_true(now_us() - before >= 49000);
        if (ended)
            break;
        ended = waitpid(child, &status, WNOHANG) == child;
    }
    live_counters(l, &counters);
    assert_int_equal(counters.received, read);
    assert_int_equal(counters.received + counters.dropped + counters.bypassed_packets, sent);
    assert_int_equal(live_bypass_read(l, &f, true, &counted), c.bypass);
    assert_int_equal(counted.packets[0], counters.bypassed_packets);
    assert_int_equal(counted.bytes[0], counters.bypassed_bytes);
    assert_true(!c.bypass || counted.packets[0] > 0);
    live_free(l);
}

static void test_live_every_frame_is_counted_once_at_full_speed(void **state)
{
    NEEDS_ROOT();
    (void)state;
    run("ip link set port mtu 1500 && ip link set wire mtu 1500");
    for (unsigned i = 0; i < 4; i++) {
        struct live_config c = config_of("port", 1, i % 2 != 0);

        c.method = i < 2 ? LIVE_PACKET : LIVE_XDP;
        reads_all(c);
    }
}

static void test_live_xdp_needs_a_worker_a_queue(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("many", 2, false);
    struct live_grant grant, second;
    struct imw_error_info err;

    run("ip link add many numrxqueues 2 numtxqueues 2 type veth peer name other numrxqueues 2 numtxqueues 2 &&"
        "ip link set many up && ip link set other up");
    c.method = LIVE_XDP;
    struct live *l = live_on(&c);
    int fd = sender("other");
    build_udp(A, B, 4000, 443);
    (void)worker_of(l, fd);
    assert_true(live_grant_open(&c, &grant, &err) == false);
    assert_non_null(strstr(err.text, "XDP program already"));
    live_free(l);
    assert_true(live_grant_open(&c, &second, &err)); /* it went with its last descriptor */
    live_grant_close(&second);
    close(fd);
    run("ip link del many");
}

static void test_live_xdp_works_where_the_driver_has_none(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("lo", 1, false);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(9),
                              .sin_addr = { htonl(0x7f000001) } };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct imw_error_info err;
    struct live_grant grant;
    struct live *l;

    c.method = LIVE_XDP;
    assert_true(live_grant_open(&c, &grant, &err));
    assert_non_null(strstr(grant.note, "generic"));
    assert_true(live_new(&c, &grant, &l, &err));
    assert_int_equal(sendto(fd, "hello", 5, 0, (const struct sockaddr *)&to, sizeof to), 5);
    collect(l, 1, 1);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.at[0].frame.data.len, 47);
    close(fd);
    live_free(l);
}

static void test_live_xdp_grant_is_used_by_a_process_without_capabilities(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, true);

    run("ip link set port mtu 1500 && ip link set wire mtu 1500");
    c.method = LIVE_XDP;
    reads_without_privilege(&c);
}

/* In a process of its own. */
static int lock_nothing(const struct live_config *config, struct live_grant *grant)
{
    struct rlimit little = { 65536, 65536 };
    struct imw_error_info err = { .code = IMW_OK };
    struct live *l;

    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || !drop_privilege())
        return 1;
    if (live_new(config, grant, &l, &err))
        return 2;
    return err.code == IMW_ERROR_LIMIT && strstr(err.text, "LimitMEMLOCK") != NULL ? 0 : 3;
}

static void test_live_xdp_says_which_limit_is_too_low(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct live_config c = config_of("port", 1, false);
    struct imw_error_info err;
    struct live_grant grant;
    int status;

    run("ip link set port mtu 1500 && ip link set wire mtu 1500");
    c.method = LIVE_XDP;
    assert_true(live_grant_open(&c, &grant, &err));
    pid_t child = fork();
    if (child == 0)
        _exit(lock_nothing(&c, &grant));
    live_grant_close(&grant);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define LIVE_TEST(name) cmocka_unit_test_setup_teardown(name, pair, unpair)
    const struct CMUnitTest tests[] = {
        LIVE_TEST(test_live_frames_come_as_they_were_sent),
        LIVE_TEST(test_live_joined_segments_are_one_long_frame),
        cmocka_unit_test(test_live_a_block_is_never_left_whatever_it_says),
        LIVE_TEST(test_live_vlan_tags_are_kept),
        LIVE_TEST(test_live_loopback_gives_each_packet_once),
        LIVE_TEST(test_live_both_directions_of_a_flow_come_to_one_worker),
        LIVE_TEST(test_live_tunnels_and_fragments_are_spread_by_addresses_alone),
        LIVE_TEST(test_live_interface_without_ethernet_gives_ip),
        LIVE_TEST(test_live_interface_goes_down_comes_up_and_is_deleted),
        LIVE_TEST(test_live_begins_on_an_interface_that_is_down),
        LIVE_TEST(test_live_what_finds_no_room_is_counted),
        LIVE_TEST(test_live_bypass_drops_and_counts_by_direction),
        LIVE_TEST(test_live_bypass_reads_tags_options_and_ipv6),
        LIVE_TEST(test_live_bypass_says_when_it_is_full),
        LIVE_TEST(test_live_bypass_is_off_unless_asked_for),
        LIVE_TEST(test_live_grant_is_used_by_a_process_without_capabilities),
        LIVE_TEST(test_live_grant_is_sent_to_another_process),
        LIVE_TEST(test_live_works_with_the_capability_to_capture_alone),
        LIVE_TEST(test_live_refusals_say_what_to_do),
        LIVE_TEST(test_live_grant_lists_all_its_descriptors),
        LIVE_TEST(test_live_xdp_gives_frames_and_bypasses),
        LIVE_TEST(test_live_every_frame_is_counted_once_at_full_speed),
        LIVE_TEST(test_live_xdp_needs_a_worker_a_queue),
        LIVE_TEST(test_live_xdp_works_where_the_driver_has_none),
        LIVE_TEST(test_live_xdp_says_which_limit_is_too_low),
        LIVE_TEST(test_live_xdp_grant_is_used_by_a_process_without_capabilities),
    };

    return cmocka_run_group_tests(tests, enter, NULL);
}
