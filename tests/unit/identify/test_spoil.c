/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers that are made void: where the driver finds a parser's token in the packet, and what it says of each
 * packet. A toy speaks lines; some are orders to the session:
 *
 *     file TOKEN, call TOKEN   an offer         in:TEXT      TEXT is carried inside, in place
 *     copy TOKEN               an offer whose token was decoded       begin, over  session_midway()
 *     chat, data               an activity      ask NAME, name NAME    a DNS query, a server's name
 *     early TOKEN              an offer whose activity is told later, by "data"
 *
 * The test plays the gateway: it overwrites what it is told to and keeps what the other end receives.
 */
#include "rig.h"

static struct {
    uint8_t forbidden; /* ACTIVITY_ bits */
    char received[2][8192];
    size_t len[2];
} world;

static bool forbids(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum activity activity, const struct im_detail *detail)
{
    (void)context;
    (void)time_us;
    (void)detail;
    assert_non_null(record);
    assert_int_not_equal(flow->service, 0);
    return (world.forbidden >> activity & 1) != 0;
}

static enum im_answer probe(const struct sample *s, struct finding *out)
{
    struct view v = s->bytes[FROM_CLIENT].len > 0 ? s->bytes[FROM_CLIENT] : s->datagram, word = VIEW("HELLO");

    (void)out;
    if (v.len < word.len)
        return view_starts(word, v) ? IM_MORE : IM_NO;
    return view_starts(v, word) ? IM_YES : IM_NO;
}

static void offer(struct session *s, enum activity a, struct view token)
{
    (void)session_forbidden(s, a, NULL, token, 'x');
    session_activity(s, a, NULL);
}

static void obey(struct session *s, enum flow_dir from, struct view line)
{
    char copy[64];
    struct view word = view_token(&line, ' ');

    if (view_equal(word, VIEW("file"))) {
        offer(s, ACTIVITY_FILE, line);
    } else if (view_equal(word, VIEW("call"))) {
        offer(s, ACTIVITY_CALL, line);
    } else if (view_equal(word, VIEW("copy"))) {
        assert_in_range(line.len, 1, sizeof copy);
        memcpy(copy, line.at, line.len);
        offer(s, ACTIVITY_FILE, view_of(copy, line.len));
    } else if (view_equal(word, VIEW("chat"))) {
        session_activity(s, ACTIVITY_CHAT, NULL);
    } else if (view_equal(word, VIEW("data"))) {
        session_activity(s, ACTIVITY_FILE, NULL);
    } else if (view_equal(word, VIEW("early"))) {
        (void)session_forbidden(s, ACTIVITY_FILE, NULL, line, 'x');
    } else if (view_equal(word, VIEW("ask"))) {
        (void)session_name(s, EVIDENCE_DNS_QUERY, line);
    } else if (view_equal(word, VIEW("name"))) {
        (void)session_name(s, EVIDENCE_SNI, line);
    } else if (view_equal(word, VIEW("begin"))) {
        session_midway(s, from, true);
    } else if (view_equal(word, VIEW("over"))) {
        session_midway(s, from, false);
    } else if (view_equal(word, VIEW("stop"))) {
        session_settle(s);
    }
}

/* Lines; the inner stream begins behind "in:" and ends with a line "--". */
static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    bool *inside = state;
    struct view rest = in, line, before = in;

    while (view_line(&rest, &line)) {
        if (view_equal(line, VIEW("--"))) {
            session_inner_end(s);
            *inside = false;
        } else if (*inside) {
            session_inner(s, from, view_slice(before, 0, before.len - rest.len));
        } else if (view_equal(line, VIEW("in:"))) {
            *inside = true;
        } else {
            obey(s, from, line);
        }
        before = rest;
    }
    if (*inside && rest.len > 0 && rest.at[0] != '-') {
        session_inner(s, from, rest);
        return in.len;
    }
    return in.len - rest.len;
}

static const struct parser toy = { .protocol = PROTOCOL_XMPP,
                                   .service = "chat",
                                   .on = PARSER_TCP | PARSER_UDP,
                                   .probe = probe,
                                   .feed = feed,
                                   .state_size = sizeof(bool) };
static const struct parser *const toys[] = { &toy };

static void start(struct rig *r, uint8_t forbidden)
{
    memset(&world, 0, sizeof world);
    world.forbidden = forbidden;
    rig_start_enforcing(r, toys, 1, 0, forbids);
}

