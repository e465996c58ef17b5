/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a list line by line; the file is read once and let go. */
#include "threat/list_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct view without_comment(struct view line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '#' && (i == 0 || line.at[i - 1] == ' ' || line.at[i - 1] == '\t'))
            return view_trim(view_slice(line, 0, i));
    return view_trim(line);
}

static bool read_lines(const char *path, struct view rest, list_file_line *each, void *context,
                       struct imw_error_info *err)
{
    if (view_starts(rest, VIEW("\xef\xbb\xbf"))) /* a byte order mark */
        rest = view_from(rest, 3);
    for (unsigned number = 1; rest.len > 0; number++) {
        struct view line = without_comment(view_token(&rest, '\n'));
        const char *why = "not an entry";
        if (line.len == 0)
            continue;
        if (number > LIST_FILE_LINES)
            why = "more lines than the limit of 4,194,304";
        else if (each(context, line, number, &why))
            continue;
        error_file(err, IMW_ERROR_FORMAT, path, "%s", why);
        if (err != NULL)
            err->line = number;
        return false;
    }
    return true;
}

bool list_file_read(const char *path, list_file_line *each, void *context, struct imw_error_info *err)
{
    struct stat s;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return error_errno(err, path);
    bool ok = fstat(fileno(file), &s) == 0 && S_ISREG(s.st_mode) && s.st_size <= LIST_FILE_BYTES;
    char *bytes = ok ? malloc((size_t)s.st_size + 1) : NULL;
    if (!ok) {
        error_file(err, IMW_ERROR_FORMAT, path, "not a file, or longer than 256 MiB");
    } else if (bytes == NULL) {
        error_file(err, IMW_ERROR_MEMORY, path, "no memory for it");
    } else {
        size_t got = fread(bytes, 1, (size_t)s.st_size, file);
        ok = ferror(file) == 0 ? read_lines(path, view_of(bytes, got), each, context, err)
                               : error_errno(err, path);
    }
    ok = ok && bytes != NULL;
    free(bytes);
    fclose(file);
    return ok;
}
