/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules as text, and then against the real kernel: packets between two namespaces, forwarded by a third
 * where the rules are. What the kernel lacks of them (queues of nftables, flow tables) is tested as text
 * only.
 */
#include "enforce/ruleset.h"
#include "enforce/ruleset_text.h"
#include "forwarding.h"
#include "packet/queue.h"
#include <sys/wait.h>

enum { FIRST = 40, PORT = 5000 };

static void take_down(void)
{
    struct imw_error_info err;

    assert_true(ruleset_clear(&err));
}

static char memory[RULESET_TEXT_BYTES];

/* ---- text ---- */

static const struct ruleset_config two = {
    .first_queue = 4,
    .queues = 3,
    .fail_open = true,
    .flow_table = true,
    .endpoints = true,
    .interfaces = { "lan0", "wan0.7" },
    .interface_count = 2,
};

static void expect_line(const char *line)
{
    const char *at = strstr(memory, line);

    if (at == NULL || (at != memory && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line '%s' in:\n%s", line, memory);
}

static void expect_no(const char *words)
{
    if (strstr(memory, words) != NULL)
        fail_msg("'%s' in:\n%s", words, memory);
}

#define BETWEEN "iifname { \"lan0\", \"wan0.7\" } oifname { \"lan0\", \"wan0.7\" } "

static void test_nft_text(void **state)
{
    struct ruleset_info info = { .kind = RULESET_NFT, .flow_table = true };
    const char *notes[] = { "was_off_conntrack_acct", NULL };
    struct text t = TEXT(memory);

    (void)state;
    ruleset_nft_install(&t, &two, &info, 5, notes);
    expect_line("delete table inet imward");
    expect_line("add chain inet imward generation_5");
    expect_line("add chain inet imward was_off_conntrack_acct");
    expect_line(
        "add flowtable inet imward flows_5 { hook ingress priority filter; devices = { \"lan0\", \"wan0.7\" "
        "}; counter; }");
    expect_line("add rule inet imward before " BETWEEN
                "ct mark & 0x03ff0000 == 0x01050000 flow add @flows_5");
    expect_line("add rule inet imward before " BETWEEN
                "tcp flags & (fin | rst) == 0 ct mark & 0x03ff0000 == 0x01050000 accept");
    expect_line("add rule inet imward before " BETWEEN "ct mark & 0x03ff0000 == 0x02050000 counter drop");
    expect_line("add rule inet imward before " BETWEEN
                "meta l4proto { tcp, udp } counter queue flags bypass to 4-6");
    expect_line(
        "add rule inet imward behind meta mark & 0x03ff0000 == 0x02050000 ct mark set ct mark & 0xfc00ffff "
        "| 0x02050000");
    expect_line("add rule inet imward endpoints " BETWEEN "ip6 saddr @blocked6 counter drop");

    t = TEXT(memory);
    ruleset_nft_switch(&t, &two, &info, 5, 255);
    expect_line("flush chain inet imward before");
    expect_line("delete chain inet imward generation_5");
    expect_line("add chain inet imward generation_255");
    expect_line("delete flowtable inet imward flows_5"); /* what is in it would not come back to be judged */
    expect_line("add rule inet imward before " BETWEEN
                "ct mark & 0x03ff0000 == 0x01ff0000 flow add @flows_255");
    expect_no("0x01050000");
    expect_no("blocked"); /* the sets stay */

    struct ruleset_config one = { .first_queue = 9, .queues = 1 };
    info.flow_table = false;
    t = TEXT(memory);
    ruleset_nft_install(&t, &one, &info, 5, notes + 1);
    expect_line("add rule inet imward before meta l4proto { tcp, udp } ct state invalid counter drop");
    expect_line("add rule inet imward before meta l4proto { tcp, udp } counter queue to 9");
    expect_no("iifname");
    expect_no("flow");
    expect_no("blocked");
    assert_false(t.cut);
}

static void test_iptables_text(void **state)
{
    struct ruleset_config config = two;
    struct text t = TEXT(memory);

    (void)state;
    config.bridge = true;
    ruleset_iptables_install(&t, &config, 5, 2);
    expect_line("-D FORWARD -j IMWARD\n-D FORWARD -j IMWARD\n-A IMWARD -i lan0 -g IMWARD-TO");
    expect_line("-A IMWARD-TO -o wan0.7 -g IMWARD-ASK");
    expect_line("-A IMWARD -m physdev --physdev-in wan0.7 -g IMWARD-TO");
    expect_line("-A IMWARD-TO -m physdev --physdev-out lan0 -g IMWARD-ASK");
    expect_line("-A IMWARD-ASK -p tcp -m connmark --mark 0x01050000/0x03ff0000 -m tcp --tcp-flags FIN,RST "
                "NONE -j RETURN");
    expect_line("-A IMWARD-ASK -m connmark --mark 0x02050000/0x03ff0000 -j DROP");
    expect_line("-A IMWARD-ASK -p tcp -j NFQUEUE --queue-balance 4:6 --queue-bypass");
    expect_line("-A IMWARD-ASK -p udp -j NFQUEUE --queue-balance 4:6 --queue-bypass");
    config.bridge = false;
    config.fail_open = false;
    config.queues = 1;
    config.interface_count = 0;
    t = TEXT(memory);
    ruleset_iptables_install(&t, &config, 5, 0);
    expect_line("-A IMWARD -g IMWARD-ASK");
    expect_line("-A IMWARD-ASK -p udp -j NFQUEUE --queue-num 4");
    expect_no("physdev");
    expect_no("-D ");
}

static void test_bad_config(void **state)
{
    struct imw_error_info err;
    struct ruleset_config config = two;

    (void)state;
    assert_true(ruleset_check(&config, &err));
    const char *bad[] = { "", "..", "a b", "a\"b", "a;b", "a\nb", "eth+", "eth*", "-j", "a/b", "{" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(config.interfaces[1], sizeof config.interfaces[1], "%s", bad[i]);
        assert_false(ruleset_check(&config, &err));
    }
    config = two;
    config.first_queue = 65534; /* to 65536 */
    assert_false(ruleset_check(&config, &err));
    config.first_queue = 65533;
    assert_true(ruleset_check(&config, &err));
    config.queues = 0;
    assert_false(ruleset_check(&config, &err));
    config = two;
    config.interface_count = RULESET_INTERFACES + 1;
    assert_false(ruleset_check(&config, &err));
    /* The most there can be fits. */
    config.interface_count = RULESET_INTERFACES;
    config.bridge = true;
    for (unsigned i = 0; i < RULESET_INTERFACES; i++)
        snprintf(config.interfaces[i], sizeof config.interfaces[i], "interface-%05u", i);
    struct text t = TEXT(memory);
    ruleset_iptables_install(&t, &config, 255, 1);
    assert_false(t.cut);
    config.bridge = false;
    t = TEXT(memory);
    ruleset_nft_install(&t, &config, &(struct ruleset_info){ .kind = RULESET_NFT, .flow_table = true }, 255,
                        (const char *const[]){ NULL });
    assert_false(t.cut);
}

/* ---- the kernel ---- */

static struct queued got[QUEUE_BATCH];
static char before[1 << 16], after[1 << 16];

static int enter(void **state)
{
    (void)state;
    forwarding_start("nft list tables >/dev/null 2>&1 && iptables-nft --version >/dev/null 2>&1");
    return 0;
}

/* nft takes the text; what it complains of are lines with what this kernel lacks, and interfaces. */
static void test_nft_takes_text(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct ruleset_info info = { .kind = RULESET_NFT, .flow_table = true };
    struct text t = TEXT(memory);
    FILE *f =
        popen("! nft -c -f - 2>&1 | grep -v -E '^/dev/stdin.*No such file or directory|^[ ^]+$|queue|flow'",
              "w"); /* grep finds no other line */

    assert_non_null(f);
    ruleset_nft_install(&t, &two, &info, 5, (const char *const[]){ NULL });
    fwrite(memory, 1, t.len, f);
    assert_int_equal(pclose(f), 0);
}

static void output_of(const char *command, char *out, size_t size)
{
    FILE *f = popen(command, "r");

    assert_non_null(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    pclose(f);
}

/* Counters apart, which go on. */
#define ALL                                                                                                                                       \
    "nft list ruleset 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//'; iptables-nft-save | grep -v '^#'; ip6tables-nft-save | grep -v '^#'; " \
    "cat /proc/sys/net/netfilter/nf_conntrack_acct /proc/sys/net/bridge/bridge-nf-* 2>/dev/null"

static const struct ruleset_config plain = { .first_queue = FIRST, .queues = 2, .endpoints = true };

static struct ruleset_info install(const struct ruleset_config *config)
{
    struct imw_error_info err;
    struct ruleset_info info;

    if (!ruleset_install(config, &info, &err))
        fail_msg("%s", err.text);
    return info;
}

struct net {
    struct queue *q[2];
    int near, far, near6, far6;
};

static struct net open_net(void)
{
    struct net n = { .near = end_socket(near_ns, SOCK_DGRAM, NEAR, PORT),
                     .far = end_socket(far_ns, SOCK_DGRAM, FAR, PORT),
                     .near6 = end_socket(near_ns, SOCK_DGRAM, NEAR6, PORT),
                     .far6 = end_socket(far_ns, SOCK_DGRAM, FAR6, PORT) };
    struct imw_error_info err;

    for (unsigned i = 0; i < 2; i++) {
        struct queue_config config = { .number = (uint16_t)(FIRST + i) };
        int fd = -1;

        if (!queue_open(&config, &fd, &err) || !queue_new(fd, config.number, &n.q[i], &err))
            fail_msg("%s", err.text);
    }
    return n;
}

static void close_net(struct net *n)
{
    for (unsigned i = 0; i < 2; i++)
        queue_free(n->q[i]);
    close(n->near);
    close(n->far);
    close(n->near6);
    close(n->far6);
}

/* The next packet of any queue: gets this verdict. False: none comes. */
static bool judge(struct net *n, uint32_t mark)
{
    for (unsigned i = 0; i < 30; i++) {
        unsigned count;

        queue_read(n->q[i % 2], got, 1, 5, &count);
        if (count > 0) {
            queue_accept(n->q[i % 2], got[0].id, mark);
            queue_flush(n->q[i % 2]);
            return true;
        }
    }
    return false;
}

static void test_verdicts(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct imw_error_info err;
    struct net n = open_net();

    output_of(ALL, before, sizeof before);
    struct ruleset_info info = install(&plain);
    assert_in_range(info.generation, 1, 255);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        int near = v6 ? n.near6 : n.near, far = v6 ? n.far6 : n.far;
        const char *to = v6 ? FAR6 : FAR, *back = v6 ? NEAR6 : NEAR;
        unsigned generation = info.generation;

        for (unsigned i = 0; i < 3; i++) { /* not settled: asked each time, both ways */
            send_to(i == 1 ? far : near, i == 1 ? back : to, PORT, "one", 3);
            assert_true(judge(&n, 0));
            expect_text(i == 1 ? near : far, "one");
        }
        /* An old verdict lets the packet pass and is not remembered. */
        send_to(near, to, PORT, "two", 3);
        assert_true(judge(&n, mark_of(generation % 255 + 1, MARK_PASS)));
        expect_text(far, "two");
        send_to(near, to, PORT, "three", 5);
        assert_true(judge(&n, mark_of(generation, MARK_PASS) | 0x42)); /* others' bits are not saved */
        expect_text(far, "three");
        for (unsigned i = 0; i < 4; i++) { /* settled: not asked, both ways */
            send_to(i % 2 == 0 ? near : far, i % 2 == 0 ? to : back, PORT, "four", 4);
            expect_text(i % 2 == 0 ? far : near, "four");
        }
        assert_false(judge(&n, 0));
    }
    output_of("nft list ruleset | grep -c 'chain generation_'", after, sizeof after);
    assert_string_equal(after, "1\n");
    /* A new policy: each connection is judged anew, and may be dropped. */
    unsigned next = info.generation % 255 + 1;
    if (!ruleset_switch(&plain, &info, next, &err))
        fail_msg("%s", err.text);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        int near = v6 ? n.near6 : n.near, far = v6 ? n.far6 : n.far;
        const char *to = v6 ? FAR6 : FAR, *back = v6 ? NEAR6 : NEAR;

        send_to(near, to, PORT, "five", 4);
        assert_true(judge(&n, 0));
        expect_text(far, "five");
        send_to(near, to, PORT, "six", 3); /* of the generation before: dropped, yet not for good */
        assert_true(judge(&n, mark_of(info.generation, MARK_DROP)));
        send_to(near, to, PORT, "seven", 5);
        assert_true(judge(&n, mark_of(next, MARK_DROP)));
        send_to(near, to, PORT, "eight", 5);
        assert_false(judge(&n, 0));
        send_to(far, back, PORT, "nine", 4);
        assert_false(judge(&n, 0));
        expect_nothing(near);
        expect_nothing(far);
    }
    take_down();
    output_of(ALL, after, sizeof after);
    assert_string_equal(before, after);
    send_to(n.near, FAR, PORT, "ten", 3);
    expect_text(n.far, "ten");
    close_net(&n);
}

/* A connection of TCP: asked until it is settled, then it is the kernel's, to its end. */
static void test_transfer(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct net n = open_net();
    struct ruleset_info info = install(&plain);
    pid_t pid[2];
    int status[2] = { -1, -1 };
    unsigned asked = 0;

    connection(PORT, pid);
    for (unsigned i = 0; i < 400 && !ended(pid, status); i++)
        asked += judge(&n, asked < 5 ? 0 : mark_of(info.generation, MARK_PASS));
    expect_ended(pid, status);
    assert_in_range(asked, 6, 60); /* what was on its way; else 140 */
    take_down();
    close_net(&n);
}

/* Other bits of a connection's mark are left as they are. */
static void test_foreign_mark(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct net n = open_net();
    int other = end_socket(near_ns, SOCK_DGRAM, NEAR, PORT + 1);

    run("nft 'add table ip others; add chain ip others c { type filter hook prerouting priority mangle; }; "
        "add rule ip others c ct mark 0 ct mark set 0x40000042'");
    struct ruleset_info info = install(&plain);
    send_to(other, FAR, PORT, "one", 3);
    assert_true(judge(&n, mark_of(info.generation, MARK_PASS)));
    expect_text(n.far, "one");
    char command[128];
    snprintf(command, sizeof command, "conntrack -L --mark %u 2>/dev/null | grep -c 'sport=%u '",
             mark_of(info.generation, MARK_PASS) | 0x40000042, PORT + 1);
    output_of(command, after, sizeof after);
    assert_string_equal(after, "1\n");
    take_down();
    run("nft delete table ip others; conntrack -F 2>/dev/null");
    close(other);
    close_net(&n);
}

/* Who begins takes no generation that a connection bears, nor that of rules that are there. */
static void test_generation(void **state)
{
    NEEDS_ROOT();
    (void)state;
    run("for g in $(seq 1 255); do [ $g = 77 ] || [ $g = 78 ] || conntrack -I -p udp -s 192.0.2.1 -d 192.0.2.2 "
        "--sport $g --dport 9 -t 600 --mark $((g << 16 | 1 << 24)) >/dev/null 2>&1 || exit 1; done");
    output_of(ALL, before, sizeof before);
    struct ruleset_info first = install(&plain);
    assert_true(first.generation == 77 || first.generation == 78);
    struct ruleset_info second = install(&plain);
    assert_int_equal(second.generation, 77 + 78 - first.generation);
    take_down();
    output_of(ALL, after, sizeof after);
    assert_string_equal(before, after);
    run("conntrack -F 2>/dev/null");
}

/* What a killed gateway left is replaced; packets pass meanwhile, or do not. */
static void test_killed(void **state)
{
    NEEDS_ROOT();
    (void)state;
    for (unsigned open = 0; open < 2; open++) {
        struct ruleset_config config = plain;
        struct net n = open_net();

        config.fail_open = open;
        run("conntrack -F 2>/dev/null");
        output_of(ALL, before, sizeof before);
        struct ruleset_info first = install(&config);
        queue_free(n.q[0]);
        queue_free(n.q[1]);
        n.q[0] = n.q[1] = NULL;
        send_to(n.near, FAR, PORT, "one", 3);
        if (open)
            expect_text(n.far, "one");
        else
            expect_nothing(n.far);
        /* Another one comes, with more interfaces than rules; then the same again. */
        close_net(&n);
        n = open_net();
        config.interface_count = 2;
        snprintf(config.interfaces[0], 16, "port1");
        snprintf(config.interfaces[1], 16, "port2");
        struct ruleset_info second = install(&config);
        assert_int_not_equal(first.generation, second.generation);
        struct ruleset_info third = install(&config);
        assert_int_not_equal(second.generation, third.generation);
        output_of("iptables-nft-save -t mangle | grep -c -- '-A FORWARD -j IMWARD'", after, sizeof after);
        assert_string_equal(after, "1\n");
        send_to(n.near, FAR, PORT, "two", 3);
        assert_true(judge(&n, mark_of(third.generation, MARK_PASS)));
        expect_text(n.far, "two");
        send_to(n.near, FAR, PORT, "three", 5);
        expect_text(n.far, "three");
        /* Other interfaces are not looked at. */
        snprintf(config.interfaces[1], 16, "port9");
        (void)install(&config);
        send_to(n.near, FAR, PORT, "four", 4);
        expect_text(n.far, "four");
        assert_false(judge(&n, 0));
        take_down();
        output_of(ALL, after, sizeof after);
        assert_string_equal(before, after);
        close_net(&n);
    }
}

/* Rules of others in table mangle stay, and are met. */
static void test_others(void **state)
{
    NEEDS_ROOT();
    (void)state;
    struct net n = open_net();

    run("iptables-nft -t mangle -A FORWARD -p udp --dport 5001 -j DROP");
    output_of(ALL, before, sizeof before);
    (void)install(&plain);
    send_to(n.near, FAR, PORT + 1, "one", 3);
    assert_false(judge(&n, 0));
    send_to(n.near, FAR, PORT, "two", 3);
    assert_true(judge(&n, 0));
    take_down();
    output_of(ALL, after, sizeof after);
    assert_string_equal(before, after);
    run("nft delete table ip mangle");
    close_net(&n);
}

/* Between ports of a bridge. */
static void test_bridge(void **state)
{
    NEEDS_ROOT();
    (void)state;
    if (access("/proc/sys/net/bridge/bridge-nf-call-iptables", F_OK) != 0)
        skip();
    struct ruleset_config config = plain;
    struct imw_error_info err;
    struct ruleset_info info;

    run("sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; "
        "ip link add br0 type bridge && ip link set br0 up && ip addr flush dev port1 && ip addr flush dev port2 && "
        "ip link set port1 master br0 && ip link set port2 master br0");
    run("nsenter --net=/proc/%d/fd/%d sh -c 'ip addr add 10.9.3.1/24 dev eth0'", getpid(), near_ns);
    run("nsenter --net=/proc/%d/fd/%d sh -c 'ip addr add 10.9.3.2/24 dev eth0'", getpid(), far_ns);
    struct net n = open_net();
    int near = end_socket(near_ns, SOCK_DGRAM, "10.9.3.1", PORT);
    int far = end_socket(far_ns, SOCK_DGRAM, "10.9.3.2", PORT);
    output_of(ALL, before, sizeof before);
    config.bridge = true;
    for (unsigned named = 0; named <= 2; named += 2) { /* all; two ports */
        config.interface_count = named;
        snprintf(config.interfaces[0], 16, "port1");
        snprintf(config.interfaces[1], 16, "port2");
        run("conntrack -F 2>/dev/null");
        info = install(&config);
        send_to(near, "10.9.3.2", PORT, "one", 3);
        assert_true(judge(&n, 0));
        assert_int_not_equal(got[0].phys_in, 0);
        assert_int_not_equal(got[0].phys_out, 0);
        expect_text(far, "one");
        send_to(near, "10.9.3.2", PORT, "two", 3);
        assert_true(judge(&n, mark_of(info.generation, MARK_PASS)));
        expect_text(far, "two");
        send_to(far, "10.9.3.1", PORT, "three", 5);
        expect_text(near, "three");
        take_down();
        output_of(ALL, after, sizeof after);
        assert_string_equal(before, after);
    }
    snprintf(config.interfaces[1], 16, "port9");
    run("conntrack -F 2>/dev/null");
    info = install(&config);
    send_to(near, "10.9.3.2", PORT, "four", 4);
    expect_text(far, "four");
    take_down();
    config.kind = RULESET_NFT;
    assert_false(ruleset_install(&config, &info, &err));
    close(near);
    close(far);
    close_net(&n);
    run("ip link del br0 && ip addr add 10.9.1.1/24 dev port1 && ip addr add 10.9.2.1/24 dev port2");
}

static void test_refused(void **state)
{
    NEEDS_ROOT();
    (void)state;
    int status;

    output_of(ALL, before, sizeof before);
    pid_t pid = fork();
    if (pid == 0) {
        struct ruleset_info info;
        struct imw_error_info err;

        if (setuid(65534) != 0 || ruleset_install(&plain, &info, &err))
            _exit(1);
        _exit(strstr(err.text, "run as root") != NULL ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    output_of(ALL, after, sizeof after);
    assert_string_equal(before, after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nft_text),     cmocka_unit_test(test_iptables_text),
        cmocka_unit_test(test_bad_config),   cmocka_unit_test(test_nft_takes_text),
        cmocka_unit_test(test_verdicts),     cmocka_unit_test(test_transfer),
        cmocka_unit_test(test_foreign_mark), cmocka_unit_test(test_generation),
        cmocka_unit_test(test_killed),       cmocka_unit_test(test_others),
        cmocka_unit_test(test_bridge),       cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