/* A segment that begins `skip` bytes behind what was sent so far, as the gateway lets it pass. */
static const struct inspect_outcome *pass_at(struct rig *r, enum flow_dir from, struct view bytes,
                                             int32_t skip)
{
    static char text[4096];

    rig_packet(r, from, bytes, (uint32_t)skip);
    const struct inspect_outcome *out = inspector_outcome(r->in);
    assert_in_range(bytes.len, 0, sizeof text);
    memcpy(text, bytes.at, bytes.len);
    assert_in_range(out->spoil_count, 0, OUTCOME_SPOILS);
    for (unsigned i = 0; i < out->spoil_count; i++) {
        assert_true(out->spoils[i].count > 0);
        assert_true(out->spoils[i].offset + out->spoils[i].count <= bytes.len);
        memset(text + out->spoils[i].offset, out->spoils[i].with, out->spoils[i].count);
    }
    size_t at = (size_t)((int32_t)world.len[from] + skip);
    if (!out->cut) {
        assert_true(at + bytes.len < sizeof world.received[0]);
        memcpy(world.received[from] + at, text, bytes.len);
        world.len[from] = at + bytes.len;
    }
    return out;
}

static const struct inspect_outcome *pass(struct rig *r, enum flow_dir from, const char *text)
{
    return pass_at(r, from, view_string(text), 0);
}

enum { FILES = 1 << ACTIVITY_FILE, CALLS = 1 << ACTIVITY_CALL, CHATS = 1 << ACTIVITY_CHAT };

static void test_an_offer_is_overwritten_where_it_stands(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    const struct inspect_outcome *out = pass(&r, FROM_CLIENT, "chat\nfile abc\nchat\n");
    assert_int_equal(out->told, FILES | CHATS);
    assert_int_equal(out->refused, FILES);
    assert_false(out->cut);
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nchat\nfile xxx\nchat\n");
    pass(&r, FROM_SERVER, "file 12\n");
    assert_string_equal(world.received[FROM_SERVER], "file xx\n");
    out = pass(&r, FROM_CLIENT, "chat\n");
    assert_int_equal(out->told, CHATS);
    assert_int_equal(out->refused | out->spoil_count, 0);
    rig_stop(&r);
}

static void test_what_is_allowed_stays(void **state)
{
    struct rig r;

    (void)state;
    start(&r, CALLS);
    pass(&r, FROM_CLIENT, "HELLO\nfile abc\ncall def\n");
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nfile abc\ncall xxx\n");
    assert_int_equal(inspector_outcome(r.in)->told, FILES | CALLS);
    assert_int_equal(inspector_outcome(r.in)->refused, CALLS);
    rig_stop(&r);
}

static void test_what_comes_beside_a_void_offer_is_not_refused(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    const struct inspect_outcome *out = pass(&r, FROM_CLIENT, "file abc\ndata\n");
    assert_int_equal(out->told, FILES);
    assert_int_equal(out->refused, 0);
    rig_stop(&r);
}

static void test_an_offer_is_void_though_it_is_told_in_a_later_packet(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    pass(&r, FROM_CLIENT, "early abc\n");
    assert_int_equal(pass(&r, FROM_SERVER, "chat\n")->refused, 0);
    const struct inspect_outcome *out = pass(&r, FROM_CLIENT, "data\n");
    assert_int_equal(out->told & out->refused, FILES);
    assert_int_equal(pass(&r, FROM_CLIENT, "data\n")->refused, 0);
    rig_stop(&r);
}

static void test_without_enforcement_nothing_is_refused(void **state)
{
    struct rig r;

    (void)state;
    rig_start(&r, toys, 1, 0);
    world.forbidden = 0xff;
    client(&r, "HELLO\nfile abc\n");
    assert_int_equal(inspector_outcome(r.in)->told, FILES);
    assert_int_equal(inspector_outcome(r.in)->refused, 0);
    assert_int_equal(inspector_outcome(r.in)->spoil_count, 0);
    assert_false(inspector_outcome(r.in)->cut);
    rig_stop(&r);
}

/* Two segments, cut anywhere: the offer never arrives as it was sent, whether its packet is changed or cut.
 */
static void test_every_cut_makes_the_offer_void(void **state)
{
    static const char text[] = "HELLO\nchat\nfile abcdef\nchat\n";
    const size_t token = sizeof "HELLO\nchat\nfile " - 1, end = token + 7;
    unsigned spoiled = 0, cut_off = 0;

    (void)state;
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct rig r;
        start(&r, FILES);
        bool was_cut = pass_at(&r, FROM_CLIENT, view_slice(view_string(text), 0, cut), 0)->cut;
        was_cut |= pass_at(&r, FROM_CLIENT, view_from(view_string(text), cut), 0)->cut;
        if (cut == end - 1) { /* all of the token came before, its line's end not */
            assert_true(was_cut);
            cut_off++;
        } else {
            assert_false(was_cut);
            assert_int_equal(world.len[FROM_CLIENT], sizeof text - 1);
            assert_null(strstr(world.received[FROM_CLIENT], "abcdef"));
            spoiled++;
        }
        rig_stop(&r);
    }
    assert_int_equal(cut_off, 1);
    assert_true(spoiled > 20);
}

