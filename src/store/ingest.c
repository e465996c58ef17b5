/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of EVE into the database, a batch at a time: all lines are read (eve_scan.c), their words and clients
 * become numbers (words.c), then each day's events go into its tables in chunks of at most 512 lines, and
 * what they add up to into the sums (sums.c). Ids are given in this order, those of a chunk follow each
 * other.
 *
 * Of Suricata's own events `flow`, `alert`, `fileinfo` and the questions of `dns` are taken; what is not
 * taken is counted as refused, with the first reason. A `stats` event is not stored: it tells of the sensor
 * (sensor.stats).
 */
#include "base/json_value.h"
#include "base/text.h"
#include "store/eve_scan.h"
#include "store/programs.h"
#include "store/sums.h"
#include "store/words.h"
#include <openssl/sha.h>
#include <stdlib.h>
#include <zstd.h>

enum {
    CHUNK_EVENTS = 512,
    CHUNK_BYTES = 512 << 10,
    DAYS_KNOWN = 64,
    PACK_LEVEL = 1,
};
#define FUTURE_US (2 * DAY_US) /* a sensor's clock may be wrong, but not by more */

struct row {
    int64_t number[EVENT_NUMBER_COUNT];
    uint32_t word[EVENT_WORD_COUNT], client, program /* that the client says it is */, engine, reason;
    int64_t signatures_us; /* of the scanner; 0: not told */
    int day;
    uint32_t order;
    struct view line; /* of the caller's, or in `clean` */
};

/* What the ingests of one connection have in common. */
struct memory {
    struct db *db;
    unsigned users;
    struct words *words;
    struct sums *sums;
    struct programs *programs;
    ZSTD_CCtx *packer;
    struct row *rows;
    uint32_t row_count, row_room;
    char *scratch;      /* for the escaped texts of one line */
    char *raw, *packed; /* a chunk's lines, packed and not */
    size_t raw_room, packed_room;
    int days[DAYS_KNOWN];
    unsigned day_count;
    int64_t words_generation, people_generation;
};

struct ingest {
    struct memory *memory;
    int64_t sensor;
    char *clean; /* lines that were no UTF-8, made so */
    size_t clean_len, clean_room;
    char policy[96]; /* told last */
    uint64_t stats_us, stats_packets;
    char stats[512]; /* the sensor's status, of this batch; empty: none */
};

static void memory_free(struct memory *m)
{
    words_free(m->words);
    sums_free(m->sums);
    programs_free(m->programs);
    ZSTD_freeCCtx(m->packer);
    free(m->rows);
    free(m->scratch);
    free(m->raw);
    free(m->packed);
    free(m);
}

static struct memory *memory_new(struct db *db)
{
    struct memory *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    *m = (struct memory){ .db = db, .words_generation = -1, .people_generation = -1 };
    m->words = words_new(db);
    m->sums = sums_new();
    m->programs = programs_new();
    m->packer = ZSTD_createCCtx();
    m->scratch = malloc(EVE_LINE_MOST);
    m->raw_room = CHUNK_BYTES + EVE_LINE_MOST + 1;
    m->packed_room = ZSTD_compressBound(m->raw_room);
    m->raw = malloc(m->raw_room);
    m->packed = malloc(m->packed_room);
    if (m->words == NULL || m->sums == NULL || m->programs == NULL || m->packer == NULL ||
        m->scratch == NULL || m->raw == NULL || m->packed == NULL) {
        memory_free(m);
        return NULL;
    }
    return m;
}

static bool ingest_of(struct memory *m, int64_t sensor, struct ingest **out)
{
    struct ingest *i = calloc(1, sizeof *i);

    if (i == NULL)
        return false;
    m->users++;
    i->memory = m;
    i->sensor = sensor;
    *out = i;
    return true;
}

