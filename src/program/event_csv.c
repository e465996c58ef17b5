/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of CSV out of events: program/event_csv.h. */
#include "program/event_csv.h"
#include <string.h>

static const char *const columns[] = { "id",          "time",        "kind",    "sensor",     "flow_id",
                                       "client",      "department",  "service", "protocol",   "server",
                                       "server_name", "server_port", "proto",   "activity",   "delivery",
                                       "action",      "rule",        "stopped", "port_agile", "severity",
                                       "signature",   "account",     "peer",    "file",       "sha256",
                                       "scan",        "bytes_out",   "bytes_in" };

/* A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
void event_csv_cell(FILE *to, const char *text)
{
    bool quote = strpbrk(text, ",\"\r\n;") != NULL || text[0] == ' ';

    if (quote)
        putc('"', to);
    if (text[0] != '\0' && strchr("=+-@\t\r|", text[0]) != NULL)
        putc('\'', to);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putc('"', to);
        putc(*text, to);
    }
    if (quote)
        putc('"', to);
}

static void csv_value(FILE *to, const json_t *v)
{
    const json_t *one;
    size_t i;

    if (json_is_string(v))
        event_csv_cell(to, json_string_value(v));
    else if (json_is_integer(v))
        fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_boolean(v))
        fputs(json_is_true(v) ? "yes" : "no", to);
    json_array_foreach(v, i, one)
    {
        fprintf(to, "%s%s", i > 0 ? " " : "", json_string_value(one)); /* words of ours */
    }
}

void event_csv_head(FILE *to)
{
    for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++)
        fprintf(to, "%s%s", i > 0 ? "," : "", columns[i]);
    fputs("\r\n", to);
}

void event_csv_row(FILE *to, const json_t *event)
{
    const json_t *who = json_object_get(event, "who");
    for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const json_t *v = strcmp(columns[i], "client") == 0       ? json_object_get(who, "label")
                          : strcmp(columns[i], "department") == 0 ? json_object_get(who, "department")
                                                                  : json_object_get(event, columns[i]);
        if (i > 0)
            putc(',', to);
        csv_value(to, v);
    }
    fputs("\r\n", to);
}