static void test_kept_bytes_keep_their_place(void **state)
{
    struct rig r;
    char filler[1500];

    (void)state;
    start(&r, FILES);
    /* The line grows out of the small buffer into the large one before it is whole. */
    memset(filler, '-', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    pass(&r, FROM_CLIENT, "HELLO\nnothing ");
    for (int i = 0; i < 3; i++)
        pass(&r, FROM_CLIENT, filler);
    pass(&r, FROM_CLIENT, "\nchat\nchat\nfile ab");
    pass(&r, FROM_CLIENT, "cd\nfile efgh\nfile ij");
    assert_false(inspector_outcome(r.in)->cut);
    pass(&r, FROM_CLIENT, "kl\n");
    assert_string_equal(strstr(world.received[FROM_CLIENT], "\nchat"),
                        "\nchat\nchat\nfile abxx\nfile xxxx\nfile ijxx\n");
    rig_stop(&r);
}

static void test_a_decoded_token_cuts(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    const struct inspect_outcome *out = pass(&r, FROM_CLIENT, "copy abc\n");
    assert_true(out->cut);
    assert_int_equal(out->refused, 0);
    assert_int_equal(out->told, FILES);
    assert_false(pass(&r, FROM_CLIENT, "chat\n")->cut);
    rig_stop(&r);
}

static void test_a_token_that_is_as_it_would_become_cuts(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    assert_true(pass(&r, FROM_CLIENT, "file xxx\n")->cut);
    rig_stop(&r);
}

static void test_an_offer_inside_is_overwritten(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\nin:\nHELLO\nfile abc\nfile de");
    assert_true(inspector_outcome(r.in)->midway);
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nin:\nHELLO\nfile xxx\nfile de");
    pass(&r, FROM_CLIENT, "f\nfile g\n--\n");
    assert_string_equal(world.received[FROM_CLIENT] + 25, "file dex\nfile x\n--\n");
    assert_false(inspector_outcome(r.in)->midway);
    rig_stop(&r);
}

static void test_bytes_of_the_early_store_cut(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    assert_false(pass_at(&r, FROM_CLIENT, VIEW("file abc\n"), 5)->cut); /* behind a hole */
    r.next[FROM_CLIENT] -= 14;
    world.len[FROM_CLIENT] -= 14;
    assert_true(pass(&r, FROM_CLIENT, "chat\n")->cut);
    rig_stop(&r);
}

static void test_what_is_sent_again_is_overwritten_again(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    pass(&r, FROM_CLIENT, "chat\nfile abcd\n");
    /* All of it, its end with new bytes behind, and its beginning. */
    pass_at(&r, FROM_CLIENT, VIEW("chat\nfile abcd\n"), -15);
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nchat\nfile xxxx\n");
    assert_int_equal(inspector_outcome(r.in)->refused, 0);
    pass_at(&r, FROM_CLIENT, VIEW("cd\nfile ef\n"), -3);
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nchat\nfile xxxx\nfile xx\n");
    pass_at(&r, FROM_CLIENT, VIEW("file ab"), -18);
    pass_at(&r, FROM_CLIENT, VIEW("cd\nfile ef\n"), 0);
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nchat\nfile xxxx\nfile xx\n");
    rig_stop(&r);
}

/* No more is kept than what the other end may still lack. */
static void test_what_was_acknowledged_is_forgotten(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    for (int i = 0; i < 100; i++) {
        assert_false(pass(&r, FROM_CLIENT, "file abc\n")->cut);
        pass(&r, FROM_SERVER, ""); /* an acknowledgement */
    }
    unsigned before_cut = 0;
    while (!pass(&r, FROM_CLIENT, "file abc\n")->cut && before_cut < 100)
        before_cut++;
    assert_int_equal(before_cut, 16);
    rig_stop(&r);
}

static void test_more_spoils_than_a_packet_can_tell_cut(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    pass(&r, FROM_CLIENT, "HELLO\n");
    assert_false(
        pass(&r, FROM_CLIENT, "file a\nfile b\nfile c\nfile d\nfile e\nfile f\nfile g\nfile h\n")->cut);
    pass(&r, FROM_SERVER, "");
    assert_true(
        pass(&r, FROM_CLIENT, "file a\nfile b\nfile c\nfile d\nfile e\nfile f\nfile g\nfile h\nfile i\n")
            ->cut);
    rig_stop(&r);
}

static void test_what_waits_for_its_end_is_midway(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 0);
    assert_false(pass(&r, FROM_CLIENT, "HEL")->midway); /* of no service yet */
    assert_false(pass(&r, FROM_CLIENT, "LO\nchat\n")->midway);
    assert_true(pass(&r, FROM_CLIENT, "cha")->midway);
    assert_false(pass(&r, FROM_SERVER, "chat\n")->midway); /* the other side */
    assert_false(pass(&r, FROM_CLIENT, "t\n")->midway);
    assert_true(pass(&r, FROM_CLIENT, "begin\n")->midway);
    assert_true(pass(&r, FROM_CLIENT, "chat\n")->midway);
    assert_false(pass(&r, FROM_CLIENT, "over\n")->midway);
    assert_true(pass(&r, FROM_CLIENT, "begin\n")->midway);
    assert_false(pass(&r, FROM_CLIENT, "stop\n")->midway); /* settled */
    rig_stop(&r);
}

