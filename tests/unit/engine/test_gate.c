/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate does with packets, over real parsers, the real catalog and policies: each row of
 * docs/enforcement.md. The kernel's queue, what is sent back and the content thread are the test's own: their
 * functions are defined here. At the end of each test every packet must have had exactly one verdict.
 */
#include "enforce/mark.h"
#include "engine/worker.h"
#include "test.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PACKETS = 4096, KEPT_BYTES = 4096, GENERATION = 7 };

enum given { NONE, ACCEPTED, DROPPED, REPLACED };

struct sent {
    enum given given;
    unsigned verdicts, order; /* which verdict it was, from 1 */
    uint32_t mark;
    uint8_t bytes[KEPT_BYTES]; /* instead */
    size_t len;
};

struct rig {
    struct rules *_Atomic rules;
    struct rules *old;
    struct worker *worker;
    struct knowledge *knowledge;
    struct defrag *defrag;
    struct counters defrag_counters;
    struct engine_config config;
    uint64_t now_us;
    struct sent sent[PACKETS];
    uint32_t last_id;
    unsigned verdicts;
    uint8_t back[8][KEPT_BYTES]; /* what was sent back */
    size_t back_len[8];
    unsigned backs, files, told;
    uint32_t file;      /* the last that began */
    bool clean_at_once; /* says the scanner, before the packet is judged */
    enum enforced how;
    char rule[64], reason[160];
};
static struct rig r;

/* ---- in place of the kernel ---- */

static void give(uint32_t id, enum given what, uint32_t mark)
{
    assert_in_range(id, 1, r.last_id);
    r.sent[id].given = what;
    r.sent[id].verdicts++;
    r.sent[id].order = ++r.verdicts;
    r.sent[id].mark = mark;
}

void queue_accept(struct queue *q, uint32_t id, uint32_t mark)
{
    (void)q;
    give(id, ACCEPTED, mark);
}

void queue_drop(struct queue *q, uint32_t id)
{
    (void)q;
    give(id, DROPPED, 0);
}

void queue_replace(struct queue *q, uint32_t id, uint32_t mark, struct view packet)
{
    (void)q;
    give(id, REPLACED, mark);
    assert_in_range(packet.len, 1, KEPT_BYTES);
    memcpy(r.sent[id].bytes, packet.at, packet.len);
    r.sent[id].len = packet.len;
}

void queue_flush(struct queue *q)
{
    (void)q;
}

bool inject_routed(const struct inject_grant *g, struct view ip)
{
    (void)g;
    size_t len = ip.len < KEPT_BYTES ? ip.len : KEPT_BYTES;
    memcpy(r.back[r.backs % 8], ip.at, len);
    r.back_len[r.backs++ % 8] = len;
    return true;
}

bool inject_on(const struct inject_grant *g, unsigned ifindex, const uint8_t to[6], struct view ip)
{
    (void)ifindex, (void)to;
    return inject_routed(g, ip);
}

/* ---- in place of the content thread ---- */

bool pipeline_wants_files(const struct pipeline *p)
{
    (void)p;
    return true;
}

uint32_t pipeline_file_begin(struct pipeline *p, unsigned worker, const struct activity_event *where,
                             const struct im_file *f)
{
    (void)p, (void)worker, (void)where, (void)f;
    return r.file = ++r.files;
}

void pipeline_file_bytes(struct pipeline *p, unsigned worker, uint32_t file, uint64_t offset,
                         struct view bytes)
{
    (void)p, (void)worker, (void)file, (void)offset, (void)bytes;
}

void pipeline_file_end(struct pipeline *p, unsigned worker, uint32_t file, uint64_t time_us, bool whole)
{
    static struct scan_result clean = { .state = SCAN_CLEAN };

    (void)p, (void)worker, (void)time_us, (void)whole;
    if (r.clean_at_once)
        gate_scanned(worker_gate(r.worker), file, &clean);
}

void pipeline_activity(struct pipeline *p, unsigned worker, const struct activity_event *e)
{
    (void)p, (void)worker, (void)e;
}

void pipeline_contact(struct pipeline *p, unsigned worker, const struct activity_event *where,
                      const struct im_contact *c)
{
    (void)p, (void)worker, (void)where, (void)c;
}

void pipeline_anomaly(struct pipeline *p, unsigned worker, const struct activity_event *where, enum anomaly a,
                      struct view value)
{
    (void)p, (void)worker, (void)where, (void)a, (void)value;
}

void pipeline_ticket(struct pipeline *p, unsigned worker, const struct activity_event *where, uint64_t hash)
{
    (void)p, (void)worker, (void)where, (void)hash;
}

void pipeline_flow(struct pipeline *p, unsigned worker, const struct flow_event *e)
{
    (void)p, (void)worker, (void)e;
}

/* ---- the rig ---- */

static void on_enforced(void *context, const struct enforced_event *e)
{
    (void)context;
    r.told++;
    r.how = e->verdict.enforced;
    snprintf(r.rule, sizeof r.rule, "%s", e->verdict.rule);
    snprintf(r.reason, sizeof r.reason, "%s", e->reason != NULL ? e->reason : "");
}

