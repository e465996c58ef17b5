/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers of files and calls that are forbidden, through the inspection driver with all parsers: what arrives
 * at the other end, whole and in however many segments, and that the conversation goes on.
 */
#include "build.h"
#include "identify/inspect.h"
#include "im/registry.h"
#include <stdio.h>
#include <stdlib.h>

enum { FILES = 1 << ACTIVITY_FILE, CALLS = 1 << ACTIVITY_CALL, CHATS = 1 << ACTIVITY_CHAT, MOST = 20000 };

struct gateway {
    struct inspector *in;
    struct knowledge *knowledge;
    struct counters counters;
    struct flow flow;
    uint64_t now_us;
    uint32_t next[2];
    uint8_t forbidden;
    /* of all packets so far */
    uint8_t told, refused;
    bool cut;
    size_t received_len;
    uint8_t received[MOST]; /* by the server and the client in one */
};

static struct catalog *catalog;
static struct gateway g;

static bool forbids(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum activity activity, const struct im_detail *detail)
{
    struct gateway *gateway = context;

    (void)flow;
    (void)record;
    (void)time_us;
    assert_non_null(detail);
    return (gateway->forbidden >> activity & 1) != 0;
}

static void gateway_start(uint8_t l4, uint8_t forbidden)
{
    struct inspector_config config = { .catalog = catalog, .forbids = forbids, .context = &g };
    struct imw_error_info err;

    memset(&g, 0, sizeof g);
    g.forbidden = forbidden;
    g.now_us = UINT64_C(1700000000000000);
    g.knowledge = config.knowledge = knowledge_new(0);
    config.parsers = parsers_all(&config.parser_count);
    assert_non_null(g.knowledge);
    config.max_inspections = 16;
    assert_true(inspector_new(&config, &g.counters, &g.in, &err));
    g.next[0] = g.next[1] = 1000;
    g.flow = (struct flow){ .first_us = g.now_us, .start_seq = { 1000, 1000 } };
    g.flow.key.addr[0] = ip_from_v4((const uint8_t[]){ 10, 0, 0, 1 });
    g.flow.key.addr[1] = ip_from_v4((const uint8_t[]){ 192, 0, 2, 1 });
    g.flow.key.port[0] = 40000;
    g.flow.key.port[1] = 30303;
    g.flow.key.l4 = l4;
    g.flow.flags = l4 == L4_TCP ? FLOW_SYN | FLOW_SYN_ACK : 0;
}

static void gateway_stop(void)
{
    inspector_close(g.in, &g.flow, g.now_us);
    inspector_drop_record(g.in, &g.flow);
    assert_int_equal(inspector_used(g.in), 0);
    inspector_free(g.in);
    knowledge_free(g.knowledge);
}

/* A packet whose bytes, as they go on, are left in `copy`. */
static struct inspect_outcome inspect(enum flow_dir from, uint32_t seq, uint32_t ack, uint8_t *copy,
                                      size_t len)
{
    struct packet p = { .l4 = g.flow.key.l4,
                        .tcp_flags = ack != 0 ? TCP_ACK : 0,
                        .seq = seq,
                        .ack = ack,
                        .payload_len = (uint32_t)len,
                        .payload = view_of(copy, len),
                        .time_us = g.now_us += 1000 };

    if (g.flow.state != FLOW_SETTLED)
        inspector_packet(g.in, &g.flow, from, &p);
    struct inspect_outcome out = *inspector_outcome(g.in);
    g.told |= out.told;
    g.refused |= out.refused;
    g.cut |= out.cut || (out.told & g.forbidden & ~out.refused) != 0; /* as the gateway does */
    for (unsigned i = 0; i < out.spoil_count; i++) {
        assert_in_range(out.spoils[i].offset + out.spoils[i].count, 1, len);
        memset(copy + out.spoils[i].offset, out.spoils[i].with, out.spoils[i].count);
    }
    return out;
}

/* The next packet of one side. Returns what was found in it. */
static struct inspect_outcome pass(enum flow_dir from, struct view bytes)
{
    uint8_t *copy = malloc(bytes.len);

    assert_non_null(copy);
    memcpy(copy, bytes.at, bytes.len);
    struct inspect_outcome out = inspect(from, g.next[from], 0, copy, bytes.len);
    g.next[from] += (uint32_t)bytes.len;
    assert_true(g.received_len + bytes.len <= MOST);
    memcpy(g.received + g.received_len, copy, bytes.len);
    g.received_len += bytes.len;
    free(copy);
    return out;
}

static struct view received(void)
{
    return view_of(g.received, g.received_len);
}

