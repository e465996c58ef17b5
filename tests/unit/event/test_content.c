/* SPDX-License-Identifier: Apache-2.0 */
/* Files and alerts on their way through the writer: nothing is lost in the ring, each form of output has
 * them. */
#include "event/pack.h"
#include "event/siem.h"
#include "sensor_events.h"

/* All that an event of a file or an alert may point to. */
struct facts_given {
    struct catalog *catalog;
    struct flow flow;
    struct known_who who[2];
    struct scene scene;
    uint8_t hash[SHA256_BYTES];
    struct scan_result scan;
    struct spool_facts facts;
    struct leak_finding findings[2];
    struct carried_file carried;
    struct leaked leaked;
    struct file_event file;
    struct alert alert;
    struct alert_event raised;
    struct im_detail detail;
    struct activity_event where;
    struct enforced_event enforced;
};

static struct facts_given *facts_new(void)
{
    const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 1 };
    struct facts_given *s = calloc(1, sizeof *s);

    assert_non_null(s);
    s->catalog = rig_catalog();
    s->flow = (struct flow){ .service = 1,
                             .protocol = PROTOCOL_IRC,
                             .key = { .l4 = L4_TCP, .port = { 4000, 6667 } } };
    s->flow.key.addr[0] = ip_from_v4(client);
    s->flow.key.addr[1] = ip_from_v4(server);
    s->who[0] = (struct known_who){ .user = "a.person", .host = "pc-1", .user_source = WHO_KERBEROS };
    s->who[1] = (struct known_who){ .host = "srv" };
    s->scene = (struct scene){ .time_us = 1700000001123456,
                               .flow_id = 77,
                               .flow = &s->flow,
                               .catalog = s->catalog,
                               .client = &s->who[0],
                               .server = &s->who[1] };
    memset(s->hash, 0xab, sizeof s->hash);
    s->scan = (struct scan_result){ .state = SCAN_INFECTED,
                                    .by = "clamav",
                                    .signature = "Eicar=Test",
                                    .media_type = "text/plain",
                                    .engine = "ClamAV 1.4",
                                    .member_count = 1,
                                    .members = { { "a.com", 68, true, true } } };
    s->facts = (struct spool_facts){ .gap_count = 2, .gap = { { 1, 2 }, { 5, 9 } }, .conflict = true };
    s->findings[0] = (struct leak_finding){ LEAK_CARD, "Visa", "************1111", 3 };
    s->findings[1] = (struct leak_finding){ LEAK_SSN, "", "*****6789", 30 };
    s->carried = (struct carried_file){ .name = VIEW("x|y.com"),
                                        .from = VIEW("anna"),
                                        .to = VIEW("bob"),
                                        .room = VIEW("#desk"),
                                        .size = 68,
                                        .sha256 = s->hash,
                                        .scan = &s->scan,
                                        .outgoing = true,
                                        .whole = true };
    s->leaked = (struct leaked){
        .file = &s->carried, .finding = s->findings, .count = 7, .told = 2, .unsearched = "encrypted"
    };
    s->file = (struct file_event){ &s->scene, &s->carried, &s->facts, "0123abcd", &s->leaked };
    s->alert = (struct alert){ .detector = threats_detector(0),
                               .kind = 1,
                               .severity = SEVERITY_MEDIUM,
                               .title = "bad | worse \\ file",
                               .seen = "seen=this\nand that",
                               .why = "because",
                               .advice = "beware",
                               .evidence = { { "file", "x" }, { "gone", NULL }, { "to", "bob" } },
                               .evidence_count = 3,
                               .subject = "anna" };
    s->raised = (struct alert_event){
        &s->scene,
        &s->alert,
        4,
        { .action = "block", .rule = "no files", .policy = "7-5f2d", .number = 2, .enforced = ENFORCED_CUT }
    };
    s->detail = (struct im_detail){
        .account = VIEW("anna"), .peer = VIEW("bob"), .file = VIEW("x.com"), .size = 68, .outgoing = true
    };
    s->where = (struct activity_event){ .flow = &s->flow,
                                        .catalog = s->catalog,
                                        .flow_id = 77,
                                        .time_us = 1700000001123456,
                                        .activity = ACTIVITY_FILE,
                                        .detail = &s->detail,
                                        .client = &s->who[0] };
    s->enforced = (struct enforced_event){
        .where = &s->where,
        .has_activity = true,
        .verdict = { .action = "block",
                     .rule = "no files",
                     .policy = "7-5f2d",
                     .number = 2,
                     .enforced = ENFORCED_CUT },
        .reason = "infected: Eicar=Test",
    };
    return s;
}

