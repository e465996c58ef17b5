/* SPDX-License-Identifier: Apache-2.0 */
/* Events: the longest there can be fits its line, and every event is JSON, checked by a small reader of the
 * grammar. */
#include "../identify/rig.h"
#include "event/event.h"

/* ---- is it JSON (RFC 8259)? ---- */

static bool value(struct view *v, unsigned depth);

static bool eat(struct view *v, char c)
{
    bool there = v->len > 0 && v->at[0] == (uint8_t)c;

    *v = view_from(*v, there);
    return there;
}

static bool string(struct view *v)
{
    if (!eat(v, '"'))
        return false;
    while (v->len > 0 && v->at[0] != '"') {
        size_t n = utf8_length(*v);
        if (n == 0 || v->at[0] < 0x20)
            return false;
        if (eat(v, '\\')) {
            if (eat(v, 'u'))
                n = 4;
            else if (v->len == 0 || memchr("\"\\/bfnrt", v->at[0], 8) == NULL)
                return false;
        }
        *v = view_from(*v, n);
    }
    return eat(v, '"');
}

static bool members(struct view *v, char close, bool keys, unsigned depth)
{
    if (eat(v, close))
        return true;
    do {
        if (keys && (!string(v) || !eat(v, ':')))
            return false;
        if (!value(v, depth))
            return false;
    } while (eat(v, ','));
    return eat(v, close);
}

static bool value(struct view *v, unsigned depth)
{
    size_t digits = 0;

    if (depth == 0)
        return false;
    if (eat(v, '{'))
        return members(v, '}', true, depth - 1);
    if (eat(v, '['))
        return members(v, ']', false, depth - 1);
    if (v->len > 0 && v->at[0] == '"')
        return string(v);
    while (digits < v->len && v->at[digits] >= '0' && v->at[digits] <= '9')
        digits++;
    if (digits > 0) {
        bool leading_zero = digits > 1 && v->at[0] == '0';
        *v = view_from(*v, digits);
        return !leading_zero;
    }
    struct view word = view_starts(*v, VIEW("true")) ? VIEW("true") : VIEW("false");
    bool known = view_starts(*v, word);
    *v = view_from(*v, word.len);
    return known;
}

static void assert_event(const char *line, size_t len)
{
    struct view v = view_of(line, len);

    assert_int_equal(line[len - 1], '\n');
    assert_int_equal(view_find_byte(v, '\n', 0), len - 1); /* one line */
    v = view_slice(v, 0, len - 1);
    if (!value(&v, 8) || v.len != 0)
        fail_msg("not JSON after %.*s", (int)(len - v.len), line);
}