bool ingest_new(struct db *db, int64_t sensor, struct ingest **out, struct imw_error_info *err)
{
    if (!db_in_transaction(db) && !partition_prepare(db, err))
        return false;
    struct memory *m = memory_new(db);
    if (m != NULL && ingest_of(m, sensor, out))
        return true;
    if (m != NULL)
        memory_free(m);
    return error_set(err, IMW_ERROR_MEMORY, "no memory to take events in");
}

bool ingest_new_beside(struct ingest *other, int64_t sensor, struct ingest **out, struct imw_error_info *err)
{
    return ingest_of(other->memory, sensor, out) ||
           error_set(err, IMW_ERROR_MEMORY, "no memory to take events in");
}

void ingest_free(struct ingest *i)
{
    if (i == NULL)
        return;
    if (--i->memory->users == 0)
        memory_free(i->memory);
    free(i->clean);
    free(i);
}

static void memory_forget(struct memory *m)
{
    words_forget(m->words);
    sums_clear(m->sums);
    programs_clear(m->programs);
    m->day_count = 0;
}

void ingest_forget(struct ingest *i)
{
    memory_forget(i->memory);
}

/* ---- reading ---- */

static bool refuse(struct ingest_counts *counts, const char *why, struct view line)
{
    if (counts->refused++ == 0) {
        struct text t = TEXT(counts->refusal);
        text_format(&t, "%s: ", why);
        text_printable(&t, view_slice(line, 0, 60));
    }
    return true;
}

static unsigned number_of(const char *const *names, unsigned count, struct view v)
{
    for (unsigned i = 0; i < count; i++)
        if (names[i] != NULL && view_equal(v, view_string(names[i])))
            return i;
    return 0;
}

/* Lines are kept as they came but for octets that are no UTF-8, which no reader of JSON takes. */
static bool make_clean(struct ingest *i, struct view *line)
{
    size_t at = 0;

    while (at < line->len) {
        size_t n = line->at[at] < 0x80 ? 1 : utf8_length(view_from(*line, at));
        if (n == 0)
            break;
        at += n;
    }
    if (at == line->len)
        return true;
    /* One block for all lines of the call: it never moves, so that views into it stay. */
    if (line->len > i->clean_room - i->clean_len)
        return false;
    char *to = i->clean + i->clean_len;
    for (at = 0; at < line->len;) {
        size_t n = utf8_length(view_from(*line, at));
        if (n == 0 && line->at[at] < 0x80)
            n = 1; /* controls: the scanner minds them */
        if (n == 0) {
            *to++ = '?';
            at++;
        } else {
            memcpy(to, line->at + at, n);
            to += n;
            at += n;
        }
    }
    *line = view_of(i->clean + i->clean_len, line->len);
    i->clean_len += line->len;
    return true;
}

static bool has_high(struct view v)
{
    uint8_t all = 0;

    for (size_t i = 0; i < v.len; i++)
        all |= v.at[i];
    return all >= 0x80;
}

static struct view first_of(struct view a, struct view b)
{
    return a.len > 0 ? a : b;
}

/* Was it kept from getting through? By what was done on the wire; of Suricata's events by its own word. */
static bool is_stopped(const struct eve *e)
{
    static const char *const stopping[] = { "dropped",      "reset",   "unreachable", "page",
                                            "no-such-name", "spoiled", "cut" };
    struct view enforced = e->text[EVE_VERDICT_ENFORCED];

    for (unsigned k = 0; k < sizeof stopping / sizeof stopping[0]; k++)
        if (view_equal(enforced, view_string(stopping[k])))
            return true;
    return (e->seen >> EVE_TOP_VERDICT & 1) == 0 &&
           view_equal(e->text[EVE_ALERT_ALERT_ACTION], VIEW("blocked"));
}

