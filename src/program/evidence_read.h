/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an evidence package is made of: the tables of evidence_tables.def and the figures of
 * evidence_figures.def for a period, read at one moment. Rows are handed on one by one, so that a table may
 * be larger than the memory; struct evidence_data keeps what a report needs of them.
 *
 * Times are microseconds since 1970; the period is [from_us, until_us).
 */
#pragma once
#include "base/text.h"
#include "store/db.h"

struct evidence_period {
    uint64_t from_us, until_us;
};

/* Names are of [a-z_], "usage" and "services"; together they name one item. `title`: of a table; of a figure,
 * what it counts. */
struct evidence_item {
    const char *part, *name, *title, *sql;
};
size_t evidence_table_count(void);
const struct evidence_item *evidence_table(size_t i);
size_t evidence_figure_count(void);
const struct evidence_item *evidence_figure(size_t i);

enum { EVIDENCE_COLUMNS_MOST = 32 };
struct evidence_column {
    char name[64]; /* as the question names it: "due_us" */
    bool time;     /* it ends in _us: microseconds since 1970 */
};

enum evidence_type { EVIDENCE_NULL, EVIDENCE_NUMBER, EVIDENCE_REAL, EVIDENCE_TEXT, EVIDENCE_TIME };
struct evidence_value {
    enum evidence_type type;
    int64_t number;   /* of a number and a time */
    double real;      /* never a whole number: those are numbers, on both databases */
    struct view text; /* valid UTF-8 without NUL; until the call returns */
};

/* Is this asked for? Else it is skipped for this reader. */
typedef bool evidence_wants(void *context, const struct evidence_item *item, bool table);

/* Who takes what is read. A member that is NULL is not called; what nobody takes is not asked for. A call
 * that returns false ends the reading (err is set by it). */
struct evidence_reader {
    void *context;
    evidence_wants *wants; /* NULL: all */
    bool (*table)(void *context, const struct evidence_item *table, const struct evidence_column *columns,
                  unsigned count, struct imw_error_info *err);
    bool (*row)(void *context, const struct evidence_value *values, unsigned count,
                struct imw_error_info *err);
    bool (*table_end)(void *context, const struct evidence_item *table, uint64_t rows,
                      struct imw_error_info *err);
    bool (*figure)(void *context, const struct evidence_item *figure, int64_t value,
                   struct imw_error_info *err);
};

/* Figures first, then tables, each in the order of the data files. In a transaction of the caller, or else in
 * one of its own. */
bool evidence_read(struct db *db, const struct evidence_period *period,
                   const struct evidence_reader *const *readers, unsigned count,
                   struct imw_error_info *err) IMW_MUST_USE;

/* The question with its period written in, to be asked again by hand. */
void evidence_question(struct text *t, const char *sql, const struct evidence_period *period);

/* ---- kept in memory ---- */
struct evidence_cell {
    enum evidence_type type;
    int64_t number;
    double real;
    char *text; /* of a text, else NULL */
};
struct evidence_rows {
    const struct evidence_item *item;
    struct evidence_column columns[EVIDENCE_COLUMNS_MOST];
    unsigned column_count;
    struct evidence_cell *cells; /* row by row */
    size_t kept, room;           /* rows */
    uint64_t rows;               /* all that there are */
};
struct evidence_count {
    const struct evidence_item *item;
    int64_t value;
};
struct evidence_data {
    struct evidence_period period;
    struct evidence_rows *tables;
    size_t table_count;
    struct evidence_count *figures;
    size_t figure_count;
    size_t rows_most; /* kept of a table; further ones are counted only */
};
/* What evidence_data_reader() takes. */
bool evidence_data_new(const struct evidence_period *period, size_t rows_most, struct evidence_data **out,
                       struct imw_error_info *err) IMW_MUST_USE;
void evidence_data_free(struct evidence_data *data); /* NULL is fine */
struct evidence_reader evidence_data_reader(struct evidence_data *data);
/* NULL: there is none of that name. */
const struct evidence_rows *evidence_find_table(const struct evidence_data *data, const char *part,
                                                const char *name);
const struct evidence_count *evidence_find_figure(const struct evidence_data *data, const char *part,
                                                  const char *name);
/* The column of that name; column_count where there is none. */
unsigned evidence_find_column(const struct evidence_rows *rows, const char *name);
