/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inspection driver, with toy parsers. They speak lines; some lines are orders to the session:
 *
 *     up        what follows is something else      ws       what follows is WebSocket
 *     in:TEXT   TEXT is carried inside              end      the inner stream ends
 *     stop      nothing more to learn
 *
 * All that a toy is fed goes into a log: its name, the side, the line.
 */
#include "rig.h"

static struct {
    char text[4096];
    size_t len;
    unsigned asked;
} told;

static void tell(const char *name, enum flow_dir from, struct view line)
{
    int n = snprintf(told.text + told.len, sizeof told.text - told.len, "%s%c:%.*s ", name,
                     from == FROM_CLIENT ? 'c' : 's', (int)line.len, (const char *)line.at);

    assert_in_range(n, 1, sizeof told.text - told.len - 1);
    told.len += (size_t)n;
}

/* A semicolon stands for a line's end inside. */
static void carry(struct session *s, enum flow_dir from, struct view text)
{
    char inner[128];

    assert_in_range(text.len, 0, sizeof inner);
    for (size_t i = 0; i < text.len; i++)
        inner[i] = text.at[i] == ';' ? '\n' : (char)text.at[i];
    session_inner(s, from, view_of(inner, text.len));
}

static void obey(struct session *s, enum flow_dir from, struct view line)
{
    if (view_equal(line, VIEW("up")))
        session_upgrade(s, PROTOCOL_UNKNOWN);
    else if (view_equal(line, VIEW("ws")))
        session_upgrade(s, PROTOCOL_WEBSOCKET);
    else if (view_starts(line, VIEW("in:")))
        carry(s, from, view_from(line, 3));
    else if (view_equal(line, VIEW("end")))
        session_inner_end(s);
    else if (view_equal(line, VIEW("stop")))
        session_settle(s);
}

/* One line a call. */
static size_t feed_line(const char *name, struct session *s, enum flow_dir from, struct view in)
{
    struct view rest = in, line;

    if (!view_line(&rest, &line))
        return 0;
    tell(name, from, line);
    obey(s, from, line);
    return in.len - rest.len;
}

static bool starts_h(uint8_t first, enum flow_dir from)
{
    return first == 'H' || from == FROM_SERVER;
}

static bool starts_never(uint8_t first, enum flow_dir from)
{
    (void)first;
    (void)from;
    return false;
}

/* Nothing from this side, while the other spoke, is a no as well. */
static enum im_answer prefix(struct view v, const char *want)
{
    struct view wanted = view_string(want);
    size_t n = v.len < wanted.len ? v.len : wanted.len;

    if (n == 0 || !view_equal(view_slice(v, 0, n), view_slice(wanted, 0, n)))
        return IM_NO;
    return v.len >= wanted.len ? IM_YES : IM_MORE;
}

/* "HELLO" and three more bytes to be sure that it is not for the slow one. */
static enum im_answer probe_slow(const struct sample *s, struct finding *out)
{
    (void)out;
    return prefix(s->bytes[FROM_CLIENT], "HELLOSLO");
}

static size_t feed_slow(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    return feed_line("slow", s, from, in);
}

static const struct parser slow = { .protocol = PROTOCOL_IRC,
                                    .service = "other",
                                    .on = PARSER_TCP,
                                    .starts = starts_h,
                                    .probe = probe_slow,
                                    .feed = feed_slow };

static enum im_answer probe_quick(const struct sample *s, struct finding *out)
{
    snprintf(out->value, sizeof out->value, "quick hello");
    return prefix(s->bytes[FROM_CLIENT], "HELLO");
}

static size_t feed_quick(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    return feed_line("quick", s, from, in);
}

static const struct parser quick = { .protocol = PROTOCOL_XMPP,
                                     .service = "chat",
                                     .on = PARSER_TCP,
                                     .starts = starts_h,
                                     .probe = probe_quick,
                                     .feed = feed_quick,
                                     .state_size = 8 };

