/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of words and clients: open addressing over entries in one array, texts in one block. When either
 * is over its limit all is forgotten at the next batch, which costs some questions to the database.
 */
#include "store/words.h"
#include "base/hash.h"
#include "base/text.h"
#include <stdlib.h>
#include <sys/random.h>

enum {
    ENTRIES_MOST = 1 << 18, /* then forget; a batch may go over it */
    TEXT_MOST = 32 << 20,
    TOGETHER = 64,     /* words asked for in one statement */
    VALUE_MOST = 1024, /* of a word; the line has all of it */
    PERSON_ANY = -1,
};

struct entry {
    uint64_t hash;
    int64_t id, chunk;
    const char *kind; /* a literal; NULL: a client */
    uint32_t at, len; /* in `texts`; of a client: address NUL login NUL host */
    int64_t department, from_us, until_us, seen_us;
    int64_t person; /* as the table has it; PERSON_ANY: not known */
};

struct words {
    struct db *db;
    struct networks *networks;
    struct entry *entries;          /* [0] is not used */
    uint32_t count, room, resolved; /* entries below `resolved` have their numbers */
    uint32_t *table, mask;
    char *texts;
    size_t text_len, text_room;
    uint64_t seed;
    bool failed;
};

struct words *words_new(struct db *db)
{
    struct words *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->db = db;
    if (getrandom(&w->seed, sizeof w->seed, 0) != sizeof w->seed) {
        free(w);
        return NULL;
    }
    words_forget(w);
    return w;
}

void words_free(struct words *w)
{
    if (w == NULL)
        return;
    networks_free(w->networks);
    free(w->entries);
    free(w->table);
    free(w->texts);
    free(w);
}

void words_forget(struct words *w)
{
    w->count = w->resolved = 1;
    w->text_len = 0;
    w->failed = false;
    if (w->table != NULL)
        memset(w->table, 0, (w->mask + 1) * sizeof *w->table);
    networks_free(w->networks);
    w->networks = NULL;
}

void words_begin(struct words *w)
{
    if (w->count > ENTRIES_MOST || w->text_len > TEXT_MOST)
        words_forget(w);
}

bool words_failed(const struct words *w)
{
    return w->failed;
}

/* Twice the room in the array, and a table with as many places again. */
static bool grow(struct words *w)
{
    uint32_t room = w->room != 0 ? w->room * 2 : 4096;
    struct entry *entries = realloc(w->entries, room * sizeof *entries);

    if (entries != NULL)
        w->entries = entries;
    uint32_t *table = calloc((size_t)room * 2, sizeof *table);
    if (entries == NULL || table == NULL) {
        free(table);
        w->failed = true;
        return false;
    }
    free(w->table);
    w->table = table;
    w->room = room;
    w->mask = room * 2 - 1;
    for (uint32_t i = 1; i < w->count; i++) {
        uint32_t at = (uint32_t)entries[i].hash & w->mask;
        while (table[at] != 0)
            at = (at + 1) & w->mask;
        table[at] = i;
    }
    return true;
}

static bool text_keep(struct words *w, struct view v, uint32_t *out)
{
    if (w->text_len + v.len > w->text_room) {
        size_t room = (w->text_room + v.len) * 2;
        char *texts = room < UINT32_MAX ? realloc(w->texts, room) : NULL;
        if (texts == NULL) {
            w->failed = true;
            return false;
        }
        w->texts = texts;
        w->text_room = room;
    }
    memcpy(w->texts + w->text_len, v.at, v.len);
    *out = (uint32_t)w->text_len;
    w->text_len += v.len;
    return true;
}

static struct view entry_text(const struct words *w, const struct entry *e)
{
    return view_of(w->texts + e->at, e->len);
}

static uint32_t note(struct words *w, const char *kind, struct view value)
{
    uint64_t seed =
        kind != NULL ? hash_words((uint64_t)kind[0] << 8 | (uint8_t)kind[1], strlen(kind), w->seed) : w->seed;
    uint64_t hash = hash_bytes(value, seed);

    if (w->count >= w->room && !grow(w))
        return 0;
    uint32_t at = (uint32_t)hash & w->mask;
    for (; w->table[at] != 0; at = (at + 1) & w->mask) {
        const struct entry *e = &w->entries[w->table[at]];
        if (e->hash == hash && (e->kind == NULL) == (kind == NULL) &&
            (kind == NULL || strcmp(e->kind, kind) == 0) && view_equal(entry_text(w, e), value))
            return w->table[at];
    }
    struct entry new = { .hash = hash, .kind = kind, .len = (uint32_t)value.len };
    if (!text_keep(w, value, &new.at))
        return 0;
    w->entries[w->count] = new;
    w->table[at] = w->count;
    return w->count++;
}

/* At most so many bytes, no character cut in two. */
static struct view shorten(struct view v, size_t most)
{
    if (v.len <= most)
        return v;
    while (most > 0 && (v.at[most] & 0xc0) == 0x80)
        most--;
    return view_slice(v, 0, most);
}

