/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Build helper: compile a folder of catalog files to a C file that defines the built-in image, and tell the
 * build by a depfile on which files that rests: a file that is new, changed or gone makes it run again.
 */
#include "identify/catalog.h"
#include "identify/catalog_format.h"
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool write_depfile(const char *path, const char *folder, const char *target)
{
    char pattern[4096];
    glob_t files;
    FILE *f = fopen(path, "w");

    snprintf(pattern, sizeof pattern, "%s/*.yaml", folder);
    if (f == NULL || glob(pattern, 0, NULL, &files) != 0)
        return f != NULL && fclose(f) == 0;
    fprintf(f, "%s: %s", target, folder);
    for (size_t i = 0; i < files.gl_pathc; i++)
        fprintf(f, " %s", files.gl_pathv[i]);
    fprintf(f, "\n");
    globfree(&files);
    return fclose(f) == 0;
}

static bool write_c(FILE *f, const uint8_t *image, size_t size)
{
    fprintf(f,
            "/* Made by catalogc from the files of catalog/. */\n#include \"identify/catalog_format.h\"\n\n"
            "const size_t catalog_builtin_size = %zu;\nconst uint64_t catalog_builtin_image[] = {\n",
            size);
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, image + at, size - at < 8 ? size - at : 8);
        fprintf(f, "0x%" PRIx64 ",%c", word, at % 64 == 56 ? '\n' : ' ');
    }
    fprintf(f, "\n};\n");
    return ferror(f) == 0;
}

int main(int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct catalog *check = NULL;
    uint8_t *image = NULL;
    size_t size = 0;
    char text[1024];

    if (argc != 4) {
        fprintf(stderr, "usage: catalogc FOLDER OUT.c DEPFILE\n");
        return 2;
    }
    if (!catalog_compile_image(argv[1], &image, &size, &err) ||
        !catalog_open_image(argv[1], image, size, false, &check, &err)) {
        fprintf(stderr, "%s\n", error_format(&err, text, sizeof text));
        free(image);
        return 1;
    }
    catalog_close(check);
    FILE *f = fopen(argv[2], "w");
    bool ok = f != NULL && write_c(f, image, size);
    if (f == NULL || fclose(f) != 0 || !ok || !write_depfile(argv[3], argv[1], argv[2])) {
        perror(argv[2]);
        ok = false;
    }
    free(image);
    return ok ? 0 : 1;
}