/* Goes on after a loss; begins with "GAP", at the server too and in the middle. */
static enum im_answer probe_gap(const struct sample *s, struct finding *out)
{
    enum im_answer client = prefix(s->bytes[FROM_CLIENT], "GAP"),
                   other = prefix(s->bytes[FROM_SERVER], "GAP");

    out->reversed = s->midstream && other == IM_YES;
    return client == IM_YES || other == IM_YES ? IM_YES : client == IM_MORE ? IM_MORE : other;
}

static size_t feed_gap(void *state, struct session *s, enum flow_dir from, struct view in)
{
    uint32_t *lines = state;

    *lines += 1;
    return feed_line("gap", s, from, in);
}

static bool gap_goes_on(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    (void)state;
    (void)s;
    (void)lost;
    tell("gap", from, VIEW("LOST"));
    return true;
}

static const struct parser gap = { .protocol = PROTOCOL_MSNP,
                                   .service = "chat",
                                   .on = PARSER_TCP,
                                   .probe = probe_gap,
                                   .feed = feed_gap,
                                   .gap = gap_goes_on,
                                   .state_size = 1000 };

static size_t feed_websocket(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    return feed_line("ws", s, from, in);
}

static const struct parser websocket = { .protocol = PROTOCOL_WEBSOCKET,
                                         .on = PARSER_TCP,
                                         .starts = starts_never,
                                         .probe = probe_slow,
                                         .feed = feed_websocket,
                                         .state_size = 4000 };

/* Nothing to follow. */
static enum im_answer probe_only(const struct sample *s, struct finding *out)
{
    (void)out;
    return prefix(s->bytes[FROM_CLIENT], "ONLY");
}

static const struct parser only = {
    .protocol = PROTOCOL_SIP, .service = "chat", .on = PARSER_TCP, .probe = probe_only
};

static const struct parser *const toys[] = { &slow, &quick, &gap, &websocket, &only };

static void start(struct rig *r)
{
    memset(&told, 0, sizeof told);
    rig_start(r, toys, sizeof toys / sizeof toys[0], 0);
}

/* ---- candidates ---- */

static void test_only_parsers_that_the_first_byte_fits_are_asked(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "xyz");
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    assert_int_equal(r.counters.n[COUNT_PROBES], 2); /* gap and only */
    rig_stop(&r);
}

static void test_a_yes_waits_for_parsers_before_it(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLO");
    assert_string_equal(rig_service(&r), "-");
    client(&r, "SLO\n");
    assert_string_equal(rig_service(&r), "other");
    assert_string_equal(told.text, "slowc:HELLOSLO ");
    rig_stop(&r);
    start(&r);
    client(&r, "HELLO");
    client(&r, "XYZ\n");
    assert_string_equal(rig_service(&r), "chat");
    assert_string_equal(told.text, "quickc:HELLOXYZ ");
    rig_stop(&r);
}

static void test_when_the_flow_ends_what_waits_is_no(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLO");
    rig_close(&r);
    assert_string_equal(rig_service(&r), "chat");
    assert_string_equal(inspector_record(r.in, &r.flow)->evidence[0].value, "quick hello");
    assert_int_equal(r.flow.confidence, 100);
    assert_int_equal(r.counters.n[COUNT_FLOWS_SETTLED], 0); /* not before its end */
    rig_stop(&r);
}

static void test_a_yes_with_nothing_to_follow_settles_the_flow(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "ON");
    client(&r, "LY");
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    assert_int_equal(r.flow.inspect, 0);
    assert_string_equal(rig_service(&r), "chat");
    assert_int_equal(r.counters.n[COUNT_FLOWS_SETTLED], 1);
    rig_stop(&r);
}

/* ---- feeding ---- */

static void test_bytes_that_are_not_used_come_again_with_more(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ one\ntw");
    client(&r, "o\nth");
    server(&r, "answ");
    client(&r, "ree\n");
    server(&r, "er\n");
    assert_string_equal(told.text, "quickc:HELLOXYZ one quickc:two quickc:three quicks:answer ");
    rig_stop(&r);
}