/* Counters of a sensor, once a minute: what they say of its state. */
static void take_stats(struct ingest *i, struct view line, uint64_t time_us)
{
    json_t *root = json_loadb((const char *)line.at, line.len, JSON_ALLOW_NUL, NULL);
    const json_t *s = json_object_get(root, "stats");
    uint64_t packets = (uint64_t)json_integer_value(json_object_get(s, "packets")), rate = 0;
    const char *version = json_string_value(json_object_get(s, "version"));

    if (i->stats_us != 0 && time_us > i->stats_us && packets >= i->stats_packets)
        rate = (packets - i->stats_packets) * 1000000 / (time_us - i->stats_us);
    i->stats_us = time_us;
    i->stats_packets = packets;
    json_t *status =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:s?, s:I}", "version", version != NULL ? version : "",
                  "uptime_s", json_integer_value(json_object_get(s, "uptime_s")), "packets_per_s",
                  (json_int_t)rate, "drops", json_integer_value(json_object_get(s, "kernel_dropped")),
                  "flows", json_integer_value(json_object_get(s, "flows")), "policy",
                  i->policy[0] != '\0' ? i->policy : NULL, "time_us", (json_int_t)time_us);
    char *text = status != NULL ? json_dumps(status, JSON_COMPACT) : NULL;
    struct text t = TEXT(i->stats);
    if (text != NULL && strlen(text) < sizeof i->stats)
        text_string(&t, text);
    free(text);
    json_decref(status);
    json_decref(root);
}

/* Which kind is it? 0: not one of ours, *out_why says so. */
static unsigned kind_of(const struct eve *e, const char **out_why)
{
    struct view type = e->text[EVE_TOP_EVENT_TYPE];
    unsigned kind = number_of(event_kind_names, EVENT_KIND_COUNT, type);

    if (kind != 0)
        return kind;
    if (view_equal(type, VIEW("dns"))) {
        struct view what = e->text[EVE_DNS_DNS_TYPE];
        if (view_equal(what, VIEW("query")) || view_equal(what, VIEW("request")))
            return EVENT_FLOW;
        *out_why = "an answer of DNS: only questions are stored";
    } else {
        *out_why = type.len > 0 ? "an event of a type that is not stored" : "no event_type";
    }
    return 0;
}

/* The local user's account and the other's, of what they are in each kind of event. */
static void accounts_of(const struct eve *e, struct view *account, struct view *peer)
{
    bool in = view_equal(e->text[EVE_IM_DIRECTION], VIEW("in"));
    struct view from = e->text[EVE_IM_FROM], to = e->text[EVE_IM_TO], room = e->text[EVE_IM_ROOM];

    *account = first_of(e->text[EVE_IM_ACCOUNT], in ? to : from);
    *peer = first_of(first_of(e->text[EVE_IM_PEER], in ? from : to), room);
}

static void row_words(struct ingest *i, const struct eve *e, struct row *r, unsigned kind)
{
    struct view word[EVENT_WORD_COUNT] = { 0 };

    word[WORD_SERVICE] = e->text[EVE_IM_SERVICE];
    word[WORD_PROTOCOL] = first_of(e->text[EVE_IM_PROTOCOL], e->text[EVE_TOP_APP_PROTO]);
    word[WORD_SERVER_NAME] = first_of(first_of(e->text[EVE_TLS_SNI], e->name),
                                      first_of(e->text[EVE_DNS_RRNAME], e->text[EVE_HTTP_HOSTNAME]));
    accounts_of(e, &word[WORD_ACCOUNT], &word[WORD_PEER]);
    word[WORD_FILE] = first_of(e->text[EVE_FILEINFO_FILENAME], e->text[EVE_IM_FILE]);
    word[WORD_SHA256] = e->text[EVE_FILEINFO_SHA256];
    word[WORD_RULE] = e->text[EVE_VERDICT_RULE];
    word[WORD_SERVER] = e->text[EVE_TOP_DEST_IP];
    if (kind == EVENT_ALERT) {
        struct view category = e->text[EVE_ALERT_CATEGORY];
        word[WORD_SIGNATURE] = e->text[EVE_ALERT_SIGNATURE];
        word[WORD_DETECTOR] = first_of(e->text[EVE_IMWARD_DETECTOR],
                                       view_equal(category, VIEW("policy")) ? category : VIEW("suricata"));
    }
    for (unsigned w = 0; w < EVENT_WORD_COUNT; w++)
        r->word[w] = word_note(i->memory->words, event_words[w].kind, word[w]);
    r->client = client_note(i->memory->words, e->text[EVE_TOP_SRC_IP], e->text[EVE_WHO_USER],
                            first_of(e->text[EVE_WHO_HOST], e->text[EVE_TOP_SRC_HOST]));
    if (kind == EVENT_FLOW)
        r->program = word_note(i->memory->words, "client", first_of(e->text[EVE_IM_CLIENT], e->agent));
    if (kind == EVENT_FILEINFO) {
        uint64_t signatures = 0;
        r->engine = word_note(i->memory->words, "engine", e->text[EVE_SCAN_SCAN_ENGINE]);
        r->reason = word_note(i->memory->words, "reason", e->text[EVE_SCAN_SCAN_REASON]);
        if (eve_time(e->text[EVE_SCAN_SCAN_SIGNATURES], &signatures))
            r->signatures_us = (int64_t)signatures;
    }
}