static bool holds(struct view v, struct view what)
{
    return view_find(v, what) < v.len;
}

struct offer {
    const char *name;
    uint8_t l4;
    uint8_t activity;     /* FILES, CALLS */
    struct view begin[2]; /* what the client and the server say before, in this order */
    enum flow_dir from;
    struct view offer;
    struct view token; /* in it, without which nobody takes it */
    struct view chat;  /* from the same side */
};

static void begin(const struct offer *o, uint8_t forbidden)
{
    gateway_start(o->l4, forbidden);
    for (unsigned d = 0; d < 2; d++)
        if (o->begin[d].len > 0)
            pass((enum flow_dir)d, o->begin[d]);
    assert_false(g.cut);
    g.told = 0;
    g.received_len = 0;
}

/* The chat goes on behind the offer. */
static void chat_on(const struct offer *o)
{
    bool was_cut = g.cut;
    g.told = g.refused = 0;
    g.cut = false;
    size_t before = g.received_len;
    struct inspect_outcome out = pass(o->from, o->chat);
    if (out.told != CHATS)
        fail_msg("%s: told %x", o->name, out.told);
    assert_false(g.cut);
    assert_true(view_equal(view_from(received(), before), o->chat));
    g.cut = was_cut;
}

static void check_whole(const struct offer *o)
{
    begin(o, 0);
    pass(o->from, o->offer);
    if ((g.told & o->activity) == 0 || g.cut || g.refused != 0)
        fail_msg("%s, allowed: told %x", o->name, g.told);
    assert_true(view_equal(received(), o->offer));
    gateway_stop();

    begin(o, o->activity);
    pass(o->from, o->offer);
    if (g.cut || g.refused != o->activity || (g.told & o->activity) == 0)
        fail_msg("%s, forbidden: %s, refused %x, told %x", o->name, g.cut ? "cut" : "not cut", g.refused,
                 g.told);
    assert_true(holds(o->offer, o->token));
    if (holds(received(), o->token))
        fail_msg("%s: the token arrives", o->name);
    assert_int_equal(g.received_len, o->offer.len);
    chat_on(o);
    gateway_stop();
}

/* In two segments, the first of which brings the end of a message before it; and octet by octet. */
static void check_segments(const struct offer *o)
{
    static uint8_t both[MOST];
    unsigned void_offers = 0, cuts = 0;

    memcpy(both, o->chat.at, o->chat.len);
    memcpy(both + o->chat.len, o->offer.at, o->offer.len);
    struct view all = view_of(both, o->chat.len + o->offer.len);
    for (size_t cut = 1; cut < all.len; cut++) {
        begin(o, o->activity);
        pass(o->from, view_slice(all, 0, cut));
        pass(o->from, view_from(all, cut));
        if (!g.cut && (g.refused != o->activity || holds(received(), o->token)))
            fail_msg("%s: the token arrives when cut at %zu", o->name, cut);
        cuts += g.cut;
        void_offers += !g.cut;
        if (!g.cut)
            chat_on(o);
        gateway_stop();
    }
    assert_true(void_offers > o->chat.len);
    begin(o, o->activity);
    for (size_t i = 0; i < all.len; i++)
        pass(o->from, view_slice(all, i, i + 1));
    if (!g.cut && holds(received(), o->token))
        fail_msg("%s: the token arrives in octets", o->name);
    gateway_stop();
}

/* ---- a network that loses, repeats and reorders ---- */

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % sides;
}

/* What the other end has; of two copies of an octet it keeps the first. */
static struct {
    uint8_t bytes[MOST];
    bool have[MOST];
    size_t front;
} end;

/* Octets [from, to) of the stream are sent. False: the connection was cut. */
static bool send_part(const struct offer *o, uint32_t first, struct view all, size_t from, size_t to,
                      bool lost)
{
    uint8_t *copy = malloc(to - from);

    assert_non_null(copy);
    memcpy(copy, all.at + from, to - from);
    inspect(o->from, first + (uint32_t)from, 1, copy, to - from);
    for (size_t i = from; i < to && !lost && !g.cut; i++)
        if (!end.have[i]) {
            end.have[i] = true;
            end.bytes[i] = copy[i - from];
        }
    free(copy);
    while (end.front < all.len && end.have[end.front])
        end.front++;
    return !g.cut;
}