static void test_every_cut_tells_the_same(void **state)
{
    static const char text[] = "HELLOXYZ\nin:GAP\n\nup\nGAP one\ntwo\n";
    char whole[sizeof told.text] = "";

    (void)state;
    for (size_t cut = 0; cut < sizeof text - 1; cut++) {
        struct rig r;
        start(&r);
        if (cut > 0)
            rig_packet(&r, FROM_CLIENT, view_slice(view_string(text), 0, cut), 0);
        rig_packet(&r, FROM_CLIENT, view_from(view_string(text), cut), 0);
        rig_close(&r);
        if (cut == 0)
            memcpy(whole, told.text, sizeof whole);
        assert_string_equal(told.text, whole);
        rig_stop(&r);
    }
    assert_non_null(strstr(whole, "gapc:GAP one gapc:two"));
}

static void test_a_message_longer_than_the_buffer_ends_the_following(void **state)
{
    static char long_line[1001];
    struct rig r;

    (void)state;
    memset(long_line, 'x', 1000);
    start(&r);
    client(&r, "HELLOXYZ\n");
    for (unsigned i = 0; i < 17; i++)
        client(&r, long_line);
    assert_int_equal(r.counters.n[COUNT_PARSER_FULL], 1);
    assert_int_equal(r.counters.n[COUNT_ANOMALIES], 1);
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    assert_string_equal(rig_service(&r), "chat");
    rig_stop(&r);

    start(&r); /* a parser that lost its place sees breaches everywhere: nobody's fault */
    client(&r, "GAP\n");
    rig_packet(&r, FROM_CLIENT, VIEW("behind a hole"), 20);
    server(&r, "acknowledged\n");
    for (unsigned i = 0; i < 17; i++)
        client(&r, long_line);
    assert_int_equal(r.counters.n[COUNT_PARSER_FULL], 1);
    assert_int_equal(r.counters.n[COUNT_ANOMALIES], 0);
    rig_stop(&r);

    start(&r);
    client(&r, "GAP\n");
    for (unsigned i = 0; i < 17; i++)
        client(&r, long_line);
    client(&r, "\nnext\n");
    assert_int_equal(r.counters.n[COUNT_PARSER_FULL], 1);
    assert_non_null(strstr(told.text, "gapc:LOST"));
    assert_non_null(strstr(told.text, "gapc:next"));
    rig_stop(&r);
}

static void test_lost_bytes_end_a_parser_that_cannot_go_on(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ\n");
    rig_packet(&r, FROM_CLIENT, VIEW("after\n"), 100);
    server(&r, "answer\n"); /* acknowledges what was not seen */
    assert_string_equal(told.text, "quickc:HELLOXYZ ");
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    rig_stop(&r);

    start(&r);
    client(&r, "GAP\nkept");
    rig_packet(&r, FROM_CLIENT, VIEW("after\n"), 100);
    server(&r, "answer\n");
    assert_string_equal(told.text, "gapc:GAP gapc:LOST gapc:after gaps:answer ");
    rig_stop(&r);
}

static void test_bytes_lost_while_asking_make_it_midstream(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HEL");
    rig_packet(&r, FROM_CLIENT, VIEW("GAP x\n"), 100);
    server(&r, "y\n");
    assert_string_equal(told.text, "gapc:GAP x gaps:y ");
    rig_stop(&r);
}

/* ---- upgrade ---- */

static void test_an_upgrade_begins_again_with_what_is_not_used(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ\nup\nGAP new\n");
    server(&r, "answer\n");
    assert_string_equal(told.text, "quickc:HELLOXYZ quickc:up gapc:GAP new gaps:answer ");
    assert_int_equal(r.flow.app, PROTOCOL_XMPP); /* the outermost */
    rig_stop(&r);
}

static void test_an_upgrade_by_the_server_takes_the_clients_kept_bytes_along(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ\n");
    client(&r, "GAP early"); /* no line: kept */
    server(&r, "up\n");
    client(&r, " and late\n");
    assert_string_equal(told.text, "quickc:HELLOXYZ quicks:up gapc:GAP early and late ");
    rig_stop(&r);
}

