/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions of the data files are ours and portable; :from and :until in them become arguments, each
 * where it stands. Whole numbers are one type, though PostgreSQL's sums are numeric and SQLite's are not.
 */
#include "program/evidence_read.h"
#include "program/client.h"
#include "store/event_store.h"
#include <stdlib.h>

static const struct evidence_item tables[] = {
#define T(part, name, title, sql) { #part, #name, title, sql },
#include "program/evidence_tables.def"
#undef T
};
static const struct evidence_item figures[] = {
#define F(part, name, counts, sql) { #part, #name, counts, sql },
#include "program/evidence_figures.def"
#undef F
};
enum { TABLES = sizeof tables / sizeof tables[0], FIGURES = sizeof figures / sizeof figures[0] };
enum { READERS_MOST = 8 };
enum { TIMES_MOST = 64 }; /* that a question speaks of the period */

size_t evidence_table_count(void)
{
    return TABLES;
}

const struct evidence_item *evidence_table(size_t i)
{
    return &tables[i];
}

size_t evidence_figure_count(void)
{
    return FIGURES;
}

const struct evidence_item *evidence_figure(size_t i)
{
    return &figures[i];
}

/* ---- asking ---- */

/* What stands for a time in a question: microseconds, or days as 20261123. */
static size_t time_word(const char *at, const struct evidence_period *period, int64_t *out)
{
    const int64_t from = (int64_t)period->from_us, until = (int64_t)period->until_us;
    const struct {
        const char *word;
        int64_t value;
    } words[] = {
        { ":from_day", day_of(from) },
        { ":last_day", day_of(until > from ? until - 1 : from) },
        { ":from", from },
        { ":until", until },
    };

    for (size_t i = 0; *at == ':' && i < sizeof words / sizeof words[0]; i++) {
        const size_t length = strlen(words[i].word);

        if (strncmp(at, words[i].word, length) == 0) {
            *out = words[i].value;
            return length;
        }
    }
    return 0;
}

void evidence_question(struct text *t, const char *sql, const struct evidence_period *period)
{
    bool quoted = false;
    int64_t value = 0;

    for (const char *at = sql; *at != '\0';) {
        const size_t word = quoted ? 0 : time_word(at, period, &value);

        if (word != 0) {
            text_decimal(t, (uint64_t)value);
            at += word;
        } else {
            quoted ^= *at == '\'';
            text_char(t, *at++);
        }
    }
}

static bool ask(struct db *db, const struct evidence_item *item, const struct evidence_period *period,
                struct db_rows **out, struct imw_error_info *err)
{
    struct db_value args[TIMES_MOST];
    unsigned count = 0;
    bool quoted = false;
    int64_t value = 0;
    char *sql = malloc(strlen(item->sql) + 1), *to = sql;

    if (sql == NULL)
        return error_memory(err);
    for (const char *at = item->sql; *at != '\0';) {
        const size_t word = quoted ? 0 : time_word(at, period, &value);

        if (word != 0 && count == TIMES_MOST) {
            free(sql);
            return error_set(err, IMW_ERROR_LIMIT, "%s.%s speaks of the period too often", item->part,
                             item->name);
        }
        if (word != 0) {
            args[count++] = db_int(value);
            *to++ = '?';
            at += word;
        } else {
            quoted ^= *at == '\'';
            *to++ = *at++;
        }
    }
    *to = '\0';
    const bool ok = db_query(db, sql, args, count, out, err);
    free(sql);
    return ok;
}

/* ---- tables ---- */

static struct evidence_value value_of(const struct db_rows *rows, unsigned column, bool time)
{
    static const double most_exact = 9007199254740992.0; /* 2^53 */
    struct evidence_value v = { .type = EVIDENCE_NULL, .text = view_of(NULL, 0) };

    switch (db_get_type(rows, column)) {
    case DB_NULL: break;
    case DB_INT:
        v.type = time ? EVIDENCE_TIME : EVIDENCE_NUMBER;
        v.number = db_get_int(rows, column);
        break;
    case DB_REAL:
        v.real = db_get_real(rows, column);
        v.type = EVIDENCE_REAL;
        if (v.real > -most_exact && v.real < most_exact && (double)(int64_t)v.real == v.real) {
            v.type = time ? EVIDENCE_TIME : EVIDENCE_NUMBER;
            v.number = (int64_t)v.real;
        }
        break;
    case DB_TEXT:
    case DB_BLOB: /* no question of ours asks for one */
        v.type = EVIDENCE_TEXT;
        v.text = db_get_text(rows, column);
        break;
    }
    return v;
}