static int64_t within(uint64_t n, uint64_t most)
{
    return (int64_t)(n < most ? n : most);
}

static void row_numbers(const struct ingest *i, const struct eve *e, struct row *r, unsigned kind,
                        uint64_t time_us)
{
    int64_t *n = r->number;
    struct view proto = e->text[EVE_TOP_PROTO];
    const uint64_t *from = e->number;
    bool dns = view_equal(e->text[EVE_TOP_EVENT_TYPE], VIEW("dns"));

    n[NUMBER_TIME] = (int64_t)time_us;
    n[NUMBER_KIND] = (int64_t)kind;
    n[NUMBER_SENSOR] = i->sensor;
    n[NUMBER_FLOW] = within(from[EVE_TOP_FLOW_ID], INT64_MAX);
    n[NUMBER_CLIENT_PORT] = within(from[EVE_TOP_SRC_PORT], 65535);
    n[NUMBER_SERVER_PORT] = within(from[EVE_TOP_DEST_PORT], 65535);
    n[NUMBER_UDP] = view_equal(proto, VIEW("UDP")) ? 2 : view_equal(proto, VIEW("TCP")) ? 1 : 0;
    n[NUMBER_ACTIVITY] =
        dns ? ACTIVITY_LOOKUP_ONLY : e->activity | (from[EVE_IM_AGAIN] != 0 ? ACTIVITY_AGAIN : 0);
    n[NUMBER_ACTION] = number_of(event_action_names, 5, e->text[EVE_VERDICT_ACTION]);
    n[NUMBER_STOPPED] = is_stopped(e);
    n[NUMBER_AGILE] = from[EVE_IM_PORT_AGILE] != 0;
    n[NUMBER_SEVERITY] = kind == EVENT_ALERT ? within(from[EVE_ALERT_SEVERITY], 255) : 0;
    n[NUMBER_SCAN] = number_of(event_scan_names, 5, e->text[EVE_SCAN_SCAN_STATE]);
    n[NUMBER_BYTES_OUT] = within(from[EVE_FLOW_BYTES_OUT], (uint64_t)1 << 50);
    n[NUMBER_BYTES_IN] = within(from[EVE_FLOW_BYTES_IN], (uint64_t)1 << 50);
    n[NUMBER_DELIVERY] = number_of(event_delivery_names, 5, e->text[EVE_IM_DELIVERY]);
    n[NUMBER_NOTABLE] = kind == EVENT_ALERT || kind == EVENT_FILEINFO || kind == EVENT_CONTROL_TEST ||
                        n[NUMBER_STOPPED] != 0 || n[NUMBER_AGILE] != 0;
}