static struct rules *load(const char *policy, const struct rules *follow)
{
    struct imw_error_info err = { 0 };
    struct rules *rules = NULL;
    char path[64];
    int fd = memfd_create("policy.yaml", 0);

    assert_true(dprintf(fd, "version: 1\ndefault: alert\n%s", policy) > 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!rules_load(NULL, path, follow, &rules, &err))
        fail_msg("%u %s: %s", err.line, err.key, err.text);
    close(fd);
    return rules;
}

static void rig_begin_with(const char *policy, uint32_t max_flows, bool fail_open)
{
    static const struct inject_grant inject = { -1, -1, -1 };
    const struct gate_config gate = { .queue = (struct queue *)&r,
                                      .inject = &inject,
                                      .generation = GENERATION,
                                      .fail_open = fail_open,
                                      .files = true,
                                      .file_bytes = 1 << 20 };
    struct imw_error_info err;

    memset(&r, 0, sizeof r);
    r.now_us = 1700000000u * (uint64_t)1000000;
    atomic_store(&r.rules, load(policy, NULL));
    r.knowledge = knowledge_new(1);
    r.defrag = defrag_new(16, 1 << 16, &r.defrag_counters);
    r.config = (struct engine_config){ .pipeline = (struct pipeline *)&r, .enforced = on_enforced };
    assert_true(worker_new(&r.config, 0, &r.rules, max_flows, r.knowledge, &r.worker, &err));
    assert_true(worker_guard(r.worker, &gate, &err));
    worker_begin(r.worker, NULL);
}

static void rig_begin(const char *policy)
{
    rig_begin_with(policy, 1000, true);
}

/* Every packet had its verdict, and had one only. */
static void rig_end(void)
{
    worker_end(r.worker, r.now_us);
    for (uint32_t id = 1; id <= r.last_id; id++)
        if (r.sent[id].verdicts != 1)
            fail_msg("packet %u had %u verdicts", id, r.sent[id].verdicts);
    assert_int_equal(worker_memory(r.worker).inspect_used, 0);
    worker_free(r.worker);
    knowledge_free(r.knowledge);
    defrag_free(r.defrag);
    rules_free(atomic_load(&r.rules));
    if (r.old != NULL)
        rules_free(r.old);
}

static void tend(uint64_t ms)
{
    r.now_us += ms * 1000;
    (void)worker_tend(r.worker, r.now_us);
}

static uint64_t counted(enum counter which)
{
    return worker_counters(r.worker)->n[which];
}

/* ---- packets ---- */

struct ends {
    uint8_t addr[2][4];
    uint16_t port[2];
    uint32_t seq[2];
};
static const struct ends irc_ends = { { { 10, 0, 0, 1 }, { 192, 0, 2, 6 } },
                                      { 40000, 6667 },
                                      { 1000, 90000 } };

static void put(uint8_t *at, uint32_t n, unsigned size)
{
    while (size-- > 0)
        *at++ = (uint8_t)(n >> (8 * size));
}

static uint32_t get(const uint8_t *at, unsigned size)
{
    uint32_t n = 0;

    while (size-- > 0)
        n = n << 8 | *at++;
    return n;
}

/* What a SYN carries are its options. */
static uint32_t give_packet(const struct ends *e, enum flow_dir from, uint8_t l4, uint32_t seq, uint8_t flags,
                            struct view payload)
{
    static uint8_t bytes[70000];
    size_t head = l4 == L4_TCP ? 40 : 28, len = head + payload.len;
    struct queued q = { .id = ++r.last_id, .mark = 0x5 };

    assert_true(r.last_id < PACKETS);
    memset(bytes, 0, head);
    bytes[0] = 0x45;
    put(bytes + 2, (uint32_t)len, 2);
    bytes[8] = 64;
    bytes[9] = l4;
    memcpy(bytes + 12, e->addr[from], 4);
    memcpy(bytes + 16, e->addr[dir_other(from)], 4);
    put(bytes + 20, e->port[from], 2);
    put(bytes + 22, e->port[dir_other(from)], 2);
    if (l4 == L4_TCP) {
        put(bytes + 24, seq, 4);
        put(bytes + 28, (flags & TCP_ACK) != 0 ? e->seq[dir_other(from)] : 0, 4);
        bytes[32] = (uint8_t)(0x50 + ((flags & TCP_SYN) != 0 ? payload.len / 4 << 4 : 0));
        bytes[33] = flags;
        put(bytes + 34, 65535, 2);
    } else {
        put(bytes + 24, (uint32_t)(8 + payload.len), 2);
    }
    if (payload.len > 0)
        memcpy(bytes + head, payload.at, payload.len);
    r.now_us += 1000;
    q.frame = (struct frame){
        .time_us = r.now_us, .data = view_of(bytes, len), .wire_len = (uint32_t)len, .link = 101
    };
    worker_queue(r.worker, r.defrag, &q, 1);
    memset(bytes, 0xee, sizeof bytes); /* borrowed for the call */
    tend(0);
    return q.id;
}

static uint32_t say_bytes(struct ends *e, enum flow_dir from, struct view payload)
{
    uint32_t seq = e->seq[from];

    e->seq[from] += (uint32_t)payload.len;
    return give_packet(e, from, L4_TCP, seq, TCP_ACK | TCP_PSH, payload);
}

