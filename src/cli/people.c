/* SPDX-License-Identifier: Apache-2.0 */
/* imward people: who is who, out of the console, for the policy. */
#include "base/file.h"
#include "cli/cli.h"
#include "program/policy_people.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: imward people export --data DIR [--keep FILE] > people.csv\n"
    "\n"
    "The policy's file of people (its key `people`) out of the console's directory: a line for each login of\n"
    "each active person, with their addresses, and their department and those above it as groups: people of\n"
    "\"Back office\" are in the group back-office.\n"
    "\n"
    "  -d, --data DIR       the console's folder\n"
    "      --database URL   sqlite:PATH (DIR/db/imward.db), or postgresql://...\n"
    "      --keep FILE      who signed and is trained, of the file as it was; else nobody\n"
    "  -h, --help           this text\n"
    "\n"
    "exit status: 0 done; 1 failed; 2 wrong use\n";

enum { OPTION_DATABASE = 256, OPTION_KEEP, KEEP_MOST = 64 << 20 };

static const struct option long_options[] = {
    { "data", required_argument, NULL, 'd' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "keep", required_argument, NULL, OPTION_KEEP },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *data, *database, *keep;
    bool help;
};

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    while ((option = getopt_long(argc, argv, "d:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'd': o->data = optarg; break;
        case OPTION_DATABASE: o->database = optarg; break;
        case OPTION_KEEP: o->keep = optarg; break;
        case 'h': o->help = true; break;
        default: fputs("imward people --help tells how it is used.\n", stderr); return false;
        }
    }
    return true;
}

static bool read_kept(const char *path, json_t **out, struct imw_error_info *err)
{
    char *text;
    size_t len;

    if (!file_read(path, KEEP_MOST, &text, &len, err))
        return false;
    const bool ok = policy_people_read(view_of(text, len), out, err);
    free(text);
    return ok;
}

static int export(const struct options *o)
{
    struct imw_error_info err = { 0 };
    struct db *db = NULL;
    json_t *kept = NULL;
    unsigned left = 0;
    bool ok = (o->keep == NULL || read_kept(o->keep, &kept, &err)) &&
              db_open_data(o->database, o->data, &db, &err) && db_begin(db, false, &err) &&
              policy_people_write(db, kept, NULL, stdout, &left, &err);

    if (db != NULL)
        db_rollback(db);
    db_close(db);
    json_decref(kept);
    if (ok && fflush(stdout) != 0)
        ok = error_errno(&err, "standard output");
    if (left > 0)
        fprintf(
            stderr,
            "imward: %u logins are left out: the file cannot carry a comma, a quote or more than 63 bytes\n",
            left);
    return ok ? EXIT_DONE : cli_failed(&err);
}

int command_people(int argc, char **argv)
{
    struct options o = { 0 };

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (optind + 1 != argc || strcmp(argv[optind], "export") != 0)
        return cli_usage("people", "say what to do: export");
    if (o.data == NULL && o.database == NULL)
        return cli_usage("people", "--data DIR must be given");
    return export(&o);
}
