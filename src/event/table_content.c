/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table's parts on content: alerts, files, and messages with their text. All that came from the network
 * is made fit to be shown when it is added, so that nothing in it can steer a terminal.
 */
#include "event/table.h"
#include <stdlib.h>
#include <time.h>

static void copy(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_shown(&t, v);
}
#define COPY(array, v) copy((array), sizeof(array), (v))

/* ---- adding ---- */

/* Whom it is about: the address of our side, and who is there. */
static void who_of(char *out, size_t size, const struct scene *s)
{
    struct text t = text_over(out, size);

    if (s->flow == NULL) {
        text_char(&t, '-');
        return;
    }
    text_address(&t, &s->flow->key.addr[FROM_CLIENT]);
    if (s->client == NULL)
        return;
    const char *const names[] = { s->client->user, s->client->host };
    for (unsigned i = 0; i < 2; i++) {
        if (names[i][0] == '\0')
            continue;
        text_char(&t, ' ');
        text_shown(&t, view_string(names[i]));
    }
}

bool table_add_alert(struct table *t, const struct alert_event *e)
{
    const struct alert *a = e->alert;

    pthread_mutex_lock(&t->lock);
    bool ok = table_room(&t->alerts, t->alert_count, &t->alert_size, sizeof *t->alerts);
    if (ok) {
        struct alert_row *r = &t->alerts[t->alert_count++];
        *r = (struct alert_row){ .time_us = e->scene->time_us, .severity = a->severity };
        COPY(r->title, view_string(a->title));
        COPY(r->seen, view_string(a->seen));
        COPY(r->file, view_string(e->scene->file));
        who_of(r->who, sizeof r->who, e->scene);
    }
    pthread_mutex_unlock(&t->lock);
    return ok;
}

static void flags_of(struct text *t, const struct file_event *e)
{
    const struct spool_facts *f = e->facts;
    const struct {
        const char *word;
        bool is;
    } flags[] = {
        { "cut", !e->file->whole || f->cut || f->failed },
        { "gaps", f->gap_count > 0 || f->more_gaps },
        { "injection?", f->conflict },
        { "stored", e->stored != NULL },
        { "unsearched", e->leaks != NULL && e->leaks->unsearched != NULL },
    };

    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (flags[i].is)
            text_format(t, " %s", flags[i].word);
    if (e->leaks != NULL && e->leaks->count > 0)
        text_format(t, " leaks:%u", e->leaks->count);
}

static void fill_file(struct file_row *r, const struct file_event *e)
{
    const struct carried_file *f = e->file;
    const struct scan_result *scan = f->scan;
    struct text said = TEXT(r->said), hash = TEXT(r->hash), flags = TEXT(r->flags);

    *r = (struct file_row){ .time_us = e->scene->time_us, .size = f->size, .scanned = scan != NULL };
    COPY(r->name, f->name.len > 0 ? f->name : VIEW("-"));
    COPY(r->from, f->from.len > 0 ? f->from : VIEW("-"));
    COPY(r->to, f->to.len > 0 ? f->to : f->room.len > 0 ? f->room : VIEW("-"));
    COPY(r->file, view_string(e->scene->file));
    COPY(r->type, scan != NULL && scan->media_type[0] != '\0' ? view_string(scan->media_type) : VIEW("-"));
    if (f->sha256 != NULL)
        text_hex(&hash, view_of(f->sha256, sizeof r->hash / 2));
    else
        text_char(&hash, '-');
    flags_of(&flags, e);
    if (scan == NULL) {
        text_char(&said, '-');
        return;
    }
    r->state = scan->state;
    text_string(&said, scan_state_name(scan->state));
    if (scan->signature[0] != '\0') {
        text_string(&said, ": ");
        text_shown(&said, view_string(scan->signature));
    } else if (scan->reason != SCAN_REASON_NONE) {
        text_format(&said, ": %s", scan_reason_text(scan->reason));
    }
}

