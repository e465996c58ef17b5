/* SPDX-License-Identifier: Apache-2.0 */
/* What workers put into the pipeline comes out as files, events and alerts, whatever the order. */
#include "../identify/rig.h"
#include "engine/pipeline.h"
#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOLD_MOST = 16, BODY_BYTES = 200000 };

struct told {
    unsigned files, refused, alerts;
    struct {
        char name[64], from[64], to[64], stored[256];
        uint64_t size;
        bool whole, hashed;
        uint8_t sha256[SHA256_BYTES];
        unsigned gaps, leaks;
        char unsearched[64];
        enum scan_state state;
    } file[TOLD_MOST];
    char alert[TOLD_MOST][256];
    bool count_only; /* of files, their number only */
};

struct stage {
    struct told told;
    struct rules rules;
    struct content_settings settings;
    struct pipeline *pipeline;
    struct flow flow;
    struct record record;
    struct activity_event where;
    char folder[64];
};

static uint8_t body[BODY_BYTES];
static struct documents *documents;

static void copy(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_printable(&t, v);
}

static void on_file(void *context, const struct file_event *e)
{
    struct told *t = context;

    if (e->file->scan->reason == SCAN_REASON_QUEUE_FULL) {
        assert_int_equal(e->file->scan->state, SCAN_NOT_SCANNED);
        assert_true(e->facts->failed && !e->file->whole);
        t->refused++;
        return;
    }
    if (t->count_only) {
        t->files++;
        return;
    }
    assert_true(t->files < TOLD_MOST);
    copy(t->file[t->files].name, sizeof t->file[0].name, e->file->name);
    copy(t->file[t->files].from, sizeof t->file[0].from, e->file->from);
    copy(t->file[t->files].to, sizeof t->file[0].to, e->file->to);
    copy(t->file[t->files].stored, sizeof t->file[0].stored, view_string(e->stored));
    t->file[t->files].size = e->file->size;
    t->file[t->files].whole = e->file->whole;
    t->file[t->files].hashed = e->file->sha256 != NULL;
    if (e->file->sha256 != NULL)
        memcpy(t->file[t->files].sha256, e->file->sha256, SHA256_BYTES);
    t->file[t->files].gaps = e->facts->gap_count;
    t->file[t->files].leaks = e->leaks != NULL ? e->leaks->count : 0;
    if (e->leaks != NULL)
        copy(t->file[t->files].unsearched, sizeof t->file[0].unsearched, view_string(e->leaks->unsearched));
    t->file[t->files].state = e->file->scan->state;
    t->files++;
}

static void on_alert(void *context, const struct alert_event *e)
{
    struct told *t = context;

    assert_true(t->alerts < TOLD_MOST);
    snprintf(t->alert[t->alerts++], sizeof t->alert[0], "%s: %s", e->alert->title, e->alert->seen);
}

static void stage_open(struct stage *s, unsigned workers)
{
    const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 1 };

    memset(s, 0, sizeof *s);
    snprintf(s->folder, sizeof s->folder, "/tmp/imward-pipeline-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    s->rules.catalog = rig_catalog();
    settings_default(&s->settings);
    s->settings.scan.parallel = 2;
    s->settings.leaks.wanted = true;
    s->flow = (struct flow){ .first_us = 1700000000000000, .service = 1, .activities = 1 << ACTIVITY_CHAT };
    s->flow.key.addr[0] = ip_from_v4(client);
    s->flow.key.addr[1] = ip_from_v4(server);
    s->flow.key.l4 = L4_TCP;
    s->where = (struct activity_event){ .flow = &s->flow,
                                        .record = &s->record,
                                        .catalog = s->rules.catalog,
                                        .file = "a.pcap",
                                        .flow_id = 7,
                                        .time_us = 1700000001000000 };
    struct pipeline_config config = { .workers = workers,
                                      .wait = true,
                                      .settings = &s->settings,
                                      .files = true,
                                      .threats = true,
                                      .documents = documents,
                                      .extract = s->folder,
                                      .rules = &s->rules,
                                      .file = on_file,
                                      .alert = on_alert,
                                      .context = &s->told };
    struct imw_error_info err = { 0 };
    if (!pipeline_new(&config, &s->pipeline, &err))
        fail_msg("%s", err.text);
}

