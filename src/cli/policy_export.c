/* SPDX-License-Identifier: Apache-2.0 */
/* imward policy export: the policy in the words of other programs. */
#include "base/text.h"
#include "cli/policy.h"
#include "policy/export/export.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward policy export TARGET --policy FILE [option ...]\n"
    "       imward policy export --list\n"
    "\n"
    "Write what the policy blocks in the words of another program. The head of what is written says of which\n"
    "policy and catalog it was made, and rule by rule what it cannot express.\n"
    "\n"
    "  -p, --policy FILE        the policy\n"
    "  -c, --catalog PATH       catalog to use (default: the built-in one)\n"
    "  -o, --output FILE        write to FILE, at once and whole (default: standard output)\n"
    "      --bare               without the head, for programs that mind\n"
    "      --block-page HOST    where names of blocked services lead, for targets that can say so\n"
    "      --proxy HOST:PORT    pac: the proxy that the rest goes to (default: directly)\n"
    "  -l, --list               name the targets\n"
    "  -h, --help               this text\n"
    "\n"
    "exit status: 0 done; 1 the policy is wrong, or nothing could be written; 2 wrong use\n";

enum { OPTION_BLOCK_PAGE = 256, OPTION_BARE, OPTION_PROXY };

static const struct option long_options[] = {
    { "policy", required_argument, NULL, 'p' },
    { "catalog", required_argument, NULL, 'c' },
    { "output", required_argument, NULL, 'o' },
    { "bare", no_argument, NULL, OPTION_BARE },
    { "block-page", required_argument, NULL, OPTION_BLOCK_PAGE },
    { "proxy", required_argument, NULL, OPTION_PROXY },
    { "list", no_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *output;
    bool list, help;
    struct export_options e;
};

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){ .e = { .now_us = (uint64_t)time(NULL) * 1000000 } };
    while ((option = getopt_long(argc, argv, "p:c:o:lh", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': o->e.policy_path = optarg; break;
        case 'c': o->e.catalog_path = optarg; break;
        case 'o': o->output = optarg; break;
        case 'l': o->list = true; break;
        case 'h': o->help = true; break;
        case OPTION_BARE: o->e.bare = true; break;
        case OPTION_BLOCK_PAGE: o->e.block_page = optarg; break;
        case OPTION_PROXY: o->e.proxy = optarg; break;
        default: fputs("imward policy export --help tells how it is used.\n", stderr); return false;
        }
    }
    return true;
}

static void list(void)
{
    const struct export_target *t;

    for (unsigned i = 0; (t = export_target_at(i)) != NULL; i++)
        printf("%-20s %-22s %s\n", t->name, t->file_name, t->help);
}

static bool write_failed(const char *path, struct imw_error_info *err)
{
    int number = errno;

    return error_file(err, IMW_ERROR_SYSTEM, path, "cannot be written: %s", strerror(number));
}

/* Through a file beside it, so that who reads it never sees half of it. */
static bool write_file(const struct export_target *t, const struct export_plan *plan, const struct options *o,
                       struct imw_error_info *err)
{
    char path[4096];
    struct text name = TEXT(path);
    struct stat st;

    if (stat(o->output, &st) == 0 && !S_ISREG(st.st_mode))
        return error_file(err, IMW_ERROR_VALUE, o->output, "is there already and is no file");
    text_format(&name, "%s.XXXXXX", o->output);
    int fd = name.cut ? -1 : mkstemp(path);
    if (name.cut)
        return error_file(err, IMW_ERROR_VALUE, o->output, "the path is too long");
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        if (fd >= 0)
            close(fd);
        return write_failed(o->output, err);
    }
    bool ok = t->write(plan, &o->e, out, err);
    if (ok && (fflush(out) != 0 || ferror(out) || fchmod(fd, 0644) != 0 || fsync(fd) != 0))
        ok = write_failed(o->output, err);
    if (fclose(out) != 0 && ok)
        ok = write_failed(o->output, err);
    if (ok && rename(path, o->output) != 0)
        ok = write_failed(o->output, err);
    if (!ok)
        (void)unlink(path);
    return ok;
}

static bool write_target(const struct export_target *t, const struct policy *p, const struct catalog *c,
                         const struct options *o, struct imw_error_info *err)
{
    struct export_plan *plan;

    if (!export_plan_new(p, c, o->e.now_us, &plan, err))
        return false;
    bool ok = o->output != NULL ? write_file(t, plan, o, err) : t->write(plan, &o->e, stdout, err);
    if (ok && o->output == NULL && (fflush(stdout) != 0 || ferror(stdout)))
        ok = write_failed("standard output", err);
    export_plan_free(plan);
    return ok;
}

static int run(const struct export_target *t, const struct options *o)
{
    struct imw_error_info err = { 0 };
    struct catalog *catalog = NULL;
    struct policy *p = NULL;
    const char *path = o->e.catalog_path;

    bool ok = path != NULL ? catalog_open(path, &catalog, &err) : catalog_builtin(&catalog, &err);
    ok = ok && policy_load(o->e.policy_path, catalog, &p, &err) && write_target(t, p, catalog, o, &err);
    policy_free(p);
    catalog_close(catalog);
    return ok ? EXIT_DONE : cli_failed(&err);
}

int policy_export(int argc, char **argv)
{
    struct options o;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help || o.list) {
        if (o.help)
            fputs(usage, stdout);
        else
            list();
        return EXIT_DONE;
    }
    if (optind >= argc)
        return cli_usage("policy export", "say for what: --list names the targets");
    const struct export_target *t = export_target_find(view_string(argv[optind]));
    if (t == NULL)
        return cli_usage("policy export", "no target '%s'; --list names them all", argv[optind]);
    if (optind + 1 < argc || o.e.policy_path == NULL)
        return cli_usage("policy export", "one target and --policy FILE are needed");
    return run(t, &o);
}
