/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of reports: the input is what strangers wrote. Cleaned, it is valid UTF-8 of one line that
 * turns no direction; as names, statement and cells it is drawn, on one page where it must be one, and
 * nothing is left. */
#include "program/report.h"
#include "program/report_paper.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What fontconfig keeps for the process; what we lose of it test_report finds. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so\n";
}

enum { TEXT_MOST = 2400, LINES = 8 };

static void check_clean(struct view v)
{
    char out[600];
    struct text t = TEXT(out);

    paper_clean(&t, v, 300);
    for (struct view rest = view_of(t.at, t.len); rest.len > 0;) {
        const size_t length = utf8_length(rest);

        if (length == 0 || rest.at[0] < 0x20 || rest.at[0] == 0x7f)
            abort();
        if (length == 3 && rest.at[0] == 0xe2 && rest.at[1] == 0x80 && rest.at[2] >= 0xaa &&
            rest.at[2] <= 0xae)
            abort();
        rest = view_from(rest, length);
    }
    if (t.len > 320)
        abort();
}

struct seen {
    size_t pages, tail_len;
    char tail[32];
};
/* Pages of a PDF, counted by the words that begin one. */
static bool look(void *context, struct view bytes, struct imw_error_info *err)
{
    static const struct view word = VIEW("/Type /Page %");
    struct seen *s = context;

    (void)err;
    for (size_t i = 0; i < bytes.len; i++) {
        s->tail_len = bytes.at[i] == word.at[s->tail_len] ? s->tail_len + 1 : bytes.at[i] == word.at[0];
        if (s->tail_len == word.len) {
            s->pages++;
            s->tail_len = 0;
        }
    }
    return true;
}

static void take_line(struct evidence_data *d, const struct evidence_item *item, const char *line)
{
    static const struct evidence_column columns[3] = { { "title", false },
                                                       { "rows", false },
                                                       { "closed_us", true } };
    const struct evidence_reader reader = evidence_data_reader(d);
    const struct evidence_value row[3] = {
        { .type = EVIDENCE_TEXT, .text = view_string(line) },
        { .type = EVIDENCE_NUMBER, .number = (int64_t)strlen(line) * 1000 },
        { .type = EVIDENCE_TIME, .number = INT64_C(1795600000000000) },
    };

    if ((d->table_count == 0 && !reader.table(reader.context, item, columns, 3, NULL)) ||
        !reader.row(reader.context, row, 3, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct evidence_period period = { UINT64_C(1790812800000000), UINT64_C(1798761600000000) };
    const struct evidence_item item = { "incidents", "incidents", "Lines of strangers", "" };
    struct view rest = view_of(data, size);
    struct evidence_data *d = NULL;
    struct imw_error_info err = { 0 };
    char text[TEXT_MOST + 1] = "";
    size_t len = 0;

    check_clean(rest);
    for (size_t i = 0; i < size && len < TEXT_MOST; i++) /* a C string, as the database's texts are */
        if (data[i] != 0)
            text[len++] = (char)data[i];
    text[len] = '\0';
    if (!evidence_data_new(&period, 100, &d, &err))
        abort();
    for (unsigned i = 0; i < LINES && rest.len > 0; i++) {
        char line[400];
        struct text t = TEXT(line);

        text_printable(&t, view_token(&rest, '\n'));
        take_line(d, &item, line);
    }
    const struct report_scope scope = { .period = period,
                                        .asked_us = period.until_us,
                                        .institution = text,
                                        .prepared_for = text,
                                        .prepared_by = text,
                                        .package = text,
                                        .key = text,
                                        .statement = text,
                                        .statement_by = text };
    struct seen board = { 0 }, all = { 0 };
    if (!report_draw(REPORT_BOARD, &scope, d, NULL, look, &board, &err) || board.pages != 1 ||
        !report_draw(REPORT_PERIOD, &scope, d, NULL, look, &all, &err) || all.pages < 4)
        abort();
    evidence_data_free(d);
    return 0;
}