/* An octet of the offer's token arrives changed, or the connection is cut before all of it is there. */
static void check_disorder(const struct offer *o, struct view all, uint32_t seed)
{
    begin(o, o->activity);
    uint32_t first = g.next[o->from];
    memset(&end, 0, sizeof end);
    while (end.front < all.len && !g.cut) {
        size_t from = end.front + dice(&seed, 3) * dice(&seed, 30);
        if (from > 0 && dice(&seed, 4) == 0)
            from -= dice(&seed, from < 60 ? (uint32_t)from : 60);
        from = from < all.len ? from : all.len - 1;
        size_t to = from + 1 + dice(&seed, 80);
        send_part(o, first, all, from, to < all.len ? to : all.len, dice(&seed, 3) == 0);
        if (dice(&seed, 2) == 0) {
            uint8_t none = 0;
            inspect(dir_other(o->from), g.next[dir_other(o->from)], first + (uint32_t)end.front, &none, 0);
        }
    }
    bool whole = end.front >= o->chat.len + o->offer.len;
    if (whole && holds(view_of(end.bytes, end.front), o->token))
        fail_msg("%s: the token arrives in disorder, seed %u", o->name, seed);
    if (!g.cut)
        assert_true(view_equal(view_of(end.bytes, o->chat.len), o->chat));
    gateway_stop();
}

static void check_network(const struct offer *o)
{
    static uint8_t both[MOST];
    struct view all = view_of(both, 2 * o->chat.len + o->offer.len);

    memcpy(both, o->chat.at, o->chat.len);
    memcpy(both + o->chat.len, o->offer.at, o->offer.len);
    memcpy(both + o->chat.len + o->offer.len, o->chat.at, o->chat.len);
    for (uint32_t seed = 1; seed <= 60; seed++)
        check_disorder(o, all, seed * 7919);
}

static void check(const struct offer *o)
{
    check_whole(o);
    if (o->l4 != L4_TCP)
        return;
    check_segments(o);
    check_network(o);
}

#define V(literal)                                                                                           \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

/* ---- IRC ---- */

#define IRC_BEGIN                                                                                            \
    {                                                                                                        \
        V("NICK alice\r\nUSER alice 0 * :Alice\r\n"), V(":irc.example 001 alice :Welcome\r\n")               \
    }
#define IRC_OUT(text) "PRIVMSG bob :" text "\r\n"
#define IRC_IN(text) ":bob!b@h.example PRIVMSG alice :" text "\r\n"

static void test_dcc(void **state)
{
    static const struct {
        const char *request, *token;
        uint8_t activity;
    } requests[] = {
        { "DCC SEND a.zip 167772161 4000 900", "SEND a.zip 167772161 4000", FILES },
        { "DCC SEND \"a b.zip\" 167772161 4000 900", "SEND \"a b.zip\" 167772161 4000", FILES },
        { "DCC SEND a.zip 199 0 900 77", "SEND a.zip 199 0", FILES },
        { "DCC XMIT clear 167772161 4000 a.zip 900", "XMIT clear 167772161 4000", FILES },
        { "DCC RESUME a.zip 4000 500", "RESUME a.zip 4000", FILES },
        { "DCC ACCEPT a.zip 4000 500", "ACCEPT a.zip 4000", FILES },
    };

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char line[2][200];
        snprintf(line[0], sizeof line[0], IRC_OUT("\001%s\001"), requests[i].request);
        snprintf(line[1], sizeof line[1], IRC_IN("\001%s\001"), requests[i].request);
        for (unsigned d = 0; d < 2; d++) {
            struct offer o = { .name = requests[i].request,
                               .l4 = L4_TCP,
                               .activity = requests[i].activity,
                               .begin = IRC_BEGIN,
                               .from = (enum flow_dir)d,
                               .offer = view_string(line[d]),
                               .token = view_string(requests[i].token),
                               .chat = d == FROM_CLIENT ? VIEW(IRC_OUT("hi")) : VIEW(IRC_IN("hi")) };
            check(&o);
        }
    }
}

static void test_dcc_chat_is_chat(void **state)
{
    (void)state;
    gateway_start(L4_TCP, CHATS);
    pass(FROM_CLIENT, VIEW("NICK alice\r\nUSER alice 0 * :Alice\r\n"));
    pass(FROM_SERVER, VIEW(":irc.example 001 alice :Welcome\r\n"));
    g.received_len = 0;
    pass(FROM_CLIENT, VIEW(IRC_OUT("\001DCC CHAT chat 167772161 4000\001")));
    assert_int_equal(g.refused, CHATS);
    assert_true(view_equal(received(), VIEW(IRC_OUT("\001DCC xxxxxxxxxxxxxxxxxxxxxxxx\001"))));
    gateway_stop();
}

/* ---- XMPP ---- */

