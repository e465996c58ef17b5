/* SPDX-License-Identifier: Apache-2.0 */
/* imward: the program. Finds the command and hands over. */
#include "cli/cli.h"
#include "content/document.h"
#include <stdarg.h>
#include <stdio.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
#define X(name, stem, help) { name, command_##stem, help },
    COMMANDS(X)
#undef X
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void help(FILE *out)
{
    fputs("usage: imward COMMAND [option ...]\n\n"
          "Brings the use of public instant messaging inside an institution under control.\n\n"
          "commands:\n",
          out);
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n  imward COMMAND --help tells more, and so does the manual page imward(1).\n"
          "  imward --version prints the version.\n",
          out);
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "imward%s%s: ", command[0] != '\0' ? " " : "", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nimward%s%s --help tells how it is used.\n", command[0] != '\0' ? " " : "", command);
    return EXIT_USAGE;
}

bool cli_number(const char *command, const char *option, const char *text, uint32_t min, uint32_t max,
                uint32_t *out)
{
    uint64_t number;

    if (!view_decimal(view_string(text), max, &number) || number < min) {
        cli_usage(command, "%s takes a number from %u to %u, not '%s'", option, min, max, text);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

int cli_failed(const struct imw_error_info *err)
{
    char line[768];

    fprintf(stderr, "imward: %s\n", error_format(err, line, sizeof line));
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("imward " IMWARD_VERSION);
        return EXIT_DONE;
    }
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(name, DOCUMENT_COMMAND) == 0) /* ours, for ourselves */
        return document_helper();
    if (name[0] == '\0') {
        help(stderr);
        return EXIT_USAGE;
    }
    return cli_usage("", "there is no command '%s'", name);
}