static void test_websocket_takes_over_at_once(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ\n");
    client(&r, "early");
    server(&r, "ws\npushed\n");
    assert_string_equal(told.text,
                        "quickc:HELLOXYZ quicks:ws wss:pushed "); /* not only with the next packet */
    client(&r, " frame\n");
    assert_string_equal(told.text, "quickc:HELLOXYZ quicks:ws wss:pushed wsc:early frame ");
    rig_stop(&r);
}

static void test_an_upgrade_ends_what_was_carried_inside(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ\nin:GAP inner\nws\nin:HELLOABC;\n");
    rig_close(&r);
    assert_non_null(strstr(told.text, "wsc:in:HELLOABC; "));
    assert_null(strstr(told.text, "gapc:HELLOABC"));
    assert_null(strstr(told.text, "gapc:GAP innerHELLOABC"));
    rig_stop(&r);
}

/* ---- layers ---- */

static void test_inner_streams_are_identified_on_their_own(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "GAP\nin:HELLO\nin:SLO;\n");
    assert_string_equal(rig_service(&r), "chat");
    assert_non_null(strstr(told.text, "slowc:HELLOSLO"));
    client(&r, "end\nin:ONLY\nback\n");
    assert_non_null(strstr(told.text, "gapc:back"));
    assert_int_equal(r.flow.state, FLOW_INSPECT); /* a dead inner layer does not end the outer one */
    rig_stop(&r);
}

static void test_the_end_of_an_inner_stream_decides_it(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "GAP\nin:HELLO\nend\n");
    assert_int_equal(inspector_record(r.in, &r.flow)->evidence_count, 1); /* both say chat, by payload */
    assert_int_equal(r.flow.protocol, PROTOCOL_XMPP);
    rig_stop(&r);

    start(&r);
    client(&r, "GAP\nin:HELLO\n"); /* and so does the end of the flow */
    assert_int_equal(r.flow.protocol, PROTOCOL_MSNP);
    rig_close(&r);
    assert_int_equal(r.flow.protocol, PROTOCOL_XMPP);
    rig_stop(&r);
}

static void test_bytes_lost_outside_are_lost_inside(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "GAP\nin:HEL\n"); /* the rest of HELLO is in the hole */
    rig_packet(&r, FROM_CLIENT, VIEW("in:LOABC\n"), 100);
    server(&r, "x\n");
    rig_close(&r);
    assert_int_equal(r.flow.protocol, PROTOCOL_MSNP);
    rig_stop(&r);
}

static void test_layers_are_limited(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "GAP\nin:GAP;\nin:in:GAP!\n");
    assert_int_equal(r.counters.n[COUNT_LAYERS_DEEP], 0);
    client(&r, "in:;\n");
    assert_non_null(strstr(told.text, "gapc:in:GAP! "));
    rig_stop(&r);
}

/* ---- settling ---- */

static void test_what_settles_gives_all_memory_back_at_once(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "HELLOXYZ\nkept\nstop\nnever seen\n");
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    assert_string_equal(told.text, "quickc:HELLOXYZ quickc:kept quickc:stop ");
    assert_int_equal(inspector_used(r.in), 1); /* the record */
    assert_int_equal(r.counters.n[COUNT_FLOWS_SETTLED], 1);
    rig_stop(&r);
}

static void test_an_inner_parser_that_settles_does_not_stop_the_outer(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    client(&r, "GAP\nin:HELLOXYZ;stop;\n");
    client(&r, "end\nin:HELLOSLO\nmore\n");
    assert_int_equal(r.flow.state, FLOW_INSPECT);
    assert_non_null(strstr(told.text, "gapc:more"));
    rig_stop(&r);
}

/* ---- half-seen flows ---- */