#define XMPP_BEGIN                                                                                           \
    {                                                                                                        \
        V("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "            \
          "to='example.org' version='1.0'>"),                                                                \
            V("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "        \
              "from='example.org' version='1.0'>")                                                           \
    }
#define IQ(type, content)                                                                                    \
    "<iq type='" type "' id='q1' to='bob@b.example/x' from='al@a.example/y'>" content "</iq>"
#define JINGLE(description, transport)                                                                       \
    IQ("set", "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='J'><content name='c'>"       \
              "<description xmlns='" description "'/><transport xmlns='" transport "' sid='t1'/>"            \
              "</content></jingle>")
#define SHARED "https://up.example/f/a.zip"

static void test_xmpp(void **state)
{
    static const struct {
        const char *stanza, *token;
        uint8_t activity;
    } stanzas[] = {
        { IQ("set",
             "<si xmlns='http://jabber.org/protocol/si' id='s' "
             "profile='http://jabber.org/protocol/si/profile/file-transfer'>"
             "<file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='a.zip' size='9'/></si>"),
          "'http://jabber.org/protocol/si'", FILES },
        { IQ("set", "<query xmlns='http://jabber.org/protocol/bytestreams' sid='s'>"
                    "<streamhost jid='al@a.example/y' host='10.0.0.1' port='5086'/></query>"),
          "http://jabber.org/protocol/bytestreams", FILES },
        { IQ("set", "<open xmlns='http://jabber.org/protocol/ibb' block-size='4096' sid='s'/>"),
          "http://jabber.org/protocol/ibb", FILES },
        { IQ("set", "<data xmlns='http://jabber.org/protocol/ibb' seq='0' sid='s'>aGVsbG8=</data>"),
          "http://jabber.org/protocol/ibb", FILES },
        { JINGLE("urn:xmpp:jingle:apps:file-transfer:5", "urn:xmpp:jingle:transports:s5b:1"),
          "urn:xmpp:jingle:apps:file-transfer:5", FILES },
        { JINGLE("urn:xmpp:jingle:apps:file-transfer:4", "urn:xmpp:jingle:transports:ibb:1"),
          "urn:xmpp:jingle:transports:ibb:1", FILES },
        { JINGLE("urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:transports:ice-udp:1"),
          "urn:xmpp:jingle:apps:rtp:1", CALLS },
        { "<message to='bob@b.example' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='p'>"
          "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>",
          "urn:xmpp:jingle:apps:rtp:1", CALLS },
        { IQ("get", "<request xmlns='urn:xmpp:http:upload:0' filename='a.zip' size='9' content-type='a/b'/>"),
          "urn:xmpp:http:upload:0", FILES },
        { IQ("get",
             "<request xmlns='urn:xmpp:http:upload'><filename>a.zip</filename><size>9</size></request>"),
          "urn:xmpp:http:upload", FILES },
    };

    (void)state;
    for (size_t i = 0; i < sizeof stanzas / sizeof stanzas[0]; i++)
        for (unsigned d = 0; d < 2; d++) {
            struct offer o = { .name = stanzas[i].token,
                               .l4 = L4_TCP,
                               .activity = stanzas[i].activity,
                               .begin = XMPP_BEGIN,
                               .from = (enum flow_dir)d,
                               .offer = view_string(stanzas[i].stanza),
                               .token = view_string(stanzas[i].token),
                               .chat = VIEW("<message from='al@a.example/y' to='bob@b.example'>"
                                            "<body>hi</body></message>") };
            check(&o);
        }
}