static uint32_t say(struct ends *e, enum flow_dir from, const char *text)
{
    return say_bytes(e, from, view_string(text));
}

static uint32_t ack(const struct ends *e, enum flow_dir from)
{
    return give_packet(e, from, L4_TCP, e->seq[from], TCP_ACK, view_of(NULL, 0));
}

static void open_connection(struct ends *e)
{
    (void)give_packet(e, FROM_CLIENT, L4_TCP, e->seq[0], TCP_SYN, view_of(NULL, 0));
    e->seq[0]++;
    (void)give_packet(e, FROM_SERVER, L4_TCP, e->seq[1], TCP_SYN | TCP_ACK, view_of(NULL, 0));
    e->seq[1]++;
    (void)ack(e, FROM_CLIENT);
}

static void expect(uint32_t id, enum given what)
{
    static const char *const names[] = { "none", "accepted", "dropped", "replaced" };

    if (r.sent[id].given != what)
        fail_msg("packet %u: %s, not %s (%s, rule %s)", id, names[r.sent[id].given], names[what], r.reason,
                 r.rule);
}

static struct ends sign_in(void)
{
    struct ends e = irc_ends;

    open_connection(&e);
    (void)say(&e, FROM_CLIENT, "NICK alice\r\nUSER alice 0 * :Alice\r\n");
    (void)say(&e, FROM_SERVER, ":irc.example.org 001 alice :Welcome to the network alice\r\n");
    return e;
}

static void expect_reset(const uint8_t *ip, size_t len, const struct ends *e, enum flow_dir to, uint32_t seq)
{
    assert_int_equal(len, 40);
    assert_memory_equal(ip + 12, e->addr[dir_other(to)], 4);
    assert_memory_equal(ip + 16, e->addr[to], 4);
    assert_int_equal(get(ip + 20, 2), e->port[dir_other(to)]);
    assert_true((ip[33] & TCP_RST) != 0);
    assert_int_equal(get(ip + 24, 4), seq);
}

static bool has(const uint8_t *bytes, size_t len, const char *text)
{
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

#define RULE(match, action, more)                                                                            \
    "rules:\n  - name: the rule\n    match: " match "\n    action: " action "\n" more

/* ---- tests ---- */

static void test_what_is_of_no_service_passes_and_is_marked_when_settled(void **state)
{
    struct ends e = irc_ends;
    uint32_t id = 0;
    bool marked = false;

    (void)state;
    rig_begin(RULE("{class: im}", "block", ""));
    e.port[1] = 8090;
    open_connection(&e);
    assert_int_equal(r.sent[r.last_id].mark, 0); /* nothing is known yet */
    for (unsigned i = 0; i < 64 && !marked; i++) {
        id = say(&e, i % 2, "\001\002\003\004 of no protocol that is known \377\376\375");
        expect(id, ACCEPTED);
        marked = r.sent[id].mark != 0;
    }
    assert_true(marked);
    /* whatever else the packet's mark says stays */
    assert_int_equal(r.sent[id].mark, 0x5 | mark_of(GENERATION, MARK_PASS));
    rig_end();
}

static void test_a_server_offers_what_can_be_compared(void **state)
{
    struct ends e = irc_ends;

    (void)state;
    rig_begin(RULE("{service: irc, activity: file}", "block", ""));
    (void)give_packet(&e, FROM_CLIENT, L4_TCP, e.seq[0]++, TCP_SYN, VIEW("\001\003\003\012"));
    uint32_t answer =
        give_packet(&e, FROM_SERVER, L4_TCP, e.seq[1]++, TCP_SYN | TCP_ACK, VIEW("\001\003\003\007"));
    expect(answer, ACCEPTED); /* its own window is not shifted */
    expect(ack(&e, FROM_CLIENT), ACCEPTED);
    expect(say(&e, FROM_CLIENT, "NICK alice\r\nUSER alice 0 * :Alice\r\n"), ACCEPTED);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t id =
            i == 0 ? ack(&e, FROM_SERVER) : say(&e, FROM_SERVER, ":irc.example.org 001 alice :Hi\r\n");
        expect(id, REPLACED);
        assert_int_equal(get(r.sent[id].bytes + 34, 2), 65536 >> 7);
        assert_int_equal(r.sent[id].mark, 0);
    }
    static uint8_t much[2000];
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = i % 2 == 0 ? '\r' : '\n'; /* of a server that sends much itself */
    expect(say_bytes(&e, FROM_SERVER, view_of(much, sizeof much)), ACCEPTED);
    rig_end();
}

