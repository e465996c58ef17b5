/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the catalog compiler: the input is the file a.yaml of a catalog folder. What compiles must
 * open, and compile to the same bytes again.
 */
#include "identify/catalog.h"
#include "identify/catalog_format.h"
#include "library_leaks.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/imward-fuzz-XXXXXX";

static void file_path(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", folder, name);
}

static void write_file(const char *name, const void *data, size_t size)
{
    char path[64];

    file_path(path, sizeof path, name);
    FILE *f = fopen(path, "w");
    if (f == NULL || (size > 0 && fwrite(data, 1, size, f) != size) || fclose(f) != 0)
        abort();
}

static void remove_folder(void)
{
    char path[64];

    file_path(path, sizeof path, "catalog.yaml");
    unlink(path);
    file_path(path, sizeof path, "a.yaml");
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct imw_error_info err = { 0 };
    struct catalog *c;
    uint8_t *first, *second;
    size_t first_size, second_size;

    if (!ready) {
        if (mkdtemp(folder) == NULL || atexit(remove_folder) != 0)
            abort();
        write_file("catalog.yaml", "version: 2026.11.22\n", 20);
        ready = true;
    }
    write_file("a.yaml", data, size);
    if (!catalog_compile_image(folder, &first, &first_size, &err))
        return err.code == IMW_OK ? abort(), 0 : 0;
    if (!catalog_compile_image(folder, &second, &second_size, &err) || first_size != second_size ||
        memcmp(first, second, first_size) != 0)
        abort();
    free(second);
    if (!catalog_open_image("fuzz", first, first_size, true, &c, &err))
        abort();
    catalog_close(c);
    return 0;
}