/* What is told only where it is forbidden. */
static void test_xmpp_files_by_other_ways(void **state)
{
    static const struct {
        const char *stanza, *token;
    } stanzas[] = {
        { IQ("get", "<data xmlns='urn:xmpp:bob' cid='sha1+8f35@bob.xmpp.org'/>"), "urn:xmpp:bob" },
        { IQ("set", "<query xmlns='jabber:iq:oob'><url>http://a.example/a.zip</url></query>"),
          "jabber:iq:oob" },
        { "<message to='bob@b.example'><file-sharing xmlns='urn:xmpp:sfs:0'/></message>", "urn:xmpp:sfs:0" },
        { "<message to='bob@b.example'><body>" SHARED "</body><x xmlns='jabber:x:oob'><url>" SHARED
          "</url></x></message>",
          SHARED },
        { "<message to='bob@b.example'><x xmlns='jabber:x:oob'><url>" SHARED "</url></x><body>" SHARED
          "</body></message>",
          SHARED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof stanzas / sizeof stanzas[0]; i++) {
        struct offer o = { .l4 = L4_TCP, .begin = XMPP_BEGIN };
        for (unsigned forbidden = 0; forbidden < 2; forbidden++) {
            begin(&o, forbidden != 0 ? FILES : 0);
            pass(FROM_SERVER, view_string(stanzas[i].stanza));
            assert_false(g.cut);
            assert_int_equal(g.refused, forbidden != 0 ? FILES : 0);
            assert_int_equal(g.told & FILES, forbidden != 0 ? FILES : 0);
            assert_int_equal(holds(received(), view_string(stanzas[i].token)), forbidden == 0);
            gateway_stop();
        }
    }
}

static void test_xmpp_leaves_what_is_no_offer(void **state)
{
    static const char *const stanzas[] = {
        IQ("get", "<query xmlns='http://jabber.org/protocol/bytestreams'/>"),
        IQ("result", "<si xmlns='http://jabber.org/protocol/si'/>"),
        IQ("error", "<open xmlns='http://jabber.org/protocol/ibb' sid='s'/>"),
        IQ("set", "<si xmlns='http://jabber.org/protocol/si' profile='urn:other' id='s'/>"),
        "<message to='bob@b.example'><body>see " SHARED "</body><x xmlns='jabber:x:oob'><url>" SHARED
        "</url></x></message>",
        IQ("result", "<query xmlns='http://jabber.org/protocol/disco#info'>"
                     "<feature var='urn:xmpp:jingle:apps:file-transfer:5'/></query>"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof stanzas / sizeof stanzas[0]; i++) {
        struct offer o = { .l4 = L4_TCP, .begin = XMPP_BEGIN };
        begin(&o, FILES | CALLS);
        pass(FROM_CLIENT, view_string(stanzas[i]));
        assert_false(g.cut);
        assert_int_equal(g.told & FILES, 0);
        assert_true(view_equal(received(), view_string(stanzas[i])));
        gateway_stop();
    }
}

static void test_a_stanza_that_goes_on_is_midway(void **state)
{
    struct offer o = { .l4 = L4_TCP, .begin = XMPP_BEGIN };

    (void)state;
    begin(&o, CALLS);
    assert_true(pass(FROM_CLIENT, VIEW("<message to='bob@b.example'><thread>t</thread>")).midway);
    assert_false(pass(FROM_SERVER, VIEW("<presence/>")).midway);
    assert_true(pass(FROM_CLIENT, VIEW("<body>hi")).midway);
    assert_false(pass(FROM_CLIENT, VIEW("</body></message>")).midway);
    gateway_stop();
}

/* ---- OSCAR ---- */

#define OSCAR_HELLO "\x2a\x01\x00\x01\x00\x04\x00\x00\x00\x01"
#define OSCAR_GUID(number) "\x09\x46" number "\x4c\x7f\x11\xd1\x82\x22\x44\x45\x53\x54\x00\x00"

static void put_icbm(struct build *b, bool from_client, unsigned channel, unsigned tlv, const struct build *v)
{
    struct build body = { .len = 0 };

    put16(&body, 4);
    put16(&body, from_client ? 6 : 7);
    put16(&body, 0);
    put32(&body, 7);
    put_text(&body, "COOKIE12");
    put16(&body, channel);
    put_block8(&body, "bob");
    if (!from_client)
        put32(&body, 0);
    put_tlv(&body, tlv, built(v));
    put(b, VIEW("\x2a\x02\x00\x02"));
    put16(b, (unsigned)body.len);
    put(b, built(&body));
}

static void test_oscar(void **state)
{
    static const struct {
        struct view guid;
        uint8_t activity;
    } offers[] = { { V(OSCAR_GUID("\x13\x43")), FILES },
                   { V(OSCAR_GUID("\x13\x48")), FILES },
                   { V(OSCAR_GUID("\x13\x41")), CALLS },
                   { V(OSCAR_GUID("\x01\x00")), CALLS } };

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
        for (unsigned d = 0; d < 2; d++) {
            struct build inner = { .len = 0 }, offer = { .len = 0 }, text = { .len = 0 }, chat = { .len = 0 };
            put16(&inner, 0);
            put_text(&inner, "COOKIE12");
            put(&inner, offers[i].guid);
            put_tlv(&inner, 0x0a, VIEW("\x00\x01"));
            put_tlv(&inner, 0x02, VIEW("\x0a\x00\x00\x01"));
            put_tlv(&inner, 0x05, VIEW("\x14\x46"));
            put_icbm(&offer, d == FROM_CLIENT, 2, 5, &inner);
            put(&text, VIEW("\x05\x01\x00\x01\x01\x01\x01\x00\x06\x00\x00\x00\x00hi"));
            put_icbm(&chat, d == FROM_CLIENT, 1, 2, &text);
            struct offer o = { .name = "OSCAR",
                               .l4 = L4_TCP,
                               .activity = offers[i].activity,
                               .begin = { V(OSCAR_HELLO), V(OSCAR_HELLO) },
                               .from = (enum flow_dir)d,
                               .offer = built(&offer),
                               .token = offers[i].guid,
                               .chat = built(&chat) };
            check(&o);
        }
}

/* ---- MSNP ---- */

#define MSN_FILE "{5D3E02AB-6190-11D3-BBBB-00C04F795683}"
#define MSN_WEBCAM "{4BD96FC0-AB17-4425-A14A-439185962DC8}"

static void put_msg(struct build *b, bool from_client, const char *type, struct view body)
{
    char head[128];
    struct build payload = { .len = 0 };

    put_text(&payload, "MIME-Version: 1.0\r\nContent-Type: ");
    put_text(&payload, type);
    put_text(&payload, "\r\n\r\n");
    put(&payload, body);
    if (from_client)
        snprintf(head, sizeof head, "MSG 4 N %zu\r\n", payload.len);
    else
        snprintf(head, sizeof head, "MSG bob@example.org Bob %zu\r\n", payload.len);
    put_text(b, head);
    put(b, built(&payload));
}

static void put_slp(struct build *b, bool from_client, const char *guid)
{
    struct build frame = { .len = 0 }, slp = { .len = 0 };

    put_text(&slp,
             "INVITE MSNMSGR:bob@example.org MSNSLP/1.0\r\nTo: <msnmsgr:bob@example.org>\r\n\r\nEUF-GUID: ");
    put_text(&slp, guid);
    put_text(&slp, "\r\nSessionID: 21\r\nAppID: 2\r\n\r\n");
    put8(&slp, 0);
    put_le32(&frame, 0);
    put_le32(&frame, 9);
    put_le64(&frame, 0);
    put_le64(&frame, slp.len);
    put_le32(&frame, (uint32_t)slp.len);
    put_le32(&frame, 0);
    put_zeros(&frame, 16);
    put(&frame, built(&slp));
    put32(&frame, 0);
    put_msg(b, from_client, "application/x-msnmsgrp2p", built(&frame));
}

static void test_msnp(void **state)
{
    static const struct {
        const char *guid;
        bool old;
        uint8_t activity;
    } offers[] = { { MSN_FILE, false, FILES }, { MSN_WEBCAM, false, CALLS }, { MSN_FILE, true, FILES } };

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
        for (unsigned d = 0; d < 2; d++) {
            struct build offer = { .len = 0 }, chat = { .len = 0 };
            if (offers[i].old)
                put_msg(&offer, d == FROM_CLIENT, "text/x-msmsgsinvite; charset=UTF-8",
                        VIEW("Application-Name: File Transfer\r\nApplication-GUID: " MSN_FILE
                             "\r\nInvitation-Command: INVITE\r\nInvitation-Cookie: 33\r\n"
                             "Application-File: a.zip\r\nApplication-FileSize: 900\r\n\r\n"));
            else
                put_slp(&offer, d == FROM_CLIENT, offers[i].guid);
            put_msg(&chat, d == FROM_CLIENT, "text/plain; charset=UTF-8", VIEW("hi"));
            struct offer o = { .name = offers[i].guid,
                               .l4 = L4_TCP,
                               .activity = offers[i].activity,
                               .begin = { V("USR 1 alice@example.org 17262740.1050826919.32308\r\n"),
                                          V("USR 1 OK alice@example.org Alice\r\n") },
                               .from = (enum flow_dir)d,
                               .offer = built(&offer),
                               .token = view_string(offers[i].guid),
                               .chat = built(&chat) };
            check(&o);
        }
}

/* ---- others ---- */

static void put_ymsg(struct build *b, unsigned service, const char *pairs)
{
    struct build body = { .len = 0 };

    for (; *pairs != '\0'; pairs++)
        if (*pairs == '|')
            put(&body, VIEW("\xc0\x80"));
        else
            put8(&body, (uint8_t)*pairs);
    put(&body, VIEW("\xc0\x80"));
    put(b, VIEW("YMSG\x00\x0f\x00\x00"));
    put16(b, (unsigned)body.len);
    put16(b, service);
    put32(b, 0);
    put32(b, 0x1234);
    put(b, built(&body));
}

static void test_ymsg(void **state)
{
    static const struct {
        unsigned service;
        const char *pairs;
        struct view token;
        uint8_t activity;
    } offers[] = {
        { 0xdc, "1|alice|5|bob|265|id|222|1|266|1|27|b.pdf|28|99", V("\x00\xdc"), FILES },
        { 0xdd, "1|alice|5|bob|265|id|27|b.pdf|249|3|250|198.51.100.30", V("\x00\xdd"), FILES },
        { 0x4d, "1|alice|5|bob|49|FILEXFER|20|http://198.51.100.7:4444/a|27|b.pdf|28|9", V("\x00\x4d"),
          FILES },
        { 0x4a, "1|alice|5|bob|57|room", V("\x00\x4a"), CALLS },
    };

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        struct build offer = { .len = 0 }, chat = { .len = 0 }, login = { .len = 0 };
        put_ymsg(&login, 0x57, "1|alice");
        put_ymsg(&offer, offers[i].service, offers[i].pairs);
        put_ymsg(&chat, 0x06, "1|alice|5|bob|14|hi");
        struct offer o = { .name = "YMSG",
                           .l4 = L4_TCP,
                           .activity = offers[i].activity,
                           .begin = { built(&login), V("") },
                           .from = FROM_CLIENT,
                           .offer = built(&offer),
                           .token = offers[i].token,
                           .chat = built(&chat) };
        check_whole(&o);
    }
}

/* The bytes of an upload follow its frame: nothing but a cut stops them. */
static void test_an_upload_of_ymsg_is_told_and_not_refused(void **state)
{
    struct build login = { .len = 0 }, upload = { .len = 0 };

    (void)state;
    put_ymsg(&login, 0x57, "1|alice");
    put_ymsg(&upload, 0x46, "1|alice|5|bob|27|b.pdf|28|9");
    gateway_start(L4_TCP, FILES);
    pass(FROM_CLIENT, built(&login));
    pass(FROM_CLIENT, built(&upload));
    assert_true((g.told & FILES) != 0);
    assert_int_equal(g.refused, 0);
    gateway_stop();
}

static void put_mrim(struct build *b, unsigned command, const struct build *body)
{
    put_le32(b, 0xdeadbeef);
    put_le32(b, 0x00010007);
    put_le32(b, 1);
    put_le32(b, command);
    put_le32(b, (uint32_t)body->len);
    put_zeros(b, 24);
    put(b, built(body));
}

static void put_string32(struct build *b, const char *text)
{
    put_le32(b, (uint32_t)strlen(text));
    put_text(b, text);
}

static void test_mrim(void **state)
{
    struct build hello = { .len = 0 }, body = { .len = 0 }, inner = { .len = 0 }, file = { .len = 0 };
    struct build call = { .len = 0 }, said = { .len = 0 }, chat = { .len = 0 }, none = { .len = 0 };

    (void)state;
    put_mrim(&hello, 0x1001, &none);
    put_string32(&inner, "a.doc;4096;");
    put_string32(&inner, "");
    put_string32(&inner, "10.0.0.1:2041;");
    put_string32(&body, "bob@ml.ru");
    put_le32(&body, 7);
    put_le32(&body, 4096);
    put_le32(&body, (uint32_t)inner.len);
    put(&body, built(&inner));
    put_mrim(&file, 0x1026, &body);
    body.len = 0;
    put_string32(&body, "bob@ml.ru");
    put_le32(&body, 7);
    put_string32(&body, "10.0.0.1:2041;");
    put_mrim(&call, 0x1049, &body);
    put_le32(&said, 0);
    put_string32(&said, "bob@ml.ru");
    put_string32(&said, "hi");
    put_mrim(&chat, 0x1008, &said);
    struct offer o = { .name = "MRIM file",
                       .l4 = L4_TCP,
                       .activity = FILES,
                       .begin = { built(&hello), V("") },
                       .from = FROM_CLIENT,
                       .offer = built(&file),
                       .token = VIEW("\x26\x10\x00\x00"),
                       .chat = built(&chat) };
    check(&o);
    o.name = "MRIM call";
    o.activity = CALLS;
    o.offer = built(&call);
    o.token = VIEW("\x49\x10\x00\x00");
    check(&o);
}

static void test_gadu_gadu(void **state)
{
    struct build login = { .len = 0 }, offer = { .len = 0 }, chat = { .len = 0 };

    (void)state;
    put_le32(&login, 0x15);
    put_le32(&login, 31);
    put_le32(&login, 1234567);
    put8(&login, 2);
    put_zeros(&login, 26);
    put(&chat,
        VIEW("\x0b\x00\x00\x00\x0f\x00\x00\x00\xb1\xcb\x74\x00\x01\x00\x00\x00\x08\x00\x00\x00hi\x00"));
    for (unsigned kind = 1; kind <= 4; kind += 3) {
        struct build at = { .len = 0 };
        offer = at;
        put_le32(&offer, 0x20);
        put_le32(&offer, 8 + 4 + 4 + 4 + 255 + 1 + 4 + 4 + 20);
        put_text(&offer, "\1\2\3\4\5\6\7\1");
        put_le32(&offer, 1234567);
        put_le32(&offer, 7654321);
        put_le32(&offer, kind);
        put_text(&offer, "plan.doc");
        put_zeros(&offer, 248);
        put_le64(&offer, 4096);
        put_zeros(&offer, 20);
        struct view token =
            kind == 4 ? VIEW("\xb1\xcb\x74\x00\x04\x00\x00\x00") : VIEW("\xb1\xcb\x74\x00\x01\x00\x00\x00");
        struct offer o = { .name = "Gadu-Gadu",
                           .l4 = L4_TCP,
                           .activity = kind == 4 ? FILES : CALLS,
                           .begin = { built(&login), V("\x01\x00\x00\x00\x04\x00\x00\x00\x12\x34\x56\x78") },
                           .from = FROM_CLIENT,
                           .offer = built(&offer),
                           .token = token,
                           .chat = built(&chat) };
        check_whole(&o);
    }
}

#define SIP_HEAD(method, number)                                                                             \
    method " sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nFrom: <sip:alice@a>;tag=1\r\n"        \
           "To: <sip:bob@b>\r\nCall-ID: c1\r\nCSeq: " number " " method "\r\n"

static void test_sip(void **state)
{
    static const struct {
        struct view sdp, token;
        uint8_t activity;
    } offers[] = {
        { V("m=message 7394 TCP/MSRP *\r\na=file-selector:name:\"a.jpg\" type:image/jpeg size:4092\r\n"
            "a=path:msrp://10.0.0.1:7394/x;tcp\r\n"),
          V("m=message"), FILES },
        { V("c=IN IP4 10.0.0.1\r\nm=audio 49170 RTP/AVP 0\r\nm=video 49172 RTP/AVP 31\r\n"), V("m=audio"),
          CALLS },
        { V("c=IN IP4 10.0.0.1\r\nm=audio 49170 RTP/AVP 0\r\nm=video 49172 RTP/AVP 31\r\n"), V("m=video"),
          CALLS },
    };

    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
        for (unsigned l4 = L4_TCP; l4 <= L4_UDP; l4 += L4_UDP - L4_TCP) {
            char text[1024];
            int n = snprintf(
                text, sizeof text,
                SIP_HEAD("INVITE",
                         "7") "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\nv=0\r\n%.*s",
                offers[i].sdp.len + 5, (int)offers[i].sdp.len, (const char *)offers[i].sdp.at);
            struct view message =
                VIEW(SIP_HEAD("MESSAGE", "1") "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
            struct view other =
                VIEW(SIP_HEAD("MESSAGE", "2") "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
            struct offer o = { .name = "SIP",
                               .l4 = (uint8_t)l4,
                               .activity = offers[i].activity,
                               .begin = { message, V("") },
                               .from = FROM_CLIENT,
                               .offer = view_of(text, (size_t)n),
                               .token = offers[i].token,
                               .chat = other };
            check_whole(&o);
            /* Sent again, it is void again. */
            begin(&o, o.activity);
            pass(FROM_CLIENT, o.offer);
            pass(FROM_CLIENT, o.offer);
            assert_false(holds(received(), o.token));
            gateway_stop();
        }
}

static int open_catalog(void **state)
{
    struct imw_error_info err;

    (void)state;
    return catalog_builtin(&catalog, &err) ? 0 : -1;
}

static int close_catalog(void **state)
{
    (void)state;
    catalog_close(catalog);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dcc),
        cmocka_unit_test(test_dcc_chat_is_chat),
        cmocka_unit_test(test_xmpp),
        cmocka_unit_test(test_xmpp_files_by_other_ways),
        cmocka_unit_test(test_xmpp_leaves_what_is_no_offer),
        cmocka_unit_test(test_a_stanza_that_goes_on_is_midway),
        cmocka_unit_test(test_oscar),
        cmocka_unit_test(test_msnp),
        cmocka_unit_test(test_ymsg),
        cmocka_unit_test(test_an_upload_of_ymsg_is_told_and_not_refused),
        cmocka_unit_test(test_mrim),
        cmocka_unit_test(test_gadu_gadu),
        cmocka_unit_test(test_sip),
    };
    return cmocka_run_group_tests(tests, open_catalog, close_catalog);
}