static void test_midstream_asks_all_and_may_turn_the_flow_round(void **state)
{
    struct rig r;

    (void)state;
    start(&r);
    r.flow.flags = FLOW_MIDSTREAM;
    client(&r, "x");
    rig_stop(&r);

    start(&r);
    r.flow.flags = FLOW_MIDSTREAM;
    server(&r, "GAP\nstop\n");
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    assert_int_equal(r.flow.key.port[FROM_CLIENT], 5190);
    assert_int_equal(r.flow.packets[FROM_CLIENT], 1);
    rig_stop(&r);
}

static void test_a_flow_whose_opening_was_seen_is_not_turned_round(void **state)
{
    static const unsigned seen[] = { FLOW_SYN, FLOW_SYN_ACK };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct rig r;
        start(&r);
        r.flow.flags = (uint8_t)seen[i];
        r.next[1] = 5000;
        server(&r, "x");
        rig_stop(&r);
        start(&r);
        r.flow.flags = (uint8_t)(FLOW_MIDSTREAM | seen[i]);
        server(&r, "GAP\nstop\n");
        assert_int_equal(r.flow.key.port[FROM_CLIENT], 40000);
        rig_stop(&r);
    }
}

/* ---- datagrams ---- */

/* Wants three datagrams. */
static enum im_answer probe_three(const struct sample *s, struct finding *out)
{
    (void)out;
    assert_int_equal(s->heads[s->head_count - 1].kept,
                     s->datagram.len < SAMPLE_HEAD_BYTES ? s->datagram.len : SAMPLE_HEAD_BYTES);
    if (s->heads[0].data[0] != 'T')
        return IM_NO;
    if (s->head_count > 1 && s->heads[1].data[0] != 'T')
        return IM_NO;
    return s->head_count < 3 ? IM_MORE : IM_YES;
}

static size_t feed_three(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)s;
    tell("three", from, in);
    return 0;
}

static const struct parser three = {
    .protocol = PROTOCOL_RTP, .service = "other", .on = PARSER_UDP, .probe = probe_three, .feed = feed_three
};

/* Knows its first datagram only. */
static enum im_answer probe_first(const struct sample *s, struct finding *out)
{
    snprintf(out->value, sizeof out->value, "first");
    told.asked++;
    return view_equal(s->datagram, VIEW("Taste")) ? IM_YES : IM_NO;
}

static size_t feed_first(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)s;
    tell("first", from, in);
    return in.len;
}

static const struct parser first = {
    .protocol = PROTOCOL_STUN, .service = "chat", .on = PARSER_UDP, .probe = probe_first, .feed = feed_first
};

/* Never knows. */
static enum im_answer probe_never(const struct sample *s, struct finding *out)
{
    (void)s;
    (void)out;
    return IM_MORE;
}

static const struct parser never = { .protocol = PROTOCOL_DTLS, .on = PARSER_UDP, .probe = probe_never };
static const struct parser *const datagram_toys[] = { &three, &first };
static const struct parser *const undecided[] = { &never, &first };

static void start_udp(struct rig *r, const struct parser *const *parsers)
{
    memset(&told, 0, sizeof told);
    rig_start(r, parsers, 2, 0);
    rig_flow(r, L4_UDP, 40000);
}

static void test_a_datagrams_yes_is_held_while_others_wait(void **state)
{
    struct rig r;

    (void)state;
    start_udp(&r, datagram_toys);
    client(&r, "Taste");
    assert_string_equal(rig_service(&r), "-");
    client(&r, "Two");
    client(&r, "Three");
    assert_string_equal(rig_service(&r), "other"); /* the one before it came round */
    assert_string_equal(told.text, "threec:Three ");
    rig_stop(&r);

    start_udp(&r, datagram_toys);
    client(&r, "Taste");
    server(&r, "no T");
    assert_string_equal(rig_service(&r),
                        "chat"); /* the one before it gave up: it is not asked about another datagram */
    assert_string_equal(told.text, "firsts:no T ");
    assert_int_equal(told.asked, 1);
    rig_stop(&r);

    start_udp(&r, datagram_toys);
    client(&r, "Taste");
    rig_close(&r);
    assert_string_equal(rig_service(&r), "chat");
    rig_stop(&r);
}