static bool take_line(struct ingest *i, struct view line, uint64_t now_us, struct ingest_counts *counts)
{
    struct eve e;
    uint64_t time_us;
    const char *why = NULL;

    counts->lines++;
    if (line.len > EVE_LINE_MOST)
        return refuse(counts, "a line over 64 KiB", line);
    if (has_high(line) && !make_clean(i, &line))
        return false;
    if (!eve_scan(line, i->memory->scratch, &e))
        return refuse(counts, e.refused, line);
    if (!eve_time(e.text[EVE_TOP_TIMESTAMP], &time_us))
        return refuse(counts, "no timestamp that can be read", line);
    if (time_us > now_us + FUTURE_US)
        return refuse(counts, "a time in the future: is the sensor's clock right?", line);
    if (view_equal(e.text[EVE_TOP_EVENT_TYPE], VIEW("stats"))) {
        take_stats(i, line, time_us);
        return true;
    }
    unsigned kind = kind_of(&e, &why);
    if (kind == 0)
        return refuse(counts, why, line);
    if (e.text[EVE_VERDICT_POLICY].len > 0) {
        struct text t = TEXT(i->policy);
        text_add(&t, view_slice(e.text[EVE_VERDICT_POLICY], 0, sizeof i->policy - 1));
    }
    if (i->memory->row_count == i->memory->row_room) {
        uint32_t room = i->memory->row_room != 0 ? i->memory->row_room * 2 : 1024;
        struct row *rows = realloc(i->memory->rows, room * sizeof *rows);
        if (rows == NULL)
            return false;
        i->memory->rows = rows;
        i->memory->row_room = room;
    }
    struct row *r = &i->memory->rows[i->memory->row_count];
    *r = (struct row){ .order = i->memory->row_count, .line = line, .day = day_of((int64_t)time_us) };
    row_words(i, &e, r, kind);
    row_numbers(i, &e, r, kind, time_us);
    i->memory->row_count++;
    counts->bytes += line.len;
    return !words_failed(i->memory->words);
}

/* ---- storing ---- */

