/* SPDX-License-Identifier: Apache-2.0 */
/* The table in memory; private to table.c (flows) and table_content.c (alerts, files, messages). */
#pragma once
#include "event/event.h"
#include <pthread.h>

struct alert_row {
    uint64_t time_us;
    enum severity severity;
    char title[96], who[160], seen[512], file[64];
};

struct file_row {
    uint64_t time_us, size;
    enum scan_state state;
    bool scanned;
    char name[80], type[96], said[160], hash[17], from[96], to[96], flags[64], file[64];
};

struct message_row {
    uint64_t time_us;
    size_t added; /* those of the same time stay in their order */
    char service[32], from[192], to[96];
    char *text; /* lines of printable text, on the heap */
};

struct table {
    struct row *rows;
    struct alert_row *alerts;
    struct file_row *files;
    struct message_row *messages;
    size_t count, size, alert_count, alert_size, file_count, file_size, message_count, message_size;
    bool colour;
    pthread_mutex_t lock;
};

#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RED "\x1b[31m"
#define YELLOW "\x1b[33m"
#define CYAN "\x1b[36m"
#define PLAIN "\x1b[0m"

static inline const char *table_paint(const struct table *t, const char *code)
{
    return t->colour ? code : "";
}

/* Room for one more element of `size` bytes in an array (pointer to its pointer) that doubles. False without
 * memory. */
bool table_room(void *array, size_t count, size_t *room, size_t size) IMW_MUST_USE;
void table_size_text(struct text *t, uint64_t bytes);

void table_content_print(struct table *t, FILE *out, bool several);
void table_content_free(struct table *t);