static void facts_free(struct facts_given *s)
{
    catalog_close(s->catalog);
    free(s);
}

static size_t eve(const struct event *e, char *out)
{
    return e->type == PACKED_FILE       ? eve_file(&e->file, out)
           : e->type == PACKED_ENFORCED ? eve_enforced(&e->enforced, out)
                                        : eve_alert(&e->alert, out);
}

/* Through a ring and back, an event says the same. */
static void assert_survives(const struct event *e)
{
    static char before[EVE_LINE_BYTES], after[EVE_LINE_BYTES];
    struct imw_error_info err;
    struct event out;
    struct ring r;

    assert_true(ring_init(&r, 1 << 20, &err));
    assert_true(e->type == PACKED_FILE       ? pack_file(&r, &e->file)
                : e->type == PACKED_ENFORCED ? pack_enforced(&r, &e->enforced)
                                             : pack_alert(&r, &e->alert));
    const void *record = ring_next(&r);
    assert_non_null(record);
    unpack(record, &out);
    assert_int_equal(out.type, e->type);
    size_t n = eve(e, before);
    assert_int_equal(eve(&out, after), n);
    assert_memory_equal(before, after, n);
    ring_fini(&r);
}

static void test_a_ring_keeps_all_of_a_file_and_of_an_alert(void **state)
{
    struct facts_given *s = facts_new();
    struct event file = { .type = PACKED_FILE, .file = s->file },
                 alert = { .type = PACKED_ALERT, .alert = s->raised };

    (void)state;
    assert_survives(&file);
    assert_survives(&alert);
    /* The least that is known. */
    file.file.stored = NULL;
    file.file.leaks = NULL;
    s->carried =
        (struct carried_file){ .name = VIEW(""), .from = VIEW(""), .to = VIEW(""), .room = VIEW("") };
    s->scene.client = s->scene.server = NULL;
    assert_survives(&file);
    s->scene.flow = NULL;
    alert.alert.verdict = (struct verdict){ 0 };
    s->alert.evidence_count = 0;
    assert_survives(&alert);
    facts_free(s);
}

static void test_a_ring_keeps_all_of_what_was_stopped(void **state)
{
    struct facts_given *s = facts_new();
    struct event e = { .type = PACKED_ENFORCED, .enforced = s->enforced };
    struct imw_error_info err;
    struct event out;
    struct ring r;

    (void)state;
    assert_survives(&e);
    assert_true(ring_init(&r, 1 << 20, &err));
    assert_true(pack_enforced(&r, &s->enforced));
    unpack(ring_next(&r), &out);
    assert_int_equal(out.enforced.verdict.number, 2);
    ring_fini(&r);
    /* The least that is known. */
    s->where.detail = NULL;
    s->where.client = NULL;
    e.enforced.has_activity = false;
    e.enforced.reason = e.enforced.verdict.policy = NULL;
    assert_survives(&e);
    facts_free(s);
}

static void test_long_texts_and_many_findings_are_cut_in_the_ring(void **state)
{
    struct facts_given *s = facts_new();
    struct leak_finding *many = calloc(PACK_FINDINGS * 2, sizeof *many);
    char word[3000];
    struct imw_error_info err;
    struct event out;
    struct ring r;

    (void)state;
    assert_non_null(many);
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_true(ring_init(&r, 1 << 20, &err));
    s->leaked.finding = many;
    s->leaked.told = PACK_FINDINGS * 2;
    s->carried.name = view_string(word);
    assert_true(pack_file(&r, &s->file));
    s->alert.seen = s->alert.title = word;
    assert_true(pack_alert(&r, &s->raised));
    unpack(ring_next(&r), &out);
    assert_int_equal(out.leaked.told, PACK_FINDINGS);
    assert_int_equal(out.leaked.count, 7);
    assert_int_equal(out.carried.name.len, PACK_VALUE_BYTES);
    unpack(ring_next(&r), &out);
    assert_int_equal(strlen(out.raised.seen), PACK_SENTENCE_BYTES);
    assert_int_equal(strlen(out.raised.title), PACK_VALUE_BYTES);
    ring_fini(&r);
    free(many);
    facts_free(s);
}

