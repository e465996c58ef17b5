/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of rules: pages of them are asked for until there are no more. Where the policy changes between
 * two pages, all is asked for again.
 */
#include "cli/status_rules.h"
#include "base/json_value.h"
#include "base/text.h"
#include "cli/cli.h"
#include "sensor/control.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TRIES = 5, CELL_BYTES = 256 };

/* One page; NULL: err. */
static json_t *ask(const char *path, json_int_t from, bool dead, struct imw_error_info *err)
{
    char request[96], *answer = NULL;

    snprintf(request, sizeof request, "{\"command\":\"rules\",\"from\":%lld,\"dead\":%s}", (long long)from,
             dead ? "true" : "false");
    if (!control_ask(path, request, &answer, err))
        return NULL;
    json_t *object = control_answer(answer, err);
    free(answer);
    if (object != NULL && !json_is_array(json_object_get(object, "rules"))) {
        error_set(err, IMW_ERROR_FORMAT, "the answer holds no rules");
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* All pages in the first. NULL: err; *out_again: the policy changed meanwhile. */
static json_t *ask_all(const char *path, bool dead, bool *out_again, struct imw_error_info *err)
{
    json_t *all = ask(path, 0, dead, err), *next;

    *out_again = false;
    while (all != NULL && (next = json_object_get(all, "next")) != NULL) {
        json_t *page = ask(path, json_integer_value(next), dead, err);
        *out_again = page != NULL && number_of(page, "serial") != number_of(all, "serial");
        bool ok = page != NULL && !*out_again &&
                  json_array_extend(json_object_get(all, "rules"), json_object_get(page, "rules")) == 0;
        json_t *after = json_object_get(page, "next");
        if (ok && json_integer_value(after) > json_integer_value(next))
            ok = json_object_set(all, "next", after) == 0;
        else
            (void)json_object_del(all, "next");
        json_decref(page);
        if (!ok) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static const char *text_of(const json_t *rule, const char *key)
{
    const char *text = json_string_value(json_object_get(rule, key));

    return text != NULL ? text : "";
}

static void print_row(const json_t *rule, int name_width, int place_width)
{
    char name[CELL_BYTES], place[CELL_BYTES], last[32] = "never";
    struct text n = TEXT(name), p = TEXT(place);
    time_t last_s = (time_t)(number_of(rule, "last_us") / 1000000);
    struct tm tm;

    text_shown(&n, view_string(text_of(rule, "name")));
    text_shown(&p, view_string(text_of(rule, "file")));
    if (p.len > 0)
        text_format(&p, ":%lld", (long long)number_of(rule, "line"));
    if (last_s > 0 && gmtime_r(&last_s, &tm) != NULL)
        (void)strftime(last, sizeof last, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%-*s  %-*s  %-6s  %10lld  %10lld  %s\n", name_width, name, place_width, place,
           text_of(rule, "action"), (long long)number_of(rule, "hits"), (long long)number_of(rule, "stopped"),
           last);
}

/* Columns of a text that print_row() shows. */
static int width_of(int least, size_t text, size_t more)
{
    size_t width = text + more < CELL_BYTES - 1 ? text + more : CELL_BYTES - 1;

    return (int)width > least ? (int)width : least;
}

static void print_table(const json_t *all, bool dead)
{
    const json_t *rules = json_object_get(all, "rules"), *rule;
    int name_width = 4, place_width = 5;
    size_t i;

    json_array_foreach(rules, i, rule)
    {
        char line[24];
        int digits = snprintf(line, sizeof line, ":%lld", (long long)number_of(rule, "line"));
        name_width = width_of(name_width, strlen(text_of(rule, "name")), 0);
        place_width = width_of(place_width, strlen(text_of(rule, "file")), (size_t)digits);
    }
    if (json_array_size(rules) > 0)
        printf("%-*s  %-*s  %-6s  %10s  %10s  %s\n", name_width, "RULE", place_width, "WHERE", "ACTION",
               "HITS", "STOPPED", "LAST HIT (UTC)");
    json_array_foreach(rules, i, rule) print_row(rule, name_width, place_width);
    if (dead)
        printf("%s%zu of %lld rules judged nothing since the sensor started\n",
               json_array_size(rules) > 0 ? "\n" : "", json_array_size(rules),
               (long long)number_of(all, "count"));
}

int status_rules(const char *path, bool dead, bool json)
{
    struct imw_error_info err = { .code = IMW_OK };
    json_t *all = NULL;
    bool again = true;

    for (unsigned i = 0; i < TRIES && all == NULL && again; i++)
        all = ask_all(path, dead, &again, &err);
    if (all == NULL) {
        if (err.code == IMW_OK)
            error_set(&err, IMW_ERROR_SYSTEM, "the policy changes all the time, or there is no memory");
        return cli_failed(&err);
    }
    int status = EXIT_DONE;
    if (json) {
        (void)json_object_del(all, "ok");
        char *text = json_dumps(all, JSON_COMPACT);
        status = text != NULL && puts(text) >= 0 ? EXIT_DONE : EXIT_FAILED;
        free(text);
    } else {
        print_table(all, dead);
    }
    json_decref(all);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