static unsigned columns_of(const struct db_rows *rows, struct evidence_column *out)
{
    const unsigned all = db_column_count(rows);
    const unsigned count = all < EVIDENCE_COLUMNS_MOST ? all : EVIDENCE_COLUMNS_MOST;

    for (unsigned i = 0; i < count; i++) {
        struct text t = TEXT(out[i].name);

        text_string(&t, db_column_name(rows, i));
        out[i].time = t.len > 3 && strcmp(out[i].name + t.len - 3, "_us") == 0;
    }
    return count;
}

static bool read_table(struct db *db, const struct evidence_item *item, const struct evidence_period *period,
                       const struct evidence_reader *const *readers, unsigned readers_count,
                       struct imw_error_info *err)
{
    struct evidence_column columns[EVIDENCE_COLUMNS_MOST];
    struct evidence_value values[EVIDENCE_COLUMNS_MOST];
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;
    uint64_t n = 0;
    bool ok = true;

    if (!ask(db, item, period, &rows, err))
        return false;
    bool more = db_next(rows, &why);
    if (why.code != IMW_OK)
        return rows_done(rows, &why, err);
    const unsigned count = columns_of(rows, columns); /* known now, also where there is no row */
    for (unsigned i = 0; ok && i < readers_count; i++)
        ok = readers[i]->table == NULL || readers[i]->table(readers[i]->context, item, columns, count, err);
    for (; ok && more; more = db_next(rows, &why), n++) {
        for (unsigned i = 0; i < count; i++)
            values[i] = value_of(rows, i, columns[i].time);
        for (unsigned i = 0; ok && i < readers_count; i++)
            ok = readers[i]->row == NULL || readers[i]->row(readers[i]->context, values, count, err);
    }
    const bool done = rows_done(rows, &why, ok ? err : NULL);
    if (!ok || !done)
        return false;
    for (unsigned i = 0; ok && i < readers_count; i++)
        ok = readers[i]->table_end == NULL || readers[i]->table_end(readers[i]->context, item, n, err);
    return ok;
}

static bool read_figure(struct db *db, const struct evidence_item *item, const struct evidence_period *period,
                        const struct evidence_reader *const *readers, unsigned readers_count,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;
    int64_t value = 0;
    bool ok = true;

    if (!ask(db, item, period, &rows, err))
        return false;
    if (db_next(rows, &why))
        value = db_get_int(rows, 0);
    if (!rows_done(rows, &why, err))
        return false;
    for (unsigned i = 0; ok && i < readers_count; i++)
        ok = readers[i]->figure == NULL || readers[i]->figure(readers[i]->context, item, value, err);
    return ok;
}

/* Those who want this item. */
static unsigned who_wants(const struct evidence_reader *const *readers, unsigned count,
                          const struct evidence_item *item, bool table,
                          const struct evidence_reader *out[READERS_MOST])
{
    unsigned n = 0;

    for (unsigned i = 0; i < count && n < READERS_MOST; i++) {
        const struct evidence_reader *r = readers[i];
        const bool takes =
            table ? r->table != NULL || r->row != NULL || r->table_end != NULL : r->figure != NULL;

        if (takes && (r->wants == NULL || r->wants(r->context, item, table)))
            out[n++] = r;
    }
    return n;
}

bool evidence_read(struct db *db, const struct evidence_period *period,
                   const struct evidence_reader *const *readers, unsigned count, struct imw_error_info *err)
{
    const bool mine = !db_in_transaction(db);
    const struct evidence_reader *who[READERS_MOST];
    bool ok = true;

    if (count > READERS_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "too many readers of evidence");
    if (mine && !db_begin(db, false, err))
        return false;
    for (size_t i = 0; ok && i < FIGURES; i++) {
        const unsigned n = who_wants(readers, count, &figures[i], false, who);
        ok = n == 0 || read_figure(db, &figures[i], period, who, n, err);
    }
    for (size_t i = 0; ok && i < TABLES; i++) {
        const unsigned n = who_wants(readers, count, &tables[i], true, who);
        ok = n == 0 || read_table(db, &tables[i], period, who, n, err);
    }
    if (mine)
        db_rollback(db);
    return ok;
}