static void assert_all(const char *line, const char *const *has)
{
    for (; *has != NULL; has++)
        if (strstr(line, *has) == NULL)
            fail_msg("no '%s' in %s", *has, line);
}

static void test_cef_and_leef_have_alerts(void **state)
{
    static const char *const cef[] = {
        "|im-alert-4101|bad   worse   file|6|rt=",
        " src=10.0.0.1 ",
        " suser=a.person ",
        " cs1Label=Service cs1=chat ",
        " msg=seen\\=this?and that ",
        " reason=because ",
        " flexString1Label=Advice flexString1=beware ",
        " cs3Label=Detector cs3=malware ",
        " cs4Label=Evidence cs4=file: x; to: bob ",
        " cs6Label=Subject cs6=anna ",
        " cnt=5 ",
        " act=block ",
        " cs5Label=Rule cs5=no files ",
        NULL,
    };
    static const char *const leef[] = {
        "|im-alert-4101|x09|devTime=",
        "\tsev=6\t",
        "\tmessage=seen=this?and that\t",
        "\tadvice=beware\t",
        "\tdetector=malware\t",
        "\tsubject=anna\t",
        "\tcount=5\t",
        "\tpolicy=no files\t",
        NULL,
    };
    static char line[SIEM_LINE_BYTES];
    struct facts_given *s = facts_new();
    struct event e = { .type = PACKED_ALERT, .alert = s->raised };
    size_t n;

    (void)state;
    n = siem_cef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_all(line, cef);
    n = siem_leef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_all(line, leef);
    s->scene.flow = NULL;
    s->scene.client = s->scene.server = NULL;
    s->alert.severity = SEVERITY_HIGH;
    n = siem_cef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_non_null(strstr(line, "|9|rt="));
    assert_null(strstr(line, " src="));
    facts_free(s);
}

static void test_cef_and_leef_have_what_was_stopped(void **state)
{
    static const char *const cef[] = {
        "|im-alert-9008|Public messaging was stopped|7|rt=",
        " src=10.0.0.1 ",
        " suser=a.person ",
        " cs1Label=Service cs1=chat ",
        " act=block ",
        " cs5Label=Rule cs5=no files ",
        " imwardPolicy=7-5f2d ",
        " outcome=cut ",
        " reason=infected: Eicar\\=Test ",
        " flexString1Label=Activity flexString1=file ",
        " fname=x.com ",
        " duser=bob ",
        NULL,
    };
    static const char *const leef[] = {
        "|im-alert-9010|x09|devTime=",
        "\tsev=9\t",
        "\tpolicy=no files\t",
        "\tpolicyVersion=7-5f2d\t",
        "\toutcome=failed\t",
        "\taccount=anna\t",
        NULL,
    };
    static char line[SIEM_LINE_BYTES];
    struct facts_given *s = facts_new();
    struct event e = { .type = PACKED_ENFORCED, .enforced = s->enforced };
    size_t n;

    (void)state;
    n = siem_cef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_all(line, cef);
    e.enforced.verdict.enforced = ENFORCED_FAILED;
    n = siem_leef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_all(line, leef);
    facts_free(s);
}

static void test_cef_and_leef_have_files(void **state)
{
    static const char *const cef[] = {
        "|im-file|File over public messaging|9|rt=",
        " cs6Label=Account cs6=anna ",
        " duser=bob ",
        " flexString2Label=Room flexString2=#desk ",
        " deviceDirection=1 ",
        " fname=x|y.com ",
        " fsize=68 ",
        " fileType=text/plain ",
        " fileHash=abababababababababababababababababababababababababababababababab ",
        " fileId=0123abcd ",
        " flexString1Label=File state flexString1=CLOSED ",
        " cs4Label=Scan cs4=infected: Eicar\\=Test ",
        " cs5Label=Scanner cs5=ClamAV 1.4 ",
        " cn1Label=Leaks cn1=7 ",
        NULL,
    };
    static const char *const leef[] = {
        "|im-file|x09|",         "\tsev=4\t",
        "\taccount=bob\t",       "\tpeer=anna\t",
        "\tfileState=TRUNCATED", "\tscan=not-scanned: ",
        "\tleaks=7\t",           NULL,
    };
    static char line[SIEM_LINE_BYTES];
    struct facts_given *s = facts_new();
    struct event e = { .type = PACKED_FILE, .file = s->file };
    size_t n;

    (void)state;
    n = siem_cef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_all(line, cef);
    s->scan = (struct scan_result){ .state = SCAN_NOT_SCANNED, .reason = SCAN_REASON_TIMED_OUT };
    s->carried.outgoing = s->carried.whole = false;
    n = siem_leef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_all(line, leef);
    facts_free(s);
}

