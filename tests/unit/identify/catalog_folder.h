/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of catalog files for a test, removed with all that is in it in the end. */
#pragma once
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct folder {
    char path[64];
};

static inline void folder_write(const struct folder *f, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* With a catalog.yaml in it. */
static inline struct folder folder_new(void)
{
    struct folder f = { "/tmp/imward-catalog-XXXXXX" };

    assert_non_null(mkdtemp(f.path));
    folder_write(&f, "catalog.yaml", "version: 2026.11.22\n");
    return f;
}

static inline void folder_remove(const struct folder *f)
{
    DIR *d = opendir(f->path);

    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
    closedir(d);
    assert_int_equal(rmdir(f->path), 0);
}

/* The head of a service file. */
#define HEAD(slug) "slug: " slug "\nname: N\nvendor: V\nclass: im\nend_to_end: true\nsummary: S\n"
