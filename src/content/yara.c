/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyara counts its users itself (yr_initialize). It is told not to catch signals: it would for the whole
 * process. Rules may include other files, and have warnings; errors end the start.
 */
#include "content/yara.h"
#include <stdio.h>
#include <stdlib.h>
#include <yara.h>

struct yara {
    YR_RULES *rules;
    unsigned count;
};

static void take_error(int level, const char *file, int line, const YR_RULE *rule, const char *message,
                       void *context)
{
    struct imw_error_info *err = context;

    (void)rule;
    if (level != YARA_ERROR_LEVEL_ERROR || err->code != IMW_OK)
        return;
    error_file(err, IMW_ERROR_FORMAT, file, "%s", message);
    err->line = line > 0 ? (unsigned)line : 0;
}

static bool compile_file(YR_COMPILER *compiler, const char *path, struct imw_error_info *err)
{
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return error_errno(err, path);
    err->code = IMW_OK;
    /* Each file has names of its own. */
    int errors = yr_compiler_add_file(compiler, f, path, path);
    fclose(f);
    if (errors == 0)
        return true;
    return err->code != IMW_OK ? false : error_file(err, IMW_ERROR_FORMAT, path, "YARA cannot compile it");
}

static unsigned count_rules(YR_RULES *rules)
{
    YR_RULE *rule;
    unsigned n = 0;

    yr_rules_foreach(rules, rule)
    {
        n++;
    }
    return n;
}

static bool compile(const struct string_list *files, struct yara *y, struct imw_error_info *err)
{
    YR_COMPILER *compiler;
    bool ok = true;

    if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
        return error_set(err, IMW_ERROR_MEMORY, "YARA: out of memory");
    yr_compiler_set_callback(compiler, take_error, err);
    for (unsigned i = 0; i < files->count && ok; i++)
        ok = compile_file(compiler, files->at[i], err);
    if (ok && yr_compiler_get_rules(compiler, &y->rules) != ERROR_SUCCESS)
        ok = error_set(err, IMW_ERROR_MEMORY, "YARA: out of memory");
    yr_compiler_destroy(compiler);
    if (ok)
        y->count = count_rules(y->rules);
    return ok;
}

bool yara_new(const struct string_list *files, struct yara **out, struct imw_error_info *err)
{
    struct yara *y = calloc(1, sizeof *y);
    struct imw_error_info first = { 0 };

    if (y == NULL || yr_initialize() != ERROR_SUCCESS) {
        free(y);
        return error_set(err, IMW_ERROR_MEMORY, "YARA: out of memory");
    }
    if (!compile(files, y, &first)) {
        yara_free(y);
        if (err != NULL)
            *err = first;
        return false;
    }
    *out = y;
    return true;
}

void yara_free(struct yara *y)
{
    if (y == NULL)
        return;
    if (y->rules != NULL)
        yr_rules_destroy(y->rules);
    yr_finalize();
    free(y);
}

unsigned yara_rules(const struct yara *y)
{
    return y->count;
}

static int take_match(YR_SCAN_CONTEXT *scan, int message, void *data, void *context)
{
    struct text *name = context;

    (void)scan;
    if (message != CALLBACK_MSG_RULE_MATCHING)
        return CALLBACK_CONTINUE;
    text_printable(name, view_string(((const YR_RULE *)data)->identifier));
    return CALLBACK_ABORT;
}

enum yara_answer yara_scan(const struct yara *y, struct view content, unsigned timeout_ms, struct text *name)
{
    size_t before = name->len;
    int answer =
        yr_rules_scan_mem(y->rules, content.at, content.len,
                          SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING,
                          take_match, name, (int)(timeout_ms / 1000 + 1));

    return name->len > before             ? YARA_FOUND
           : answer == ERROR_SUCCESS      ? YARA_CLEAN
           : answer == ERROR_SCAN_TIMEOUT ? YARA_TIMED_OUT
                                          : YARA_FAILED;
}