static void stage_close(struct stage *s)
{
    char command[128];

    pipeline_free(s->pipeline);
    catalog_close(s->rules.catalog);
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
}

static uint32_t begin(struct stage *s, unsigned worker, const char *name, uint64_t size)
{
    struct im_file f = { .name = view_string(name),
                         .size = size,
                         .account = VIEW("alice"),
                         .peer = VIEW("bob"),
                         .outgoing = true };

    return pipeline_file_begin(s->pipeline, worker, &s->where, &f);
}

static void flow_ends(struct stage *s, unsigned worker)
{
    struct flow_event e = { .flow = &s->flow,
                            .record = &s->record,
                            .catalog = s->rules.catalog,
                            .flow_id = s->where.flow_id,
                            .last_us = s->where.time_us + 5000000 };

    pipeline_flow(s->pipeline, worker, &e);
}

static void assert_hash(const uint8_t hash[SHA256_BYTES], struct view content)
{
    uint8_t wanted[SHA256_BYTES];

    assert_int_equal(EVP_Digest(content.at, content.len, wanted, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(hash, wanted, SHA256_BYTES);
}

static void assert_saved(const struct stage *s, const char *path, struct view content)
{
    static uint8_t read[BODY_BYTES + 1];
    FILE *f = fopen(path, "re");

    assert_true(strncmp(path, s->folder, strlen(s->folder)) == 0);
    assert_non_null(f);
    assert_int_equal(fread(read, 1, sizeof read, f), content.len);
    assert_memory_equal(read, content.at, content.len);
    fclose(f);
}

static void test_a_file_in_pieces_comes_out_as_it_was_sent(void **state)
{
    struct stage s;

    (void)state;
    stage_open(&s, 1);
    uint32_t n = begin(&s, 0, "report.bin", BODY_BYTES);
    /* the second half first, in pieces of odd sizes */
    for (uint64_t at = BODY_BYTES / 2; at < BODY_BYTES; at += 1461)
        pipeline_file_bytes(s.pipeline, 0, n, at, view_slice(view_of(body, BODY_BYTES), at, at + 1461));
    pipeline_file_bytes(s.pipeline, 0, n, 0,
                        view_of(body, BODY_BYTES / 2)); /* longer than one record holds */
    pipeline_file_end(s.pipeline, 0, n, s.where.time_us, true);
    pipeline_stop(s.pipeline);
    assert_int_equal(s.told.files, 1);
    assert_string_equal(s.told.file[0].name, "report.bin");
    assert_string_equal(s.told.file[0].from, "alice");
    assert_string_equal(s.told.file[0].to, "bob");
    assert_true(s.told.file[0].whole);
    assert_hash(s.told.file[0].sha256, view_of(body, BODY_BYTES));
    assert_saved(&s, s.told.file[0].stored, view_of(body, BODY_BYTES));
    stage_close(&s);
}

static void test_what_is_missing_is_marked(void **state)
{
    struct stage s;

    (void)state;
    stage_open(&s, 1);
    uint32_t n = begin(&s, 0, "hole", 3000);
    pipeline_file_bytes(s.pipeline, 0, n, 0, view_of(body, 1000));
    pipeline_file_bytes(s.pipeline, 0, n, 2000, view_of(body, 1000));
    pipeline_file_end(s.pipeline, 0, n, s.where.time_us, true); /* the protocol believes that it is whole */
    n = begin(&s, 0, "cut", 3000);
    pipeline_file_bytes(s.pipeline, 0, n, 0, view_of(body, 1000));
    flow_ends(&s, 0);
    n = begin(&s, 0, "end lost", 3000);
    pipeline_file_bytes(s.pipeline, 0, n, 0, view_of(body, 10));
    pipeline_stop(s.pipeline);
    assert_int_equal(s.told.files, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_false(s.told.file[i].whole);
    struct pipeline_status status;
    pipeline_status(s.pipeline, &status);
    assert_int_equal(status.files, 3);
    assert_int_equal(status.files_cut, 3);
    stage_close(&s);
}

static void test_files_of_several_workers_do_not_mix(void **state)
{
    struct stage s;
    uint32_t number[3];

    (void)state;
    stage_open(&s, 3);
    for (unsigned w = 0; w < 3; w++)
        number[w] = begin(&s, w, "same name", 1000);
    for (unsigned w = 0; w < 3; w++)
        pipeline_file_bytes(s.pipeline, w, number[w], 0, view_of(body + w * 1000, 1000));
    for (unsigned w = 0; w < 3; w++)
        pipeline_file_end(s.pipeline, w, number[w], s.where.time_us, true);
    pipeline_stop(s.pipeline);
    assert_int_equal(s.told.files, 3);
    unsigned seen = 0;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned w = 0; w < 3; w++) {
            uint8_t wanted[SHA256_BYTES];
            EVP_Digest(body + w * 1000, 1000, wanted, NULL, EVP_sha256(), NULL);
            seen |= memcmp(wanted, s.told.file[i].sha256, SHA256_BYTES) == 0 ? 1u << w : 0;
        }
    assert_int_equal(seen, 7);
    assert_string_not_equal(s.told.file[0].stored, s.told.file[1].stored);
    stage_close(&s);
}

static void test_leaks_in_messages_and_files_are_alerts_and_masked(void **state)
{
    static const char text[] = "<b>my card</b> is 4111 1111 1111 1111";
    struct stage s;

    (void)state;
    stage_open(&s, 1);
    struct im_detail d = { .account = VIEW("alice"),
                           .peer = VIEW("bob"),
                           .text = view_string(text),
                           .markup = MARKUP_HTML,
                           .outgoing = true };
    s.where.activity = ACTIVITY_CHAT;
    s.where.detail = &d;
    pipeline_activity(s.pipeline, 0, &s.where);
    s.where.detail = NULL;
    uint32_t n = begin(&s, 0, "cards.txt", sizeof text - 1);
    pipeline_file_bytes(s.pipeline, 0, n, 0, view_string(text));
    pipeline_file_end(s.pipeline, 0, n, s.where.time_us, true);
    pipeline_stop(s.pipeline);
    assert_int_equal(s.told.file[0].leaks, 1);
    assert_true(s.told.alerts > 0);
    for (unsigned i = 0; i < s.told.alerts; i++)
        assert_null(strstr(s.told.alert[i], "4111"));
    struct pipeline_status status;
    pipeline_status(s.pipeline, &status);
    assert_int_equal(status.messages, 1);
    assert_int_equal(status.leaks, 2);
    stage_close(&s);
}

/* Detectors are told of messages as they come, not as tests of detectors make them. */
static void test_a_flood_of_messages_is_an_alert(void **state)
{
    struct im_detail d = {
        .account = VIEW("alice"), .peer = VIEW("bob"), .text = VIEW("buy now"), .outgoing = true
    };
    struct stage s;
    bool flood = false;

    (void)state;
    stage_open(&s, 1);
    s.where.activity = ACTIVITY_CHAT;
    s.where.detail = &d;
    for (unsigned i = 0; i < 150; i++, s.where.time_us += 100000)
        pipeline_activity(s.pipeline, 0, &s.where);
    pipeline_stop(s.pipeline);
    for (unsigned i = 0; i < s.told.alerts; i++)
        flood |= strstr(s.told.alert[i], "flood of messages from one sender") != NULL;
    assert_true(flood);
    stage_close(&s);
}

static void test_a_document_that_cannot_be_searched_says_so(void **state)
{
    static const char broken[] = "%PDF-1.4\nthere is nothing in here";
    struct stage s;

    (void)state;
    stage_open(&s, 1);
    uint32_t n = begin(&s, 0, "broken.pdf", sizeof broken - 1);
    pipeline_file_bytes(s.pipeline, 0, n, 0, view_string(broken));
    pipeline_file_end(s.pipeline, 0, n, s.where.time_us, true);
    pipeline_stop(s.pipeline);
    assert_int_equal(s.told.file[0].leaks, 0);
    assert_string_equal(s.told.file[0].unsearched, "the document cannot be read");
    struct pipeline_status status;
    pipeline_status(s.pipeline, &status);
    assert_int_equal(status.not_searched, 1);
    assert_int_equal(s.told.alerts, 0);
    stage_close(&s);
}

static void test_a_name_from_the_wire_never_leaves_the_folder(void **state)
{
    static const char *const names[] = {
        "../../../../tmp/escaped", "/etc/passwd", "..", "", "a/../b", ".hidden"
    };
    struct stage s;
    unsigned saved = 0;

    (void)state;
    stage_open(&s, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t n = begin(&s, 0, names[i], 4);
        pipeline_file_bytes(s.pipeline, 0, n, 0, VIEW("text"));
        pipeline_file_end(s.pipeline, 0, n, s.where.time_us, true);
    }
    pipeline_stop(s.pipeline);
    DIR *folder = opendir(s.folder);
    for (const struct dirent *e; (e = readdir(folder)) != NULL;)
        saved += e->d_name[0] != '.';
    closedir(folder);
    assert_int_equal(saved, sizeof names / sizeof names[0]);
    assert_int_equal(access("/tmp/escaped", F_OK), -1);
    stage_close(&s);
}

static void test_files_beyond_the_limit_are_told_as_not_scanned(void **state)
{
    enum { LIMIT = 512, MORE = 88 };
    struct pipeline_status status;
    struct stage s;

    (void)state;
    stage_open(&s, 1);
    s.told.count_only = true;
    for (unsigned i = 0; i < LIMIT + MORE; i++) {
        uint32_t n = begin(&s, 0, "never ended", 1000);
        pipeline_file_bytes(s.pipeline, 0, n, 0, view_of(body, 10));
    }
    pipeline_stop(s.pipeline);
    assert_int_equal(s.told.files, LIMIT);
    assert_int_equal(s.told.refused, MORE);
    pipeline_status(s.pipeline, &status);
    assert_int_equal(status.files_refused, MORE);
    stage_close(&s);
}

static void test_newer_rules_are_taken_up(void **state)
{
    struct stage s;

    (void)state;
    stage_open(&s, 1);
    assert_true(pipeline_wants_files(s.pipeline));
    struct rules next = { .catalog = s.rules.catalog, .serial = 2 };
    pipeline_use(s.pipeline, &next); /* comes back when the old are not used any more */
    stage_close(&s);
}

/* The reader of documents is this program again. */
int main(int argc, char **argv)
{
    struct imw_error_info err;

    if (argc == 2 && strcmp(argv[1], DOCUMENT_COMMAND) == 0)
        return document_helper();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_in_pieces_comes_out_as_it_was_sent),
        cmocka_unit_test(test_what_is_missing_is_marked),
        cmocka_unit_test(test_files_of_several_workers_do_not_mix),
        cmocka_unit_test(test_leaks_in_messages_and_files_are_alerts_and_masked),
        cmocka_unit_test(test_a_flood_of_messages_is_an_alert),
        cmocka_unit_test(test_a_document_that_cannot_be_searched_says_so),
        cmocka_unit_test(test_a_name_from_the_wire_never_leaves_the_folder),
        cmocka_unit_test(test_files_beyond_the_limit_are_told_as_not_scanned),
        cmocka_unit_test(test_newer_rules_are_taken_up),
    };

    for (unsigned i = 0; i < BODY_BYTES; i++)
        body[i] = (uint8_t)(i * 2654435761u >> 13);
    if (!documents_new(&documents, &err))
        return EXIT_FAILURE;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    documents_free(documents);
    return failed;
}