static void test_heads_are_limited_and_then_all_is_decided(void **state)
{
    struct rig r;

    (void)state;
    start_udp(&r, undecided);
    client(&r, "Taste");
    for (unsigned i = 1; i < SAMPLE_HEADS; i++) {
        assert_string_equal(rig_service(&r), "-");
        client(&r, "and so on, and so on, and so on, and so on, and so on, and so on");
    }
    assert_string_equal(rig_service(&r), "chat");
    rig_stop(&r);

    start_udp(&r, undecided);
    for (unsigned i = 0; i < SAMPLE_HEADS + 3; i++)
        client(&r, "x");
    assert_int_equal(r.flow.state, FLOW_SETTLED);
    rig_stop(&r);
}

/* ---- limits ---- */

static void test_without_memory_flows_are_counted_and_go_on(void **state)
{
    struct flow flows[3];
    struct rig r;

    (void)state;
    memset(&told, 0, sizeof told);
    rig_start(&r, toys, sizeof toys / sizeof toys[0], 2);
    for (unsigned i = 0; i < 3; i++) {
        rig_flow(&r, L4_TCP, (uint16_t)(40000 + i));
        client(&r, "HEL");
        flows[i] = r.flow;
    }
    assert_int_equal(r.counters.n[COUNT_INSPECT_FULL], 1);
    assert_int_equal(flows[2].state, FLOW_SETTLED);
    for (unsigned i = 0; i < 2; i++) {
        inspector_close(r.in, &flows[i], r.now_us);
        inspector_drop_record(r.in, &flows[i]);
    }
    rig_stop(&r);
}

static void test_when_no_large_buffer_is_left_a_flow_is_decided_by_a_small_one(void **state)
{
    static char bytes[1025];
    struct flow hog;
    struct rig r;

    (void)state;
    memset(&told, 0, sizeof told);
    memset(bytes, 'x', 1024);
    rig_start(&r, toys, sizeof toys / sizeof toys[0], 2); /* so one large buffer */
    client(&r, "GAP\n");
    for (unsigned i = 0; i < 3; i++)
        client(&r, bytes); /* takes it */
    hog = r.flow;
    rig_flow(&r, L4_TCP, 40001);
    client(&r, "GAP\n");
    for (unsigned i = 0; i < 3; i++)
        client(&r, bytes);
    client(&r, "\nafter\n");
    assert_int_equal(r.counters.n[COUNT_PARSER_FULL], 0);
    assert_int_equal(r.counters.n[COUNT_INSPECT_FULL], 1);
    assert_non_null(strstr(told.text, "gapc:after"));
    inspector_close(r.in, &hog, r.now_us);
    inspector_drop_record(r.in, &hog);
    rig_stop(&r);
}

/* ---- names ---- */

static size_t feed_names(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct view rest = in, line;

    (void)state;
    (void)from;
    if (!view_line(&rest, &line))
        return 0;
    if (view_starts(line, VIEW("sni ")))
        (void)session_name(s, EVIDENCE_SNI, view_from(line, 4));
    if (view_starts(line, VIEW("host ")))
        (void)session_name(s, EVIDENCE_HTTP_HOST, view_from(line, 5));
    return in.len - rest.len;
}

static const struct parser names = {
    .protocol = PROTOCOL_TLS, .on = PARSER_TCP, .probe = probe_gap, .feed = feed_names
};
static const struct parser *const namers[] = { &names };

static bool is_fronted(const char *lines)
{
    struct rig r;
    bool fronted;

    rig_start(&r, namers, 1, 0);
    client(&r, "GAP\n");
    client(&r, lines);
    rig_close(&r);
    const struct record *record = inspector_record(r.in, &r.flow);
    fronted = record != NULL && (record->hints & 1 << HINT_FRONTING) != 0;
    rig_stop(&r);
    return fronted;
}

