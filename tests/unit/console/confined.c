/* SPDX-License-Identifier: Apache-2.0 */
/* What a role of the console can open: confined ROLE DATA PATH... For tests/check/serve-root. */
#include "console/serve.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define X(id, name) name,
    CONSOLE_ROLES(X)
#undef X
};

static void try_open(const char *path, const char *how, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    printf("%s %s %s\n", how, path, fd >= 0 ? "open" : strerror(errno));
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    char database[512], line[768];
    struct imw_error_info err = { 0 };
    unsigned role = 0;

    if (argc < 3)
        return EXIT_FAILURE;
    while (role < CONSOLE_ROLE_COUNT && strcmp(names[role], argv[1]) != 0)
        role++;
    snprintf(database, sizeof database, "sqlite:%s/db/imward.db", argv[2]);
    const struct console_config config = { .data = argv[2], .database = database, .sandbox = true };
    const struct role_context context = { .role = role, .config = &config };
    if (role == CONSOLE_ROLE_COUNT || !role_confine(&context, NULL, 0, &err)) {
        fprintf(stderr, "%s\n", error_format(&err, line, sizeof line));
        return EXIT_FAILURE;
    }
    for (int i = 3; i < argc; i++) {
        try_open(argv[i], "read", O_RDONLY);
        if (role != CONSOLE_FRONT) /* whose list of calls ends it */
            try_open(argv[i], "write", O_WRONLY);
    }
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS); /* the leak check is on no list of calls */
}