uint32_t word_note(struct words *w, const char *kind, struct view value)
{
    return value.len > 0 ? note(w, kind, shorten(value, VALUE_MOST)) : 0;
}

uint32_t client_note(struct words *w, struct view address, struct view login, struct view host)
{
    char all[1024];
    struct text t = TEXT(all);

    if (address.len + login.len + host.len == 0)
        return 0;
    text_add(&t, shorten(address, 64));
    text_char(&t, '\0');
    text_add(&t, shorten(login, 255));
    text_char(&t, '\0');
    text_add(&t, shorten(host, 255));
    return note(w, NULL, view_of(all, t.len));
}

int64_t word_id(const struct words *w, uint32_t place)
{
    return place != 0 ? w->entries[place].id : 0;
}

int64_t client_id(const struct words *w, uint32_t place)
{
    return word_id(w, place);
}

bool word_in_chunk(struct words *w, uint32_t place, int64_t chunk)
{
    bool before = w->entries[place].chunk == chunk;

    w->entries[place].chunk = chunk;
    return before;
}

/* ---- the database ---- */

/* Those of `places` that are in `term`; their order there is any. */
static bool take_ids(struct words *w, const uint32_t *places, unsigned count, struct db_rows *rows,
                     struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };

    while (db_next(rows, &why)) {
        struct view kind = db_get_text(rows, 1), value = db_get_text(rows, 2);
        for (unsigned i = 0; i < count; i++) {
            struct entry *e = &w->entries[places[i]];
            if (e->id == 0 && view_equal(value, entry_text(w, e)) && view_equal(kind, view_string(e->kind)))
                e->id = db_get_int(rows, 0);
        }
    }
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

/* "(?, ?), (?, ?)" and what it stands for. The texts do not move: nothing is noted meanwhile. */
static bool with_pairs(struct words *w, const char *before, const char *behind, const uint32_t *places,
                       unsigned count, struct imw_error_info *err)
{
    char sql[TOGETHER * 8 + 512];
    struct text t = TEXT(sql);
    struct db_value args[TOGETHER * 2];
    struct db_rows *rows;

    text_string(&t, before);
    for (unsigned i = 0; i < count; i++) {
        const struct entry *e = &w->entries[places[i]];
        text_string(&t, i > 0 ? ",(?,?)" : "(?,?)");
        args[2 * i] = db_text(e->kind);
        args[2 * i + 1] = db_view(entry_text(w, e));
    }
    text_string(&t, behind);
    return db_query(w->db, sql, args, count * 2, &rows, err) && take_ids(w, places, count, rows, err);
}

/* Search in words, where it is a table of its own. */
static bool index_words(struct words *w, const uint32_t *places, unsigned count, struct imw_error_info *err)
{
    static const char *const searched[] = { "server", "account", "file", "sha256", "rule", "signature" };

    for (unsigned i = 0; i < count; i++) {
        const struct entry *e = &w->entries[places[i]];
        bool is = false;
        for (unsigned k = 0; k < sizeof searched / sizeof searched[0]; k++)
            is = is || strcmp(e->kind, searched[k]) == 0;
        if (is && !db_run(w->db, "insert into term_search (rowid, value) values (?, ?)",
                          DB_ARGS(db_int(e->id), db_view(entry_text(w, e))), NULL, err))
            return false;
    }
    return true;
}

/* PostgreSQL would read all of the table for a list of pairs; each by itself is found by the index. */
static bool resolve_words(struct words *w, const uint32_t *places, unsigned count, struct imw_error_info *err)
{
    bool postgres = db_kind(w->db) == DB_POSTGRES;
    const char *before = postgres ? "select t.id, t.kind, t.value from (values "
                                  : "select id, kind, value from term where (kind, value) in (values ";
    const char *behind = postgres ? ") v (kind, value) cross join lateral (select id, kind, value from term"
                                    " where term.kind = v.kind and term.value = v.value limit 1) t"
                                  : ")";
    uint32_t missing[TOGETHER];
    unsigned n = 0;

    if (!with_pairs(w, before, behind, places, count, err))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (w->entries[places[i]].id == 0)
            missing[n++] = places[i];
    if (n == 0)
        return true;
    if (!with_pairs(w, "insert into term (kind, value) values ", " returning id, kind, value", missing, n,
                    err))
        return false;
    return db_kind(w->db) != DB_SQLITE || index_words(w, missing, n, err);
}

/* The three texts of a client. */
static void client_parts(const struct words *w, const struct entry *e, struct view *address,
                         struct view *login, struct view *host)
{
    struct view rest = entry_text(w, e);

    *address = view_token(&rest, '\0');
    *login = view_token(&rest, '\0');
    *host = rest;
}

/* Whose it is at that time, for as long as that holds. */
static bool client_match(struct words *w, struct entry *e, int64_t time_us, struct person_match *m,
                         struct imw_error_info *err)
{
    struct view address, login, host;