static void test_a_service_is_cut_at_both_ends(void **state)
{
    struct ends e = irc_ends;
    uint32_t id, seq;

    (void)state;
    rig_begin(RULE("{protocol: irc}", "block", ""));
    open_connection(&e);
    seq = e.seq[0];
    id = say(&e, FROM_CLIENT, "NICK alice\r\nUSER alice 0 * :Alice\r\n");
    if (r.sent[id].given == ACCEPTED) {
        seq = e.seq[1];
        id = say(&e, FROM_SERVER, ":irc.example.org 001 alice :Welcome to the network alice\r\n");
        expect(id, REPLACED);
        expect_reset(r.sent[id].bytes, r.sent[id].len, &e, FROM_CLIENT, seq);
        expect_reset(r.back[0], r.back_len[0], &e, FROM_SERVER, e.seq[0]);
    } else {
        expect(id, REPLACED);
        expect_reset(r.sent[id].bytes, r.sent[id].len, &e, FROM_SERVER, seq);
        expect_reset(r.back[0], r.back_len[0], &e, FROM_CLIENT, e.seq[1]);
    }
    assert_int_equal(r.how, ENFORCED_RESET);
    assert_string_equal(r.rule, "the rule");
    assert_int_equal(counted(COUNT_GATE_BLOCKED), 1);
    for (unsigned i = 0; i < 12; i++)
        id = say(&e, FROM_CLIENT, "JOIN #x\r\n");
    expect(id, ACCEPTED); /* with the mark by which the kernel drops it, and all that follow */
    assert_int_equal(r.sent[id].mark, 0x5 | mark_of(GENERATION, MARK_DROP));
    assert_int_equal(r.told, 1);
    rig_end();
}

static void test_means(void **state)
{
    static const char *const policies[] = { RULE("{protocol: irc}", "block", "    with: drop\n"),
                                            RULE("{protocol: irc}", "block", "    with: unreachable\n") };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        rig_begin(policies[i]);
        (void)sign_in();
        assert_int_equal(r.how, i == 0 ? ENFORCED_DROPPED : ENFORCED_UNREACHABLE);
        if (i == 0)
            assert_int_equal(r.backs, 0);
        else
            assert_int_equal(r.back[0][9], 1); /* ICMP */
        rig_end();
    }
}

static void test_a_page_tells_who_browses(void **state)
{
    struct ends e = { { { 10, 0, 0, 1 }, { 192, 0, 2, 80 } }, { 40001, 80 }, { 5, 7 } };

    (void)state;
    rig_begin("enforce: {contact: compliance@bank.example}\n" RULE("{service: whatsapp}", "block", ""));
    open_connection(&e);
    uint32_t id = say(&e, FROM_CLIENT, "GET / HTTP/1.1\r\nHost: web.whatsapp.com\r\nUser-Agent: x\r\n\r\n");
    expect(id, REPLACED);
    assert_int_equal(r.how, ENFORCED_PAGE);
    assert_true(has(r.back[0], r.back_len[0], " 403 "));
    assert_true(has(r.back[0], r.back_len[0], "compliance@bank.example"));
    rig_end();
}

static struct view question(uint8_t out[128], uint8_t number, const char *name)
{
    size_t len = 12;

    memset(out, 0, 128);
    out[1] = number;
    out[2] = 1;
    out[5] = 1;
    for (const char *at = name; *at != '\0';) {
        size_t label = strcspn(at, ".");
        out[len++] = (uint8_t)label;
        memcpy(out + len, at, label);
        len += label;
        at += label + (at[label] == '.');
    }
    out[len + 2] = 1;
    out[len + 4] = 1;
    return view_of(out, len + 5);
}

static void test_questions_of_one_socket_are_judged_one_by_one(void **state)
{
    struct ends e = { { { 10, 0, 0, 1 }, { 192, 0, 2, 53 } }, { 40002, 53 }, { 0, 0 } };
    uint8_t bytes[128];

    (void)state;
    rig_begin(RULE("{service: whatsapp}", "block", ""));
    for (uint8_t i = 0; i < 60; i++) {
        bool blocked = i % 3 == 1;
        struct view q = question(bytes, i,
                                 blocked      ? "web.whatsapp.com"
                                 : i % 3 == 0 ? "example.org"
                                              : "web.telegram.org");
        uint32_t id = give_packet(&e, FROM_CLIENT, L4_UDP, 0, 0, q);
        expect(id, blocked ? DROPPED : ACCEPTED);
        assert_int_equal(r.sent[id].mark, 0);
        if (blocked) {
            const uint8_t *answer = r.back[(r.backs - 1) % 8];
            assert_int_equal(answer[28 + 1], i);            /* the question's number */
            assert_int_equal(answer[28 + 3] & 15, 3);       /* no such name */
            assert_memory_equal(answer + 16, e.addr[0], 4); /* to who asked */
            assert_int_equal(r.how, ENFORCED_NO_NAME);
        }
    }
    assert_int_equal(counted(COUNT_GATE_NAMES_REFUSED), 20);
    rig_end();
}

#define NO_CHAT RULE("{protocol: irc, activity: chat}", "block", "")