static void test_fronting_is_another_host_inside_tls(void **state)
{
    (void)state;
    assert_true(is_fronted("sni front.example\nhost www.chat.test\n"));
    assert_false(is_fronted("sni a.chat.test\nhost b.chat.test\n"));
    assert_false(is_fronted("host www.one.test\nhost www.two.test\n")); /* a proxy's connection */
    assert_false(is_fronted("sni front.example\nhost 192.0.2.7\n"));
}

static void test_a_proof_after_a_hint_of_the_same_kind_counts(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, namers, 1, 0);
    client(&r, "GAP\nhost x.shared.example\n");
    assert_string_equal(rig_service(&r), "-");
    client(&r, "host www.chat.example\n");
    assert_string_equal(rig_service(&r), "chat");
    rig_stop(&r);
}

static void test_what_the_address_decides_keeps_what_was_noted(void **state)
{
    const uint8_t address[4] = { 198, 51, 100, 7 };
    struct rig r;

    (void)state;
    rig_start(&r, namers, 1, 0);
    r.flow.key.addr[FROM_SERVER] = ip_from_v4(address);
    client(&r, "GAP\n");
    rig_close(&r);
    assert_string_equal(rig_service(&r), "chat");
    assert_int_equal(inspector_record(r.in, &r.flow)->evidence[0].kind, EVIDENCE_RANGE);
    rig_stop(&r);

    rig_start(&r, namers, 1, 0);
    r.flow.key.addr[FROM_SERVER] = ip_from_v4(address);
    client(&r, "GAP\nsni www.bank.test\n"); /* a name of its own comes before the address */
    rig_close(&r);
    assert_string_equal(rig_service(&r), "-");
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_parsers_that_the_first_byte_fits_are_asked),
        cmocka_unit_test(test_a_yes_waits_for_parsers_before_it),
        cmocka_unit_test(test_when_the_flow_ends_what_waits_is_no),
        cmocka_unit_test(test_a_yes_with_nothing_to_follow_settles_the_flow),
        cmocka_unit_test(test_bytes_that_are_not_used_come_again_with_more),
        cmocka_unit_test(test_every_cut_tells_the_same),
        cmocka_unit_test(test_a_message_longer_than_the_buffer_ends_the_following),
        cmocka_unit_test(test_lost_bytes_end_a_parser_that_cannot_go_on),
        cmocka_unit_test(test_bytes_lost_while_asking_make_it_midstream),
        cmocka_unit_test(test_an_upgrade_begins_again_with_what_is_not_used),
        cmocka_unit_test(test_an_upgrade_by_the_server_takes_the_clients_kept_bytes_along),
        cmocka_unit_test(test_websocket_takes_over_at_once),
        cmocka_unit_test(test_an_upgrade_ends_what_was_carried_inside),
        cmocka_unit_test(test_inner_streams_are_identified_on_their_own),
        cmocka_unit_test(test_the_end_of_an_inner_stream_decides_it),
        cmocka_unit_test(test_bytes_lost_outside_are_lost_inside),
        cmocka_unit_test(test_layers_are_limited),
        cmocka_unit_test(test_what_settles_gives_all_memory_back_at_once),
        cmocka_unit_test(test_an_inner_parser_that_settles_does_not_stop_the_outer),
        cmocka_unit_test(test_midstream_asks_all_and_may_turn_the_flow_round),
        cmocka_unit_test(test_a_flow_whose_opening_was_seen_is_not_turned_round),
        cmocka_unit_test(test_a_datagrams_yes_is_held_while_others_wait),
        cmocka_unit_test(test_heads_are_limited_and_then_all_is_decided),
        cmocka_unit_test(test_without_memory_flows_are_counted_and_go_on),
        cmocka_unit_test(test_when_no_large_buffer_is_left_a_flow_is_decided_by_a_small_one),
        cmocka_unit_test(test_fronting_is_another_host_inside_tls),
        cmocka_unit_test(test_a_proof_after_a_hint_of_the_same_kind_counts),
        cmocka_unit_test(test_what_the_address_decides_keeps_what_was_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