static int by_day(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static bool day_known(struct memory *m, int day, struct imw_error_info *err)
{
    for (unsigned k = 0; k < m->day_count; k++)
        if (m->days[k] == day)
            return true;
    if (!partition_make(m->db, day, err))
        return false;
    if (m->day_count == DAYS_KNOWN)
        m->day_count = 0;
    m->days[m->day_count++] = day;
    return true;
}

/* Rows [from, *out_end) make a chunk: packed into m->packed. */
static bool pack_chunk(struct memory *m, uint32_t from, uint32_t end, uint32_t *out_end, size_t *out_packed,
                       int64_t *first_us, int64_t *last_us, struct imw_error_info *err)
{
    size_t len = 0;
    uint32_t at = from;

    *first_us = INT64_MAX;
    *last_us = 0;
    for (; at < end && at - from < CHUNK_EVENTS && len < CHUNK_BYTES; at++) {
        struct row *r = &m->rows[at];
        memcpy(m->raw + len, r->line.at, r->line.len);
        len += r->line.len;
        m->raw[len++] = '\n';
        r->number[NUMBER_CHUNK] = m->rows[from].number[NUMBER_ID];
        r->number[NUMBER_LINE] = at - from;
        if (r->number[NUMBER_TIME] < *first_us)
            *first_us = r->number[NUMBER_TIME];
        if (r->number[NUMBER_TIME] > *last_us)
            *last_us = r->number[NUMBER_TIME];
    }
    size_t n = ZSTD_compressCCtx(m->packer, m->packed, m->packed_room, m->raw, len, PACK_LEVEL);
    if (ZSTD_isError(n))
        return error_set(err, IMW_ERROR_MEMORY, "events could not be packed: %s", ZSTD_getErrorName(n));
    *out_end = at;
    *out_packed = n;
    return true;
}

static bool store_chunks(struct memory *m, int day, uint32_t from, uint32_t end,
                         uint8_t digest[SHA256_DIGEST_LENGTH], uint64_t *bytes, struct imw_error_info *err)
{
    struct db_bulk *bulk = NULL;
    char table[32];
    struct text t = TEXT(table);
    bool ok = true;

    text_format(&t, "chunk_%d", day);
    if (!db_bulk_begin(m->db, table, "id, events, first_us, last_us, data, digest", 6, &bulk, err))
        return false;
    while (ok && from < end) {
        uint32_t next = end;
        size_t packed = 0;
        int64_t first_us = 0, last_us = 0;
        uint8_t both[2 * SHA256_DIGEST_LENGTH];
        ok = pack_chunk(m, from, end, &next, &packed, &first_us, &last_us, err);
        if (!ok)
            break;
        memcpy(both, digest, SHA256_DIGEST_LENGTH);
        SHA256((const uint8_t *)m->packed, packed, both + SHA256_DIGEST_LENGTH);
        ok = db_bulk_row(
            bulk,
            (const struct db_value[]){ db_int(m->rows[from].number[NUMBER_ID]), db_int(next - from),
                                       db_int(first_us), db_int(last_us), db_blob(view_of(m->packed, packed)),
                                       db_blob(view_of(both + SHA256_DIGEST_LENGTH, SHA256_DIGEST_LENGTH)) },
            err);
        SHA256(both, sizeof both, digest);
        *bytes += packed;
        from = next;
    }
    return db_bulk_end(bulk, ok ? err : NULL) && ok;
}

static bool store_events(struct memory *m, int day, uint32_t from, uint32_t end, struct imw_error_info *err)
{
    struct db_value values[EVENT_COLUMN_COUNT];
    struct db_bulk *bulk = NULL;
    char table[32];
    struct text t = TEXT(table);
    bool ok = true;

    text_format(&t, "event_%d", day);
    if (!db_bulk_begin(m->db, table, EVENT_COLUMNS_TEXT, EVENT_COLUMN_COUNT, &bulk, err))
        return false;
    for (; ok && from < end; from++) {
        const struct row *r = &m->rows[from];
        for (unsigned c = 0; c < EVENT_NUMBER_COUNT; c++)
            values[c] = db_int(r->number[c]);
        for (unsigned c = 0; c < EVENT_WORD_COUNT; c++)
            values[EVENT_NUMBER_COUNT + c] = db_int(word_id(m->words, r->word[c]));
        ok = db_bulk_row(bulk, values, err);
    }
    return db_bulk_end(bulk, ok ? err : NULL) && ok;
}

struct word_place {
    int64_t word, chunk;
};

static int by_word(const void *a, const void *b)
{
    const struct word_place *x = a, *y = b;

    if (x->word != y->word)
        return x->word < y->word ? -1 : 1;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* Which words are in which chunk; service, protocol and detector are too common to find anything by. In the
 * order of the table, so that neighbours are stored together. */
static bool store_words(struct memory *m, int day, uint32_t from, uint32_t end, struct imw_error_info *err)
{
    struct word_place *places = malloc((size_t)(end - from) * EVENT_WORD_COUNT * sizeof *places);
    struct db_bulk *bulk = NULL;
    char table[32];
    struct text t = TEXT(table);
    size_t count = 0;

    if (places == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the words of events");
    for (; from < end; from++) {
        const struct row *r = &m->rows[from];
        for (unsigned w = WORD_SERVER_NAME; w < EVENT_WORD_COUNT; w++)
            if (w != WORD_DETECTOR && r->word[w] != 0 &&
                !word_in_chunk(m->words, r->word[w], r->number[NUMBER_CHUNK]))
                places[count++] =
                    (struct word_place){ word_id(m->words, r->word[w]), r->number[NUMBER_CHUNK] };
    }
    if (count > 0)
        qsort(places, count, sizeof *places, by_word);
    text_format(&t, "word_%d", day);
    bool ok = db_bulk_begin(m->db, table, "word, chunk", 2, &bulk, err);
    for (size_t k = 0; ok && k < count; k++)
        ok = db_bulk_row(bulk, (const struct db_value[]){ db_int(places[k].word), db_int(places[k].chunk) },
                         err);
    free(places);
    return db_bulk_end(bulk, ok ? err : NULL) && ok;
}

static bool store_day(struct memory *m, int day, uint32_t from, uint32_t end, struct imw_error_info *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH] = { 0 };
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int64_t first_us = INT64_MAX, last_us = 0;
    uint64_t bytes = 0;

    if (!day_known(m, day, err) ||
        !db_query(m->db, "select digest from event_day where day = ?", DB_ARGS(db_int(day)), &rows, err))
        return false;
    if (db_next(rows, &why) && db_get_blob(rows, 0).len == sizeof digest)
        memcpy(digest, db_get_blob(rows, 0).at, sizeof digest);
    if (!rows_done(rows, &why, err))
        return false;
    if (!store_chunks(m, day, from, end, digest, &bytes, err) || !store_events(m, day, from, end, err) ||
        !store_words(m, day, from, end, err))
        return false;
    for (uint32_t k = from; k < end; k++) {
        int64_t at = m->rows[k].number[NUMBER_TIME];
        first_us = at < first_us ? at : first_us;
        last_us = at > last_us ? at : last_us;
    }
    return db_run(m->db,
                  "update event_day set events = events + ?, bytes = bytes + ?, digest = ?, last_id = ?,"
                  " first_id = coalesce(first_id, ?),"
                  " first_us = case when first_us is null or first_us > ? then ? else first_us end,"
                  " last_us = case when last_us is null or last_us < ? then ? else last_us end where day = ?",
                  DB_ARGS(db_int(end - from), db_int((int64_t)bytes), db_blob(view_of(digest, sizeof digest)),
                          db_int(m->rows[end - 1].number[NUMBER_ID]), db_int(m->rows[from].number[NUMBER_ID]),
                          db_int(first_us), db_int(first_us), db_int(last_us), db_int(last_us), db_int(day)),
                  NULL, err);
}

/* The last id given, and whether what is in memory is still true. */
static bool counters_read(struct memory *m, int64_t *out_last, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int64_t words = 0, people = 0;

    *out_last = 0;
    if (!db_query(m->db, "select name, value from event_counter", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        struct view name = db_get_text(rows, 0);
        if (view_equal(name, VIEW("event")))
            *out_last = db_get_int(rows, 1);
        else if (view_equal(name, VIEW("words")))
            words = db_get_int(rows, 1);
        else if (view_equal(name, VIEW("people")))
            people = db_get_int(rows, 1);
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (words != m->words_generation || people != m->people_generation) {
        memory_forget(m);
        m->words_generation = words;
        m->people_generation = people;
    }
    return true;
}

/* All that was taken of the batches, which follow each other in `rows`. */
static bool store_rows(struct memory *m, int64_t *last, uint64_t now_us, struct imw_error_info *err)
{
    uint32_t policy = word_note(m->words, "detector", VIEW("policy"));

    if (!words_resolve(m->words, err))
        return false;
    for (uint32_t k = 1; k < m->row_count; k++)
        if (m->rows[k].day != m->rows[k - 1].day) {
            qsort(m->rows, m->row_count, sizeof *m->rows, by_day);
            break;
        }
    for (uint32_t k = 0; k < m->row_count; k++) {
        struct row *r = &m->rows[k];
        int64_t word[EVENT_WORD_COUNT];
        r->number[NUMBER_ID] = ++*last;
        r->number[NUMBER_WHO] = client_id(m->words, r->client);
        if (!client_department(m->words, r->client, r->number[NUMBER_TIME], &r->number[NUMBER_DEPARTMENT],
                               err))
            return false;
        for (unsigned w = 0; w < EVENT_WORD_COUNT; w++)
            word[w] = word_id(m->words, r->word[w]);
        if (!sums_add(m->sums, r->number, word, word_id(m->words, policy)))
            return error_set(err, IMW_ERROR_MEMORY, "no memory for sums");
        if ((r->program != 0 && !programs_seen(m->programs, r->number[NUMBER_WHO], word[WORD_SERVICE],
                                               word_id(m->words, r->program), r->number[NUMBER_TIME])) ||
            (r->number[NUMBER_KIND] == EVENT_FILEINFO &&
             !programs_scanned(m->programs, r->number, word_id(m->words, r->engine),
                               word_id(m->words, r->reason), r->signatures_us)))
            return error_set(err, IMW_ERROR_MEMORY, "no memory for what was scanned and who runs what");
    }
    for (uint32_t from = 0, end; from < m->row_count; from = end) {
        for (end = from; end < m->row_count && m->rows[end].day == m->rows[from].day;)
            end++;
        if (!store_day(m, m->rows[from].day, from, end, err))
            return false;
    }
    return sums_store(m->sums, m->db, err) && programs_store(m->programs, m->db, now_us, err) &&
           db_run(m->db,
                  "insert into event_counter (name, value) values ('event', ?)"
                  " on conflict (name) do update set value = excluded.value",
                  DB_ARGS(db_int(*last)), NULL, err);
}

/* Its lines become rows. */
static bool take_batch(const struct ingest_batch *b, uint64_t now_us, struct imw_error_info *err)
{
    struct ingest *i = b->ingest;
    struct view lines = b->lines, line;

    i->clean_len = 0;
    i->stats[0] = '\0';
    if (has_high(lines) && lines.len > i->clean_room) {
        free(i->clean);
        i->clean = malloc(lines.len);
        i->clean_room = i->clean != NULL ? lines.len : 0;
    }
    while (lines.len > 0) {
        if (!view_line(&lines, &line)) { /* the last one may lack its end */
            line = lines;
            lines = view_from(lines, lines.len);
        }
        if (line.len > 0 && !take_line(i, line, now_us, b->counts))
            return error_set(err, IMW_ERROR_MEMORY, "no memory for a batch of events");
    }
    return true;
}

/* What its sensor sent. */
static bool sensor_told(const struct ingest_batch *b, uint32_t events, struct imw_error_info *err)
{
    const struct ingest *i = b->ingest;

    if (events > 0 && !db_run(i->memory->db, "update sensor set events = events + ? where id = ?",
                              DB_ARGS(db_int(events), db_int(i->sensor)), NULL, err))
        return false;
    return i->stats[0] == '\0' || db_run(i->memory->db, "update sensor set stats = ? where id = ?",
                                         DB_ARGS(db_text(i->stats), db_int(i->sensor)), NULL, err);
}

bool ingest_batches(const struct ingest_batch *list, unsigned count, uint64_t now_us,
                    struct imw_error_info *err)
{
    struct memory *m = list[0].ingest->memory;
    uint32_t *rows = calloc(count, sizeof *rows);
    int64_t last;

    if (rows == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for batches of events");
    bool ok = counters_read(m, &last, err);
    words_begin(m->words);
    sums_clear(m->sums);
    programs_clear(m->programs);
    m->row_count = 0;
    for (unsigned k = 0; ok && k < count; k++) {
        uint32_t before = m->row_count;
        ok = take_batch(&list[k], now_us, err);
        rows[k] = m->row_count - before;
    }
    ok = ok && (m->row_count == 0 || store_rows(m, &last, now_us, err));
    for (unsigned k = 0; ok && k < count; k++) {
        list[k].counts->stored += rows[k];
        if (rows[k] > 0)
            list[k].counts->last_id = last;
        ok = sensor_told(&list[k], rows[k], err);
    }
    free(rows);
    return ok;
}

bool ingest_lines(struct ingest *i, struct view lines, uint64_t now_us, struct ingest_counts *counts,
                  struct imw_error_info *err)
{
    return ingest_batches(&(struct ingest_batch){ i, lines, counts }, 1, now_us, err);
}