static void test_no_byte_of_a_forbidden_message_passes(void **state)
{
    uint32_t id[3], other;

    (void)state;
    rig_begin(NO_CHAT);
    struct ends e = sign_in();
    expect(r.last_id, ACCEPTED); /* to sign in is allowed */
    id[0] = say(&e, FROM_CLIENT, "PRIVMSG bob");
    expect(id[0], NONE);
    /* An acknowledgement between ends nothing, nor does what the server says. */
    other = say(&e, FROM_SERVER, ":irc.example.org 372 alice :- the day\r\n");
    expect(other, ACCEPTED);
    other = ack(&e, FROM_CLIENT);
    expect(other, ACCEPTED);
    expect(id[0], NONE);
    id[1] = say(&e, FROM_CLIENT, " :the secret ");
    other = say(&e, FROM_SERVER, ":irc.example.org 372 alice ");
    expect(other, NONE); /* a piece, too */
    other = say(&e, FROM_SERVER, ":- more\r\n");
    expect(other, ACCEPTED);
    expect(id[0], NONE);
    expect(id[1], NONE);
    uint32_t reached = e.seq[1];
    id[2] = say(&e, FROM_CLIENT, "is out\r\n");
    expect(id[0], REPLACED); /* by a reset: it is what the server waits for */
    expect_reset(r.sent[id[0]].bytes, r.sent[id[0]].len, &e, FROM_SERVER,
                 e.seq[0] - (uint32_t)strlen("PRIVMSG bob :the secret is out\r\n"));
    expect(id[1], DROPPED);
    expect(id[2], DROPPED);
    expect_reset(r.back[0], r.back_len[0], &e, FROM_CLIENT, reached); /* which the client takes */
    rig_end();
}

static void test_a_block_lets_no_piece_of_the_other_side_go(void **state)
{
    (void)state;
    rig_begin(NO_CHAT);
    struct ends e = sign_in();
    uint32_t piece = say(&e, FROM_CLIENT, "PRIVMSG bob :the sec");
    uint32_t told = say(&e, FROM_SERVER, ":bob!b@h PRIVMSG alice :hello\r\n");
    assert_int_not_equal(r.sent[told].given, ACCEPTED);
    expect(piece, DROPPED);
    rig_end();
}

static void test_pieces_of_what_is_allowed_go_on_in_order(void **state)
{
    (void)state;
    rig_begin(NO_CHAT);
    struct ends e = sign_in();
    uint32_t a = say(&e, FROM_CLIENT, "JOI"),
             again = give_packet(&e, FROM_CLIENT, L4_TCP, e.seq[0] - 3, TCP_ACK, view_string("JOI"));
    uint32_t b = say(&e, FROM_CLIENT, "N #ro");
    expect(a, NONE);
    expect(b, NONE);
    expect(again, DROPPED); /* its first copy is here */
    uint32_t c = say(&e, FROM_CLIENT, "om\r\n");
    expect(a, ACCEPTED);
    expect(b, ACCEPTED);
    expect(c, ACCEPTED);
    assert_true(r.sent[a].order < r.sent[b].order && r.sent[b].order < r.sent[c].order);
    rig_end();
}

static void test_pieces_wait_so_long_only(void **state)
{
    (void)state;
    for (unsigned open = 0; open < 2; open++) {
        rig_begin_with(NO_CHAT, 1000, open != 0);
        struct ends e = sign_in();
        uint32_t a = say(&e, FROM_CLIENT, "JOI");
        tend(1900);
        expect(a, NONE);
        tend(200);
        expect(a, open != 0 ? ACCEPTED : REPLACED);
        assert_int_equal(counted(COUNT_GATE_HELD_TOO_LONG), 1);
        rig_end();
    }
}

static void test_an_end_that_comes_does_not_wait_for_ever(void **state)
{
    (void)state;
    rig_begin_with(NO_CHAT, 1000, false);
    struct ends e = sign_in();
    (void)say(&e, FROM_CLIENT, "PRIVMSG b");
    (void)give_packet(&e, FROM_CLIENT, L4_TCP, e.seq[0], TCP_RST | TCP_ACK, view_of(NULL, 0));
    rig_end();
}

#define NO_FILE RULE("{protocol: irc, activity: file}", "block", "")

static void test_offers_are_made_void_also_in_what_waits_and_comes_again(void **state)
{
    (void)state;
    rig_begin(NO_FILE);
    struct ends e = sign_in();
    const char *offer = "PRIVMSG bob :\001DCC SEND a.zip 3221225985 4000 900\001\r\nPRIV";
    uint32_t seq = e.seq[0], id = say(&e, FROM_CLIENT, offer);
    expect(id, NONE); /* the next message begins in it */
    assert_int_equal(r.how, ENFORCED_SPOILED);
    uint32_t rest = say(&e, FROM_CLIENT, "MSG bob :hello\r\n");
    expect(id, REPLACED);
    expect(rest, ACCEPTED);
    assert_int_equal(r.sent[id].len, 40 + strlen(offer));
    assert_false(has(r.sent[id].bytes, r.sent[id].len, "SEND"));
    assert_true(has(r.sent[id].bytes, r.sent[id].len, "PRIVMSG bob"));
    uint32_t again = give_packet(&e, FROM_CLIENT, L4_TCP, seq, TCP_ACK, view_string(offer));
    expect(again, REPLACED);
    assert_false(has(r.sent[again].bytes, r.sent[again].len, "SEND"));
    assert_int_equal(r.told, 1);
    rig_end();
}

/* Two packets with many offers each are sent again in one, which has more of them than can be overwritten. */
static void test_more_offers_than_can_be_made_void_cut(void **state)
{
    char offers[2][512] = { "", "" }, both[1024];

    (void)state;
    rig_begin(NO_FILE);
    struct ends e = sign_in();
    uint32_t seq = e.seq[0];
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < 5; n++)
            strcat(offers[i], "PRIVMSG b :\001DCC SEND a 3221225985 4000 9\001\r\n");
        uint32_t id = say(&e, FROM_CLIENT, offers[i]);
        expect(id, REPLACED);
        assert_false(has(r.sent[id].bytes, r.sent[id].len, "SEND"));
    }
    snprintf(both, sizeof both, "%s%s", offers[0], offers[1]);
    uint32_t again = give_packet(&e, FROM_CLIENT, L4_TCP, seq, TCP_ACK, view_string(both));
    assert_false(r.sent[again].given == ACCEPTED);
    assert_false(has(r.sent[again].bytes, r.sent[again].len, "SEND"));
    rig_end();
}

