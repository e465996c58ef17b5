/* SPDX-License-Identifier: Apache-2.0 */
/* Error records of the cold path. */
#include "base/error.h"
#include "base/text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static bool set(struct imw_error_info *err, enum imw_error code, const char *file, const char *format,
                va_list args) __attribute__((format(printf, 4, 0)));

static bool set(struct imw_error_info *err, enum imw_error code, const char *file, const char *format,
                va_list args)
{
    if (err == NULL)
        return false;
    *err = (struct imw_error_info){ .code = code };
    vsnprintf(err->text, sizeof err->text, format, args);
    if (file != NULL)
        snprintf(err->file, sizeof err->file, "%s", file);
    return false;
}

bool error_set(struct imw_error_info *err, enum imw_error code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, code, NULL, format, args);
    va_end(args);
    return false;
}

bool error_file(struct imw_error_info *err, enum imw_error code, const char *file, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, code, file, format, args);
    va_end(args);
    return false;
}

bool error_key(struct imw_error_info *err, const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, IMW_ERROR_VALUE, NULL, format, args);
    va_end(args);
    if (err != NULL)
        snprintf(err->key, sizeof err->key, "%s", key);
    return false;
}

bool error_errno(struct imw_error_info *err, const char *file)
{
    return error_file(err, IMW_ERROR_SYSTEM, file, "%s", strerror(errno));
}

bool error_memory(struct imw_error_info *err)
{
    return error_set(err, IMW_ERROR_MEMORY, "out of memory");
}

const char *error_format(const struct imw_error_info *err, char *out, size_t size)
{
    struct text t = text_over(out, size);

    if (err->file[0] != '\0') {
        text_string(&t, err->file);
        if (err->line > 0)
            text_format(&t, ":%u", err->line);
        if (err->line > 0 && err->column > 0)
            text_format(&t, ":%u", err->column);
        if (err->has_offset)
            text_format(&t, ": at byte %llu", (unsigned long long)err->offset);
        text_string(&t, ": ");
    }
    if (err->key[0] != '\0')
        text_format(&t, "%s: ", err->key);
    text_string(&t, err->text);
    return out;
}
