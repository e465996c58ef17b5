/* SPDX-License-Identifier: Apache-2.0 */
/* imward backup, imward restore: a console into one file while it runs, and back into an empty place. */
#include "store/backup.h"
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char backup_usage[] =
    "usage: imward backup --data DIR [--database URL] [--with-keys] -o FILE\n"
    "\n"
    "One moment of the console, all of its database, in one file; the console goes on\n"
    "meanwhile. docs/backup.md tells what is in it, and how often.\n"
    "\n"
    "  -d, --data DIR       the console's data folder\n"
    "      --database URL   sqlite:PATH (DIR/db/imward.db), or postgresql://...\n"
    "  -o, --output FILE    the backup, a new file; only its owner may read it\n"
    "      --with-keys      the keys in DIR/keys, too. Without them second factors, secret\n"
    "                       settings and the vault cannot be opened after a restore, and the\n"
    "                       audit trail goes on under a new key. With them the file opens\n"
    "                       all of these to whoever has it: keep it as you keep the keys\n"
    "  -h, --help           this text\n"
    "\n"
    "exit status: 0 done, 1 failed, 2 wrong use\n";

static const char restore_usage[] =
    "usage: imward restore FILE --data DIR [--database URL]\n"
    "       imward restore FILE --check\n"
    "\n"
    "Put a backup back into an empty data folder, and an empty database: all of it or\n"
    "nothing. Every part is compared with its checksum first. A backup of SQLite may go\n"
    "into PostgreSQL, and the other way round.\n"
    "\n"
    "  -d, --data DIR       the data folder; made where it is not there\n"
    "      --database URL   sqlite:PATH (DIR/db/imward.db), or postgresql://...\n"
    "      --check          only look whether the backup is whole\n"
    "  -h, --help           this text\n"
    "\n"
    "exit status: 0 done, 1 failed, or the backup is damaged; 2 wrong use\n";

enum { OPTION_DATABASE = 256, OPTION_KEYS, OPTION_CHECK, PATH_SIZE = 4096 };

static const struct option backup_options[] = {
    { "data", required_argument, NULL, 'd' },   { "database", required_argument, NULL, OPTION_DATABASE },
    { "output", required_argument, NULL, 'o' }, { "with-keys", no_argument, NULL, OPTION_KEYS },
    { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};
static const struct option restore_options[] = {
    { "data", required_argument, NULL, 'd' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "check", no_argument, NULL, OPTION_CHECK },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    struct backup_wish wish;
    char url[PATH_SIZE + 32];
    bool check, help;
};

static bool read_options(int argc, char **argv, const char *letters, const struct option *longs,
                         struct options *o)
{
    int option;

    *o = (struct options){ .wish = { .now_us = (uint64_t)time(NULL) * 1000000, .imward = IMWARD_VERSION } };
    while ((option = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        switch (option) {
        case 'd': o->wish.data = optarg; break;
        case 'o': o->wish.path = optarg; break;
        case 'h': o->help = true; break;
        case OPTION_DATABASE: o->wish.url = optarg; break;
        case OPTION_KEYS: o->wish.with_keys = true; break;
        case OPTION_CHECK: o->check = true; break;
        default: fprintf(stderr, "imward %s --help tells how it is used.\n", argv[0]); return false;
        }
    }
    if (o->wish.url == NULL && o->wish.data != NULL) {
        if ((size_t)snprintf(o->url, sizeof o->url, "sqlite:%s/db/imward.db", o->wish.data) >=
            sizeof o->url) {
            cli_usage(argv[0], "--data takes a folder with a shorter path");
            return false;
        }
        o->wish.url = o->url;
    }
    return true;
}

/* Rows so far, on a terminal. */
static void show_progress(void *context, uint64_t rows)
{
    (void)context;
    fprintf(stderr, "\r%12llu rows ", (unsigned long long)rows);
}

static void watch_progress(struct options *o)
{
    if (isatty(STDERR_FILENO))
        o->wish.progress = show_progress;
}

static void end_progress(const struct options *o)
{
    if (o->wish.progress != NULL)
        fputs("\r                   \r", stderr);
}

static void print_facts(const char *path, const struct backup_facts *f)
{
    const time_t t = (time_t)(f->time_us / 1000000);
    char when[32] = "?";
    struct tm tm;

    if (gmtime_r(&t, &tm) != NULL)
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    printf("%s: of %s, imward %s, %s; %llu rows in %u tables, %u %s, %llu bytes\n", path, when, f->imward,
           f->from, (unsigned long long)f->rows, f->tables, f->keys, f->keys == 1 ? "key" : "keys",
           (unsigned long long)f->bytes);
}

int command_backup(int argc, char **argv)
{
    struct options o;
    struct backup_facts facts = { 0 };
    struct imw_error_info err = { 0 };

    if (!read_options(argc, argv, "d:o:h", backup_options, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(backup_usage, stdout);
        return EXIT_DONE;
    }
    if (optind < argc)
        return cli_usage("backup", "'%s' is too much", argv[optind]);
    if (o.wish.path == NULL || o.wish.data == NULL)
        return cli_usage("backup", "--data DIR and -o FILE must be given");
    watch_progress(&o);
    const bool ok = backup_write(&o.wish, &facts, &err);
    end_progress(&o);
    if (!ok)
        return cli_failed(&err);
    print_facts(o.wish.path, &facts);
    if (facts.keys == 0)
        puts("without the keys: see --with-keys in imward backup --help");
    return EXIT_DONE;
}

int command_restore(int argc, char **argv)
{
    struct options o;
    struct backup_facts facts = { 0 };
    struct imw_error_info err = { 0 };

    if (!read_options(argc, argv, "d:h", restore_options, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(restore_usage, stdout);
        return EXIT_DONE;
    }
    if (optind + 1 != argc)
        return cli_usage("restore", optind == argc ? "a backup must be given" : "one backup at a time");
    o.wish.path = argv[optind];
    if (!o.check && o.wish.data == NULL)
        return cli_usage("restore", "--data DIR must be given");
    watch_progress(&o);
    if (!o.check && mkdir(o.wish.data, 0700) != 0 && access(o.wish.data, W_OK) != 0) {
        error_errno(&err, o.wish.data);
        return cli_failed(&err);
    }
    const bool ok = o.check ? backup_check(o.wish.path, &facts, &err) : backup_restore(&o.wish, &facts, &err);
    end_progress(&o);
    if (!ok)
        return cli_failed(&err);
    print_facts(o.wish.path, &facts);
    puts(o.check ? "it is whole" : "restored");
    return EXIT_DONE;
}