/* ---- files ---- */

#define SCAN(away)                                                                                           \
    "scan: {when_away: " away ", clamd: [unix:/nowhere]}\n" RULE("{class: im, activity: file}", "scan", "")

/* A leg of DCC for a file of so many bytes: its sender listens. */
static struct ends leg(struct ends *irc, uint16_t port, unsigned size)
{
    char offer[128];
    struct ends e = { { { 10, 0, 0, 1 }, { 192, 0, 2, 1 } }, { (uint16_t)(port + 30000), port }, { 10, 20 } };

    snprintf(offer, sizeof offer, ":bob!b@h PRIVMSG alice :\001DCC SEND a%u.zip 3221225985 %u %u\001\r\n",
             port, port, size);
    expect(say(irc, FROM_SERVER, offer), ACCEPTED);
    open_connection(&e);
    return e;
}

static void answer(uint32_t file, enum scan_state state)
{
    struct scan_result *result = calloc(1, sizeof *result);

    result->state = state;
    result->reason = state == SCAN_NOT_SCANNED ? 1 : 0;
    memcpy(result->signature, "Eicar", 6);
    gate_scanned(worker_gate(r.worker), file, result);
    free(result);
    tend(1);
}

static void test_the_packet_that_completes_a_file_waits(void **state)
{
    static const enum scan_state states[] = { SCAN_CLEAN, SCAN_INFECTED, SCAN_SUSPICIOUS, SCAN_NOT_SCANNED };
    static const char *const policies[] = { SCAN("report"), SCAN("block") };

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        enum scan_state s = states[i % 4];
        bool passes = s == SCAN_CLEAN || (s == SCAN_NOT_SCANNED && i / 4 == 0);
        rig_begin(policies[i / 4]);
        struct ends irc = sign_in(), e = leg(&irc, 4000, 10);
        expect(say(&e, FROM_SERVER, "01234"), ACCEPTED);
        uint32_t last = say(&e, FROM_SERVER, "56789");
        expect(last, NONE);
        expect(ack(&e, FROM_CLIENT), ACCEPTED);
        expect(say(&irc, FROM_CLIENT, "PING :x\r\n"), ACCEPTED); /* others go on */
        answer(r.file, s);
        expect(last, passes ? ACCEPTED : REPLACED);
        if (!passes) {
            assert_string_equal(r.rule, "the rule");
            assert_int_equal(r.how, ENFORCED_CUT);
            assert_int_not_equal(r.reason[0], '\0');
        }
        assert_int_equal(counted(COUNT_GATE_UNSCANNED), s == SCAN_NOT_SCANNED);
        rig_end();
    }
}

static void test_a_scanner_that_says_nothing(void **state)
{
    static const char *const policies[] = { SCAN("report"), SCAN("block") };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        rig_begin(policies[i]);
        struct ends irc = sign_in(), e = leg(&irc, 4000, 5);
        uint32_t last = say(&e, FROM_SERVER, "01234");
        tend(59000);
        expect(last, NONE);
        tend(2000);
        expect(last, i == 0 ? ACCEPTED : REPLACED);
        assert_int_equal(counted(COUNT_GATE_UNSCANNED), 1);
        assert_string_equal(r.reason, "not scanned: the scanner took too long");
        answer(r.file, SCAN_INFECTED); /* too late for anything, and of nothing that is known */
        rig_end();
    }
}

static void test_what_is_too_large_is_not_clean(void **state)
{
    static const char *const policies[] = { SCAN("report"), SCAN("block") };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        rig_begin(policies[i]);
        struct ends irc = sign_in(), e = leg(&irc, 4000, 100000000);
        uint32_t id = say(&e, FROM_SERVER, "01234");
        expect(id, i == 0 ? ACCEPTED : REPLACED);
        assert_string_equal(r.reason, "not scanned: too large");
        assert_int_equal(counted(COUNT_GATE_UNSCANNED), 1);
        rig_end();
    }
}

static void test_files_at_the_same_time(void **state)
{
    (void)state;
    rig_begin(SCAN("block"));
    struct ends irc = sign_in(), a = leg(&irc, 4000, 5), b = leg(&irc, 4001, 5);
    uint32_t last_a = say(&a, FROM_SERVER, "01234"), file_a = r.file;
    uint32_t last_b = say(&b, FROM_SERVER, "56789"), file_b = r.file;
    assert_int_not_equal(file_a, file_b);
    answer(file_b, SCAN_INFECTED);
    expect(last_a, NONE);
    expect(last_b, REPLACED);
    answer(file_a, SCAN_CLEAN);
    expect(last_a, ACCEPTED);
    rig_end();
}