static void test_the_longest_fit_in_either_form(void **state)
{
    static char line[SIEM_LINE_BYTES], word[3000];
    struct facts_given *s = facts_new();
    struct event e = { .type = PACKED_ALERT, .alert = s->raised };
    struct detector detector = { .name = word, .id = UINT32_MAX };

    (void)state;
    memset(word, '=', sizeof word - 1);
    s->alert.detector = &detector;
    s->alert.title = s->alert.seen = s->alert.why = s->alert.advice = s->alert.subject = word;
    e.alert.verdict.rule = word;
    s->alert.evidence_count = ALERT_EVIDENCE;
    for (unsigned i = 0; i < ALERT_EVIDENCE; i++) {
        s->alert.evidence[i].key = "a_rather_long_name_of_a_piece_of_evidence";
        s->alert.evidence[i].value = word;
    }
    assert_in_range(siem_cef(&e, "sensor-1", line), 10000, SIEM_LINE_BYTES - 2);
    assert_non_null(strstr(line, " dvchost=sensor-1"));
    assert_in_range(siem_leef(&e, "sensor-1", line), 5000, SIEM_LINE_BYTES - 2);
    assert_non_null(strstr(line, "\tcommunityId=1:"));
    facts_free(s);
}

static void test_the_writer_writes_and_counts_them(void **state)
{
    static char text[65536];
    struct place p = place_new();
    struct facts_given *s = facts_new();
    const char *spec = p.spec;
    struct event_writer_config config = { .workers = 2, .outputs = &spec, .output_count = 1 };
    struct event_writer_status status;
    struct imw_error_info err = { 0 };
    struct event_writer *w;
    unsigned rest;

    (void)state;
    assert_true(event_writer_new(&config, &w, &err));
    assert_true(event_writer_start(w, &err));
    assert_true(event_put_file(w, &s->file));
    assert_true(event_put_alert(w, &s->raised));
    assert_true(event_put_alert(w, &s->raised));
    assert_true(event_put_enforced(w, 1, &s->enforced));
    assert_true(event_writer_drained(w, 5000));
    event_writer_stop(w);
    event_writer_status(w, &status);
    assert_int_equal(status.files, 1);
    assert_int_equal(status.alerts, 2);
    assert_int_equal(status.stopped, 1);
    assert_int_equal(status.written, 4);
    assert_int_equal(status.lost, 0);
    assert_int_equal(lines_of(p.path, &rest), 4);
    FILE *f = fopen(p.path, "re");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(text, "\"event_type\":\"fileinfo\""));
    assert_non_null(strstr(text, "\"event_type\":\"alert\""));
    event_writer_free(w);
    facts_free(s);
    place_remove(&p);
}

static void test_what_finds_no_room_is_counted_as_lost(void **state)
{
    struct place p = place_new();
    struct facts_given *s = facts_new();
    const char *spec = p.spec;
    struct event_writer_config config = { .workers = 1, .outputs = &spec, .output_count = 1 };
    struct event_writer_status status;
    struct imw_error_info err = { 0 };
    struct event_writer *w;
    unsigned put = 0;

    (void)state;
    assert_true(event_writer_new(&config, &w, &err));
    while (event_put_file(w, &s->file))
        put++;
    assert_in_range(put, 200, 500);
    event_writer_status(w, &status);
    assert_int_equal(status.lost, 1);
    event_writer_free(w);
    facts_free(s);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ring_keeps_all_of_a_file_and_of_an_alert),
        cmocka_unit_test(test_long_texts_and_many_findings_are_cut_in_the_ring),
        cmocka_unit_test(test_cef_and_leef_have_alerts),
        cmocka_unit_test(test_a_ring_keeps_all_of_what_was_stopped),
        cmocka_unit_test(test_cef_and_leef_have_what_was_stopped),
        cmocka_unit_test(test_cef_and_leef_have_files),
        cmocka_unit_test(test_the_longest_fit_in_either_form),
        cmocka_unit_test(test_the_writer_writes_and_counts_them),
        cmocka_unit_test(test_what_finds_no_room_is_counted_as_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