bool table_add_file(struct table *t, const struct file_event *e)
{
    pthread_mutex_lock(&t->lock);
    bool ok = table_room(&t->files, t->file_count, &t->file_size, sizeof *t->files);
    if (ok)
        fill_file(&t->files[t->file_count++], e);
    pthread_mutex_unlock(&t->lock);
    return ok;
}

/* Lines of a message, each fit to be shown; no longer than the text. NULL without memory. */
static char *lines_of(struct view text)
{
    char *out = malloc(text.len + 1);

    if (out == NULL)
        return NULL;
    struct text t = text_over(out, text.len + 1);
    for (unsigned n = 0; text.len > 0; n++) {
        if (n > 0)
            text_char(&t, '\n');
        text_shown(&t, view_token(&text, '\n'));
    }
    return out;
}

static bool fill_message(struct message_row *r, size_t added, const struct activity_event *e)
{
    const struct im_detail *d = e->detail;
    struct view here = d->account.len > 0 ? d->account : VIEW("-"),
                there = d->peer.len > 0 ? d->peer : VIEW("-");
    struct text from = TEXT(r->from);
    char *text = lines_of(view_string(e->plain));

    if (text == NULL)
        return false;
    *r = (struct message_row){ .time_us = e->time_us, .added = added, .text = text };
    COPY(r->service,
         view_string(e->flow->service != 0 ? catalog_service(e->catalog, e->flow->service)->slug : "-"));
    text_shown(&from, view_slice(d->outgoing ? here : there, 0, 95));
    if (d->display.len > 0) {
        text_string(&from, " (");
        text_shown(&from, view_slice(d->display, 0, 80));
        text_char(&from, ')');
    }
    COPY(r->to, d->room.len > 0 ? d->room : d->outgoing ? there : here);
    return true;
}

bool table_add_message(struct table *t, const struct activity_event *e)
{
    pthread_mutex_lock(&t->lock);
    bool ok = table_room(&t->messages, t->message_count, &t->message_size, sizeof *t->messages) &&
              fill_message(&t->messages[t->message_count], t->message_count, e);
    t->message_count += ok;
    pthread_mutex_unlock(&t->lock);
    return ok;
}

void table_content_free(struct table *t)
{
    for (size_t i = 0; i < t->message_count; i++)
        free(t->messages[i].text);
    free(t->messages);
    free(t->files);
    free(t->alerts);
}

/* ---- printing ---- */

enum { MOST_COLUMNS = 8 };

/* One line as cells; the last is not padded. */
struct line {
    const char *cell[MOST_COLUMNS], *colour[MOST_COLUMNS];
    const char *capture;
    char time[24], size[16];
};
typedef void line_of(const struct table *t, size_t row, struct line *out);