/* Answers that nobody waits for leave room for one that somebody does. */
static void test_answers_that_nobody_waits_for(void **state)
{
    (void)state;
    rig_begin(SCAN("block"));
    struct ends irc = sign_in(), e = leg(&irc, 4000, 5);
    for (uint32_t i = 0; i < 2 * GATE_SCANS_MOST; i++)
        answer(1000000 + i, SCAN_CLEAN);
    r.clean_at_once = true;
    expect(say(&e, FROM_SERVER, "01234"), ACCEPTED);
    assert_int_equal(counted(COUNT_GATE_HELD), 1);
    rig_end();
}

/* More behind the last packet of a file than may wait: none overtakes it, and it is not cut for that. */
static void test_much_behind_a_file_that_waits(void **state)
{
    uint32_t id[100];

    (void)state;
    rig_begin_with(SCAN("block"), 1000, false);
    struct ends irc = sign_in(), e = leg(&irc, 4000, 5);
    uint32_t last = say(&e, FROM_SERVER, "01234");
    for (unsigned i = 0; i < 100; i++)
        id[i] = say(&e, FROM_SERVER, "more");
    expect(last, NONE);
    expect(id[0], NONE);
    expect(id[99], DROPPED); /* it comes again */
    answer(r.file, SCAN_CLEAN);
    expect(last, ACCEPTED);
    expect(id[0], ACCEPTED);
    rig_end();
}

/* ---- the table of flows ---- */

static void test_a_flow_that_must_go_while_its_packets_wait(void **state)
{
    (void)state;
    for (unsigned open = 0; open < 2; open++) {
        rig_begin_with(SCAN("block"), 24, open != 0);
        struct ends irc = sign_in(), e = leg(&irc, 4000, 5);
        uint32_t last = say(&e, FROM_SERVER, "01234"), file = r.file;
        expect(last, NONE);
        for (uint16_t i = 0; i < 400 && r.sent[last].given == NONE; i++) {
            struct ends other = sign_in(); /* of the same worth */
            other.addr[0][3] = (uint8_t)(i % 250);
            other.port[0] = (uint16_t)(20000 + i);
            open_connection(&other);
            expect(say(&other, FROM_CLIENT, "NICK a\r\nUSER a 0 * :A\r\n"), ACCEPTED);
            expect(say(&other, FROM_SERVER, ":irc.example.org 001 a :Welcome to the network a\r\n"),
                   ACCEPTED);
        }
        expect(last, open != 0 ? ACCEPTED : DROPPED);
        answer(file, SCAN_INFECTED); /* of a flow that is no more */
        rig_end();
    }
}

static void test_what_is_used_again_while_its_packets_wait(void **state)
{
    (void)state;
    rig_begin_with(NO_CHAT, 1000, false);
    struct ends e = sign_in();
    uint32_t piece = say(&e, FROM_CLIENT, "PRIVMSG b");
    (void)give_packet(&e, FROM_SERVER, L4_TCP, e.seq[1], TCP_RST, view_of(NULL, 0));
    expect(piece, NONE);
    e = irc_ends; /* the same ends begin anew */
    open_connection(&e);
    expect(piece, DROPPED);
    expect(r.last_id, ACCEPTED);
    rig_end();
}

/* What a flow's last bytes tell, at its end, is told between two packets of another flow. */
static void test_the_end_of_a_flow_is_no_fault_of_the_packet_at_hand(void **state)
{
    const char *offer = "PRIVMSG bob :\001DCC SEND a.zip 3221225985 4000 900\001\r\n";

    (void)state;
    rig_begin(NO_FILE);
    struct ends a = sign_in(), b = irc_ends;
    (void)give_packet(&a, FROM_CLIENT, L4_TCP, a.seq[0] + 100, TCP_ACK,
                      view_string(offer)); /* behind a hole */
    (void)give_packet(&a, FROM_SERVER, L4_TCP, a.seq[1], TCP_RST, view_of(NULL, 0));
    b.port[0]++;
    open_connection(&b);
    (void)say(&b, FROM_CLIENT, "NICK bob\r\nUSER bob 0 * :Bob\r\n");
    (void)say(&b, FROM_SERVER, ":irc.example.org 001 bob :Welcome to the network bob\r\n");
    uint32_t seq = b.seq[0];
    expect(say(&b, FROM_CLIENT, offer), REPLACED);
    assert_int_equal(r.told, 1);
    uint32_t flows = worker_flows(r.worker);
    b.seq[0] = seq; /* nothing is acknowledged */
    for (unsigned i = 0; i < 60 && worker_flows(r.worker) == flows; i++) {
        tend(1000);
        (void)ack(&b, FROM_SERVER);
    }
    assert_true(worker_flows(r.worker) < flows); /* the first has ended */
    expect(give_packet(&b, FROM_CLIENT, L4_TCP, seq, TCP_ACK, view_string(offer)), REPLACED);
    assert_int_equal(r.told, 1);
    rig_end();
}

/* ---- shares, reloads, time ---- */