/* ---- kept in memory ---- */

bool evidence_data_new(const struct evidence_period *period, size_t rows_most, struct evidence_data **out,
                       struct imw_error_info *err)
{
    struct evidence_data *data = calloc(1, sizeof *data);

    if (data != NULL) {
        *data = (struct evidence_data){ .period = *period, .rows_most = rows_most };
        data->tables = calloc(TABLES, sizeof *data->tables);
        data->figures = calloc(FIGURES, sizeof *data->figures);
    }
    if (data == NULL || data->tables == NULL || data->figures == NULL) {
        evidence_data_free(data);
        return error_memory(err);
    }
    *out = data;
    return true;
}

void evidence_data_free(struct evidence_data *data)
{
    if (data == NULL)
        return;
    for (size_t i = 0; i < data->table_count; i++) {
        struct evidence_rows *t = &data->tables[i];

        for (size_t c = 0; c < t->kept * t->column_count; c++)
            free(t->cells[c].text);
        free(t->cells);
    }
    free(data->tables);
    free(data->figures);
    free(data);
}

static bool keep_table(void *context, const struct evidence_item *item, const struct evidence_column *columns,
                       unsigned count, struct imw_error_info *err)
{
    struct evidence_data *data = context;

    if (data->table_count == TABLES)
        return error_set(err, IMW_ERROR_LIMIT, "more tables than there are");
    struct evidence_rows *t = &data->tables[data->table_count++];
    t->item = item;
    t->column_count = count;
    memcpy(t->columns, columns, count * sizeof *columns);
    return true;
}

static bool keep_row(void *context, const struct evidence_value *values, unsigned count,
                     struct imw_error_info *err)
{
    struct evidence_data *data = context;
    struct evidence_rows *t = &data->tables[data->table_count - 1];

    if (t->rows++ >= data->rows_most)
        return true;
    if (t->kept == t->room) {
        const size_t room = t->room == 0 ? 16 : t->room * 2;
        struct evidence_cell *cells = reallocarray(t->cells, room * t->column_count, sizeof *cells);

        if (cells == NULL)
            return error_memory(err);
        t->cells = cells;
        t->room = room;
    }
    struct evidence_cell *row = t->cells + t->kept * t->column_count;
    bool ok = true;
    for (unsigned i = 0; i < count; i++) {
        row[i] = (struct evidence_cell){ values[i].type, values[i].number, values[i].real, NULL };
        if (values[i].type == EVIDENCE_TEXT) {
            row[i].text = strndup((const char *)values[i].text.at, values[i].text.len);
            ok = ok && row[i].text != NULL;
        }
    }
    t->kept++; /* so that what there is of it is freed, too */
    return ok || error_memory(err);
}

static bool keep_figure(void *context, const struct evidence_item *item, int64_t value,
                        struct imw_error_info *err)
{
    struct evidence_data *data = context;

    if (data->figure_count == FIGURES)
        return error_set(err, IMW_ERROR_LIMIT, "more figures than there are");
    data->figures[data->figure_count++] = (struct evidence_count){ item, value };
    return true;
}

struct evidence_reader evidence_data_reader(struct evidence_data *data)
{
    return (struct evidence_reader){
        .context = data, .table = keep_table, .row = keep_row, .figure = keep_figure
    };
}

const struct evidence_rows *evidence_find_table(const struct evidence_data *data, const char *part,
                                                const char *name)
{
    for (size_t i = 0; i < data->table_count; i++) {
        const struct evidence_item *item = data->tables[i].item;

        if (strcmp(item->part, part) == 0 && strcmp(item->name, name) == 0)
            return &data->tables[i];
    }
    return NULL;
}

const struct evidence_count *evidence_find_figure(const struct evidence_data *data, const char *part,
                                                  const char *name)
{
    for (size_t i = 0; i < data->figure_count; i++) {
        const struct evidence_item *item = data->figures[i].item;

        if (strcmp(item->part, part) == 0 && strcmp(item->name, name) == 0)
            return &data->figures[i];
    }
    return NULL;
}

unsigned evidence_find_column(const struct evidence_rows *rows, const char *name)
{
    unsigned i = 0;

    while (i < rows->column_count && strcmp(rows->columns[i].name, name) != 0)
        i++;
    return i;
}