static void time_text(uint64_t time_us, char out[24])
{
    time_t s = (time_t)(time_us / 1000000);
    struct tm tm;

    if (gmtime_r(&s, &tm) == NULL || strftime(out, 24, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        memcpy(out, "-", 2);
}

static void print_section(const struct table *t, FILE *out, bool several, const char *const *heading,
                          size_t rows, line_of *make)
{
    int width[MOST_COLUMNS] = { 0 };
    unsigned columns = 0;
    struct line line;

    for (; heading[columns] != NULL; columns++)
        width[columns] = (int)strlen(heading[columns]);
    for (size_t n = 0; n < rows; n++) {
        memset(&line, 0, sizeof line);
        make(t, n, &line);
        for (unsigned c = 0; c + 1 < columns; c++)
            if ((int)strlen(line.cell[c]) > width[c])
                width[c] = (int)strlen(line.cell[c]);
    }
    fprintf(out, "\n%s", table_paint(t, BOLD));
    for (unsigned c = 0; c + 1 < columns; c++)
        fprintf(out, "%-*s  ", width[c], heading[c]);
    fprintf(out, "%s%s\n", heading[columns - 1], table_paint(t, PLAIN));
    for (size_t n = 0; n < rows; n++) {
        memset(&line, 0, sizeof line);
        make(t, n, &line);
        for (unsigned c = 0; c < columns; c++) {
            bool coloured = line.colour[c] != NULL && t->colour;
            fprintf(out, "%s%-*s%s%s", coloured ? line.colour[c] : "", c + 1 < columns ? width[c] : 0,
                    line.cell[c], coloured ? PLAIN : "", c + 1 < columns ? "  " : "");
        }
        if (several)
            fprintf(out, " %s%s%s", table_paint(t, DIM), line.capture, table_paint(t, PLAIN));
        fputc('\n', out);
    }
}

static void alert_line(const struct table *t, size_t row, struct line *out)
{
    const struct alert_row *r = &t->alerts[row];
    bool high = r->severity == SEVERITY_HIGH, medium = r->severity == SEVERITY_MEDIUM;

    time_text(r->time_us, out->time);
    out->cell[0] = out->time;
    out->cell[1] = high ? "high" : medium ? "medium" : "low";
    out->colour[1] = high ? RED : medium ? YELLOW : DIM;
    out->cell[2] = r->title;
    out->cell[3] = r->who;
    out->cell[4] = r->seen;
    out->capture = r->file;
}

static void file_line(const struct table *t, size_t row, struct line *out)
{
    const struct file_row *r = &t->files[row];
    struct text size = TEXT(out->size);

    table_size_text(&size, r->size);
    out->cell[0] = r->name;
    out->cell[1] = out->size;
    out->cell[2] = r->type;
    out->cell[3] = r->said;
    if (r->scanned && r->state != SCAN_CLEAN)
        out->colour[3] = r->state == SCAN_INFECTED ? RED : YELLOW;
    out->cell[4] = r->hash;
    out->cell[5] = r->from;
    out->cell[6] = r->to;
    out->cell[7] = r->flags[0] != '\0' ? r->flags + 1 : "";
    out->capture = r->file;
}

static void print_messages(const struct table *t, FILE *out)
{
    fprintf(out, "\n%sMESSAGES%s\n", table_paint(t, BOLD), table_paint(t, PLAIN));
    for (size_t n = 0; n < t->message_count; n++) {
        const struct message_row *r = &t->messages[n];
        struct view rest = view_string(r->text);
        char time[24];
        time_text(r->time_us, time);
        fprintf(out, "%s  %s%s%s  %s -> %s\n", time, table_paint(t, CYAN), r->service, table_paint(t, PLAIN),
                r->from, r->to);
        while (rest.len > 0) {
            struct view line = view_token(&rest, '\n');
            fprintf(out, "    %.*s\n", (int)line.len, (const char *)line.at);
        }
    }
}

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_time_of_alert(const void *a, const void *b)
{
    const struct alert_row *x = a, *y = b;

    return x->time_us != y->time_us ? order(x->time_us, y->time_us) : strcmp(x->seen, y->seen);
}

static int by_time_of_file(const void *a, const void *b)
{
    const struct file_row *x = a, *y = b;

    return x->time_us != y->time_us ? order(x->time_us, y->time_us) : strcmp(x->name, y->name);
}

static int by_time_of_message(const void *a, const void *b)
{
    const struct message_row *x = a, *y = b;

    if (x->time_us != y->time_us)
        return order(x->time_us, y->time_us);
    return x->added < y->added ? -1 : 1;
}

void table_content_print(struct table *t, FILE *out, bool several)
{
    static const char *const alert_heading[] = { "TIME", "SEVERITY", "ALERT", "WHO", "SEEN", NULL };
    static const char *const file_heading[] = { "FILE", "SIZE", "TYPE",  "SCAN", "SHA256",
                                                "FROM", "TO",   "FLAGS", NULL };

    if (t->alert_count > 0) {
        qsort(t->alerts, t->alert_count, sizeof *t->alerts, by_time_of_alert);
        print_section(t, out, several, alert_heading, t->alert_count, alert_line);
    }
    if (t->file_count > 0) {
        qsort(t->files, t->file_count, sizeof *t->files, by_time_of_file);
        print_section(t, out, several, file_heading, t->file_count, file_line);
    }
    if (t->message_count > 0) {
        qsort(t->messages, t->message_count, sizeof *t->messages, by_time_of_message);
        print_messages(t, out);
    }
}