static void test_a_throttle_paces(void **state)
{
    static char bytes[1000];
    uint32_t id[40];
    unsigned went = 0;

    (void)state;
    rig_begin(RULE("{protocol: irc}", "allow", "    throttle: 4KiB\n"));
    struct ends e = sign_in();
    for (unsigned i = 0; i < 10; i++) {
        snprintf(bytes, sizeof bytes, "PRIVMSG #room :%0*d\r\n", (int)sizeof bytes - 20, 1);
        id[i] = say(&e, FROM_CLIENT, bytes);
    }
    expect(id[0], ACCEPTED);
    expect(id[6], NONE);
    expect(id[9], DROPPED); /* half a second's worth waits already */
    for (unsigned s = 0; s < 20; s++)
        tend(100);
    for (unsigned i = 0; i < 9 && r.sent[id[i]].given == ACCEPTED; i++) {
        went++;
        assert_true(i == 0 || r.sent[id[i]].order > r.sent[id[i - 1]].order);
    }
    assert_in_range(went, 6, 8);
    assert_int_equal(r.how, ENFORCED_THROTTLED);
    assert_int_equal(r.sent[id[0]].mark, 0); /* the kernel would not slow it down */
    rig_end();
}

static void reload(const char *policy)
{
    assert_null(r.old);
    r.old = atomic_load(&r.rules);
    atomic_store(&r.rules, load(policy, r.old));
}

static void test_a_reload_judges_anew(void **state)
{
    (void)state;
    rig_begin(RULE("{protocol: irc}", "allow", ""));
    struct ends e = sign_in();
    expect(say(&e, FROM_CLIENT, "JOIN #x\r\n"), ACCEPTED);
    reload(RULE("{protocol: irc}", "block", ""));
    uint32_t id = say(&e, FROM_CLIENT, "JOIN #y\r\n");
    expect(id, REPLACED);
    assert_int_equal(gate_generation(GENERATION, atomic_load(&r.rules)), GENERATION + 1);
    rig_end();
}

static void test_a_reload_while_packets_wait(void **state)
{
    (void)state;
    rig_begin(NO_CHAT);
    struct ends e = sign_in();
    uint32_t a = say(&e, FROM_CLIENT, "PRIVMSG bob :he");
    expect(a, NONE);
    reload(RULE("{protocol: irc}", "allow", ""));
    uint32_t b = say(&e, FROM_CLIENT, "llo\r\n");
    expect(a, ACCEPTED);
    expect(b, ACCEPTED);
    rig_end();
}

static void test_generations_go_round(void **state)
{
    (void)state;
    for (uint64_t serial = 1; serial < 1000; serial++) {
        const struct rules rules = { .serial = serial };
        unsigned g = gate_generation(GENERATION, &rules);
        assert_in_range(g, 1, MARK_GENERATIONS);
        assert_int_equal(g, (GENERATION - 1 + serial - 1) % MARK_GENERATIONS + 1);
    }
}

static void test_bytes_sent_again_that_differ(void **state)
{
    (void)state;
    rig_begin(SCAN("block"));
    struct ends irc = sign_in(), e = leg(&irc, 4000, 100);
    uint32_t seq = e.seq[1];
    expect(say(&e, FROM_SERVER, "0123456789"), ACCEPTED);
    (void)give_packet(&e, FROM_SERVER, L4_TCP, seq + 20, TCP_ACK, view_string("clean"));
    uint32_t id = give_packet(&e, FROM_SERVER, L4_TCP, seq + 20, TCP_ACK, view_string("virus"));
    assert_int_not_equal(r.sent[id].given, ACCEPTED);
    assert_string_equal(r.reason, "TCP bytes were sent again and differ");
    rig_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_of_no_service_passes_and_is_marked_when_settled),
        cmocka_unit_test(test_a_server_offers_what_can_be_compared),
        cmocka_unit_test(test_a_service_is_cut_at_both_ends),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_a_page_tells_who_browses),
        cmocka_unit_test(test_questions_of_one_socket_are_judged_one_by_one),
        cmocka_unit_test(test_no_byte_of_a_forbidden_message_passes),
        cmocka_unit_test(test_a_block_lets_no_piece_of_the_other_side_go),
        cmocka_unit_test(test_pieces_of_what_is_allowed_go_on_in_order),
        cmocka_unit_test(test_pieces_wait_so_long_only),
        cmocka_unit_test(test_an_end_that_comes_does_not_wait_for_ever),
        cmocka_unit_test(test_offers_are_made_void_also_in_what_waits_and_comes_again),
        cmocka_unit_test(test_more_offers_than_can_be_made_void_cut),
        cmocka_unit_test(test_the_packet_that_completes_a_file_waits),
        cmocka_unit_test(test_a_scanner_that_says_nothing),
        cmocka_unit_test(test_what_is_too_large_is_not_clean),
        cmocka_unit_test(test_files_at_the_same_time),
        cmocka_unit_test(test_answers_that_nobody_waits_for),
        cmocka_unit_test(test_much_behind_a_file_that_waits),
        cmocka_unit_test(test_a_flow_that_must_go_while_its_packets_wait),
        cmocka_unit_test(test_what_is_used_again_while_its_packets_wait),
        cmocka_unit_test(test_the_end_of_a_flow_is_no_fault_of_the_packet_at_hand),
        cmocka_unit_test(test_a_throttle_paces),
        cmocka_unit_test(test_a_reload_judges_anew),
        cmocka_unit_test(test_a_reload_while_packets_wait),
        cmocka_unit_test(test_generations_go_round),
        cmocka_unit_test(test_bytes_sent_again_that_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