    if (w->networks == NULL && !networks_load(w->db, &w->networks, err))
        return false;
    client_parts(w, e, &address, &login, &host);
    if (!person_find(w->db, w->networks, address, login, host, time_us, m, err))
        return false;
    e->department = m->department;
    e->from_us = m->from_us;
    e->until_us = m->until_us;
    return true;
}

/* Those of `places` that are in `who`; their order there is any. */
static bool take_clients(struct words *w, const uint32_t *places, unsigned count, struct db_rows *rows,
                         struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };

    while (db_next(rows, &why)) {
        struct view address, login, host;
        for (unsigned i = 0; i < count; i++) {
            struct entry *e = &w->entries[places[i]];
            client_parts(w, e, &address, &login, &host);
            if (e->id == 0 && view_equal(db_get_text(rows, 1), address) &&
                view_equal(db_get_text(rows, 2), login) && view_equal(db_get_text(rows, 3), host)) {
                e->id = db_get_int(rows, 0);
                e->person = db_is_null(rows, 4) ? 0 : db_get_int(rows, 4);
                break;
            }
        }
    }
    return rows_done(rows, &why, err);
}

/* "(?, ?, ?), (?, ?, ?)" and what it stands for. */
static bool with_clients(struct words *w, const char *before, const char *behind, const uint32_t *places,
                         unsigned count, struct imw_error_info *err)
{
    char sql[TOGETHER * 8 + 512];
    struct text t = TEXT(sql);
    struct db_value args[TOGETHER * 3];
    struct db_rows *rows;

    text_string(&t, before);
    for (unsigned i = 0; i < count; i++) {
        struct view address, login, host;
        client_parts(w, &w->entries[places[i]], &address, &login, &host);
        text_string(&t, i > 0 ? ",(?,?,?)" : "(?,?,?)");
        args[3 * i] = db_view(address);
        args[3 * i + 1] = db_view(login);
        args[3 * i + 2] = db_view(host);
    }
    text_string(&t, behind);
    return db_query(w->db, sql, args, count * 3, &rows, err) && take_clients(w, places, count, rows, err);
}

static bool resolve_clients(struct words *w, const uint32_t *places, unsigned count,
                            struct imw_error_info *err)
{
    bool postgres = db_kind(w->db) == DB_POSTGRES;
    const char *before =
        postgres ? "select w.id, w.address, w.login, w.host, w.person from (values "
                 : "select id, address, login, host, person from who where (address, login, host) in"
                   " (values ";
    const char *behind = postgres
                             ? ") v (address, login, host) cross join lateral (select id, address, login,"
                               " host, person from who where who.address = v.address and"
                               " who.login = v.login and who.host = v.host limit 1) w"
                             : ")";
    uint32_t missing[TOGETHER];
    unsigned n = 0;

    if (!with_clients(w, before, behind, places, count, err))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (w->entries[places[i]].id == 0)
            missing[n++] = places[i];
    for (unsigned from = 0, some; from < n; from += some) { /* few texts of statements */
        for (some = TOGETHER; some > n - from;)
            some /= 2;
        if (!with_clients(w, "insert into who (address, login, host) values ",
                          " returning id, address, login, host, person", missing + from, some, err))
            return false;
    }
    return true;
}

/* Noted words, or clients, that have no number yet: many at a time, the rest one by one, so that there are
 * few texts of statements. */
static bool resolve(struct words *w, bool clients, struct imw_error_info *err)
{
    bool (*some)(struct words *, const uint32_t *, unsigned, struct imw_error_info *) =
        clients ? resolve_clients : resolve_words;
    uint32_t places[TOGETHER];
    unsigned n = 0;

    for (uint32_t i = w->resolved; i < w->count; i++) {
        if ((w->entries[i].kind == NULL) != clients)
            continue;
        places[n++] = i;
        if (n == TOGETHER) {
            if (!some(w, places, n, err))
                return false;
            n = 0;
        }
    }
    for (unsigned i = 0; i < n; i++)
        if (!some(w, places + i, 1, err))
            return false;
    return true;
}

bool words_resolve(struct words *w, struct imw_error_info *err)
{
    if (w->failed)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for words");
    if (!resolve(w, false, err) || !resolve(w, true, err))
        return false;
    w->resolved = w->count;
    return true;
}

bool client_department(struct words *w, uint32_t place, int64_t time_us, int64_t *out,
                       struct imw_error_info *err)
{
    struct person_match m;

    *out = 0;
    if (place == 0)
        return true;
    struct entry *e = &w->entries[place];
    if (time_us < e->from_us || time_us >= e->until_us) { /* at first both are 0 */
        if (!client_match(w, e, time_us, &m, err))
            return false;
        /* The client is whose it was last. What was read of it is true in the batch that read it. */
        bool same = e->person == m.person;
        e->person = PERSON_ANY;
        if (time_us >= e->seen_us && !same &&
            !db_run(w->db, "update who set person = ? where id = ?",
                    DB_ARGS(m.person != 0 ? db_int(m.person) : db_null(), db_int(e->id)), NULL, err))
            return false;
    }
    if (time_us > e->seen_us)
        e->seen_us = time_us;
    *out = e->department;
    return true;
}