static void test_a_question_tells_the_service_and_an_answer_does_not(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 0);
    uint16_t service = catalog_find(r.catalog, VIEW("chat"));
    pass(&r, FROM_CLIENT, "HELLO\n");
    assert_int_equal(pass(&r, FROM_CLIENT, "ask www.example\n")->asked_count, 0);
    assert_int_equal(pass(&r, FROM_CLIENT, "ask shared.example\n")->asked_count, 0);
    const struct inspect_outcome *o = pass(&r, FROM_CLIENT, "ask a.chat.example\n");
    assert_int_equal(o->asked_count, 1);
    assert_int_equal(o->asked[0], service);
    assert_int_equal(pass(&r, FROM_SERVER, "ask a.chat.example\n")->asked_count, 0);
    assert_int_equal(pass(&r, FROM_CLIENT, "chat\n")->asked_count, 0);
    rig_stop(&r);
}

static void test_a_names_role_is_told_each_time(void **state)
{
    struct rig r;

    (void)state;
    start(&r, 0);
    assert_int_equal(pass(&r, FROM_CLIENT, "HELLO\nname chat.example\n")->told, CHATS);
    assert_int_equal(pass(&r, FROM_CLIENT, "name chat.example\n")->told, CHATS);
    assert_int_equal(pass(&r, FROM_CLIENT, "name www.example\n")->told, 0);
    rig_stop(&r);
}

static void test_datagrams_are_overwritten_too(void **state)
{
    struct rig r;

    (void)state;
    start(&r, FILES);
    rig_flow(&r, L4_UDP, 40001);
    pass(&r, FROM_CLIENT, "HELLO\nfile abc\n");
    pass(&r, FROM_SERVER, "file d\n");
    pass(&r, FROM_SERVER, "copy d\n");
    assert_string_equal(world.received[FROM_CLIENT], "HELLO\nfile xxx\n");
    assert_string_equal(world.received[FROM_SERVER], "file x\n");
    assert_true(inspector_outcome(r.in)->cut);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_offer_is_overwritten_where_it_stands),
        cmocka_unit_test(test_what_is_allowed_stays),
        cmocka_unit_test(test_what_comes_beside_a_void_offer_is_not_refused),
        cmocka_unit_test(test_an_offer_is_void_though_it_is_told_in_a_later_packet),
        cmocka_unit_test(test_without_enforcement_nothing_is_refused),
        cmocka_unit_test(test_every_cut_makes_the_offer_void),
        cmocka_unit_test(test_kept_bytes_keep_their_place),
        cmocka_unit_test(test_a_decoded_token_cuts),
        cmocka_unit_test(test_a_token_that_is_as_it_would_become_cuts),
        cmocka_unit_test(test_an_offer_inside_is_overwritten),
        cmocka_unit_test(test_bytes_of_the_early_store_cut),
        cmocka_unit_test(test_what_is_sent_again_is_overwritten_again),
        cmocka_unit_test(test_what_was_acknowledged_is_forgotten),
        cmocka_unit_test(test_more_spoils_than_a_packet_can_tell_cut),
        cmocka_unit_test(test_what_waits_for_its_end_is_midway),
        cmocka_unit_test(test_a_question_tells_the_service_and_an_answer_does_not),
        cmocka_unit_test(test_a_names_role_is_told_each_time),
        cmocka_unit_test(test_datagrams_are_overwritten_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