static void test_the_reader_itself(void **state)
{
    static const struct {
        const char *text;
        bool json;
    } cases[] = {
        { "{}", true },          { "{\"a\":1,\"b\":[true,\"x\\u0001\"]}", true },
        { "{\"a\":1,}", false }, { "{\"a\" 1}", false },
        { "[01]", false },       { "\"\x01\"", false },
        { "{\"a\":1}}", false }, { "\"\\x\"", false },
        { "\"\xff\"", false },   { "{a:1}", false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct view v = view_string(cases[i].text);
        assert_int_equal(value(&v, 8) && v.len == 0, cases[i].json);
    }
}

/* ---- the longest ---- */

static char *fill(char *out, size_t size, char with)
{
    memset(out, with, size - 1);
    out[size - 1] = '\0';
    return out;
}

#define FILL(array) fill(array, sizeof array, with)

/* A catalog whose words are as long as a careless author makes them. */
static struct catalog *long_catalog(void)
{
    static char yaml[2000], vendor[401]; /* the longest that the catalog takes */
    struct imw_error_info err = { 0 };
    struct folder f = folder_new();
    struct catalog *c;

    snprintf(yaml, sizeof yaml,
             "slug: long\nname: N\nvendor: %s\nclass: im\nend_to_end: true\nsummary: S\n"
             "domains:\n  - {names: [long.example], role: chat}\n",
             fill(vendor, sizeof vendor, 'v'));
    folder_write(&f, "long.yaml", yaml);
    if (!catalog_open(f.path, &c, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    return c;
}

/* One whose messages the vendor can read. */
static struct catalog *open_catalog(void)
{
    struct imw_error_info err = { 0 };
    struct folder f = folder_new();
    struct catalog *c;

    folder_write(&f, "open.yaml",
                 "slug: open\nname: N\nvendor: V\nclass: im\nend_to_end: false\nsummary: S\n"
                 "domains:\n  - {names: [open.example], role: chat}\n");
    if (!catalog_open(f.path, &c, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    return c;
}

static void longest_file(const struct scene *scene, char words[4][2000], const char *stored, char with)
{
    static char out[EVE_LINE_BYTES];
    static struct leak_finding findings[1000];
    static struct scan_result scan;
    static uint8_t hash[SHA256_BYTES];
    struct spool_facts facts = {
        .cut = true, .failed = true, .conflict = true, .gap_count = SPOOL_GAPS, .more_gaps = true
    };

    for (unsigned i = 0; i < SPOOL_GAPS; i++)
        facts.gap[i] = (struct spool_gap){ UINT64_MAX, UINT64_MAX };
    memset(&scan, 0, sizeof scan);
    scan.state = SCAN_NOT_SCANNED;
    scan.reason = SCAN_REASON_SCANNER_FAILED;
    FILL(scan.by);
    FILL(scan.signature);
    FILL(scan.member);
    FILL(scan.media_type);
    FILL(scan.magic);
    FILL(scan.extension);
    FILL(scan.media_work);
    FILL(scan.engine);
    scan.executable = scan.archive = scan.encrypted = scan.media = scan.document = true;
    scan.member_count = UINT32_MAX;
    scan.unpacked_bytes = UINT64_MAX;
    scan.took_ms = UINT32_MAX;
    for (unsigned i = 0; i < SCAN_MEMBERS; i++) {
        FILL(scan.members[i].name);
        scan.members[i].size = UINT64_MAX;
        scan.members[i].encrypted = scan.members[i].executable = true;
    }
    for (unsigned i = 0; i < sizeof findings / sizeof findings[0]; i++) {
        findings[i].kind = LEAK_EXACT;
        FILL(findings[i].name);
        FILL(findings[i].masked);
        findings[i].offset = UINT64_MAX;
    }
    struct carried_file f = { .name = view_string(words[3]),
                              .from = view_string(words[0]),
                              .to = view_string(words[1]),
                              .room = view_string(words[2]),
                              .size = UINT64_MAX,
                              .sha256 = hash,
                              .scan = &scan,
                              .whole = true };
    struct leaked leaked = { .file = &f, .finding = findings, .count = UINT32_MAX, .told = 1000 };
    struct file_event e = { scene, &f, &facts, stored, &leaked };
    assert_event(out, eve_file(&e, out));
    assert_non_null(strstr(out, "\"members\":[{\"name\":"));
    assert_non_null(strstr(out, "\"findings\":[{\"kind\":\"customer-data\","));
}

static void longest_alert(const struct scene *scene, const char *word)
{
    static char out[EVE_LINE_BYTES];
    struct detector detector = { .name = word, .id = UINT32_MAX, .help = word };
    struct alert a = { .detector = &detector,
                       .severity = SEVERITY_LOW,
                       .title = word,
                       .seen = word,
                       .why = word,
                       .advice = word,
                       .evidence_count = ALERT_EVIDENCE,
                       .subject = word };
    struct alert_event e = { scene, &a, UINT64_MAX, { .action = "block", .rule = word } };

    for (unsigned i = 0; i < ALERT_EVIDENCE; i++) {
        a.evidence[i].key = "a_rather_long_name_of_a_piece_of_evidence";
        a.evidence[i].value = word;
    }
    assert_event(out, eve_alert(&e, out));
}

static void longest(struct catalog *c, char with)
{
    static char out[EVE_LINE_BYTES], file[256], rule[20000], words[4][2000];
    const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff,
                             0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static struct known_who who[2];
    static struct record r;
    struct flow f = {
        .key = { .addr = { ip_from_v6(v6), ip_from_v6(v6) }, .port = { 65535, 65535 }, .l4 = L4_UDP },
        .bytes = { UINT64_MAX, UINT64_MAX },
        .packets = { UINT32_MAX, UINT32_MAX },
        .first_us = UINT64_MAX / 2,
        .service = 1,
        .app = PROTOCOL_WHATSAPP_NOISE,
        .protocol = PROTOCOL_TELEGRAM_CALL,
        .activities = 0x3f,
        .delivery = DELIVERY_SERVER_BROKER,
        .confidence = 100,
        .flags = FLOW_MIDSTREAM | FLOW_CONFLICT
    };

    memset(&r, 0, sizeof r);
    for (unsigned d = 0; d < 2; d++) {
        FILL(who[d].host);
        FILL(who[d].user);
        memset(who[d].mac, 0xff, sizeof who[d].mac);
        who[d].user_source = who[d].host_source = WHO_KERBEROS;
    }
    for (unsigned i = 0; i < RECORD_EVIDENCE; i++) {
        r.evidence[i].service = 1;
        r.evidence[i].kind = EVIDENCE_TUNNEL_TARGET;
        r.evidence[i].confidence = 100;
        FILL(r.evidence[i].value);
    }
    r.evidence_count = RECORD_EVIDENCE;
    r.hints = (1 << HINT_COUNT) - 1;
    FILL(r.hint_value);
    FILL(r.server_name);
    FILL(r.version);
    FILL(r.client);
    FILL(r.account);
    FILL(r.ja4);
    r.messages = r.files = r.calls = UINT32_MAX;
    struct flow_event e = { .flow = &f,
                            .record = &r,
                            .catalog = c,
                            .file = FILL(file),
                            .flow_id = UINT64_MAX,
                            .last_us = UINT64_MAX,
                            .port_agile = true,
                            .verdict = { .action = "block", .rule = FILL(rule) },
                            .client = &who[0],
                            .server = &who[1] };
    assert_event(out, eve_flow(&e, out));
    assert_null(strstr(out, "\"flow_id\":-"));

    struct im_detail d = { .account = view_string(FILL(words[0])),
                           .peer = view_string(FILL(words[1])),
                           .room = view_string(FILL(words[2])),
                           .file = view_string(FILL(words[3])),
                           .display = view_string(words[0]),
                           .size = UINT64_MAX,
                           .sent_us = UINT64_MAX,
                           .again = true,
                           .outgoing = true };
    struct activity_event a = { &f, &r,      c, file, UINT64_MAX, UINT64_MAX, ACTIVITY_PRESENCE,
                                &d, &who[0], 0, rule };
    assert_event(out, eve_activity(&a, out));

    struct verdict stopped = { .action = "block",
                               .rule = rule,
                               .policy = rule,
                               .person = rule,
                               .number = UINT32_MAX,
                               .enforced = ENFORCED_NO_NAME };
    assert_event(out, eve_enforced(&(struct enforced_event){ &a, true, stopped, rule }, out));

    struct scene scene = { .time_us = UINT64_MAX,
                           .flow_id = UINT64_MAX,
                           .flow = &f,
                           .record = &r,
                           .catalog = c,
                           .client = &who[0],
                           .server = &who[1],
                           .file = file,
                           .port_agile = true };
    longest_file(&scene, words, rule, with);
    longest_alert(&scene, rule);
}

static void test_the_longest_events_fit_whatever_they_are_made_of(void **state)
{
    static const char with[] = { 'x', '"', '\\', '\n', 1, (char)0xff, (char)0xc3, (char)0x80, 0x7f };
    struct catalog *c = long_catalog();

    (void)state;
    for (unsigned i = 0; i < sizeof with; i++)
        longest(c, with[i]);
    catalog_close(c);
}

static void test_a_flow_of_which_little_is_known(void **state)
{
    char out[EVE_LINE_BYTES];
    struct catalog *c = rig_catalog();
    struct flow f = { .key = { .l4 = L4_TCP } };
    struct flow_event e = { .flow = &f, .catalog = c, .verdict = { .action = "alert", .rule = "default" } };

    (void)state;
    assert_event(out, eve_flow(&e, out));
    assert_null(strstr(out, "\"im\""));
    assert_null(strstr(out, "verdict"));
    assert_null(strstr(out, "pcap_filename"));
    assert_non_null(strstr(out, "\"event_type\":\"flow\""));
    f.service = 1;
    assert_event(out, eve_flow(&e, out));
    assert_non_null(strstr(out, "\"service\":\"chat\""));
    assert_non_null(strstr(out, "\"activity\":[]"));
    assert_non_null(strstr(out, "\"verdict\":{\"action\":\"alert\",\"rule\":\"default\"}"));
    catalog_close(c);
}

static struct scene plain_scene(const struct flow *f, const struct catalog *c)
{
    return (struct scene){ .time_us = 1700000000000000, .flow_id = 7, .flow = f, .catalog = c };
}

static void assert_has(const char *line, const char *what)
{
    if (strstr(line, what) == NULL)
        fail_msg("no %s in %s", what, line);
}

static void test_a_file_is_told_as_suricata_does_with_what_the_scan_said(void **state)
{
    static const uint8_t hash[SHA256_BYTES] = { 0xab, 0xcd };
    char out[EVE_LINE_BYTES];
    struct catalog *c = rig_catalog();
    struct flow flow = { .key = { .l4 = L4_TCP }, .service = 1, .protocol = PROTOCOL_IRC };
    struct scene scene = plain_scene(&flow, c);
    struct scan_result scan = { .state = SCAN_INFECTED,
                                .by = "clamav",
                                .signature = "Eicar",
                                .member = "a/b.com",
                                .media_type = "application/zip",
                                .archive = true,
                                .member_count = 40,
                                .members = { { "a/b.com", 68, false, true } } };
    struct leak_finding finding = { LEAK_CARD, "Visa", "************1111", 12 };
    struct carried_file f = { .name = VIEW("x.zip"),
                              .from = VIEW("anna"),
                              .room = VIEW("#desk"),
                              .size = 300,
                              .sha256 = hash,
                              .scan = &scan,
                              .outgoing = true,
                              .whole = true };
    struct spool_facts facts = { 0 };
    struct leaked leaked = { .file = &f, .finding = &finding, .count = 3, .told = 1 };
    struct file_event e = { &scene, &f, &facts, "x (2).zip", &leaked };

    (void)state;
    assert_event(out, eve_file(&e, out));
    assert_has(out, "\"event_type\":\"fileinfo\"");
    assert_has(out, "\"fileinfo\":{\"filename\":\"x.zip\",\"mimetype\":\"application/zip\",\"gaps\":false,"
                    "\"state\":\"CLOSED\",\"sha256\":\"abcd0000");
    assert_has(out, "\"stored\":true,\"size\":300,\"tx_id\":0,\"stored_as\":\"x (2).zip\"}");
    assert_has(out, "\"protocol\":\"irc\",\"direction\":\"out\",\"from\":\"anna\",\"room\":\"#desk\"}");
    assert_has(out, "\"scan\":{\"state\":\"infected\",\"by\":\"clamav\",\"signature\":\"Eicar\","
                    "\"member\":\"a/b.com\"");
    assert_has(out,
               "\"is\":[\"archive\"],\"members\":[{\"name\":\"a/b.com\",\"size\":68,\"executable\":true},");
    assert_has(out, "\"member_count\":40");
    assert_has(out, "\"leaks\":{\"count\":3,\"findings\":[{\"kind\":\"card\",\"name\":\"Visa\","
                    "\"masked\":\"************1111\",\"offset\":12}]}");
    assert_null(strstr(out, "\"reason\""));

    /* A file of which a part did not come, and that nobody scanned. */
    facts = (struct spool_facts){ .gap_count = 1, .gap = { { 10, 20 } }, .conflict = true };
    f.scan = NULL;
    f.sha256 = NULL;
    f.whole = f.outgoing = false;
    e.stored = NULL;
    e.leaks = NULL;
    assert_event(out, eve_file(&e, out));
    assert_has(out, "\"gaps\":true,\"state\":\"TRUNCATED\",\"stored\":false,");
    assert_has(out, "\"conflict\":true,\"missing\":[{\"from\":10,\"to\":20}]}");
    assert_has(out, "\"direction\":\"in\"");
    assert_null(strstr(out, "\"scan\""));
    assert_null(strstr(out, "\"leaks\""));
    assert_null(strstr(out, "sha256"));

    /* It came to its end, but only its beginning was kept. */
    facts = (struct spool_facts){ .cut = true };
    f.whole = true;
    assert_event(out, eve_file(&e, out));
    assert_has(out, "\"gaps\":false,\"state\":\"TRUNCATED\"");
    assert_has(out, "\"cut\":true");
    catalog_close(c);
}

static void test_an_alert_is_told_as_suricata_does_with_its_reasons(void **state)
{
    char out[EVE_LINE_BYTES];
    struct catalog *c = rig_catalog();
    struct flow flow = { .key = { .l4 = L4_TCP }, .service = 1 };
    struct scene scene = plain_scene(&flow, c);
    const struct detector *malware = threats_detector(0);
    struct alert a = { .detector = malware,
                       .kind = 1,
                       .severity = SEVERITY_HIGH,
                       .title = "bad file",
                       .seen = "it was seen",
                       .why = "it is bad",
                       .advice = "be good",
                       .evidence = { { "file", "x.zip" }, { "member", "" }, { "to", NULL } },
                       .evidence_count = 3,
                       .subject = "anna" };
    struct alert_event e = { &scene, &a, 5, { .action = "block", .rule = "no files" } };
    char expected[200];

    (void)state;
    assert_event(out, eve_alert(&e, out));
    assert_has(out, "\"event_type\":\"alert\"");
    snprintf(
        expected, sizeof expected,
        "\"alert\":{\"action\":\"blocked\",\"gid\":1,\"signature_id\":%u,\"rev\":1,\"signature\":\"bad file\","
        "\"category\":\"%s\",\"severity\":1}",
        malware->id + 1, malware->help);
    assert_has(out, expected);
    assert_has(out, "\"imward\":{\"detector\":\"malware\",\"seen\":\"it was seen\",\"why\":\"it is bad\","
                    "\"advice\":\"be good\",\"subject\":\"anna\",\"evidence\":{\"file\":\"x.zip\"},"
                    "\"suppressed\":5}");
    assert_has(out, "\"verdict\":{\"action\":\"block\",\"rule\":\"no files\"}");
    assert_has(out, "\"src_port\"");
    e.verdict.action = "alert";
    assert_event(out, eve_alert(&e, out));
    assert_has(out, "\"action\":\"allowed\"");

    /* About no flow: a scanner that is away. */
    e.verdict = (struct verdict){ 0 };
    scene.flow = NULL;
    assert_event(out, eve_alert(&e, out));
    assert_has(out, "\"action\":\"allowed\"");
    assert_null(strstr(out, "\"src_ip\""));
    assert_null(strstr(out, "\"flow_id\""));
    assert_null(strstr(out, "\"im\""));
    assert_null(strstr(out, "\"verdict\""));
    catalog_close(c);
}

static void test_what_was_stopped_is_an_alert_with_its_rule_and_its_evidence(void **state)
{
    char out[EVE_LINE_BYTES];
    struct catalog *c = rig_catalog();
    struct flow flow = { .key = { .l4 = L4_TCP, .port = { 4000, 6667 } },
                         .service = 1,
                         .app = PROTOCOL_IRC,
                         .protocol = PROTOCOL_IRC,
                         .activities = 1 << ACTIVITY_LOGIN | 1 << ACTIVITY_FILE };
    struct record record = { .evidence = { { 1, EVIDENCE_SNI, 100, "chat.example" } },
                             .evidence_count = 1,
                             .account = "anna" };
    struct known_who who = { .user = "a.person", .user_source = WHO_KERBEROS };
    struct im_detail d = {
        .account = VIEW("anna"), .peer = VIEW("bob"), .file = VIEW("x.zip"), .size = 9, .outgoing = true
    };
    struct activity_event where = { .flow = &flow,
                                    .record = &record,
                                    .catalog = c,
                                    .flow_id = 7,
                                    .time_us = 1700000000000000,
                                    .activity = ACTIVITY_FILE,
                                    .detail = &d,
                                    .client = &who };
    struct enforced_event e = { .where = &where,
                                .has_activity = true,
                                .verdict = { .action = "block",
                                             .rule = "no files",
                                             .policy = "7-5f2d",
                                             .number = 3,
                                             .enforced = ENFORCED_SPOILED },
                                .reason = "infected: Eicar" };

    (void)state;
    assert_event(out, eve_enforced(&e, out));
    assert_has(out, "\"event_type\":\"alert\"");
    assert_has(out, "\"src_who\":{\"user\":\"a.person\"");
    assert_has(out, "\"alert\":{\"action\":\"blocked\",\"gid\":1,\"signature_id\":9007,\"rev\":1,"
                    "\"signature\":\"policy: no files\",\"category\":\"policy\",\"severity\":2}");
    assert_has(out, "\"activity\":[\"file\"],\"evidence\":[{\"kind\":\"sni\",\"value\":\"chat.example\",");
    assert_has(out,
               "\"direction\":\"out\",\"account\":\"anna\",\"peer\":\"bob\",\"file\":\"x.zip\",\"size\":9}");
    assert_has(out, "\"verdict\":{\"action\":\"block\",\"rule\":\"no files\",\"policy\":\"7-5f2d\","
                    "\"enforced\":\"spoiled\"},\"reason\":\"infected: Eicar\"}");

    /* The flow as a whole, of which no more is known; that it could not be stopped is worse than that it was.
     */
    where.detail = NULL;
    where.client = NULL;
    e.has_activity = false;
    e.reason = NULL;
    e.verdict.enforced = ENFORCED_FAILED;
    assert_event(out, eve_enforced(&e, out));
    assert_has(out, "\"action\":\"allowed\",\"gid\":1,\"signature_id\":9010,");
    assert_has(out, "\"severity\":1}");
    assert_has(out, "\"activity\":[\"login\",\"file\"]");
    assert_has(out, "\"account\":\"anna\",\"inspection\":\"end-to-end-encrypted\"}");
    assert_has(out, "\"enforced\":\"failed\"}}");
    assert_null(strstr(out, "\"reason\""));
    assert_null(strstr(out, "\"direction\""));
    catalog_close(c);
}

static void test_every_way_of_stopping_has_a_word_and_a_side(void **state)
{
    static const bool stops[] = {
        [ENFORCED_DROPPED] = true, [ENFORCED_RESET] = true,   [ENFORCED_UNREACHABLE] = true,
        [ENFORCED_PAGE] = true,    [ENFORCED_NO_NAME] = true, [ENFORCED_SPOILED] = true,
        [ENFORCED_CUT] = true,     [ENFORCED_FAILED] = false,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof stops; i++) {
        assert_true(enforced_name((enum enforced)i)[0] != '\0');
        assert_int_equal(enforced_stops((enum enforced)i), stops[i]);
    }
    assert_string_equal(enforced_name(ENFORCED_NO_NAME), "no-such-name");
}

/* What nobody looks into is never silent, and so never taken for clean. */
static void test_a_flow_says_why_nobody_looks_into_it(void **state)
{
    char out[EVE_LINE_BYTES];
    struct catalog *c = open_catalog(), *closed = rig_catalog();
    struct flow f = { .key = { .l4 = L4_TCP }, .activities = 1 << ACTIVITY_CHAT };
    struct record r = { 0 };
    struct flow_event e = {
        .flow = &f, .record = &r, .catalog = c, .verdict = { .action = "alert", .rule = "default" }
    };

    (void)state;
    assert_null(flow_not_inspected(&f, &r, c)); /* of no service */
    f.service = 1;
    assert_string_equal(flow_not_inspected(&f, NULL, c), "not-recognised");
    f.app = PROTOCOL_TLS;
    assert_string_equal(flow_not_inspected(&f, &r, c), "encrypted");
    assert_event(out, eve_flow(&e, out));
    assert_has(out, "\"evidence\":[],\"inspection\":\"encrypted\"}");
    assert_string_equal(flow_not_inspected(&f, &r, closed), "end-to-end-encrypted");
    f.activities = 1 << ACTIVITY_LOOKUP;
    assert_null(flow_not_inspected(&f, &r, closed));
    f.activities = 1 << ACTIVITY_CHAT;
    f.app = PROTOCOL_XMPP;
    assert_null(flow_not_inspected(&f, &r, c));
    r.upgraded = PROTOCOL_TLS;
    assert_string_equal(flow_not_inspected(&f, &r, c), "encrypted");
    r.upgraded = 0;
    f.protocol = PROTOCOL_SKYPE;
    assert_string_equal(flow_not_inspected(&f, &r, c), "not-decoded");
    f.protocol = PROTOCOL_IRC;
    assert_null(flow_not_inspected(&f, &r, c));
    assert_event(out, eve_flow(&e, out));
    assert_null(strstr(out, "inspection"));
    catalog_close(closed);
    catalog_close(c);
}

static void test_text_is_in_an_event_only_where_it_was_asked_for(void **state)
{
    char out[EVE_LINE_BYTES];
    struct catalog *c = rig_catalog();
    struct flow flow = { .key = { .l4 = L4_TCP }, .service = 1 };
    struct im_detail d = { .account = VIEW("anna"),
                           .text = VIEW("<b>SECRET</b>"),
                           .display = VIEW("Anna A."),
                           .sent_us = 1700000000000000,
                           .again = true };
    struct activity_event e = { .flow = &flow, .catalog = c, .activity = ACTIVITY_CHAT, .detail = &d };

    (void)state;
    assert_event(out, eve_activity(&e, out));
    assert_null(strstr(out, "SECRET"));
    assert_has(out, "\"display\":\"Anna A.\",\"sent\":\"2023-11-14T22:13:20.000000+0000\",\"again\":true}");
    e.plain = "SECRET";
    assert_event(out, eve_activity(&e, out));
    assert_has(out, "\"text\":\"SECRET\"}");
    catalog_close(c);
}

static void test_statistics_fit_and_name_every_counter(void **state)
{
    const struct named_count other = { "content_messages", "", 7 };
    char out[EVE_LINE_BYTES];
    struct counters counters;

    (void)state;
    memset(&counters, 0xff, sizeof counters);
    assert_event(out, eve_stats(&counters, &other, 1, 0, out));
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        assert_non_null(strstr(out, counter_name((enum counter)i)));
    assert_has(out, "\"content_messages\":7}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reader_itself),
        cmocka_unit_test(test_the_longest_events_fit_whatever_they_are_made_of),
        cmocka_unit_test(test_a_flow_of_which_little_is_known),
        cmocka_unit_test(test_a_file_is_told_as_suricata_does_with_what_the_scan_said),
        cmocka_unit_test(test_an_alert_is_told_as_suricata_does_with_its_reasons),
        cmocka_unit_test(test_what_was_stopped_is_an_alert_with_its_rule_and_its_evidence),
        cmocka_unit_test(test_every_way_of_stopping_has_a_word_and_a_side),
        cmocka_unit_test(test_a_flow_says_why_nobody_looks_into_it),
        cmocka_unit_test(test_text_is_in_an_event_only_where_it_was_asked_for),
        cmocka_unit_test(test_statistics_fit_and_name_every_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
